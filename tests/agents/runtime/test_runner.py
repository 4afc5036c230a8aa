"""The rule of state on a real Kafka: nothing lost, nothing wrong, through crashes and moves."""

from __future__ import annotations

import shutil
import time

import pytest

from tests.agents.kafka_records import check_exact, group_lag, produce, wait_for


def test_main_path_is_exact_and_stops_gracefully(bootstrap, prefix, make_topics, worker) -> None:
    make_topics(4, prefix + "in", prefix + "sums")
    produce(bootstrap, prefix + "in", 0, 10_000)
    one = worker("counting").start()
    assert check_exact(bootstrap, prefix, 10_000) == 10_000
    wait_for(lambda: group_lag(bootstrap, prefix + "counter", prefix + "in") == 0)
    began = time.monotonic()
    assert one.stop() == 0
    assert time.monotonic() - began < 5
    assert "Traceback" not in one.log.read_text()
    one.start()  # goes on from its own position: nothing is said twice
    produce(bootstrap, prefix + "in", 10_000, 11_000)
    assert check_exact(bootstrap, prefix, 11_000) == 11_000


def test_killed_worker_goes_on_from_its_own_position(
    bootstrap, prefix, make_topics, worker
) -> None:
    make_topics(4, prefix + "in", prefix + "sums")
    one = worker("counting", instance="one").start()
    for part in range(4):
        produce(bootstrap, prefix + "in", part * 5_000, (part + 1) * 5_000)
        one.kill()
        one.start()
    check_exact(bootstrap, prefix, 20_000)


def test_deleted_disk_is_rebuilt_silently(bootstrap, prefix, make_topics, worker) -> None:
    make_topics(4, prefix + "in", prefix + "sums")
    produce(bootstrap, prefix + "in", 0, 5_000)
    one = worker("counting").start()
    check_exact(bootstrap, prefix, 5_000)
    assert one.stop() == 0
    shutil.rmtree(one.state)
    one.start()
    produce(bootstrap, prefix + "in", 5_000, 6_000)
    assert check_exact(bootstrap, prefix, 6_000) == 6_000


def test_deleted_disk_is_restored_from_the_compacted_topic(
    bootstrap, prefix, make_topics, worker
) -> None:
    make_topics(4, prefix + "in", prefix + "sums", prefix + "files")
    produce(bootstrap, prefix + "in", 0, 5_000)
    one = worker("filing").start()
    check_exact(bootstrap, prefix, 5_000)
    assert one.stop() == 0
    shutil.rmtree(one.state)
    one.start()
    produce(bootstrap, prefix + "in", 5_000, 6_000)
    assert check_exact(bootstrap, prefix, 6_000) == 6_000
    assert "state_restored" in one.log.read_text()


@pytest.mark.timeout(120)
def test_two_workers_share_and_take_over(bootstrap, prefix, make_topics, worker) -> None:
    make_topics(4, prefix + "in", prefix + "sums")
    one = worker("counting", "one").start()
    produce(bootstrap, prefix + "in", 0, 5_000)
    one.wait_for_log("assigned")
    two = worker("counting", "two").start()
    two.wait_for_log("assigned")
    produce(bootstrap, prefix + "in", 5_000, 15_000, pause=0.05)
    one.kill()
    produce(bootstrap, prefix + "in", 15_000, 20_000)
    shutil.rmtree(one.state)
    one.start()
    produce(bootstrap, prefix + "in", 20_000, 25_000, pause=0.05)
    check_exact(bootstrap, prefix, 25_000)
    assert one.stop() == 0
    assert two.stop() == 0
