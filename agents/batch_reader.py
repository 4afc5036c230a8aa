"""Reading topics by whole record batches, outside the group: no position is kept in Kafka."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition

from agents import record_batches
from agents.worker_spec import RuntimeSettings


@asynccontextmanager
async def batch_reader(
    settings: RuntimeSettings, client: Mapping[str, Any], *, hurry: bool
) -> AsyncIterator[AIOKafkaConsumer]:
    """Give a started consumer to assign partitions to; ``getmany`` gives record batches.

    Without ``hurry`` the broker may wait a second to answer with more at a time.
    """
    consumer = AIOKafkaConsumer(
        **client,
        enable_auto_commit=False,
        isolation_level="read_committed",
        fetch_max_wait_ms=settings.fetch_max_wait_ms if hurry else 1_000,
        fetch_min_bytes=1 if hurry else 64 * 1024,
        max_partition_fetch_bytes=settings.fetch_max_bytes,
        max_poll_records=settings.max_poll_record_batches,
    )
    await consumer.start()
    try:
        record_batches.install(consumer)
        yield consumer
    finally:
        await consumer.stop()


async def partitions_of(consumer: AIOKafkaConsumer, topic: str) -> list[TopicPartition]:
    """Return a topic's partitions, in order."""
    await consumer._client._wait_on_metadata(topic)
    return sorted(TopicPartition(topic, p) for p in consumer.partitions_for_topic(topic) or ())
