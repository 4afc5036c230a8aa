"""A former owner's late record; a crash between the alerts and the account files."""

from __future__ import annotations

import shutil
import signal
import time
from collections import defaultdict
from contextlib import contextmanager
from pathlib import Path

import pytest
from kafka import KafkaAdminClient
from kafka.admin import ConfigResource, ConfigResourceType

from agents.kafka.client_settings import kafka_python_settings
from agents.kafka.lag import LagReader
from agents.kafka.sending import connected_producer
from agents.local.cluster import LocalCluster
from agents.local.kafka import LocalKafka
from agents.worker import WorkerName
from pipeline.topics import ACCOUNT_FILES, FREEZE_ALERTS
from tests.integration.stage import (
    free_ports,
    outcome,
    publish,
    records_in,
    records_of,
    replayed,
    settle,
    small_scenario,
)
from tests.recovery.site import FAIL_POINT
from tests.recovery.verdict import version_in

pytestmark = pytest.mark.timeout(400)

WAIT_SECONDS = 90.0
ZOMBIE_KEYS = 5
# The cleaner looks again after 15 s by default.
EAGER_CLEANER = {"log.cleaner.backoff.ms": "200"}
EAGER_COMPACTION = {"segment.ms": "500", "min.cleanable.dirty.ratio": "0.0"}


@contextmanager
def workers(folder: Path):
    """A Kafka that compacts at once, and the three workers."""
    kafka = LocalKafka(folder / "kafka", properties=EAGER_CLEANER)
    cluster = LocalCluster.start(folder, kafka=kafka, http_port=free_ports(3))
    try:
        yield cluster
    finally:
        cluster.stop()


def accounts_of(cluster):
    return next(worker for worker in cluster.workers if worker.name is WorkerName.ACCOUNTS)


def parts(records, count):
    size = len(records) // count + 1
    return [records[start : start + size] for start in range(0, len(records), size)]


def wait_until(true, what):
    deadline = time.monotonic() + WAIT_SECONDS
    while not true():
        assert time.monotonic() < deadline, what
        time.sleep(0.3)


def files_by_account(cluster):
    """The records of account-files that have a version, by key, in the topic's order."""
    found = defaultdict(list)
    for record in records_in(cluster, ACCOUNT_FILES):
        if version_in(record) is not None:
            found[record.key].append(record)
    return found


def older_files(cluster):
    """The first record of the accounts whose files have changed most since."""
    files = files_by_account(cluster)
    changed = [key for key in files if version_in(files[key][0]) < version_in(files[key][-1])]
    changed.sort(key=lambda key: (-len(files[key]), key))
    assert changed
    return [files[key][0] for key in changed[:ZOMBIE_KEYS]]


def write_as_a_zombie(cluster, records):
    with connected_producer(cluster.settings) as producer:
        sent = [
            producer.send(r.topic, value=r.value, key=r.key, partition=r.partition) for r in records
        ]
        for acknowledgement in sent:
            acknowledgement.get(timeout=30)


def compact_away_what_is_newer(cluster, older):
    """Let the older records win, as compaction does in time."""
    admin = KafkaAdminClient(**kafka_python_settings(cluster.settings))
    admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, ACCOUNT_FILES, EAGER_COMPACTION)])
    admin.close()

    def only_older_are_left():
        # A segment that is being written is not cleaned: each record must be followed by another.
        write_as_a_zombie(cluster, older)
        files = files_by_account(cluster)
        return all(
            version_in(record) == version_in(old) for old in older for record in files[old.key]
        )

    wait_until(only_older_are_left, "compaction has kept newer files")


def test_a_disk_lost_before_an_overwritten_file_is_repaired_changes_nothing(tmp_path):
    scenario = small_scenario(seed=31)
    with workers(tmp_path) as cluster:
        records = parts(records_of(scenario, cluster.settings.national_id_key()), 3)
        publish(cluster, records[0])
        settle(cluster)
        publish(cluster, records[1])
        settle(cluster)
        accounts = accounts_of(cluster)
        accounts.kill()
        compact_away_what_is_newer(cluster, older_files(cluster))
        shutil.rmtree(Path(accounts.environment["FREEZELINE_STATE_DIR"]) / accounts.name.value)
        accounts.start()
        cluster.wait_until_ready()
        publish(cluster, records[2])
        settle(cluster)
        assert outcome(cluster).differences(replayed(scenario)) == []


def test_the_owner_says_again_what_a_zombie_overwrote(tmp_path):
    scenario = small_scenario(seed=32)
    with workers(tmp_path) as cluster:
        records = parts(records_of(scenario, cluster.settings.national_id_key()), 3)
        for part in records[:2]:
            publish(cluster, part)
            settle(cluster)
        older = older_files(cluster)
        newest = {key: version_in(files[-1]) for key, files in files_by_account(cluster).items()}
        write_as_a_zombie(cluster, older)

        def newest_stand_last():
            files = files_by_account(cluster)
            return all(version_in(files[o.key][-1]) >= newest[o.key] for o in older)

        wait_until(newest_stand_last, "a file that a zombie overwrote was not said again")
        publish(cluster, records[2])
        settle(cluster)
        assert outcome(cluster).differences(replayed(scenario)) == []


def test_a_crash_after_the_alerts_and_before_the_account_files_tells_the_same_again(tmp_path):
    scenario = small_scenario(seed=33)
    with workers(tmp_path) as cluster:
        records = parts(records_of(scenario, cluster.settings.national_id_key()), 4)
        publish(cluster, records[0])
        settle(cluster)
        accounts = accounts_of(cluster)
        for passing, portion in enumerate(records[1:], 1):
            assert accounts.stop() == 0
            publish(cluster, portion)
            wait_until_others_are_done(cluster)
            # The first batches hold all that has waited, so alerts are among their outputs.
            accounts.environment[FAIL_POINT] = f"acknowledged:{passing}"
            accounts.start()
            assert accounts.process.wait(WAIT_SECONDS) == -signal.SIGKILL
            del accounts.environment[FAIL_POINT]
            accounts.start()
            cluster.wait_until_ready()
            settle(cluster)
        told = defaultdict(list)
        for record in records_in(cluster, FREEZE_ALERTS):
            told[record.header("ce_id")].append(record.value)
        repeats = [values for values in told.values() if len(values) > 1]
        assert repeats, "no crash came between an alert and its account's file"
        assert all(len(set(values)) == 1 for values in repeats)
        assert outcome(cluster).differences(replayed(scenario)) == []


def wait_until_others_are_done(cluster):
    with LagReader(cluster.settings) as reader:
        others = {WorkerName.INTAKE, WorkerName.CLUSTERING}
        wait_until(lambda: not any(reader.lag()[name] for name in others), "intake is behind")
