"""The result of a run, as far as it must be the same for the same inputs.

Final clusters as sets, the newest version of every alert that still stands, and the levels on the
watchlist. Versions, causes and interleavings differ from run to run and are left out.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import orjson

NOT_THE_RESULT = frozenset(
    {
        "version",
        "cluster_version",
        "caused_by",
        "caused_at",
        "reason_en",
        "reason_th",
        "evidence",
        "account_total_satang",
    }
)


@dataclass(slots=True)
class Outcome:
    """The result of one run: clusters as sets of identifiers, standing alerts, levels."""

    clusters: set[frozenset[str]] = field(default_factory=set)
    alerts: dict[str, dict[str, Any]] = field(default_factory=dict)
    levels: dict[str, tuple[str, bool]] = field(default_factory=dict)

    def differences(self, other: Outcome) -> list[str]:
        """Return what differs, an id or identifier each; empty when the results are the same."""
        found = [f"cluster of {min(members)}" for members in self.clusters ^ other.clusters]
        for identity in sorted(self.alerts.keys() | other.alerts.keys()):
            if self.alerts.get(identity) != other.alerts.get(identity):
                found.append(f"alert {identity}")
        for identifier in sorted(self.levels.keys() | other.levels.keys()):
            if self.levels.get(identifier) != other.levels.get(identifier):
                found.append(f"level of {identifier}")
        return found


def outcome_of(
    clusters: Iterable[bytes], alerts: Iterable[bytes], watchlist: Iterable[bytes]
) -> Outcome:
    """Gather the result from the values of the three topics, in any order."""
    outcome = Outcome()
    for cluster in _newest(clusters, "cluster_id").values():
        if cluster["members"]:
            outcome.clusters.add(frozenset(cluster["members"]))
    for identity, alert in _newest(alerts, "alert_id").items():
        if alert["kind"] != "release":
            content = {k: v for k, v in alert.items() if k not in NOT_THE_RESULT}
            outcome.alerts[identity] = content
    for identifier, entry in _newest(watchlist, "identifier").items():
        if entry["level"] != "none":
            outcome.levels[identifier] = (entry["level"], entry["acting"])
    return outcome


def _newest(values: Iterable[bytes], key: str) -> dict[str, dict[str, Any]]:
    newest: dict[str, dict[str, Any]] = {}
    for value in values:
        content = orjson.loads(value)
        before = newest.get(content[key])
        if before is None or before["version"] < content["version"]:
            newest[content[key]] = content
    return newest
