"""Writing and reading a topic in tests, and what must come out of the counting worker."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

KEYS = 97


def produce(bootstrap: str, topic: str, begin: int, end: int, pause: float = 0.0) -> None:
    """Write the numbers ``begin`` to below ``end``, each to the key that is its remainder."""

    async def run() -> None:
        producer = AIOKafkaProducer(bootstrap_servers=bootstrap, linger_ms=2)
        await producer.start()
        try:
            waits = []
            for number in range(begin, end):
                waits.append(
                    await producer.send(topic, b"%d" % number, key=b"k%d" % (number % KEYS))
                )
                if pause and number % 100 == 0:
                    await asyncio.sleep(pause)
            await asyncio.gather(*waits)
        finally:
            await producer.stop()

    asyncio.run(run())


def read(
    bootstrap: str, topic: str, until: Callable[[list[Any]], bool], seconds: float
) -> list[Any]:
    """Return the records of a topic, once they satisfy ``until`` or the time is over."""

    async def run() -> list[Any]:
        consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, fetch_max_wait_ms=100)
        await consumer.start()
        found: list[Any] = []
        deadline = time.monotonic() + seconds
        try:
            partitions = await _partitions(consumer, topic)
            consumer.assign(partitions)
            await consumer.seek_to_beginning()
            while time.monotonic() < deadline and not until(found):
                for records in (await consumer.getmany(timeout_ms=200)).values():
                    found.extend(records)
            return found
        finally:
            await consumer.stop()

    return asyncio.run(run())


async def _partitions(consumer: AIOKafkaConsumer, topic: str) -> list[TopicPartition]:
    await consumer._client._wait_on_metadata(topic)
    return [TopicPartition(topic, p) for p in consumer.partitions_for_topic(topic)]


def expected_sums(end: int) -> dict[str, int]:
    """Return the sum of each key for the numbers below ``end``."""
    sums: Counter[str] = Counter()
    for number in range(end):
        sums[f"k{number % KEYS}"] += number
    return dict(sums)


def distinct(records: list[Any]) -> dict[tuple[int, int], int]:
    """Return the sum said for each (partition, offset); two different ones are an error."""
    said: dict[tuple[int, int], int] = {}
    for record in records:
        value = json.loads(record.value)
        origin = value["partition"], value["offset"]
        assert said.setdefault(origin, value["sum"]) == value["sum"]
    return said


def check_exact(bootstrap: str, prefix: str, count: int, seconds: float = 60) -> int:
    """Assert that every input has its output and the last sums are right; return raw outputs."""
    records = read(bootstrap, prefix + "sums", lambda r: len(distinct(r)) >= count, seconds)
    assert len(distinct(records)) == count
    highest: Counter[str] = Counter()
    for record in records:
        key = record.key.decode()
        highest[key] = max(highest[key], json.loads(record.value)["sum"])
    assert dict(highest) == expected_sums(count)
    return len(records)


def group_lag(bootstrap: str, group: str, topic: str) -> int | None:
    """Return the group's lag, None while a partition has no offset."""

    async def run() -> int | None:
        consumer = AIOKafkaConsumer(
            bootstrap_servers=bootstrap, group_id=group, enable_auto_commit=False
        )
        await consumer.start()
        try:
            lag = 0
            partitions = await _partitions(consumer, topic)
            consumer.assign(partitions)
            ends = await consumer.end_offsets(partitions)
            for partition in partitions:
                committed = await consumer.committed(partition)
                if committed is None:
                    return None
                lag += ends[partition] - committed
            return lag
        finally:
            await consumer.stop()

    return asyncio.run(run())


def wait_for(condition: Callable[[], bool], seconds: float = 20) -> None:
    """Wait until a condition holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "this did not happen in time"
        time.sleep(0.2)


def produce_values(bootstrap: str, topic: str, values: list[bytes]) -> None:
    """Write values one after the other, all to one key."""

    async def run() -> None:
        producer = AIOKafkaProducer(bootstrap_servers=bootstrap)
        await producer.start()
        try:
            for value in values:
                await producer.send_and_wait(topic, value, key=b"k0")
        finally:
            await producer.stop()

    asyncio.run(run())
