"""What a run said, gathered from its clusters and alerts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import msgspec

from pipeline.contracts.alerts import AlertKind, FreezeAlert
from pipeline.contracts.clusters import Cluster
from pipeline.contracts.codec import parse_rfc3339

_CLUSTER = msgspec.json.Decoder(Cluster)
_ALERT = msgspec.json.Decoder(FreezeAlert)


@dataclass(slots=True)
class Found:
    """Clusters by id, the newest words of every alert, and when each account was first spoken of.

    ``group_of`` is the cluster of each report. ``first_hold`` and ``first_alert`` (a hold or a
    watch) are event times (ms) by account. ``asked`` is what each hold last asked for (satang) by
    alert, also of one that has ended, but not of one that another hold took over; ``holds`` are
    those words, and ``hold_began`` says when each was asked for first.
    """

    clusters: dict[str, Cluster] = field(default_factory=dict)
    group_of: dict[str, str] = field(default_factory=dict)
    newest: dict[str, FreezeAlert] = field(default_factory=dict)
    first_hold: dict[str, int] = field(default_factory=dict)
    first_alert: dict[str, int] = field(default_factory=dict)
    asked: dict[str, int] = field(default_factory=dict)
    holds: dict[str, FreezeAlert] = field(default_factory=dict)
    hold_began: dict[str, int] = field(default_factory=dict)

    def held_ever(self) -> dict[str, int]:
        """Return every account ever asked to be held, and how much (satang) was asked of it."""
        held = dict.fromkeys(self.first_hold, 0)
        for identity, amount in self.asked.items():
            held[self.newest[identity].account] += amount
        return held

    def held_now(self) -> dict[str, int]:
        """Return the accounts with a standing hold, and how much (satang) is asked of each."""
        held: dict[str, int] = {}
        for alert in self.newest.values():
            if alert.kind is AlertKind.HOLD:
                held[alert.account] = held.get(alert.account, 0) + alert.amount_satang
        return held


def gather(clusters: Iterable[bytes], alerts: Iterable[bytes]) -> Found:
    """Gather what a run said.

    Args:
        clusters: the newest value of each cluster, with all of its reports, as `Replay.clusters`
            gives them.
        alerts: every version of every alert, in the order in which they left.

    Raises:
        msgspec.MsgspecError: a value is no cluster or no alert.
    """
    found = Found()
    for value in clusters:
        cluster = _CLUSTER.decode(value)
        if cluster.members:
            found.clusters[cluster.cluster_id] = cluster
            found.group_of.update(dict.fromkeys(cluster.reports, cluster.cluster_id))
    for value in alerts:
        _take(found, _ALERT.decode(value))
    return found


def _take(found: Found, alert: FreezeAlert) -> None:
    identity, account = alert.alert_id, alert.account
    before = found.newest.get(identity)
    if before is None or before.version < alert.version:
        found.newest[identity] = alert
        if alert.kind is AlertKind.HOLD:
            found.asked[identity] = alert.amount_satang
            found.holds[identity] = alert
        elif alert.superseded_by is not None:
            found.asked.pop(identity, None)
    at = parse_rfc3339(alert.caused_at)
    if alert.kind in (AlertKind.HOLD, AlertKind.WATCH):
        _earliest(found.first_alert, account, at)
    if alert.kind is AlertKind.HOLD:
        _earliest(found.first_hold, account, at)
        _earliest(found.hold_began, identity, at)


def _earliest(times: dict[str, int], of: str, at: int) -> None:
    times[of] = min(at, times.get(of, at))
