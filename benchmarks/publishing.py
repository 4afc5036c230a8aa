"""Publishes what a benchmark needs in advance, in batches as a busy bank's producer makes them."""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from typing import Any

from aiokafka import AIOKafkaProducer

BATCH_BYTES = 256 * 1024
"""A batch of a backlog: about a thousand payments."""
MOST_IN_FLIGHT = 16
"""Batches that wait for their acknowledgement."""


async def publish(bootstrap: str, topic: str, records: Iterable[tuple[int, bytes]]) -> int:
    """Send (partition, value) records in order, acknowledged; return how many there were."""
    producer = AIOKafkaProducer(
        bootstrap_servers=bootstrap,
        acks="all",
        max_batch_size=2 * BATCH_BYTES,
        max_request_size=4 * BATCH_BYTES,
    )
    await producer.start()
    count = 0
    batches: dict[int, Any] = {}
    waiting: list[Any] = []
    try:
        for partition, value in records:
            count += 1
            builder = batches.get(partition)
            if builder is None:
                builder = batches[partition] = producer.create_batch()
            builder.append(key=None, value=value, timestamp=None)
            if builder.size() >= BATCH_BYTES:
                del batches[partition]
                waiting.append(await producer.send_batch(builder, topic, partition=partition))
                if len(waiting) >= MOST_IN_FLIGHT:
                    await waiting.pop(0)
        for partition, builder in batches.items():
            waiting.append(await producer.send_batch(builder, topic, partition=partition))
        for acknowledgement in waiting:
            await acknowledgement
    finally:
        await producer.stop()
    return count


def spread(key: str, partitions: int) -> int:
    """Return the partition of a key, evenly spread."""
    return zlib.crc32(key.encode()) % partitions
