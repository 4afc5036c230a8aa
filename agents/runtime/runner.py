"""Hosts a fold in Faust by the rule of state: the log is the truth, the state knows its position.

`run_worker` is the whole public interface; `WorkerSpec` and `RuntimeSettings` say what and where.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import signal
import threading
import time
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Any, cast

import aiokafka
from aiokafka.errors import KafkaError
from faust.types import TP

from agents.failures import ExitCode, end_within, made_folder, raised_at, stop_process
from agents.runtime import transport
from agents.runtime.batch_reader import cluster_id, partitions_now, partitions_of
from agents.runtime.coalescing import Coalescer
from agents.runtime.committer import Committer
from agents.runtime.growing import GROWTH_JOURNAL
from agents.runtime.health import HealthServer
from agents.runtime.lane_opening import LaneOpener
from agents.runtime.lanes import LanePort
from agents.runtime.outbox import Outbox
from agents.runtime.partitions import OwnedPartitions
from agents.runtime.pointers import PointerReader
from agents.runtime.raw_topics import topics_of
from agents.runtime.read_back import ReadBack
from agents.runtime.rebalances import end_when_stuck
from agents.runtime.rebuild_process import RebuildJob, rebuild_only
from agents.runtime.throttle import LagGate
from agents.runtime.vital_signs import VitalSigns
from agents.runtime.worker_spec import (
    Metrics,
    NoMetrics,
    RuntimeSettings,
    Send,
    Throttle,
    WorkerSpec,
    client_settings,
)
from pipeline.fold import Output

__all__ = [
    "ExitCode",
    "Metrics",
    "NoMetrics",
    "RuntimeSettings",
    "Throttle",
    "WorkerSpec",
    "client_settings",
    "run_worker",
]

log = logging.getLogger("freezeline")

_LOOK_SECONDS = 1.0


def run_worker(spec: WorkerSpec, settings: RuntimeSettings) -> int:
    """Run one worker until SIGTERM or SIGINT; return its exit code (0: a graceful stop).

    A broken rule ends the process at once with one of the other `ExitCode`s instead. A process that
    was started for a `RebuildJob` does that alone.
    """
    # aiokafka logs keys and values at debug level; Faust's information is about itself (and its
    # services log under the name of the module that subclasses them).
    for name in ("aiokafka", "faust", "mode", transport.__name__):
        logging.getLogger(name).setLevel(logging.WARNING)
    # Every mutable thing of a large state would be walked by each collection otherwise.
    gc.set_threshold(200_000, 50, 50)
    if (job := RebuildJob.of_this_process()) is not None:
        return asyncio.run(rebuild_only(spec, settings, job))
    return asyncio.run(_Worker(spec, settings).run())


class _Worker:
    """One worker process: the Faust app, the lanes, and what runs beside them."""

    def __init__(self, spec: WorkerSpec, settings: RuntimeSettings) -> None:
        self.settings = settings
        self.epoch = 0
        self.room = asyncio.Event()
        self._spec = spec
        self._client = client_settings(settings)
        self._committer = Committer()
        self._gate = asyncio.Event()
        self._gate.set()
        self._beside: list[asyncio.Task[None]] = []
        self._outbox = Outbox(self._producer)
        send = Coalescer(self._outbox.send, spec.join).send if spec.join else self._outbox.send
        self._pointers = PointerReader.of(spec.pointed_topic, self._client)
        self._port = LanePort(
            spec.name,
            settings,
            settings.metrics,
            send,
            self._gate,
            self._settled,
            self.room,
            pointers=self._pointers,
        )
        self._opener = LaneOpener(spec, settings, self._port)
        self._owned = OwnedPartitions(
            spec, settings, self._port, self._opener, self._committer, self._client
        )
        self._signs = VitalSigns(
            spec.name, settings, self._owned.lanes, self._end_of, self._gate.is_set
        )
        self._app: transport.WorkerApp | None = None

    # -- what the transport asks ---------------------------------------------------------------

    @property
    def stateful(self) -> bool:
        """See `transport.WorkerHost`."""
        return self._spec.stateful

    def client_settings(self) -> dict[str, Any]:
        """See `transport.WorkerHost`."""
        return self._client

    def fetched(self) -> None:
        """See `transport.WorkerHost`."""
        self._signs.fetched()

    def is_full(self, partition: TP) -> bool:
        """See `transport.WorkerHost`."""
        lane = self._owned.lanes.get(partition)
        return lane is not None and lane.full

    async def revoke(self, partitions: Collection[TP]) -> None:
        """See `transport.WorkerHost`."""
        await self._owned.drain()
        if self._app is not None:
            await self.commit(self._app.consumer)

    async def assign(
        self, partitions: Collection[TP], consumer: transport.Consumer
    ) -> Mapping[TP, int]:
        """See `transport.WorkerHost`."""
        # Lanes still run when a rebalance took nothing away and so revoked nothing.
        await self._owned.drain()
        await self._require_same_log(consumer)
        epoch = self.epoch
        ready = await self._owned.assign(partitions, consumer, lambda: self.epoch == epoch)
        if not self._signs.assigned_once and self._spec.warm_up is not None:
            threading.Thread(target=self._spec.warm_up, daemon=True).start()
        self._signs.assigned()
        self.settings.metrics.count("rebalances", (self._spec.name,), 1)
        log.info("assigned", extra={"worker": self._spec.name, "partitions": len(partitions)})
        gc.collect()
        gc.freeze()
        return ready

    async def commit(self, consumer: Any) -> bool:
        """See `transport.WorkerHost`."""
        due = self._committer.due(consumer.assignment())
        offsets = {TP(topic, partition): offset for (topic, partition), offset in due.items()}
        if not await consumer.thread.commit_quietly(offsets):
            return False
        self._committer.committed(due)
        return True

    # -- what the lanes ask --------------------------------------------------------------------

    def _producer(self) -> aiokafka.AIOKafkaProducer:
        assert self._app is not None, "lanes run while the app does"
        return cast(transport.Producer, self._app.producer).connected

    async def _send_and_wait(self, output: Output) -> None:
        try:
            async with asyncio.timeout(self.settings.acknowledge_timeout_s):
                await (await self._outbox.send(output))
        except TimeoutError:
            name, event = self._spec.name, "outputs_not_acknowledged"
            stop_process(ExitCode.NOT_ACKNOWLEDGED, event, worker=name, topic=output.topic)

    def _settled(self, topic: str, partition: int, next_offset: int) -> None:
        self._committer.settled((topic, partition), next_offset)

    # -- life ----------------------------------------------------------------------------------

    async def run(self) -> int:
        """Start, work until a signal or a crash, stop in order."""
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        if not await self._broker_answers(stop):
            return 0 if stop.is_set() else int(ExitCode.BROKER_UNREACHABLE)
        health = HealthServer(
            self.settings.registry, self._signs.why_not_alive, self._signs.why_not_ready
        )
        if self.settings.http_port is not None:
            bound = await health.start(self.settings.http_host, self.settings.http_port)
            log.info("listening", extra={"host": self.settings.http_host, "port": bound})
        app = self._app = self._make_app()
        starting = asyncio.create_task(app.start())
        self._start_beside(app)
        await _first_of(stop.wait(), app._crashed.wait(), _failed(starting))
        crashed = app._crashed.is_set() or (starting.done() and starting.exception() is not None)
        await self._shut_down(app, starting)
        await health.stop()
        log.info("stopped", extra={"worker": self._spec.name, "crashed": crashed})
        code = ExitCode.CRASHED if crashed else 0
        return end_within(self.settings.stop_timeout_s, int(code))

    async def _shut_down(self, app: transport.WorkerApp, starting: asyncio.Task[Any]) -> None:
        """Finish what is in hand, commit, leave; the order keeps the rule of state."""
        for task in self._beside:
            task.cancel()
        await asyncio.gather(*self._beside, return_exceptions=True)
        self.epoch += 1
        await self._owned.drain()
        with contextlib.suppress(Exception):
            await self.commit(app.consumer)
        starting.cancel()
        with contextlib.suppress(asyncio.CancelledError, Exception):
            await starting
        with contextlib.suppress(TimeoutError, Exception):
            async with asyncio.timeout(self.settings.stop_timeout_s):
                await app.stop()
        await self._owned.close()
        if self._pointers is not None:
            await self._pointers.close()

    async def _broker_answers(self, stop: asyncio.Event) -> bool:
        """Wait until the broker and the topics are there, or say in one sentence what is not."""
        spec = self._spec
        wanted = {*spec.topics, *spec.own_topics, spec.account_log_topic}
        wanted |= {spec.pointed_topic} if spec.pointed_topic is not None else set()
        deadline = time.monotonic() + self.settings.start_timeout_s
        missing = "no broker answers"
        while not stop.is_set() and time.monotonic() < deadline:
            # Only a consumer can be asked for partitions; this one reads nothing.
            client = aiokafka.AIOKafkaConsumer(**self._client)
            try:
                await client.start()
                there = await client.topics()
                absent = sorted(wanted - there)
                if GROWTH_JOURNAL in there:
                    missing = "partitions are being added: `freezeline topics grow` has not ended"
                elif not absent:
                    self._opener.cluster_id = await cluster_id(self._client)
                    found = await partitions_of(client, spec.account_log_topic)
                    self._opener.account_log_partitions = len(found)
                    return True
                else:
                    missing = f"topics are missing: {', '.join(absent)}"
            except (KafkaError, OSError) as error:
                missing = f"no broker answers: {type(error).__name__}"
            finally:
                await client.stop()
            await asyncio.sleep(0.5)
        if not stop.is_set():
            reason = f"{missing} (at {self.settings.bootstrap})"
            log.critical("kafka_not_ready", extra={"reason": reason})
        return False

    async def _require_same_log(self, consumer: transport.Consumer) -> None:
        """Stop when the account-log was given more partitions: accounts have other owners now.

        None runs while that happens, but one may have been asleep (a zombie). It would go on
        sending to owners of the past.
        """
        known, topic = self._opener.account_log_partitions, self._spec.account_log_topic
        asking = partitions_now(consumer.thread._ensure_consumer(), topic)
        found = await consumer.thread.run_here(asking)
        if found != known:
            stop_process(ExitCode.CRASHED, "account_log_widened", known=known, found=found)

    def _make_app(self) -> transport.WorkerApp:
        transport.register()
        settings, name = self.settings, self._spec.name
        data = made_folder(settings.state_dir / name / "faust")
        app = transport.WorkerApp(
            settings.group_prefix + name,
            broker=f"{transport.SCHEME}://kafka:9092",  # the servers are in client_settings
            store="memory://",
            datadir=str(data),
            autodiscover=False,
            web_enabled=False,
            topic_disable_leader=True,
            topic_allow_declare=False,
            table_standby_replicas=0,
            stream_wait_empty=False,
            stream_buffer_maxsize=16,
            stream_recovery_delay=0.0,
            broker_commit_interval=settings.commit_interval_s,
            broker_commit_every=10**9,
            broker_request_timeout=transport.FOR_EVER_SECONDS,
            broker_session_timeout=settings.session_timeout_s,
            broker_heartbeat_interval=settings.heartbeat_s,
            broker_rebalance_timeout=settings.session_timeout_s,
        )
        app.host = self

        async def hand_to_lane(stream: Any) -> None:
            async for event in stream.noack().events():
                fetched: transport.Fetched = event.value
                if fetched.epoch != self.epoch:
                    continue
                for topic, partition, batch in fetched.batches:
                    lane = self._owned.lanes.get(TP(topic, partition))
                    if lane is None or not lane.running:
                        continue
                    if (again := lane.submit(batch)) is not None:
                        extra = {"topic": topic, "partition": partition, "missing_from": again}
                        log.error("batch_refused", extra=extra)
                        await cast(transport.Consumer, app.consumer).seek_to(
                            {TP(topic, partition): again}
                        )

        app.agent(topics_of(app, self._spec.topics), name=name)(hand_to_lane)
        return app

    # -- beside the lanes ----------------------------------------------------------------------

    def _start_beside(self, app: transport.WorkerApp) -> None:
        spec = self._spec
        limit = self.settings.rebalance_limit_s
        beside = [self._signs.run(), end_when_stuck(app, self._client, limit)]
        if spec.background is not None:
            beside.append(self._while_first_owner(spec.background))
        if spec.tick is not None:
            beside.append(self._tick())
        if self._owned.standby is not None:
            beside.append(self._owned.standby.run())
        if spec.own_topics:
            beside.append(ReadBack(spec, self.settings, self._client, self._owned.lanes).run())
        if spec.throttle is not None:
            group = self.settings.group_prefix + spec.throttle.group
            gate = LagGate(spec.throttle, group, self._client, self._gate, self.settings.metrics)
            beside.append(gate.run())
        self._beside = [asyncio.create_task(coroutine) for coroutine in beside]
        for task in self._beside:
            task.add_done_callback(self._stop_if_failed)

    def _stop_if_failed(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            extra = {"error": type(error).__qualname__, "raised_at": raised_at(error)}
            log.critical("background_failed", extra=extra)
            assert self._app is not None
            self._app._crashed.set()

    def _speaks_first(self) -> bool:
        lane = self._owned.lanes.get(TP(self._spec.topics[0], 0))
        return lane is not None and lane.running and lane.speaking

    async def _while_first_owner(self, work: Callable[[Send], Awaitable[None]]) -> None:
        while True:
            if not self._speaks_first():
                await asyncio.sleep(_LOOK_SECONDS)
                continue
            running = asyncio.ensure_future(work(self._send_and_wait))
            try:
                while self._speaks_first() and not running.done():
                    await asyncio.wait([running], timeout=_LOOK_SECONDS)
            finally:
                running.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await running

    async def _tick(self) -> None:
        assert self._spec.tick is not None
        while True:
            await asyncio.sleep(self._spec.tick_seconds)
            if self._speaks_first():
                now = time.time_ns() // 1_000_000
                outputs = self._spec.tick(now, self._opener.account_log_partitions)
                await asyncio.gather(*(self._send_and_wait(output) for output in outputs))

    def _end_of(self, partition: TP) -> int | None:
        assert self._app is not None
        try:
            return cast(int | None, self._app.consumer.highwater(partition))
        except Exception:  # not assigned at this moment, or no answer from the broker yet
            return None


async def _first_of(*waits: Any) -> None:
    tasks = [asyncio.ensure_future(wait) for wait in waits]
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        task.cancel()


async def _failed(task: asyncio.Task[Any]) -> None:
    """Return when the task ends with an exception; wait for ever when it ends well."""
    await asyncio.wait([task])
    if task.cancelled() or task.exception() is None:
        await asyncio.Event().wait()
