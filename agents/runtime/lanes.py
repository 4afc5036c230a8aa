"""One lane a partition: fold in order, send, wait for every acknowledgement, then write.

The rule of state: a batch's changes and its position are written in one go, and only after all its
outputs are acknowledged. The next batches may be folded meanwhile (a few in flight); what is
written, and the position that the group's offset follows, stays in order.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from time import monotonic, perf_counter, time
from typing import NoReturn

from agents.failures import ExitCode, StoreUnusable, raised_at, stop_process
from agents.runtime.dead_letter_run import DeadLetterRun
from agents.runtime.fail_points import FailPoint, Moment
from agents.runtime.in_flight import Acknowledgement, InFlight, SayAgain
from agents.runtime.pointers import PointerReader
from agents.runtime.record_batches import RecordBatch, slices
from agents.runtime.store import PartitionStore
from agents.runtime.turns import Turns
from agents.runtime.worker_spec import Metrics, RuntimeSettings
from pipeline.fold import Fold, Folded, Output, Record

log = logging.getLogger("freezeline")

_GATE_LOOK_SECONDS = 0.2
_STOPPED_LOOK_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class LanePort:
    """What a lane needs from the worker around it."""

    worker: str
    settings: RuntimeSettings
    metrics: Metrics
    send: Callable[[Output], Awaitable[Acknowledgement]]
    """Hands an output to the producer; what it returns is done when the broker has it."""
    gate: asyncio.Event
    """Closed (not set) while the worker must not take more records (flow control)."""
    settled: Callable[[str, int, int], None]
    """Told of a partition's new position (topic, partition, next offset) after each write."""
    room: asyncio.Event
    """Set by a lane whose queue has room again."""
    turns: Turns = field(default_factory=Turns)
    pointers: PointerReader | None = None
    """Follows pointers, in a worker whose log has some."""


class Lane:
    """The work of one partition. Made stopped; `start` and `drain` may alternate."""

    def __init__(
        self,
        port: LanePort,
        topic: str,
        partition: int,
        fold: Fold,
        store: PartitionStore | None,
        fold_records: int,
    ) -> None:
        self.topic = topic
        self.partition = partition
        self.fold = fold
        self.store = store
        self.next_offset = -1
        """Everything below is folded."""
        self.settled_offset = -1
        """Everything below is acknowledged and written."""
        self.silent_until = 0
        """Outputs of records below have been answered before: they are not sent again."""
        self.restoring = False
        self.progressed_at = monotonic()
        self._port = port
        self._fail_point = FailPoint(port.settings.fail_point)
        self._fold_records = min(fold_records, port.settings.dead_letter_run_limit)
        self._queue: deque[RecordBatch | SayAgain] = deque()
        self._queued_to = -1
        self._wake = asyncio.Event()
        self._stopping = False
        self._tasks: list[asyncio.Task[None]] = []
        self._in_flight: asyncio.Queue[InFlight | None] = asyncio.Queue()
        self._newest: InFlight | None = None
        """The slice folded last: what the fold put off of it is done before it folds the next."""
        self._dead_letters = DeadLetterRun(
            port.settings.dead_letter_run_limit, port.settings.dead_letter_topics
        )

    @property
    def speaking(self) -> bool:
        """False while what was answered before is being folded again (or restored)."""
        return not self.restoring and self.next_offset >= self.silent_until

    @property
    def full(self) -> bool:
        """True when no more batches should be fetched for this lane for now."""
        return len(self._queue) >= self._port.settings.lane_queue_batches

    @property
    def running(self) -> bool:
        """True between `start` and `drain`."""
        return bool(self._tasks)

    def stuck(self, now: float) -> bool:
        """Say whether there is work and none was done for longer than the settings allow."""
        busy = bool(self._queue) or self.settled_offset < self.next_offset
        limit = self._port.settings.progress_timeout_s
        return busy and self._port.gate.is_set() and now - self.progressed_at > limit

    def note_progress(self) -> None:
        """Say that this lane is alive (rebuilding has progress of its own)."""
        self.progressed_at = monotonic()

    def start(self, position: int, silent_until: int) -> None:
        """Begin at ``position``; records below ``silent_until`` are folded without speaking."""
        self.next_offset = self.settled_offset = self._queued_to = position
        self.silent_until = silent_until
        self.progressed_at = monotonic()
        self._stopping = False
        self._queue.clear()
        self._in_flight = asyncio.Queue(self._port.settings.lane_in_flight)
        loops = self._fold_loop(), self._settle_loop()
        self._tasks = [asyncio.create_task(loop) for loop in loops]
        for task in self._tasks:
            task.add_done_callback(self._stop_if_failed)

    def submit(self, batch: RecordBatch) -> int | None:
        """Take a fetched batch; it is folded after those before it.

        A batch that leaves a gap behind the last one is refused, or records would be lost: the
        answer is then from where to read again.
        """
        if batch.start > self._queued_to:
            return self._queued_to
        self._queued_to = max(self._queued_to, batch.stop)
        self._queue.append(batch)
        self._port.turns.begin(self)
        self._wake.set()
        return None

    async def say_again(self, topic: str, keys: Sequence[bytes]) -> bool:
        """Say again what was last said under ``keys`` of an own topic, in turn with the batches.

        It leaves behind everything that was folded before; without keys this waits until all that
        is acknowledged. Returns False when the lane stopped before.
        """
        again = SayAgain(topic, keys, asyncio.get_running_loop().create_future())
        self._queue.append(again)
        self._wake.set()
        while not again.done.done() and self.running:
            await asyncio.wait([again.done], timeout=_STOPPED_LOOK_SECONDS)
        return again.done.done()

    async def drain(self, within: float) -> bool:
        """Finish what is in hand, drop what is queued, and stop.

        Returns False when acknowledgements did not come ``within`` these seconds: then the fold
        is ahead of the store, and this lane must not be used again.
        """
        tasks, self._tasks = self._tasks, []
        self._stopping = True
        self._queue.clear()
        self._wake.set()
        if not tasks:
            return self.next_offset == self.settled_offset
        _, late = await asyncio.wait(tasks, timeout=within)
        for task in late:
            task.cancel()
        if late:
            await asyncio.wait(late)
        self._port.turns.end(self)
        return not late and self.next_offset == self.settled_offset

    def close(self) -> None:
        """Close the store; call after `drain`."""
        if self.store is not None:
            self.store.close()

    async def _fold_loop(self) -> None:
        turns = self._port.turns
        while not self._stopping:
            if not self._queue:
                turns.end(self)
                self._wake.clear()
                await self._wake.wait()
                continue
            batch = self._queue.popleft()
            self._port.room.set()
            if isinstance(batch, SayAgain):
                await self._in_flight.put(self._fold_again(batch))
                continue
            self._port.metrics.observe(
                "batch_records", (self._port.worker,), float(len(batch.records))
            )
            if self._port.pointers is not None:
                batch = await self._port.pointers.resolved(batch)
            for records, stop in slices(
                batch, self.next_offset, self.silent_until, self._fold_records
            ):
                await self._gate_open()
                await turns.others_left()
                if self._stopping:
                    break
                work = await self._fold_slice(records, stop)
                if work.is_much:
                    await turns.see_off()
                if self._in_flight.full():
                    turns.end(self)
                    turns.hurry(self)
                await self._in_flight.put(work)
                turns.begin(self)
                # A fold holds the event loop; let the other lanes and the producer have it.
                await asyncio.sleep(0)
        turns.end(self)
        await self._in_flight.put(None)

    async def _gate_open(self) -> None:
        """Wait while the worker must not take more records, but not while it stops."""
        while not self._port.gate.is_set() and not self._stopping:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_GATE_LOOK_SECONDS):
                    await self._port.gate.wait()

    def _fold_again(self, again: SayAgain) -> InFlight:
        self._finish(self._newest)
        with self._stopping_for_bugs():
            outputs = self.fold.say_again(again.topic, again.keys) if again.keys else []
        return InFlight(self.next_offset, [], outputs, None, Counter(), Counter(), again=again)

    def _finish(self, work: InFlight | None) -> None:
        if work is not None:
            with self._stopping_for_bugs():
                work.finish(self.store)

    async def _fold_slice(self, records: Sequence[Record], stop: int) -> InFlight:
        self._finish(self._newest)
        port, began = self._port, perf_counter()
        silent = bool(records) and records[0].offset < self.silent_until
        spans = port.settings.spans
        traced = spans.begin(self.topic, self.partition, records) if spans and not silent else None
        with self._stopping_for_bugs(records):
            folded = self.fold.apply(records, silent) if records else Folded()
            if silent or traced is not None:
                folded.whole()
            store = self.store if folded.rest is None else None
            changes = store.take_changes() if store is not None else None
        outputs = [] if silent else folded.outputs
        if traced is not None:
            outputs = traced.folded(outputs)
        reasons = None if silent else self._dead_letters.over_limit(len(records), folded)
        if reasons is not None:
            self._stop_for_dead_letters(reasons)
        self.next_offset = stop
        self.progressed_at = monotonic()
        folded_at = perf_counter()
        port.metrics.observe("stage_seconds", (port.worker, "fold"), folded_at - began)
        port.metrics.count("records_in", (port.worker, self.topic), len(records))
        if not silent:
            self._forward(folded)
        self._fail_point.passing(Moment.FOLDED)
        try:
            acknowledgements = [await port.send(o) for o in outputs if not o.last]
        except Exception as error:
            self._stop_unacknowledged(error)
        self._fail_point.passing(Moment.SENT)
        self._newest = InFlight(
            stop,
            acknowledgements,
            [output for output in outputs if output.last],
            changes,
            Counter(output.topic for output in outputs),
            folded.answered if not silent else Counter(),
            folded.scrub,
            traced,
            rest=folded.rest,
            is_much=self._is_much(outputs),
        )
        if acknowledgements:
            port.turns.speak(acknowledgements)
        return self._newest

    def _is_much(self, outputs: Sequence[Output]) -> bool:
        """Whether what leaves first would fill a record batch, and nothing of it comes back."""
        first = [output for output in outputs if not output.last]
        size = sum(len(output.value or b"") for output in first)
        much = size >= self._port.settings.producer_batch_bytes
        return much and all(output.topic != self.topic for output in first)

    async def _settle_loop(self) -> None:
        port = self._port
        while (work := await self._in_flight.get()) is not None:
            try:
                await self._acknowledged(work.acknowledgements)
                self._fail_point.passing(Moment.ACKNOWLEDGED)
                if work.last or work.rest:
                    if not self._in_flight.full():
                        await port.turns.all_folded(self)
                    self._finish(work)
                    await self._acknowledged([await port.send(output) for output in work.last])
            except Exception as error:
                self._stop_unacknowledged(error)
            acknowledged_at = perf_counter()
            self._fail_point.passing(Moment.ANSWERED)
            if self.store is not None and work.changes is not None:
                with self._stopping_for_bugs():
                    logged = work.stop > self.silent_until
                    self.store.persist(work.changes, work.stop, logged=logged)
                    if work.scrub:
                        await asyncio.to_thread(self.store.scrub)
            if work.again is not None:
                if not work.again.done.done():
                    work.again.done.set_result(None)
                continue
            self._fail_point.passing(Moment.WRITTEN)
            if self._newest is work:
                self._newest = None  # nothing of it is needed any more
            self.settled_offset = work.stop
            self.progressed_at = monotonic()
            port.settled(self.topic, self.partition, work.stop)
            for topic, amount in work.topics.items():
                port.metrics.count("records_out", (port.worker, topic), amount)
            now = time()
            for (name, at), times in work.answered.items():
                port.metrics.observe(name, (), max(0.0, now - at / 1000), times)
            if work.spans is not None:
                work.spans.answered()
            waited, written = acknowledged_at - work.folded_at, perf_counter() - acknowledged_at
            port.metrics.observe("stage_seconds", (port.worker, "acknowledge"), waited)
            port.metrics.observe("stage_seconds", (port.worker, "write"), written)

    async def _acknowledged(self, acknowledgements: list[Acknowledgement]) -> None:
        if not acknowledgements:
            return
        async with asyncio.timeout(self._port.settings.acknowledge_timeout_s):
            for acknowledgement in acknowledgements:
                await acknowledgement

    def _forward(self, folded: Folded) -> None:
        port = self._port
        for (name, *labels), amount in folded.counts.items():
            port.metrics.count(name, tuple(labels), amount)
        for (name, *labels), value in folded.observations:
            port.metrics.observe(name, tuple(labels), value)

    @contextlib.contextmanager
    def _stopping_for_bugs(self, records: Sequence[Record] = ()) -> Iterator[None]:
        try:
            yield
        except StoreUnusable as error:
            stop_process(ExitCode.STORE_UNUSABLE, "store_unusable", reason=str(error))
        except Exception as error:
            self._stop_for_bug(error, records)

    def _stop_if_failed(self, task: asyncio.Task[None]) -> None:
        error = None if task.cancelled() else task.exception()
        if isinstance(error, Exception):
            self._stop_for_bug(error, [])

    @property
    def _where(self) -> dict[str, object]:
        return {"worker": self._port.worker, "topic": self.topic, "partition": self.partition}

    def _stop_for_bug(self, error: Exception, records: Sequence[Record]) -> NoReturn:
        stop_process(
            ExitCode.FOLD_RAISED,
            "fold_raised",
            **self._where,
            first_offset=records[0].offset if records else self.next_offset,
            last_offset=records[-1].offset if records else self.next_offset,
            error=type(error).__qualname__,
            raised_at=raised_at(error),
        )

    def _stop_for_dead_letters(self, reasons: list[str]) -> NoReturn:
        stop_process(
            ExitCode.DEAD_LETTER_LIMIT,
            "dead_letter_limit",
            **self._where,
            next_offset=self.settled_offset,
            limit=self._port.settings.dead_letter_run_limit,
            reasons=reasons,
        )

    def _stop_unacknowledged(self, error: Exception) -> NoReturn:
        stop_process(
            ExitCode.NOT_ACKNOWLEDGED,
            "outputs_not_acknowledged",
            **self._where,
            next_offset=self.settled_offset,
            error=type(error).__qualname__,
        )
