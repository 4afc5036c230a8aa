"""How a worker stops, waits and tells of itself, on a real Kafka."""

from __future__ import annotations

import asyncio
import shutil
import signal
import socket
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions

from agents.local.kafka import LocalKafka
from agents.runtime.store import PartitionStore
from agents.runtime.worker_spec import RuntimeSettings
from tests.agents.conftest import WorkerProcess
from tests.agents.kafka_records import (
    check_exact,
    group_lag,
    produce,
    produce_values,
    read,
    wait_for,
)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def ask(port: int, path: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
    except OSError:
        return 0, ""


def test_a_rebalance_that_does_not_end_ends_the_worker(
    bootstrap, prefix, make_topics, worker
) -> None:
    make_topics(1, prefix + "in", prefix + "sums")
    one = worker("counting", stuck="1", rebalance="2").start()
    assert one.process.wait(40) == 1
    assert "rebalance_stuck" in one.log.read_text()


def test_a_state_that_is_opened_for_longer_than_a_request_may_take_is_folded_on(
    bootstrap, prefix, make_topics, worker
) -> None:
    make_topics(2, prefix + "in", prefix + "sums")
    produce(bootstrap, prefix + "in", 0, 100)
    opening = RuntimeSettings(bootstrap="", state_dir=Path()).request_timeout_s + 2
    one = worker("counting", "one", opening=str(opening)).start()
    check_exact(bootstrap, prefix, 100)
    two = worker("counting", "two").start()  # one more rebalance, and one that is as slow
    two.wait_for_log("assigned")
    produce(bootstrap, prefix + "in", 100, 200)
    check_exact(bootstrap, prefix, 200)
    assert [each.stop() for each in (one, two)] == [0, 0]


def check_ends_in_one_sentence(one: WorkerProcess, code: int, event: str) -> None:
    assert one.process.wait(40) == code
    (line,) = one.log.read_text().splitlines()
    assert line.endswith(f"CRITICAL {event}")


def test_a_port_that_is_taken_ends_the_worker_in_one_sentence(prefix, make_topics, worker) -> None:
    make_topics(1, prefix + "in", prefix + "sums")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        one = worker("counting", port=str(taken.getsockname()[1])).start()
        check_ends_in_one_sentence(one, 75, "port_unusable")


def test_a_state_folder_that_cannot_be_made_ends_the_worker_in_one_sentence(
    prefix, make_topics, worker, tmp_path
) -> None:
    make_topics(1, prefix + "in", prefix + "sums")
    (tmp_path / "one").touch()
    one = worker("counting").start()
    check_ends_in_one_sentence(one, 73, "store_unusable")


def test_a_worker_without_partitions_waits_for_some_and_lives(
    bootstrap, prefix, make_topics, worker
) -> None:
    make_topics(1, prefix + "in", prefix + "sums")
    one = worker("counting", "one", rebalance="3").start()
    one.wait_for_log("assigned")
    two = worker("counting", "two", rebalance="3").start()
    two.wait_for_log("assigned")
    time.sleep(8)
    produce(bootstrap, prefix + "in", 0, 100)
    check_exact(bootstrap, prefix, 100)
    assert [each.stop() for each in (one, two)] == [0, 0]


def test_a_fold_that_raises_stops_the_worker_and_writes_nothing(
    bootstrap, prefix, make_topics, worker
) -> None:
    make_topics(1, prefix + "in", prefix + "sums")
    produce(bootstrap, prefix + "in", 0, 100)
    one = worker("counting").start()
    check_exact(bootstrap, prefix, 100)
    wait_for(lambda: group_lag(bootstrap, prefix + "counter", prefix + "in") == 0)
    produce_values(bootstrap, prefix + "in", [b"7", b"raise", b"8"])
    assert one.process.wait(20) == 70
    log = one.log.read_text()
    assert "fold_raised" in log
    assert "secret-value" not in log
    assert group_lag(bootstrap, prefix + "counter", prefix + "in") == 3
    one.start()
    assert one.process.wait(20) == 70  # again: nothing was skipped


def test_a_topic_full_of_refused_records_stops_the_worker(
    bootstrap, prefix, make_topics, worker
) -> None:
    make_topics(1, prefix + "in", prefix + "sums", prefix + "in-dead-letters")
    produce_values(bootstrap, prefix + "in", [b"bad"] * 5 + [b"1"] + [b"bad"] * 100)
    one = worker("refusing", limit="20", fold="10").start()
    assert one.process.wait(30) == 71
    assert "dead_letter_limit" in one.log.read_text()
    dead = read(bootstrap, prefix + "in-dead-letters", lambda r: False, 3)
    assert 5 <= len(dead) < 30


def test_stateless_worker_passes_everything_on(bootstrap, prefix, make_topics, worker) -> None:
    make_topics(2, prefix + "in", prefix + "more", prefix + "sums")
    one = worker("copying", topics="in,more").start()
    produce(bootstrap, prefix + "in", 0, 3_000)
    produce(bootstrap, prefix + "more", 3_000, 6_000)
    wanted = {b"%d" % number for number in range(6_000)}
    got = read(bootstrap, prefix + "sums", lambda r: {x.value for x in r} >= wanted, 30)
    assert {record.value for record in got} == wanted
    assert one.stop() == 0
    assert group_lag(bootstrap, prefix + "counter", prefix + "in") == 0
    assert group_lag(bootstrap, prefix + "counter", prefix + "more") == 0


def test_no_broker_is_one_clear_line(prefix, worker) -> None:
    one = worker("copying", server=f"127.0.0.1:{free_port()}", start="2").start()
    assert one.process.wait(30) == 69


def test_health_and_metrics(bootstrap, prefix, make_topics, worker) -> None:
    make_topics(2, prefix + "in", prefix + "sums", prefix + "ticks")
    port = free_port()
    one = worker("counting", port=str(port), tick="1").start()
    wait_for(lambda: ask(port, "/readyz")[0] == 200, 30)
    assert ask(port, "/livez") == (200, "ok\n")
    assert ask(port, "/metrics")[0] == 200
    assert ask(port, "/")[0] == 404
    assert len(read(bootstrap, prefix + "ticks", lambda r: len(r) >= 3, 10)) >= 3
    assert one.stop() == 0


def test_a_store_in_use_is_refused(bootstrap, prefix, make_topics, worker) -> None:
    make_topics(1, prefix + "in", prefix + "sums")
    one = worker("counting")
    held = PartitionStore(one.state / "counter" / f"{prefix}in-0", 1 << 20, 1 << 20)
    one.start()
    assert one.process.wait(30) == 73
    assert "store_unusable" in one.log.read_text()
    held.close()


def test_a_full_disk_stops_the_worker_and_loses_nothing(
    bootstrap, prefix, make_topics, worker
) -> None:
    make_topics(1, prefix + "in", prefix + "sums")
    produce(bootstrap, prefix + "in", 0, 5_000)
    full = worker("counting", instance="one", file_bytes="12000").start()
    assert full.process.wait(30) == 73
    said = [line for line in full.log.read_text().splitlines() if "store_unusable" in line]
    assert len(said) == 1
    assert "Traceback" not in full.log.read_text()
    worker("counting", instance="one").start()
    check_exact(bootstrap, prefix, 5_000)


def test_a_damaged_store_stops_the_worker_and_is_rebuilt_when_deleted(
    bootstrap, prefix, make_topics, worker
) -> None:
    make_topics(1, prefix + "in", prefix + "sums")
    produce(bootstrap, prefix + "in", 0, 5_000)
    one = worker("counting").start()
    check_exact(bootstrap, prefix, 5_000)
    assert one.stop() == 0
    for manifest in one.state.rglob("MANIFEST-*"):
        manifest.write_bytes(b"not what was written")
    one.start()
    assert one.process.wait(30) == 73
    assert "Traceback" not in one.log.read_text()
    shutil.rmtree(one.state)
    one.start()
    produce(bootstrap, prefix + "in", 5_000, 6_000)
    check_exact(bootstrap, prefix, 6_000)


def test_a_store_ahead_of_its_log_is_refused(bootstrap, prefix, make_topics, worker) -> None:
    make_topics(1, prefix + "in", prefix + "sums")
    one = worker("counting")
    store = PartitionStore(one.state / "counter" / f"{prefix}in-0", 1 << 20, 1 << 20)
    store.persist(store.take_changes(), 5)
    store.close()
    one.start()
    assert one.process.wait(30) == 74


def test_reading_stops_while_the_next_agent_is_too_far_behind(
    bootstrap, prefix, make_topics, worker
) -> None:
    make_topics(2, prefix + "in", prefix + "sums")
    one = worker("copying", throttle="500", fold="100").start()
    one.wait_for_log("assigned")
    for begin in range(0, 5_000, 500):
        produce(bootstrap, prefix + "in", begin, begin + 500)
        time.sleep(0.4)
    one.wait_for_log("intake_paused")
    copied = len(read(bootstrap, prefix + "sums", lambda r: False, 2))
    assert 500 < copied < 5_000
    assert one.stop() == 0


@pytest.mark.timeout(180)
def test_a_zombie_does_no_harm(bootstrap, prefix, make_topics, worker) -> None:
    make_topics(4, prefix + "in", prefix + "sums")
    one = worker("counting", "one").start()
    one.wait_for_log("assigned")
    two = worker("counting", "two").start()
    two.wait_for_log("assigned")
    produce(bootstrap, prefix + "in", 0, 5_000)
    one.process.send_signal(signal.SIGSTOP)
    produce(bootstrap, prefix + "in", 5_000, 10_000)
    time.sleep(9)
    one.process.send_signal(signal.SIGCONT)
    produce(bootstrap, prefix + "in", 10_000, 15_000, pause=0.02)
    check_exact(bootstrap, prefix, 15_000)
    assert one.stop() == 0
    assert two.stop() == 0


@pytest.mark.timeout(180)
def test_a_broker_that_goes_away_and_comes_back_loses_nothing(
    tmp_path, prefix, worker, make_topics_at
) -> None:
    port = free_port()
    kafka = LocalKafka(tmp_path / "kafka", port=port)
    address = kafka.start()
    try:
        make_topics_at(address, 2, prefix + "in", prefix + "sums")
        one = worker("counting", server=address).start()
        produce(address, prefix + "in", 0, 2_000)
        kafka.kill()
        time.sleep(5)
        kafka.start()
        produce(address, prefix + "in", 2_000, 4_000)
        check_exact(address, prefix, 4_000)
        assert one.process.poll() is None
        wait_for(lambda: group_lag(address, prefix + "counter", prefix + "in") == 0, 30)
        assert one.stop() == 0
    finally:
        kafka.stop()


@pytest.mark.timeout(180)
@pytest.mark.parametrize(
    ("more", "code"), [({"tick": "1", "acknowledge": "3"}, 72), ({}, 0)], ids=["ticking", "told"]
)
def test_a_worker_ends_also_while_no_broker_answers(
    tmp_path, prefix, worker, make_topics_at, more, code
) -> None:
    with LocalKafka(tmp_path / "kafka") as kafka:
        make_topics_at(kafka.bootstrap, 1, *(prefix + name for name in ("in", "sums", "ticks")))
        one = worker("counting", server=kafka.bootstrap, **more).start()
        one.wait_for_log("assigned")
        produce(kafka.bootstrap, prefix + "in", 0, 100)
        wait_for(lambda: group_lag(kafka.bootstrap, prefix + "counter", prefix + "in") == 0)
        kafka.kill()
        if code == 0:
            time.sleep(5)
            one.process.send_signal(signal.SIGTERM)
        # What is closed in order may take half a minute; before, it never came to an end.
        assert one.process.wait(60) == code


def test_a_worker_that_slept_through_a_growth_stops(bootstrap, prefix, make_topics, worker) -> None:
    make_topics(2, prefix + "in", prefix + "sums")
    one = worker("counting", instance="one").start()
    produce(bootstrap, prefix + "in", 0, 500)
    check_exact(bootstrap, prefix, 500)
    one.process.send_signal(signal.SIGSTOP)
    # Longer than its session: another worker could have its partitions by now.
    time.sleep(8)

    async def widen() -> None:
        admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
        await admin.start()
        try:
            await admin.create_partitions({prefix + "in": NewPartitions(4)})
        finally:
            await admin.close()

    asyncio.run(widen())
    one.process.send_signal(signal.SIGCONT)
    assert one.process.wait(30) == 1
    assert "account_log_widened" in one.log.read_text()
    # Started again it knows, and begins anew what it had counted for two partitions.
    one.start()
    one.wait_for_log("store_rebuild")
    assert one.stop() == 0
