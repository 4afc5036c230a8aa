"""What a run came to: the topics against the same input in replay, and what is on the wire."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import orjson

from agents.kafka.reading import StoredRecord
from agents.local.cluster import LocalCluster
from pipeline.outcome import NOT_THE_RESULT, Outcome, outcome_of
from pipeline.topics import (
    ACCOUNT_FILES,
    CLUSTERS,
    FREEZE_ALERTS,
    WATCHLIST,
)
from tests.integration.stage import Told, records_in, replay_of


@dataclass(slots=True)
class Verdict:
    """The comparison; lists hold identifiers of made-up people."""

    lost: list[str] = field(default_factory=list)
    """Reports in no cluster and alerts that nobody told, although replay has them."""
    differing: list[str] = field(default_factory=list)
    """What is not as in replay, `Outcome.differences`."""
    raw_repeats: int = 0
    """Records of freeze-alerts beyond distinct (id, version)."""
    unequal_repeats: list[str] = field(default_factory=list)
    """Alerts whose one version was told with two contents that differ in more than wording."""
    alerts: int = 0
    """Standing alerts in replay."""
    reports: int = 0
    """Reports in replay's clusters."""


def judge(cluster: LocalCluster, events: Iterable[Told]) -> Verdict:
    """Compare what the topics hold with the replay of the same events."""
    run = replay_of(events)
    told = {
        topic: [record.value for record in records_in(cluster, topic) if record.value]
        for topic in (CLUSTERS, FREEZE_ALERTS, WATCHLIST)
    }
    topics = (CLUSTERS, FREEZE_ALERTS, WATCHLIST)
    expected = outcome_of(*(run.values(topic) for topic in topics))
    actual = outcome_of(*(told[topic] for topic in topics))
    reports = _reports(run.values(CLUSTERS))
    missing = sorted(reports - _reports(told[CLUSTERS]))
    verdict = Verdict(
        lost=[f"report {key}" for key in missing] + _alerts_lost(expected, actual),
        differing=actual.differences(expected),
        alerts=len(expected.alerts),
        reports=len(reports),
    )
    _count_repeats(verdict, [orjson.loads(value) for value in told[FREEZE_ALERTS]])
    return verdict


def _alerts_lost(expected: Outcome, actual: Outcome) -> list[str]:
    return [f"alert {key}" for key in sorted(expected.alerts.keys() - actual.alerts.keys())]


def _reports(clusters: list[bytes]) -> set[str]:
    """The reports of the newest version of each cluster that lists all of its reports."""
    newest: dict[str, dict[str, Any]] = {}
    for value in clusters:
        cluster = orjson.loads(value)
        before = newest.get(cluster["cluster_id"])
        if before is None or before["version"] < cluster["version"]:
            newest[cluster["cluster_id"]] = cluster
    return {key for cluster in newest.values() for key in cluster["reports"]}


def _count_repeats(verdict: Verdict, alerts: list[dict[str, Any]]) -> None:
    first: dict[tuple[str, int], dict[str, Any]] = {}
    for alert in alerts:
        identity = (alert["alert_id"], alert["version"])
        if identity not in first:
            first[identity] = alert
            continue
        verdict.raw_repeats += 1
        changed = [
            name
            for name in first[identity].keys() | alert.keys()
            if name not in NOT_THE_RESULT and first[identity].get(name) != alert.get(name)
        ]
        if changed:
            verdict.unequal_repeats.append(f"{identity[0]} v{identity[1]}: {', '.join(changed)}")


def overwritten(cluster: LocalCluster) -> dict[str, int]:
    """Return, by compacted topic, how many keys end with a lower version than they once had."""
    found: Counter[str] = Counter()
    for topic in (ACCOUNT_FILES, CLUSTERS, WATCHLIST):
        highest: dict[bytes, int] = {}
        last: dict[bytes, int] = {}
        for record in records_in(cluster, topic):
            version = version_in(record)
            if record.key is None or version is None:
                continue
            highest[record.key] = max(version, highest.get(record.key, 0))
            last[record.key] = version
        found[topic] = sum(last[key] < version for key, version in highest.items())
    return dict(found)


def version_in(record: StoredRecord) -> int | None:
    """Return the version of a record of a compacted topic; None where it has none."""
    try:
        content = orjson.loads(record.value or b"")
    except orjson.JSONDecodeError:
        return None
    return content.get("version") if isinstance(content, dict) else None
