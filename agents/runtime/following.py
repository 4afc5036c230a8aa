"""Folding behind the group: what is below a limit is handed to lanes that do not speak."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from aiokafka import AIOKafkaConsumer, TopicPartition

from agents.runtime.lanes import Lane
from agents.runtime.record_batches import RecordBatch, merged

SILENT = 2**63 - 1
"""For `Lane.start`: it never speaks."""
_POLL_SECONDS = 1.0
_ROOM_SECONDS = 0.02


async def read_up_to(
    limits: Mapping[TopicPartition, int],
    consumer: AIOKafkaConsumer,
    reading: Mapping[TopicPartition, Lane],
    positions: dict[TopicPartition, int],
) -> bool:
    """Hand some of what is below the limits to the lanes; return False when there is nothing.

    ``positions`` are where the consumer reads on, and are kept.
    """
    behind = [source for source, limit in limits.items() if positions[source] < limit]
    if not behind:
        return False
    with_room = [source for source in behind if not reading[source].full]
    if not with_room:
        await asyncio.sleep(_ROOM_SECONDS)
        return True
    polled = await consumer.getmany(*with_room, timeout_ms=int(_POLL_SECONDS * 1000))
    for source, chunks in polled.items():
        batch, limit = merged(chunks), limits[source]
        if batch.stop > limit:
            records = [record for record in batch.records if record.offset < limit]
            batch = RecordBatch(batch.start, limit, records)
            consumer.seek(source, limit)
        lane = reading[source]
        again = lane.submit(batch) if lane.running else None
        if again is not None:
            consumer.seek(source, again)
        positions[source] = batch.stop if again is None else again
    return True
