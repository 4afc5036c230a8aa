"""A rebuild in a process of its own, on a real Kafka: exact, silent, gone with its worker."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import time
from collections import Counter

import psutil
import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from kafka import KafkaConsumer

from tests.agents.kafka_records import (
    check_exact,
    expected_sums,
    group_lag,
    produce,
    produce_values,
    read,
    wait_for,
)

RECORDS = 4_000
APART = {"apart": "100", "fold": "50"}
SLOW = {"slow": "0.3"}


def children(process) -> list[int]:
    """Return the ids of the processes that a worker has started."""
    return [child.pid for child in psutil.Process(process.pid).children()]


def answer_all(bootstrap: str, prefix: str, *ends: int) -> None:
    """Let the group have answered the partitions up to these offsets."""

    async def commit() -> None:
        consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, group_id=prefix + "counter")
        await consumer.start()
        offsets = {TopicPartition(prefix + "in", p): end for p, end in enumerate(ends)}
        consumer.assign(list(offsets))
        await consumer.commit(offsets)
        await consumer.stop()

    asyncio.run(commit())


def ends_of(bootstrap: str, topic: str) -> list[int]:
    consumer = KafkaConsumer(bootstrap_servers=bootstrap)
    partitions = [TopicPartition(topic, p) for p in sorted(consumer.partitions_for_topic(topic))]
    ends = consumer.end_offsets(partitions)
    consumer.close()
    return [ends[partition] for partition in partitions]


def check_rebuilt(bootstrap: str, prefix: str) -> None:
    """Assert that new records, and they alone, are answered, with all that was before in them."""
    produce(bootstrap, prefix + "in", RECORDS, RECORDS + 500)
    records = read(bootstrap, prefix + "sums", lambda said: len(said) >= 500, 60)
    assert len(records) == 500
    highest = Counter[str]()
    for record in records:
        key = record.key.decode()
        highest[key] = max(highest[key], json.loads(record.value)["sum"])
    expected = expected_sums(RECORDS + 500)
    assert highest == {key: expected[key] for key in highest}


@pytest.fixture
def answered(bootstrap, prefix, make_topics) -> None:
    """Records that the group has answered, before anybody's state was lost."""
    make_topics(4, prefix + "in", prefix + "sums")
    produce(bootstrap, prefix + "in", 0, RECORDS)
    answer_all(bootstrap, prefix, *ends_of(bootstrap, prefix + "in"))


@pytest.fixture
def rebuilding(answered, worker):
    """The same worker while other processes rebuild its store, slowly; and their ids."""

    def start():
        one = worker("counting", **APART, **SLOW).start()
        one.wait_for_log("rebuilding_apart")
        wait_for(lambda: len(children(one.process)) == 2)
        # They have opened their stores, and fold.
        wait_for(lambda: len(list(one.state.glob("counter/*/LOCK"))) == 4)
        time.sleep(1)
        return one, children(one.process)

    return start


def test_it_is_exact_and_silent(answered, worker, bootstrap, prefix) -> None:
    one = worker("counting", **APART).start()
    check_rebuilt(bootstrap, prefix)
    log = one.log.read_text()
    assert log.count("rebuilding_apart") == 4
    assert "store_rebuild" not in log
    assert children(one.process) == []
    assert one.stop() == 0


def test_it_restores_from_the_compacted_topic(bootstrap, prefix, make_topics, worker) -> None:
    make_topics(4, prefix + "in", prefix + "sums", prefix + "files")
    produce(bootstrap, prefix + "in", 0, RECORDS)
    one = worker("filing").start()
    check_exact(bootstrap, prefix, RECORDS)
    wait_for(lambda: group_lag(bootstrap, prefix + "counter", prefix + "in") == 0)
    assert one.stop() == 0
    shutil.rmtree(one.state)
    one.log.unlink()
    one = worker("filing", **APART).start()
    produce(bootstrap, prefix + "in", RECORDS, RECORDS + 500)
    assert check_exact(bootstrap, prefix, RECORDS + 500) == RECORDS + 500
    log = one.log.read_text()
    assert log.count("rebuilding_apart") == log.count("state_restored") == 4


@pytest.mark.parametrize(
    "settings", [{"apart": "5000"}, {**APART, "processes": "0"}], ids=["too little", "switched off"]
)
def test_it_is_done_in_the_worker_itself_where(
    settings, answered, worker, bootstrap, prefix
) -> None:
    one = worker("counting", **settings).start()
    check_rebuilt(bootstrap, prefix)
    assert "rebuilding_apart" not in one.log.read_text()


def test_other_partitions_are_answered_meanwhile(answered, worker, bootstrap, prefix) -> None:
    one = worker("counting").start()
    check_rebuilt(bootstrap, prefix)
    wait_for(lambda: group_lag(bootstrap, prefix + "counter", prefix + "in") == 0)
    assert one.stop() == 0
    shutil.rmtree(one.state / "counter" / f"{prefix}in-0")
    one = worker("counting", **APART, slow="1").start()
    one.wait_for_log("rebuilding_apart")
    produce(bootstrap, prefix + "in", RECORDS + 500, RECORDS + 600)

    def spoken(records) -> set[int]:
        """Return the partitions whose new records are answered."""
        return {json.loads(record.value)["partition"] for record in records[500:]}

    said = read(bootstrap, prefix + "sums", lambda records: len(spoken(records)) == 3, 60)
    assert spoken(said) == {1, 2, 3}
    assert len(children(one.process)) == 1


def test_it_ends_with_a_worker_that_is_killed(rebuilding, worker, bootstrap, prefix) -> None:
    one, processes = rebuilding()
    one.kill()
    wait_for(lambda: not any(map(psutil.pid_exists, processes)))
    worker("counting", **APART).start()
    check_rebuilt(bootstrap, prefix)


def test_a_worker_that_stops_ends_it_in_order_and_goes_on_from_there(
    rebuilding, worker, bootstrap, prefix
) -> None:
    one, processes = rebuilding()
    assert one.stop() == 0
    assert not any(map(psutil.pid_exists, processes))
    worker("counting", **APART).start()
    check_rebuilt(bootstrap, prefix)
    assert "store_rebuild" not in one.log.read_text()  # nothing was begun anew


def test_a_worker_whose_rebuild_is_killed_stops_and_comes_back(
    rebuilding, worker, bootstrap, prefix
) -> None:
    one, processes = rebuilding()
    os.kill(processes[0], signal.SIGKILL)
    assert one.process.wait(10) == 1
    assert "rebuild_failed" in one.log.read_text()
    wait_for(lambda: not any(map(psutil.pid_exists, processes)))
    worker("counting", **APART).start()
    check_rebuilt(bootstrap, prefix)


def test_what_a_rebuild_that_is_told_to_end_leaves_the_worker_folds_itself(
    rebuilding, bootstrap, prefix
) -> None:
    one, processes = rebuilding()
    for process in processes:
        os.kill(process, signal.SIGTERM)
    check_rebuilt(bootstrap, prefix)
    assert "rebuild_failed" not in one.log.read_text()
    assert one.stop() == 0


def test_a_worker_whose_rebuild_finds_a_full_disk_stops_and_says_so(
    answered, make_topics, worker, bootstrap, prefix
) -> None:
    make_topics(4, prefix + "files")
    produce(bootstrap, prefix + "files", 0, 100)
    one = worker("filing", **APART, full="1").start()
    assert one.process.wait(30) == 73
    log = one.log.read_text()
    assert "rebuilding_apart" in log
    assert "store_unusable" in log


def test_a_worker_whose_rebuild_raises_stops_by_the_same_code(
    bootstrap, prefix, make_topics, worker
) -> None:
    make_topics(1, prefix + "in", prefix + "sums")
    produce_values(bootstrap, prefix + "in", [b"1"] * 150 + [b"raise"])

    answer_all(bootstrap, prefix, 151)
    one = worker("counting", **APART).start()
    assert one.process.wait(30) == 70
    log = one.log.read_text()
    assert "fold_raised" in log
    assert "rebuild_failed" in log
    assert "secret-value" not in log
