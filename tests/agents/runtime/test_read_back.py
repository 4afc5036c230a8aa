"""What a former owner overwrote in a compacted topic is said again, on a real Kafka."""

from __future__ import annotations

import asyncio
import json
import shutil
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer

from agents.runtime.fail_points import Moment
from tests.agents.kafka_records import check_exact, produce, read, wait_for

COUNT = 2_000


def files_of(bootstrap: str, prefix: str, key: bytes) -> list[Any]:
    """All versions of a key's file in the order of the topic."""
    records = read(bootstrap, prefix + "files", lambda _: False, 2)
    return [record for record in records if record.key == key]


def version(record: Any) -> int:
    return json.loads(record.value)["seen"]


def overwrite_as_a_zombie_would(bootstrap: str, prefix: str, key: bytes) -> int:
    """Write the first version of a key's file behind the newest; return the newest's version."""
    files = files_of(bootstrap, prefix, key)
    oldest, newest = min(files, key=version), max(files, key=version)
    assert version(oldest) < version(newest)

    async def run() -> None:
        producer = AIOKafkaProducer(bootstrap_servers=bootstrap)
        await producer.start()
        try:
            topic, partition = prefix + "files", oldest.partition
            await producer.send_and_wait(topic, oldest.value, key, partition)
        finally:
            await producer.stop()

    asyncio.run(run())
    return version(newest)


def is_last(bootstrap: str, prefix: str, key: bytes, newest: int) -> bool:
    return version(files_of(bootstrap, prefix, key)[-1]) == newest


@pytest.fixture
def filed(bootstrap, prefix, make_topics, worker):
    """A filing worker that has filed several versions of every key."""
    make_topics(2, prefix + "in", prefix + "sums", prefix + "files")
    one = worker("filing", fold="100").start()
    produce(bootstrap, prefix + "in", 0, COUNT)
    check_exact(bootstrap, prefix, COUNT)
    return one


@pytest.mark.timeout(120)
def test_the_owner_says_again_what_a_zombie_overwrites(bootstrap, prefix, filed) -> None:
    newest = overwrite_as_a_zombie_would(bootstrap, prefix, b"k3")
    wait_for(lambda: is_last(bootstrap, prefix, b"k3", newest))
    assert filed.stop() == 0


@pytest.mark.timeout(120)
def test_what_was_overwritten_before_the_disk_was_lost_is_said_again(
    bootstrap, prefix, filed
) -> None:
    assert filed.stop() == 0
    newest = overwrite_as_a_zombie_would(bootstrap, prefix, b"k3")
    shutil.rmtree(filed.state)
    filed.start()
    wait_for(lambda: is_last(bootstrap, prefix, b"k3", newest))
    produce(bootstrap, prefix + "in", COUNT, COUNT + 500)
    check_exact(bootstrap, prefix, COUNT + 500)
    assert filed.stop() == 0


@pytest.mark.timeout(120)
def test_a_quiet_topic_is_not_read_twice(bootstrap, prefix, filed) -> None:
    before = len(files_of(bootstrap, prefix, b"k3"))
    assert filed.stop() == 0
    filed.start()
    produce(bootstrap, prefix + "in", COUNT, COUNT + 97)
    check_exact(bootstrap, prefix, COUNT + 97)
    assert filed.stop() == 0
    assert len(files_of(bootstrap, prefix, b"k3")) == before + 1
    assert "said_again" not in filed.log.read_text()


@pytest.mark.timeout(120)
def test_a_crash_at_any_moment_of_a_slice_loses_nothing(
    bootstrap, prefix, make_topics, worker
) -> None:
    make_topics(2, prefix + "in", prefix + "sums", prefix + "files")
    for part, moment in enumerate(Moment):
        produce(bootstrap, prefix + "in", part * COUNT, (part + 1) * COUNT)
        dying = worker("filing", "one", instance="one", fold="100", fail=f"{moment}:5").start()
        assert dying.process.wait(30) == -9
    worker("filing", "one", instance="one", fold="100").start()
    check_exact(bootstrap, prefix, COUNT * len(Moment))
