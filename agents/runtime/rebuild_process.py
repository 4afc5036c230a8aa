"""A rebuild in a process of its own: several partitions at once, and the others are not held up.

The worker starts its own command once more with a `RebuildJob`, and that process opens the
partition's store, restores it and folds silently up to the group's position. A store belongs to one
process at a time: the worker opens it when that process has ended, and goes on from where it is, so
a rebuild that was cut short costs time and nothing else. They are joined by a **line**: what the
rebuild counts comes over it to the worker's metrics, and a process whose line is cut ends at once.
"""

from __future__ import annotations

import asyncio
import dataclasses
import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Mapping
from typing import Any, Self

import msgspec
from aiokafka import TopicPartition
from faust.types import TP

from agents.failures import ExitCode, StoreUnusable, raised_at, stop_process
from agents.runtime.batch_reader import batch_reader
from agents.runtime.following import read_up_to
from agents.runtime.in_flight import Acknowledgement
from agents.runtime.lane_opening import LaneOpener, ids
from agents.runtime.lanes import Lane, LanePort
from agents.runtime.pointers import PointerReader
from agents.runtime.rebuild import restore
from agents.runtime.worker_spec import Metrics, RuntimeSettings, WorkerSpec, client_settings
from pipeline.fold import Output

log = logging.getLogger("freezeline")

_JOB_VARIABLE = "_FREEZELINE_REBUILD"
_LOOK_SECONDS = 0.02


class RebuildJob(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be rebuilt: a partition's state, from the log that begins and ends at offsets."""

    topic: str
    partition: int
    begin: int
    end: int
    until: int
    """Below here the group has answered: this much is folded, silently."""
    account_log_partitions: int
    cluster_id: str
    line: int = -1
    """The line's file descriptor in the process that rebuilds."""

    @classmethod
    def of_this_process(cls) -> Self | None:
        """Return what this process was started to rebuild, None where it is a worker."""
        told = os.environ.pop(_JOB_VARIABLE, None)
        return msgspec.json.decode(told, type=cls) if told is not None else None


async def rebuild_apart(job: RebuildJob, settings: RuntimeSettings) -> None:
    """Let another process do the job; one that fails ends the worker, by the same exit code.

    One that was told to end leaves the rest to the worker. Cancelled, this lets that process close
    the store, and returns when it has ended.
    """
    partition = TP(job.topic, job.partition)
    ours, theirs = socket.socketpair()
    with theirs:
        told = msgspec.json.encode(msgspec.structs.replace(job, line=theirs.fileno())).decode()
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *sys.orig_argv[1:],
            env={**os.environ, _JOB_VARIABLE: told},
            stdin=asyncio.subprocess.DEVNULL,
            pass_fds=[theirs.fileno()],
            start_new_session=True,  # Ctrl-C is for the worker, which ends it in order
        )
    try:
        log.info("rebuilding_apart", extra={**ids(partition), "pid": process.pid})
        reader, writer = await asyncio.open_unix_connection(sock=ours)
        async for figure in reader:
            _pass_on(msgspec.json.decode(figure), settings.metrics)
        code = await process.wait()
        writer.close()
    finally:
        await _end(process, settings.stop_timeout_s)
        ours.close()
    if code not in (0, -signal.SIGTERM):
        known = ExitCode(code) if code in set(ExitCode) else ExitCode.CRASHED
        stop_process(known, "rebuild_failed", topic=job.topic, partition=job.partition)


async def _end(process: asyncio.subprocess.Process, within: float) -> None:
    if process.returncode is not None:
        return
    process.terminate()
    try:
        async with asyncio.timeout(within):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()


def _pass_on(figure: list[Any], metrics: Metrics) -> None:
    kind, name, labels, *values = figure
    tell: dict[str, Callable[..., None]] = {
        "count": metrics.count,
        "observe": metrics.observe,
        "gauge": metrics.gauge,
    }
    tell[kind](name, tuple(labels), *values)


async def rebuild_only(spec: WorkerSpec, settings: RuntimeSettings, job: RebuildJob) -> int:
    """Do the job, in a process that does nothing else; return its exit code.

    SIGTERM and SIGINT end it early, with a store that can be gone on with.
    """
    line = _Line(job.line)
    threading.Thread(target=line.end_when_cut, daemon=True).start()
    settings = dataclasses.replace(settings, metrics=line)
    client = client_settings(settings)
    pointers = PointerReader.of(spec.pointed_topic, client)
    gate = asyncio.Event()
    gate.set()
    port = LanePort(
        spec.name,
        settings,
        line,
        _sends_nothing,
        gate,
        lambda *_: None,
        asyncio.Event(),
        pointers=pointers,
    )
    opener = LaneOpener(spec, settings, port)
    opener.account_log_partitions = job.account_log_partitions
    opener.cluster_id = job.cluster_id
    partition = TP(job.topic, job.partition)
    try:
        lane = opener.open_at(partition, job.begin, job.end)
        work = asyncio.create_task(_rebuild(spec, settings, job, opener, lane, client))
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, work.cancel)
        await asyncio.wait([work])
        lane.close()
        failure = None if work.cancelled() else work.exception()
        if isinstance(failure, StoreUnusable):
            raise failure
    except StoreUnusable as error:
        stop_process(ExitCode.STORE_UNUSABLE, "store_unusable", reason=str(error))
    if pointers is not None:
        await pointers.close()
    if failure is not None:
        extra = {**ids(partition), "error": type(failure).__name__, "raised_at": raised_at(failure)}
        log.critical("rebuild_failed", extra=extra)
        return int(ExitCode.CRASHED)
    return 0


async def _rebuild(
    spec: WorkerSpec,
    settings: RuntimeSettings,
    job: RebuildJob,
    opener: LaneOpener,
    lane: Lane,
    client: Mapping[str, Any],
) -> None:
    partition, store = TP(job.topic, job.partition), lane.store
    assert store is not None, "only what has a state is rebuilt"
    if store.next_offset is None:
        await restore(spec, lane, settings, client, job.begin, opener)
    position = store.next_offset
    assert position is not None, "it was restored"
    if position >= job.until:
        return
    source = TopicPartition(*partition)
    lane.start(position, job.until)
    positions = {source: position}
    async with batch_reader(settings, client, hurry=True) as consumer:
        consumer.assign([source])
        consumer.seek(source, position)
        try:
            while lane.settled_offset < job.until:
                if not await read_up_to({source: job.until}, consumer, {source: lane}, positions):
                    await asyncio.sleep(_LOOK_SECONDS)
        finally:
            # Before the consumer ends, which takes many turns of the loop that the fold holds.
            await lane.drain(settings.stop_timeout_s)


async def _sends_nothing(output: Output) -> Acknowledgement:
    raise AssertionError(f"a silent fold speaks to {output.topic}")


class _Line:
    """The process's end of the line; a `Metrics` whose figures go to the worker."""

    def __init__(self, descriptor: int) -> None:
        self._socket = socket.socket(fileno=descriptor)

    def end_when_cut(self) -> None:
        """End this process as soon as the worker has ended, in whatever way."""
        while self._socket.recv(1):
            pass
        os._exit(ExitCode.CRASHED)

    def count(self, name: str, labels: tuple[str, ...], amount: float) -> None:
        """See `Metrics.count`."""
        self._tell("count", name, labels, amount)

    def observe(self, name: str, labels: tuple[str, ...], value: float, times: int = 1) -> None:
        """See `Metrics.observe`."""
        self._tell("observe", name, labels, value, times)

    def gauge(self, name: str, labels: tuple[str, ...], value: float) -> None:
        """See `Metrics.gauge`."""
        self._tell("gauge", name, labels, value)

    def forget(self, name: str, labels: tuple[str, ...]) -> None:
        """See `Metrics.forget`; the worker shows the gauges."""

    def _tell(self, *figure: object) -> None:
        try:
            self._socket.sendall(msgspec.json.encode(figure) + b"\n")
        except OSError:
            os._exit(ExitCode.CRASHED)
