"""Coming back without a disk: read the worker's own compacted topic into an empty store."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from typing import Any

from aiokafka import TopicPartition
from faust.types import TP

from agents.runtime import record_batches
from agents.runtime.batch_reader import batch_reader
from agents.runtime.lane_opening import LaneOpener, ids
from agents.runtime.lanes import Lane
from agents.runtime.worker_spec import RuntimeSettings, WorkerSpec

log = logging.getLogger("freezeline")


async def restore(
    spec: WorkerSpec,
    lane: Lane,
    settings: RuntimeSettings,
    client: Mapping[str, Any],
    position: int,
    opener: LaneOpener,
) -> None:
    """Hand all records of the worker's compacted topic in the lane's partition to its fold.

    Keys that are not ours are left out: their accounts have moved to another partition.

    The store counts as rebuilt only with the last write, which also gives it ``position``, where
    the log begins; a rebuild that was cut short is begun anew. What was erased, but still stood
    in the topic, is not left in the store's files.
    """
    store, topic = lane.store, spec.restore_topic
    if store is None or topic is None:
        raise ValueError("only a stateful lane with a compacted topic can be restored")
    partition = TP(lane.topic, lane.partition)
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
                if record.key is None or opener.owns(partition, record.key)
            ]
            if records:
                erased |= lane.fold.restore(records)
                store.persist(store.take_changes(), None, logged=False)
            taken += len(records)
            settings.metrics.count("restored_records", (spec.name, topic), len(records))
    if erased:
        lane.note_progress()
        await asyncio.to_thread(store.scrub)
    store.persist(store.take_changes(), position, logged=False)
    log.info("state_restored", extra={**ids(partition), "records": taken})
