"""Follows pointers: a fold is handed what a record of its log points at, in the record's place."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Mapping
from time import monotonic
from typing import Any, Self

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError

from agents.runtime.batch_reader import partitions_of
from agents.runtime.record_batches import RecordBatch
from pipeline.contracts.pointers import POINTER_KEY, pointed_at
from pipeline.fold import LogRecord, Record

log = logging.getLogger("freezeline")

_RETRY_SECONDS = 1.0
_READ_SECONDS = 10.0
HIDDEN_SECONDS = 60.0
"""How long a record that Kafka has acknowledged may not be seen yet: a new leader shows one when
its followers are known to have it too, or are given up (after 30 s, replica.lag.time.max.ms)."""
_LOOK_SECONDS = 0.2


class PointerReader:
    """Reads what is pointed at in one topic. Pointers into other topics are left as they are."""

    def __init__(self, topic: str, client: Mapping[str, Any]) -> None:
        self._topic = topic
        self._client = client
        self._consumer: AIOKafkaConsumer | None = None
        self._partitions: list[TopicPartition] = []
        self._end = 0
        self._waited_at = -1
        """Where the topic ended when something beyond was waited for in vain."""
        self._next: tuple[TopicPartition, int] | None = None
        self._reading = asyncio.Lock()

    @classmethod
    def of(cls, topic: str | None, client: Mapping[str, Any]) -> Self | None:
        """Return a reader of ``topic``, None where a log has no pointers into any."""
        return cls(topic, client) if topic is not None else None

    async def resolved(self, batch: RecordBatch) -> RecordBatch:
        """Return a batch with what its pointers point at in their places.

        A broker that does not answer is asked again, and what it does not show yet is waited for
        (`HIDDEN_SECONDS`). A pointer at nothing stays a record of the log, which the fold refuses.
        """
        if not any(record.key == POINTER_KEY for record in batch.records):
            return batch
        async with self._reading:
            records = [await self._resolved(record) for record in batch.records]
        return batch._replace(records=records)

    async def close(self) -> None:
        """Let go of the broker."""
        consumer, self._consumer = self._consumer, None
        self._end, self._next = 0, None
        if consumer is not None:
            with contextlib.suppress(KafkaError, OSError):
                await consumer.stop()

    async def _resolved(self, record: Record) -> Record:
        pointed = pointed_at(record)
        if pointed is None or pointed.topic != self._topic:
            return record
        source = TopicPartition(pointed.topic, pointed.partition)
        while True:
            try:
                found = await self._read(source, pointed.offset)
            except (KafkaError, OSError, TimeoutError) as error:
                log.warning("pointer_waits", extra={"error": type(error).__name__})
                await self.close()
                await asyncio.sleep(_RETRY_SECONDS)
                continue
            if found is None:
                log.error("pointer_at_nothing", extra={"offset": record.offset})
                return record
            return LogRecord(
                record.offset,
                found.timestamp,
                found.key,
                found.value,
                found.headers,
                pointed.topic,
            )

    async def _read(self, source: TopicPartition, offset: int) -> ConsumerRecord | None:
        consumer = await self._connected()
        if source not in self._partitions or offset < 0:
            return None
        if offset >= self._end and not await self._comes(consumer, source, offset):
            return None
        # In a rebuild one is read after the other: what was fetched with the last is still there.
        if (source, offset) != self._next:
            consumer.assign([source])
            consumer.seek(source, offset)
        self._next = None
        async with asyncio.timeout(_READ_SECONDS):
            found = await consumer.getone(source)
        self._next = source, found.offset + 1
        return found if found.offset == offset else None

    async def _comes(self, consumer: AIOKafkaConsumer, source: TopicPartition, offset: int) -> bool:
        """Wait for a record that is not there yet, but once only where the topic ends."""
        deadline = monotonic() + HIDDEN_SECONDS
        while True:
            self._end = (await consumer.end_offsets([source]))[source]
            if offset < self._end:
                return True
            if monotonic() >= deadline:
                self._waited_at = self._end
            if self._end == self._waited_at:
                return False
            await asyncio.sleep(_LOOK_SECONDS)

    async def _connected(self) -> AIOKafkaConsumer:
        if self._consumer is None:
            consumer = AIOKafkaConsumer(
                **self._client,
                enable_auto_commit=False,
                auto_offset_reset="earliest",
                isolation_level="read_committed",
            )
            self._consumer = consumer
            await consumer.start()
            self._partitions = await partitions_of(consumer, self._topic)
        return self._consumer
