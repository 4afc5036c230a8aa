"""Which cluster a report belongs to, and clusters with all of their reports.

A report is filed under its first identifier, whatever others say. Where two rings share that one,
an account mostly, the rest of what the report names says whose it is.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from pipeline.clustering.normalised import IMPLYING
from pipeline.contracts.clusters import Cluster, FiledReport
from pipeline.contracts.codec import encode_json
from pipeline.contracts.reports import ScamType

_UNKNOWN = ScamType.OTHER.value


class Places:
    """The clusters that live at one time, as places of reports."""

    def __init__(self, clusters: Iterable[Cluster]) -> None:
        """Take in the newest word of each cluster; one without members is no place."""
        self._cluster_of = {member: cluster for cluster in clusters for member in cluster.members}

    def of(self, report: FiledReport) -> Cluster | None:
        """Return the cluster that a report belongs to.

        It is the one that holds most of what the report names (a PromptPay key and its phone or
        person are one). Of equals it is one of which at least half of the tellings are of the
        report's scam; then the one that the report is filed in; then that of what it names first.
        A lone identifier has no reports but those filed under it: to others it may be a courier's.
        None for a report that says nothing any more, or names nothing but public numbers: with
        the others who name them it has nothing in common.
        """
        home = self._cluster_of.get(report.identifier or "")
        if home is None:
            return None
        keys = named(report)
        implied = {key.removeprefix("promptpay:") for key in keys if key.startswith(IMPLYING)}
        found: dict[str, tuple[Cluster, int]] = {}
        if not home.public:
            found[home.cluster_id] = home, 0
        for key in keys:
            cluster = self._cluster_of.get(key)
            if cluster is None or cluster.public or key in implied:
                continue
            if len(cluster.members) > 1 or cluster is home or home.public:
                _, held = found.get(cluster.cluster_id, (cluster, 0))
                found[cluster.cluster_id] = cluster, held + 1
        # Of equals the first is the largest: the home's, where that is one of them.
        return max(
            found.values(),
            key=lambda each: (each[1], _tells_of(each[0], report)),
            default=(None, 0),
        )[0]

    def first_named(self, report: FiledReport) -> str | None:
        """Return the first identifier that a report names of the cluster that it belongs to.

        Where it belongs to none, the one that it is filed under.
        """
        cluster = self.of(report)
        if cluster is None:
            return report.identifier
        return next(key for key in named(report) if key in cluster.members)


def named(report: FiledReport) -> list[str]:
    """Return all identifiers that a report names, the one that it is filed under first.

    It alone is known where that was said before records had the others.
    """
    return report.identifiers or ([report.identifier] if report.identifier is not None else [])


def with_all_reports(clusters: Iterable[bytes], filed: Iterable[bytes]) -> list[bytes]:
    """Return clusters (the newest value of each) with all of their reports, first received first.

    ``filed`` are the newest records of the topic filed-reports. In linear time but for sorting.
    """
    known = [msgspec.json.decode(value, type=Cluster) for value in clusters]
    places = Places(known)
    inside: dict[str, list[tuple[str, str]]] = {}
    for value in filed:
        report = msgspec.json.decode(value, type=FiledReport)
        cluster = places.of(report)
        if cluster is not None:
            inside.setdefault(cluster.cluster_id, []).append((report.received_at, report.report))
    whole = []
    for cluster in known:
        reports = [report for _, report in sorted(inside.get(cluster.cluster_id, ()))]
        whole.append(msgspec.structs.replace(cluster, reports=reports, report_count=len(reports)))
    return [encode_json(cluster) for cluster in whole]


def _tells_of(cluster: Cluster, report: FiledReport) -> bool:
    """Say whether at least half of what is told of a cluster is of the report's scam."""
    told = cluster.scam_tellings
    total = sum(told.values()) - told.get(_UNKNOWN, 0)
    its = told.get(report.scam_type or _UNKNOWN, 0)
    return report.scam_type != _UNKNOWN and its > 0 and 2 * its >= total
