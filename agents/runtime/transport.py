"""Faust's transport, by whole batches: one event is what one fetch brought, a batch a partition.

Stock Faust spends four asyncio tasks on each message and commits by acknowledging messages. Here a
stream carries batches, nothing is acknowledged in Faust's sense, and both the positions to read
from and the offsets to commit are the runtime's own (`WorkerHost`).

Faust stops the flow in a rebalance and calls `perform_seek` after every assignment, also when
nothing changed; so whatever was fetched before may be dropped, which the epoch does.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Collection, Mapping
from typing import Any, NamedTuple, Protocol, cast

import aiokafka
import faust
from aiokafka.errors import IllegalStateError, KafkaError
from faust.transport import drivers
from faust.transport.drivers import aiokafka as stock
from faust.types import TP, ConsumerMessage

from agents.failures import ExitCode, raised_at, stop_process
from agents.runtime import record_batches
from agents.runtime.consumer_thread import ConsumerThread
from agents.runtime.record_batches import RecordBatch
from agents.runtime.worker_spec import RuntimeSettings

log = logging.getLogger("freezeline")

SCHEME = "freezeline"
FOR_EVER_SECONDS = 10.0**9
"""For the one wait of Faust that must not end: it takes the end of the time for an assignment for
its own end (`Recovery._wait`), and then nobody lets records flow, neither after this assignment nor
after any later one. What is asked of Kafka has limits of its own (`worker_spec.client_settings`).
"""
_RETRY_SECONDS = 1.0
_POLL_SECONDS = 1.0
_POLL_SECONDS_WHILE_SOME_ARE_FULL = 0.02


class Batch(NamedTuple):
    """Records of one partition."""

    topic: str
    partition: int
    batch: RecordBatch


class Fetched(NamedTuple):
    """The value of an event: what one fetch brought, under one assignment."""

    epoch: int
    batches: list[Batch]


class WorkerHost(Protocol):
    """What the transport asks of the worker that it fetches for."""

    settings: RuntimeSettings
    epoch: int
    room: asyncio.Event

    @property
    def stateful(self) -> bool:
        """Whether a partition should stay with its owner, because its state does."""

    def fetched(self) -> None:
        """Note that the fetch loop has turned."""

    def is_full(self, partition: TP) -> bool:
        """Say whether a partition's lane should not get more batches for now."""

    async def revoke(self, partitions: Collection[TP]) -> None:
        """Finish what is in hand."""

    async def assign(self, partitions: Collection[TP], consumer: Consumer) -> Mapping[TP, int]:
        """Open the partitions' states; return where to read each of those that are ready."""

    async def commit(self, consumer: Consumer) -> bool:
        """Let the group's offsets follow."""

    def client_settings(self) -> dict[str, Any]:
        """Return bootstrap servers, security and timeouts, for every Kafka client."""


def register() -> None:
    """Make the broker URL ``freezeline://`` known, also where the package is not installed."""
    drivers.TRANSPORTS.aliases[SCHEME] = f"{__name__}:Transport"


class Consumer(stock.Consumer):
    """Reads from the runtime's positions and hands whole batches to the stream."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.rebalancing = False
        """Whether partitions were let go of, and it is not known yet which are ours now."""
        self._expected: dict[TP, int] = {}
        self._holes: dict[TP, tuple[int, int]] = {}
        self._opening = asyncio.Lock()
        self._openings: set[asyncio.Future[None]] = set()

    @property
    def host(self) -> WorkerHost:
        """The worker that this consumer reads for."""
        return cast(Transport, self.transport).host

    @property
    def thread(self) -> ConsumerThread:
        """The thread that owns the Kafka consumer."""
        return cast(ConsumerThread, self._thread)

    def _new_consumer_thread(self) -> ConsumerThread:
        return ConsumerThread(self, loop=self.loop, beacon=self.beacon)

    async def perform_seek(self) -> None:
        """Go on where the states of the assigned partitions say (called after each assignment).

        Faust leaves this when the next rebalance begins; so it comes to its end apart from that,
        and until then nothing that is fetched is delivered.
        """
        self.host.epoch += 1
        self._expected.clear()
        self._holes.clear()
        opening = asyncio.ensure_future(self._open_assigned(self.host.epoch))
        self._openings.add(opening)
        opening.add_done_callback(self._opened)
        await asyncio.shield(opening)

    def _opened(self, opening: asyncio.Future[None]) -> None:
        self._openings.discard(opening)
        error = None if opening.cancelled() else opening.exception()
        if error is not None:
            kind, where = type(error).__qualname__, raised_at(error)
            stop_process(ExitCode.CRASHED, "assignment_failed", error=kind, raised_at=where)

    async def _open_assigned(self, epoch: int) -> None:
        async with self._opening:
            while epoch == self.host.epoch:
                try:
                    ready = await self.host.assign(self.assignment(), self)
                    if epoch == self.host.epoch:
                        await self.seek_to(ready)
                except (KafkaError, TimeoutError) as error:
                    log.warning("assignment_waits", extra={"error": type(error).__name__})
                    await asyncio.sleep(_RETRY_SECONDS)
                else:
                    self.rebalancing = epoch != self.host.epoch
                    return

    async def on_partitions_assigned(self, assigned: set[TP], generation_id: int = 0) -> None:
        """Tell the worker of an empty assignment, after which Faust does not seek."""
        if not assigned:
            await self.perform_seek()
        await super().on_partitions_assigned(assigned, generation_id)

    async def seek_to(self, positions: Mapping[TP, int]) -> None:
        """Read each partition from a position on; whatever else was fetched of it is dropped."""
        self._expected.update(positions)
        if positions:
            await self._thread.seek_wait(dict(positions))

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Make queued batches stale, finish what is in hand, commit, then let go."""
        self.rebalancing = True
        self.host.epoch += 1
        self._expected.clear()
        async with self._opening:
            await self.host.revoke(revoked)
        await super().on_partitions_revoked(revoked)

    async def force_commit(self, topics: Any = None, start_new_transaction: bool = True) -> bool:
        """Commit the runtime's own positions; Faust's acknowledgements are not used."""
        if self._thread._consumer is None:
            return False
        return await self.host.commit(self)

    async def verify_all_partitions_active(self) -> None:
        """Leave out Faust's guess at liveness: `agents.runtime.health` knows what progresses."""

    async def _drain_messages(self, fetcher: Any) -> None:
        try:
            while not (self.should_stop or fetcher.should_stop):
                await self._fetch_once()
        except self.consumer_stopped_errors:
            if not self.app.should_stop:
                raise
        except asyncio.CancelledError:
            if not self.app.should_stop:
                raise

    async def _fetch_once(self) -> None:
        host = self.host
        host.fetched()
        if not self.flow_active:
            await self.thread.fetch_nothing()
            await self.wait_first(self.can_resume_flow.wait(), asyncio.sleep(_POLL_SECONDS))
            return
        wanted = self._get_active_partitions()
        active = {partition for partition in wanted if not host.is_full(partition)}
        if not active:
            await self.thread.fetch_nothing()
            host.room.clear()
            await self.wait_first(host.room.wait(), asyncio.sleep(0.05))
            return
        epoch = host.epoch
        # A partition whose lane is full may have room again at any moment: look again soon.
        wait = _POLL_SECONDS if len(active) == len(wanted) else _POLL_SECONDS_WHILE_SOME_ARE_FULL
        fetched = await self.thread.fetch(active, wait)
        batches = []
        for partition, chunks in fetched.items():
            batch = await self._next_of(TP(*partition), record_batches.merged(chunks))
            if batch is not None:
                batches.append(Batch(partition.topic, partition.partition, batch))
        if not batches:
            return
        if epoch == host.epoch and self.flow_active:
            await self._deliver(Fetched(epoch, batches))
            return
        # Begun under the assignment before, it may have ended after the seek of this one: nobody
        # else would ask for its records again.
        for topic, number, _ in batches:
            await self._read_again(TP(topic, number))

    async def _deliver(self, fetched: Fetched) -> None:
        # One event for all: what an event costs in Faust is paid once.
        first = fetched.batches[0]
        partition, value = TP(first.topic, first.partition), cast(Any, fetched)
        message = ConsumerMessage(
            partition.topic,
            partition.partition,
            first.batch.start,
            timestamp=0.0,
            timestamp_type=0,
            headers=None,
            key=None,
            value=value,
            checksum=None,
            tp=partition,
            generation_id=self.app.consumer_generation_id,
        )
        for topic, number, batch in fetched.batches:
            self._expected[TP(topic, number)] = batch.stop
        # The agent behind the stream only hands over to lanes: it never makes this wait for long.
        await self.callback(message)

    async def _next_of(self, partition: TP, batch: RecordBatch) -> RecordBatch | None:
        """Return a batch that goes on where the last one ended; a hole in the log is part of it."""
        expected = self._expected.get(partition)
        if expected is None or batch.stop <= expected:
            return None
        if batch.start <= expected:
            return batch
        is_hole = await self._is_real_hole(partition, expected, batch)
        return batch._replace(start=expected) if is_hole else None

    async def _is_real_hole(self, partition: TP, expected: int, batch: RecordBatch) -> bool:
        """Read once more from what was expected; a hole that comes again is in the log itself."""
        seen = (expected, batch.start)
        if self._holes.get(partition) == seen:
            del self._holes[partition]
            log.warning(
                "offsets_missing",
                extra={
                    "topic": partition.topic,
                    "partition": partition.partition,
                    "expected": expected,
                    "found": batch.start,
                },
            )
            return True
        self._holes[partition] = seen
        await self._read_again(partition)
        return False

    async def _read_again(self, partition: TP) -> None:
        """Go back to what was expected of a partition, if it is still ours."""
        expected = self._expected.get(partition)
        if expected is not None:
            with contextlib.suppress(IllegalStateError):
                await self._thread.seek_wait({partition: expected})


class Producer(stock.Producer):
    """An idempotent producer; the lanes use its aiokafka producer directly."""

    def _new_producer(self, transactional_id: str | None = None) -> aiokafka.AIOKafkaProducer:
        host = cast(Transport, self.transport).host
        settings = host.settings
        client = host.client_settings()
        producer = aiokafka.AIOKafkaProducer(
            **{**client, "request_timeout_ms": int(settings.acknowledge_timeout_s * 1000)},
            client_id=self.client_id,
            acks="all",
            enable_idempotence=True,
            linger_ms=settings.producer_linger_ms,
            max_batch_size=settings.producer_batch_bytes,
            max_request_size=settings.max_record_bytes,
        )
        # One figure says to aiokafka how long a record may wait and how long a broker may be
        # silent: a broker that hangs is let go sooner than the records that wait for another.
        producer.client._request_timeout_ms = client["request_timeout_ms"]
        return producer

    @property
    def connected(self) -> aiokafka.AIOKafkaProducer:
        """The started aiokafka producer."""
        return self._ensure_producer()


class Transport(stock.Transport):
    """The transport behind ``freezeline://host:port``."""

    Consumer = Consumer
    Producer = Producer

    @property
    def host(self) -> WorkerHost:
        """The worker that the Faust app belongs to."""
        return cast("WorkerApp", self.app).host


class WorkerApp(faust.App):
    """A Faust app that knows the worker around it."""

    host: WorkerHost

    def FlowControlQueue(self, maxsize: int | None = None, **_: Any) -> Any:
        """Make a queue that Faust does not empty when it resumes: stale batches show by epoch."""
        return super().FlowControlQueue(maxsize, clear_on_resume=False)
