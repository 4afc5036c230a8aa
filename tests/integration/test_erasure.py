"""Erasure on a real Kafka and real stores: no byte of what was erased is left, and none comes back.

Segments are closed and cleaned within a second or two here, and what goes by its age (payments of
some days) is deleted at once.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest
from kafka.admin import ConfigResource, ConfigResourceType

from agents.kafka.topic_admin import admin_client
from agents.local.cluster import LocalCluster
from agents.local.kafka import LocalKafka
from agents.worker import WorkerName
from pipeline.fold import Output
from pipeline.outcome import Outcome, outcome_of
from pipeline.topics import (
    ACCOUNT_FILES,
    ACCOUNT_LOG,
    CLUSTERS,
    FREEZE_ALERTS,
    REPORTS,
    TRANSACTIONS,
    WATCHLIST,
    load_topics,
)
from tests.agents.kafka_records import wait_for
from tests.integration.stage import (
    free_port,
    free_ports,
    publish,
    records_in,
    records_of,
    settle,
    small_scenario,
)

pytestmark = pytest.mark.timeout(400)

QUICK_BROKER = {
    "log.cleaner.backoff.ms": "200",
    "log.retention.check.interval.ms": "500",
    "log.segment.delete.delay.ms": "200",
    "log.initial.task.delay.ms": "500",
}
QUICK_TOPIC = {
    "segment.ms": "500",
    "min.cleanable.dirty.ratio": "0.0001",
    "max.compaction.lag.ms": "500",
    "delete.retention.ms": "0",
    "file.delete.delay.ms": "200",
}
GOES_BY_AGE = [t.name for t in load_topics().values() if (t.retention_ms or -1) != -1]


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[LocalCluster]:
    kafka = LocalKafka(tmp_path / "kafka", free_port(), properties=QUICK_BROKER)
    started = LocalCluster.start(tmp_path, kafka=kafka, http_port=free_ports(8))
    try:
        yield started
    finally:
        started.stop()


def set_topics(cluster: LocalCluster, topics: list[str], settings: dict[str, str]) -> None:
    with admin_client(cluster.settings) as admin:
        resources = [ConfigResource(ConfigResourceType.TOPIC, t, settings) for t in topics]
        admin.alter_configs(resources)


def command(cluster: LocalCluster, *arguments: str) -> str:
    ran = subprocess.run(
        [sys.executable, "-m", "agents.cli", *arguments, "--bootstrap", cluster.settings.bootstrap],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def files_with(folder: Path, needles: list[bytes]) -> set[str]:
    """The files, anywhere below a folder, that hold any of these bytes."""
    found = set()
    for path in folder.rglob("*"):
        try:
            content = path.read_bytes() if path.is_file() else b""
        except FileNotFoundError:
            continue
        if any(needle in content for needle in needles):
            found.add(str(path.relative_to(folder)))
    return found


def close_segments(cluster: LocalCluster, left: set[str]) -> None:
    """Write a record where something is left: Kafka closes a segment only when one comes."""
    for topic in {name.rsplit("-", 1)[0] for name in {Path(path).parent.name for path in left}}:
        if topic not in load_topics():
            continue
        partitions = {
            int(Path(path).parent.name.rsplit("-", 1)[1])
            for path in left
            if Path(path).parent.name.startswith(topic + "-")
        }
        publish(cluster, [Output(topic, b"closes-a-segment", b"{}", (), p) for p in partitions])


def erased_in(known: Outcome, scenario_values: list[bytes]) -> list[str]:
    """A held account that is reported, an account that paid, and a phone."""
    held = sorted(a["account"] for a in known.alerts.values() if a["kind"] == "hold")
    reported = next(account for account in held if account in known.levels)
    payers = [
        orjson.loads(value)["payer"] for value in scenario_values if b'"promptpay"' not in value
    ]
    payer = next(f"account:{p['bank']}:{p['account']}" for p in payers if "account" in p)
    members = sorted(member for group in known.clusters for member in group)
    return [reported, payer, next(m for m in members if m.startswith("phone:"))]


def test_no_byte_of_the_erased_is_left_anywhere(cluster: LocalCluster, tmp_path: Path) -> None:
    set_topics(cluster, [topic for topic in load_topics() if topic != ACCOUNT_FILES], QUICK_TOPIC)
    standby = cluster.add_worker(WorkerName.CLUSTERING, free_port(), "1")
    cluster.wait_until_ready()
    scenario = small_scenario(payments=600)
    records = records_of(scenario, cluster.settings.national_id_key())
    publish(cluster, records)
    settle(cluster)
    known = outcome_of_run(cluster)
    paid = [r.value for r in records_in(cluster, TRANSACTIONS) if r.value]
    names = erased_in(known, paid)
    needles = [name.rpartition(":")[2].removeprefix("+66").encode() for name in names]
    assert {"clustering", "accounts"} <= {
        part for path in files_with(tmp_path, needles) for part in Path(path).parts
    }

    more = ["--reason", "the person asked", "--operator", "dpo-2", "--although-held"]
    command(cluster, "erasures", "request", *names, *more)
    settle(cluster)
    said = command(cluster, "erasures", "finish")
    assert "reports: " in said
    assert not any(needle.decode() in said for needle in needles)
    settle(cluster)
    after = outcome_of_run(cluster)
    assert after.alerts
    assert not set(names) & {alert["account"] for alert in after.alerts.values()}

    # Payments go by their age; and the look-back memory of 72 hours, by rebuilding here, from
    # files that Kafka has not compacted since the erasure.
    set_topics(cluster, GOES_BY_AGE, {"retention.ms": "1"})
    for worker in cluster.workers:
        if worker.name is WorkerName.ACCOUNTS:
            wait_for(lambda: not held_by(cluster, ACCOUNT_LOG), seconds=60)
            worker.stop()
            shutil.rmtree(tmp_path / "state-0" / "accounts")
            worker.start()
    cluster.wait_until_ready()
    set_topics(cluster, [ACCOUNT_FILES], QUICK_TOPIC)
    deadline = time.monotonic() + 90
    while left := files_with(tmp_path, needles):
        assert time.monotonic() < deadline, left
        close_segments(cluster, left)
        time.sleep(1)
    assert standby.ready

    # Coming back without a disk, and old reports that come again, bring nothing back.
    owner = next(worker for worker in cluster.workers if worker.name is WorkerName.CLUSTERING)
    owner.stop()
    standby.stop()
    for tag in ("0", "1"):
        shutil.rmtree(tmp_path / f"state-{tag}" / "clustering", ignore_errors=True)
    owner.start()
    cluster.workers.remove(standby)
    cluster.wait_until_ready()
    publish(cluster, [record for record in records if record.topic == REPORTS])
    settle(cluster)
    assert outcome_of_run(cluster).differences(after) == []
    assert {Path(p).parts[0] for p in files_with(tmp_path, needles)} <= {"kafka"}


def outcome_of_run(cluster: LocalCluster) -> Outcome:
    """The outcome, without the records that only close segments."""
    topics = (CLUSTERS, FREEZE_ALERTS, WATCHLIST)
    return outcome_of(
        *([r.value for r in records_in(cluster, t) if r.value not in (None, b"{}")] for t in topics)
    )


def held_by(cluster: LocalCluster, topic: str) -> int:
    """How many records a topic holds."""
    return len(records_in(cluster, topic))
