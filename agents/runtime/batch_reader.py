"""Reading topics by whole record batches, outside the group: no position is kept in Kafka."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from agents.runtime import record_batches
from agents.runtime.worker_spec import RuntimeSettings


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
        fetch_min_bytes=1 if hurry else _AT_A_TIME_BYTES,
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


async def cluster_id(client: Mapping[str, Any]) -> str:
    """Return which Kafka it is that answers."""
    admin = AIOKafkaAdminClient(**client)
    try:
        await admin.start()
        return str((await admin.describe_cluster())["cluster_id"])
    finally:
        await admin.close()


async def partitions_now(consumer: AIOKafkaConsumer, topic: str) -> int:
    """Return how many partitions a topic has now, whatever the consumer knew until now.

    Raises TimeoutError when Kafka does not say so soon.
    """
    client = consumer._client
    async with asyncio.timeout(_METADATA_SECONDS):
        while True:
            await client.add_topic(topic)
            if await client.force_metadata_update():
                found = client.cluster.partitions_for_topic(topic)
                if found:
                    return len(found)
            await asyncio.sleep(_ASK_AGAIN_SECONDS)


_AT_A_TIME_BYTES = 1024 * 1024
"""What is worth a look where nobody waits: some hundreds of account files. A busy second brings
many times as much, and each look costs the same, and is taken from those who do wait."""
_METADATA_SECONDS = 5.0
_ASK_AGAIN_SECONDS = 0.1
