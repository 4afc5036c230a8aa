"""A lost disk and a lost Kafka come back from copies that were taken under load."""

from __future__ import annotations

import shutil
import threading
import time
from collections import Counter
from pathlib import Path

import orjson
import pytest
from kafka import TopicPartition

from agents.kafka.group_positions import set_positions
from agents.kafka.sending import connected_producer
from agents.kafka.topic_admin import admin_client
from agents.local.cluster import LocalCluster
from agents.upkeep.backup_format import MANIFEST, BackupError, read_manifest
from agents.upkeep.record_copy import take_times_as_sent
from agents.upkeep.store_backup import back_up_stores, restore_stores
from agents.upkeep.topic_backup import back_up_topics
from agents.upkeep.topic_restore import restore_topics
from agents.worker import WorkerName
from pipeline.fold import LogRecord
from pipeline.outcome import outcome_of
from pipeline.policy.policy import load_policy
from pipeline.replay import Event, Replay
from pipeline.topics import (
    ACCOUNT_FILES,
    ACCOUNT_LOG,
    CLUSTERS,
    FREEZE_ALERTS,
    HOLD_UPDATES,
    REPORTS,
    TRANSACTIONS,
    WATCHLIST,
    load_topics,
)
from tests.integration.stage import (
    free_port,
    free_ports,
    outcome,
    publish,
    records_in,
    records_of,
    replayed,
    settle,
    small_scenario,
    stage,
)

pytestmark = pytest.mark.timeout(500)


class Flow:
    """Records that are published while something else is done."""

    def __init__(self, cluster, records):
        self._thread = threading.Thread(target=publish, args=(cluster, records))

    def __enter__(self):
        self._thread.start()

    def __exit__(self, *_):
        self._thread.join()


def alerts_in(cluster):
    """Every alert on the wire, by id and version, and how often."""
    alerts = (orjson.loads(record.value) for record in records_in(cluster, FREEZE_ALERTS))
    return Counter((alert["alert_id"], alert["version"]) for alert in alerts)


def outcome_of_what_is_there(cluster):
    """The folds alone, over the reports and payments that stand in the topics."""
    found: list[LogRecord] = []
    for topic in (REPORTS, TRANSACTIONS):
        found += [record for record in records_in(cluster, topic) if record.value]
    run = Replay(load_policy(), account_log_partitions=4)
    found.sort(key=lambda record: record.timestamp)
    run.run(Event(record.timestamp, record.topic, record.value) for record in found)
    return outcome_of(*(run.values(topic) for topic in (CLUSTERS, FREEZE_ALERTS, WATCHLIST)))


def new_kafka(folder):
    """A Kafka without workers."""
    return LocalCluster.start(folder, port=free_port(), http_port=free_ports(8), names=())


def test_no_effect_is_copied_without_its_cause(tmp_path):
    cluster = new_kafka(tmp_path / "kafka")
    try:
        now = time.time_ns() // 1_000_000
        with admin_client(cluster.settings) as admin:
            take_times_as_sent(admin, [load_topics()[ACCOUNT_LOG]], as_sent=True)
            set_positions(admin, "accounts", {TopicPartition(ACCOUNT_LOG, 0): 0})
        with connected_producer(cluster.settings) as producer:
            for partition, at in ((0, now), (1, now + 60_000), (2, now)):
                sent = producer.send(ACCOUNT_LOG, b"a record", partition=partition, timestamp_ms=at)
                sent.get(timeout=30)
        written = back_up_topics(cluster.settings, tmp_path / "topics", print).partitions
    finally:
        cluster.stop()
    log = {each.partition: each.records for each in written if each.topic == ACCOUNT_LOG}
    assert log == {0: 1, 1: 0, 2: 1, 3: 0}, "what came to one partition after another was read"
    order = list(dict.fromkeys(each.topic for each in written))
    assert order[:3] == [ACCOUNT_FILES, FREEZE_ALERTS, ACCOUNT_LOG]
    assert {TRANSACTIONS, HOLD_UPDATES, REPORTS} <= set(order[3:])


def test_a_lost_disk_and_then_a_lost_kafka_come_back(tmp_path):
    scenario = small_scenario(seed=31, payments=1500)
    stores, topics = tmp_path / "stores", tmp_path / "topics"
    with stage(tmp_path / "first") as cluster:
        records = records_of(scenario, cluster.settings.national_id_key())
        quarter = len(records) // 4
        publish(cluster, records[:quarter])
        settle(cluster)
        workers = {worker.name: worker for worker in cluster.workers}
        state = Path(workers[WorkerName.ACCOUNTS].environment["FREEZELINE_STATE_DIR"])
        with Flow(cluster, records[quarter : 2 * quarter]):
            copied = list(back_up_stores(state, stores))
        assert len(copied) == 5, "of accounts four, of clustering one"
        assert all(store.next_offset > 0 and store.entries > 0 for store in copied)

        # A lost disk: the worker goes on from the copy, and rebuilds nothing.
        with pytest.raises(BackupError, match="already"):
            list(restore_stores(stores, state, replace=False))
        with pytest.raises(BackupError, match="in use"):
            list(restore_stores(stores, state, replace=True))
        for name in (WorkerName.ACCOUNTS, WorkerName.CLUSTERING):
            workers[name].kill()
            shutil.rmtree(state / name)
        assert len(list(restore_stores(stores, state, replace=False))) == 5
        lost = [workers[WorkerName.ACCOUNTS], workers[WorkerName.CLUSTERING]]
        said = [len(worker.log_file.read_text()) for worker in lost]
        for worker in lost:
            worker.start()
        cluster.wait_until_ready()
        for worker, length in zip(lost, said, strict=True):
            log = worker.log_file.read_text()[length:]
            assert "store_rebuild" not in log
            assert "state_restored" not in log

        # Everything is copied while payments and reports come in.
        with Flow(cluster, records[2 * quarter : 3 * quarter]):
            back_up_topics(cluster.settings, topics, print)
        settle(cluster)
    manifest = read_manifest(topics)
    assert sum(p.records for p in manifest.partitions if p.topic == ACCOUNT_FILES) > 0
    assert sum(p.records for p in manifest.partitions if p.topic == ACCOUNT_LOG) > 0

    # Kafka is lost, and so is what came after the copy; the workers keep their disks.
    second = new_kafka(tmp_path / "second")
    try:
        shutil.copytree(tmp_path / "first" / "state-0", tmp_path / "second" / "state-0")
        restore_topics(second.settings, topics, print)
        with pytest.raises(BackupError, match="into an empty Kafka"):
            restore_topics(second.settings, topics, print)
        told_copied = alerts_in(second)
        ports = free_ports(3)
        for place, name in enumerate(WorkerName):
            second.add_worker(name, ports + place)
        second.wait_until_ready()
        settle(second)
        assert '"reason":"other_log"' in second.workers[-1].log_file.read_text()
        assert outcome(second).differences(outcome_of_what_is_there(second)) == []
        # What came after the positions meets in another order than in the Kafka that is lost, so
        # how many versions it takes may differ; what the copy has is still there.
        assert told_copied.keys() <= alerts_in(second).keys()
        # The partners send again what they have sent since the copy, and go on.
        publish(second, records[quarter:])
        settle(second)
        assert outcome(second).differences(replayed(scenario)) == []
    finally:
        second.stop()


def test_what_is_no_backup_or_is_damaged_is_refused(tmp_path):
    with pytest.raises(BackupError, match="no manifest"):
        read_manifest(tmp_path)
    manifest = {
        "format": 1,
        "taken_at": "2026-01-01T00:00:00+00:00",
        "version": "0.1.0",
        "cluster_id": "c",
        "groups": {},
        "partitions": [
            {
                "topic": REPORTS,
                "partition": 0,
                "name": "reports-0.records.gz",
                "records": 1,
                "begin": 0,
                "end": 1,
                "sha256": "0" * 64,
            }
        ],
    }
    (tmp_path / "reports-0.records.gz").write_bytes(b"something else")
    (tmp_path / MANIFEST).write_bytes(orjson.dumps(manifest))
    with pytest.raises(BackupError, match="damaged"):
        read_manifest(tmp_path)
    (tmp_path / MANIFEST).write_bytes(orjson.dumps({**manifest, "format": 2}))
    with pytest.raises(BackupError, match="format 2"):
        read_manifest(tmp_path)
