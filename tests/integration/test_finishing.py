"""Finishing an erasure that is cut short: nothing is lost, counts twice, or is left behind."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from pathlib import Path

import orjson
import pytest
from kafka import TopicPartition

from agents.kafka.reading import TopicReader
from agents.kafka.sending import PREPARE, outgoing
from agents.kafka.topic_admin import admin_client
from agents.local.cluster import LocalCluster
from agents.upkeep.rewriting import KEPT_FOR_GOOD
from agents.worker import WorkerName
from pipeline.contracts.pointers import POINTER_KEY
from pipeline.outcome import Outcome
from pipeline.topics import ANALYST_DECISIONS, FREEZE_ALERTS, HOLD_UPDATES, REPORTS, TRANSACTIONS
from tests.integration.stage import (
    outcome,
    publish,
    records_in,
    records_of,
    replayed,
    settle,
    small_scenario,
    stage,
)
from tests.integration.test_erasure import command, erased_in
from tests.integration.test_main_job import decisions_about

pytestmark = pytest.mark.timeout(400)

WAIT_SECONDS = 60.0


def ends(reader: TopicReader) -> dict[TopicPartition, int]:
    """How far each partition of the topics that are kept for good goes."""
    return {TopicPartition(t, p): e for t in KEPT_FOR_GOOD for p, e in reader.ends(t).items()}


def begin_to_finish(cluster: LocalCluster) -> subprocess.Popen[bytes]:
    at = ["--bootstrap", cluster.settings.bootstrap]
    return subprocess.Popen(
        [sys.executable, "-m", "agents.cli", "erasures", "finish", *at],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def kill_when(reader: TopicReader, finishing: subprocess.Popen[bytes], *copied: str) -> None:
    """kill -9 a finishing as soon as something of each of these topics was copied."""
    before, deadline = ends(reader), time.monotonic() + WAIT_SECONDS
    try:
        while True:
            now = ends(reader)
            grown = {place.topic for place, end in now.items() if end > before[place]}
            if grown >= set(copied):
                return
            assert finishing.poll() is None, "it came to its end"
            assert time.monotonic() < deadline, f"only {grown} were copied"
            time.sleep(0.02)
    finally:
        finishing.kill()
        finishing.wait()


def named(cluster: LocalCluster, topic: str) -> dict[tuple[object, ...], set[bytes]]:
    """What a topic holds under each id (and version or revision)."""
    found: dict[tuple[object, ...], set[bytes]] = {}
    ids = ("source", "report_id", "update_id", "decision_id", "alert_id")
    for record in records_in(cluster, topic):
        if record.key == POINTER_KEY:
            continue
        event = orjson.loads(record.value or b"")
        said = [event.get(name) for name in (*ids, "revision", "version", "kind")]
        found.setdefault(tuple(said), set()).add(record.value or b"")
    return found


def answers_to(alerts: Outcome) -> list[dict[str, object]]:
    """A bank's word about each alert: that it has come."""
    return [
        {
            "source": "bank-014",
            "update_id": f"got-{number}",
            "alert_id": alert_id,
            "account": {"bank": "014", "account": f"{9_000_000_000 + number}"},
            "status": "received",
            "occurred_at": "2026-11-20T10:00:00+07:00",
        }
        for number, alert_id in enumerate(sorted(alerts.alerts))
    ]


def test_a_finishing_that_is_killed_is_begun_again(tmp_path: Path) -> None:
    with stage(tmp_path) as cluster:
        scenario = small_scenario(payments=600)
        records = records_of(scenario, cluster.settings.national_id_key())
        publish(cluster, records)
        settle(cluster)
        updates = answers_to(outcome(cluster))
        made = list(decisions_about(scenario))
        events = [(HOLD_UPDATES, e) for e in updates] + [(ANALYST_DECISIONS, e) for e in made]
        publish(cluster, [outgoing(topic, PREPARE[topic](e, b"")) for topic, e in events])
        settle(cluster)
        paid = [r.value for r in records_in(cluster, TRANSACTIONS) if r.value]
        names = erased_in(replayed(scenario), paid)
        needles = [name.rpartition(":")[2].removeprefix("+66").encode() for name in names]
        more = ["--reason", "the person asked", "--operator", "dpo-2", "--although-held"]
        command(cluster, "erasures", "request", *names, *more)
        settle(cluster)
        before, known = outcome(cluster), {t: named(cluster, t) for t in KEPT_FOR_GOOD}

        # Halfway through the copying; then when all is copied and the workers are behind.
        clustering = next(w for w in cluster.workers if w.name is WorkerName.CLUSTERING)
        assert clustering.stop() == 0
        with TopicReader(cluster.settings) as reader:
            began = ends(reader)
            kill_when(reader, begin_to_finish(cluster), ANALYST_DECISIONS)
            kill_when(reader, begin_to_finish(cluster), ANALYST_DECISIONS, REPORTS, FREEZE_ALERTS)
        clustering.start()
        cluster.wait_until_ready()
        settle(cluster)
        assert outcome(cluster).differences(before) == []
        # Halfway through the cutting: one topic is cut, and one partition of another.
        cut = [p for p in began if p.topic == ANALYST_DECISIONS or p == (FREEZE_ALERTS, 0)]
        with admin_client(cluster.settings) as admin:
            admin.delete_records({place: began[place] for place in cut})

        said = command(cluster, "erasures", "finish")
        assert not any(needle.decode() in said for needle in needles)
        settle(cluster)
        for topic in KEPT_FOR_GOOD:
            values = [record.value or b"" for record in records_in(cluster, topic)]
            assert not [v for v in values if any(needle in v for needle in needles)], topic
            keys = [record.key or b"" for record in records_in(cluster, topic)]
            assert not [key for key in keys if any(needle in key for needle in needles)], topic
            assert len(values) == len(set(zip(keys, values, strict=True))), topic
            left = named(cluster, topic)
            assert all(len(contents) == 1 for contents in left.values()), topic
            lost = known[topic].keys() - left.keys()
            assert all(any(n in v for n in needles for v in known[topic][e]) for e in lost), topic
        assert "No topic" in command(cluster, "erasures", "finish")
        assert outcome(cluster).differences(before) == []

        # What is left is enough to come back from, also without a disk.
        for worker in cluster.workers:
            assert worker.stop() == 0
        for state in tmp_path.glob("state-*"):
            shutil.rmtree(state)
        for worker in cluster.workers:
            worker.start()
        cluster.wait_until_ready()
        publish(cluster, [record for record in records if record.topic == REPORTS])
        settle(cluster)
        assert outcome(cluster).differences(before) == []
