"""The owner reads its own compacted topics back, and says again what was overwritten.

A worker that was stopped past its session (a zombie) may still send what it had in hand. Its alerts
are repeats, which readers drop by id and version; but its record in a compacted topic can come
behind the new owner's newer one, and compaction then keeps the older. Readers ignore a lower
version as long as they see both; so the newer is said again before the cleaner forgets it.

A record older than the state is only suspect: the newer one may follow it, or be on its way. It
was overwritten if the newer one has not come by the end of the topic, as that end is once
everything folded before is acknowledged.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError
from faust.types import TP

from agents.runtime import record_batches
from agents.runtime.batch_reader import batch_reader, partitions_of
from agents.runtime.lanes import Lane
from agents.runtime.store import PartitionStore
from agents.runtime.worker_spec import RuntimeSettings, WorkerSpec
from pipeline.fold import Record

log = logging.getLogger("freezeline")

_LOOK_SECONDS = 1.0
_COMPARED_AT_A_TIME = 200
"""Records compared before the event loop is let go."""


class _Suspect(NamedTuple):
    """An older record at ``offset``; a record of version ``needed`` or higher acquits it."""

    needed: int
    offset: int


class _LaneStopped(Exception):
    """The lane went away; what it had not settled is read again when it runs again."""


class ReadBack:
    """Follows the own topics of all lanes that speak; positions are kept in the lanes' stores.

    A store without a position (a rebuilt one too) has its topic read from the beginning once.
    """

    def __init__(
        self,
        spec: WorkerSpec,
        settings: RuntimeSettings,
        client: Mapping[str, Any],
        lanes: Mapping[TP, Lane],
    ) -> None:
        self._spec = spec
        self._settings = settings
        self._client = client
        self._lanes = lanes

    async def run(self) -> None:
        """Read until cancelled; a broker that does not answer is asked again."""
        while True:
            try:
                async with batch_reader(self._settings, self._client, hurry=False) as consumer:
                    await self._follow(consumer)
            except (KafkaError, OSError, TimeoutError) as error:
                log.warning("read_back_waits", extra={"error": type(error).__name__})
                await asyncio.sleep(_LOOK_SECONDS)

    async def _follow(self, consumer: AIOKafkaConsumer) -> None:
        topics = {topic: await partitions_of(consumer, topic) for topic in self._spec.own_topics}
        reading: dict[TopicPartition, _Following] = {}
        while True:
            speaking = [lane for lane in self._lanes.values() if lane.running and lane.speaking]
            wanted = {source: lane for lane in speaking for source in self._of(lane, topics)}
            if wanted != {source: following.lane for source, following in reading.items()}:
                reading = await self._begin(consumer, wanted)
            if not reading:
                await asyncio.sleep(_LOOK_SECONDS)
                continue
            try:
                await _turn(consumer, reading)
            except _LaneStopped:
                reading = {}

    def _of(self, lane: Lane, topics: Mapping[str, list[TopicPartition]]) -> list[TopicPartition]:
        """Return what belongs to a lane: its own partition where files lie as the log does."""
        return [
            source
            for topic, partitions in topics.items()
            for source in partitions
            if topic != self._spec.restore_topic or source.partition == lane.partition
        ]

    async def _begin(
        self, consumer: AIOKafkaConsumer, wanted: Mapping[TopicPartition, Lane]
    ) -> dict[TopicPartition, _Following]:
        # An empty assignment too: nothing must come of partitions that were given away.
        consumer.assign(list(wanted))
        if not wanted:
            return {}
        begins = await consumer.beginning_offsets(list(wanted))
        ends = await consumer.end_offsets(list(wanted))
        reading = {}
        for source, lane in wanted.items():
            if not lane.running or lane.store is None:
                continue
            position = lane.store.read_back_to(source.topic, source.partition)
            if position is None or not begins[source] <= position <= ends[source]:
                position = begins[source]
            consumer.seek(source, position)
            reading[source] = _Following(self._settings, source, lane, lane.store, position)
        return reading


async def _turn(consumer: AIOKafkaConsumer, reading: Mapping[TopicPartition, _Following]) -> None:
    polled = await consumer.getmany(timeout_ms=int(_LOOK_SECONDS * 1000))
    for source, chunks in polled.items():
        if source not in reading:  # what was read before partitions were given away
            continue
        batch = record_batches.merged(chunks)
        for begin in range(0, len(batch.records), _COMPARED_AT_A_TIME):
            reading[source].compare(batch.records[begin : begin + _COMPARED_AT_A_TIME])
            await asyncio.sleep(0)
    for source, following in reading.items():
        position = await consumer.position(source)
        await following.settle(
            position, consumer, at_end=position >= (consumer.highwater(source) or 0)
        )


class _Following:
    """One partition of an own topic, as far as it was compared with its lane's state."""

    def __init__(
        self,
        settings: RuntimeSettings,
        source: TopicPartition,
        lane: Lane,
        store: PartitionStore,
        position: int,
    ) -> None:
        self.lane = lane
        self._settings = settings
        self._source = source
        self._store = store
        self._kept = position
        # At most one for each key of the partition.
        self._suspects: dict[bytes, _Suspect] = {}
        self._tried: dict[bytes, _Suspect] = {}
        self._verdict_at = -1
        """Up to where must be read before the suspects that are tried are known to be guilty."""

    def compare(self, records: Sequence[Record]) -> None:
        """Note what is older than the state, and acquit what the newer has come for."""
        self._require_lane()
        suspects = self._suspects
        for record in records:
            if record.key is None:
                continue
            versions = self.lane.fold.versions(self._source.topic, record)
            if versions is None:
                continue
            suspect = suspects.get(record.key)
            if suspect is not None and versions.written >= suspect.needed:
                del suspects[record.key]
            elif suspect is None and versions.written < versions.known:
                suspects[record.key] = _Suspect(versions.known, record.offset)

    async def settle(self, position: int, consumer: AIOKafkaConsumer, *, at_end: bool) -> None:
        """Try what is suspect once the end is reached, and keep the position."""
        if self._tried and position >= self._verdict_at:
            await self._say_again()
        if at_end and self._suspects and not self._tried:
            tried = dict(self._suspects)
            await self._in_turn([])
            self._verdict_at = (await consumer.end_offsets([self._source]))[self._source]
            self._tried = tried
        kept = min((suspect.offset for suspect in self._suspects.values()), default=position)
        self._require_lane()
        if kept != self._kept:
            self._store.note_read_back(self._source.topic, self._source.partition, kept)
            self._kept = kept

    async def _say_again(self) -> None:
        tried, self._tried = self._tried, {}
        guilty = [key for key, suspect in tried.items() if self._suspects.get(key) == suspect]
        if not guilty:
            return
        topic, partition = self._source
        extra = {"topic": topic, "partition": partition, "records": len(guilty)}
        log.warning("said_again", extra=extra)
        await self._in_turn(guilty)
        self._settings.metrics.count("said_again", (topic,), len(guilty))
        for key in guilty:
            del self._suspects[key]

    async def _in_turn(self, keys: list[bytes]) -> None:
        if not await self.lane.say_again(self._source.topic, keys):
            raise _LaneStopped

    def _require_lane(self) -> None:
        if not self.lane.running:
            raise _LaneStopped
