"""Coming back without a disk: read the worker's own compacted topic into an empty store."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Any

from aiokafka import TopicPartition

from agents.runtime import record_batches
from agents.runtime.batch_reader import batch_reader
from agents.runtime.lanes import Lane
from agents.runtime.worker_spec import RuntimeSettings

log = logging.getLogger("freezeline")


async def restore(
    worker: str,
    lane: Lane,
    topic: str,
    settings: RuntimeSettings,
    client: Mapping[str, Any],
    position: int,
    is_ours: Callable[[bytes], bool],
) -> int:
    """Hand all records of ``topic`` in the lane's partition to its fold; return how many.

    Keys that are not ours are left out: their accounts have moved to another partition.

    The store counts as rebuilt only with the last write, which also gives it ``position``, where
    the log begins; a rebuild that was cut short is begun anew. What was erased, but still stood
    in the topic, is not left in the store's files.
    """
    store = lane.store
    if store is None:
        raise ValueError("only a stateful lane can be restored")
    source = TopicPartition(topic, lane.partition)
    taken, erased = 0, False
    async with batch_reader(settings, client, hurry=True) as consumer:
        consumer.assign([source])
        await consumer.seek_to_beginning(source)
        end = (await consumer.end_offsets([source]))[source]
        while await consumer.position(source) < end:
            polled = await consumer.getmany(source, timeout_ms=1_000)
            lane.note_progress()
            chunks = polled.get(source)
            if not chunks:
                continue
            records = [
                record
                for record in record_batches.merged(chunks).records
                if record.key is None or is_ours(record.key)
            ]
            if records:
                erased |= lane.fold.restore(records)
                store.persist(store.take_changes(), None, logged=False)
            taken += len(records)
            settings.metrics.count("restored_records", (worker, topic), len(records))
    if erased:
        lane.note_progress()
        await asyncio.to_thread(store.scrub)
    store.persist(store.take_changes(), position, logged=False)
    return taken
