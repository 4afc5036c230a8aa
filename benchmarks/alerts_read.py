"""Reads the freeze alerts as a bank would, and counts what was to be expected."""

from __future__ import annotations

from collections.abc import AsyncIterator

import orjson
from aiokafka import AIOKafkaConsumer, TopicPartition

from pipeline.contracts.alerts import AlertKind
from pipeline.topics import FREEZE_ALERTS


async def alerts_about(bootstrap: str, payments: set[str]) -> int:
    """Count the alerts that the payments, each to an account with a case, must have led to.

    For each payment these are two: a hold at the payee's bank, and the word to the payer's bank
    that its customer still pays a suspect. An alert counts once, whatever its versions.
    """
    asked = {AlertKind.HOLD.value, AlertKind.VICTIM_STILL_PAYING.value}
    seen: set[str] = set()
    async for value in _everything(bootstrap):
        alert = orjson.loads(value)
        if alert["origin"] in payments and alert["kind"] in asked:
            seen.add(alert["alert_id"])
    return len(seen)


async def alert_count(bootstrap: str) -> int:
    """Count the alerts that there are, by id."""
    return len({orjson.loads(v)["alert_id"] async for v in _everything(bootstrap)})


async def alert_records(bootstrap: str) -> int:
    """Count the records of the topic, repeats included."""
    return len([value async for value in _everything(bootstrap)])


async def _everything(bootstrap: str) -> AsyncIterator[bytes]:
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap)
    await consumer.start()
    try:
        await consumer._client._wait_on_metadata(FREEZE_ALERTS)
        found = sorted(consumer.partitions_for_topic(FREEZE_ALERTS) or ())
        partitions = [TopicPartition(FREEZE_ALERTS, partition) for partition in found]
        consumer.assign(partitions)
        await consumer.seek_to_beginning()
        ends = await consumer.end_offsets(partitions)
        left = {partition for partition in partitions if ends[partition]}
        while left:
            for partition, records in (await consumer.getmany(timeout_ms=1000)).items():
                for record in records:
                    yield record.value
                if records[-1].offset + 1 >= ends[partition]:
                    left.discard(partition)
    finally:
        await consumer.stop()
