"""What a few reports say of one identifier, as counts."""

from __future__ import annotations

from pipeline.clustering.normalised import StoredReport
from pipeline.clustering.pairs import LISTED_ACCOUNTS, PAIRWISE_IDENTIFIERS, degree_of, others_of
from pipeline.clustering.rows import DAY_MS, NodeSummary


def summarise(node: str, reports: list[StoredReport]) -> NodeSummary:
    """Return what reports say of an identifier that all of them name, as counts."""
    if len(reports) == 1:
        return _summary_of_one(node, reports[0])
    police = bank = listed = homes = first_at = home_first_at = acting_first_at = 0
    scam_types: dict[str, int] = {}
    days: dict[int, int] = {}
    voices: set[str] = set()
    verified: set[str] = set()
    named: set[str] = set()
    for report in reports:
        at = report.received_at
        police += report.police_filed
        bank += report.bank_detected
        listed += report.laundering_listed
        first_at = min(first_at, at) if first_at else at
        scam_types[report.scam_type] = scam_types.get(report.scam_type, 0) + 1
        day = at // DAY_MS
        days[day] = days.get(day, 0) + 1
        if report.verified or report.laundering_listed:
            acting_first_at = min(acting_first_at, at) if acting_first_at else at
        if report.home == node:
            home_first_at = min(home_first_at, at) if home_first_at else at
            homes += 1
        if report.victim:
            voices.add(report.voice)
        if report.verified:
            verified.add(report.voice)
        if len(report.identifiers) < LISTED_ACCOUNTS:
            named.update(report.identifiers)
        else:
            named.update(others_of(report, node))
    named.discard(node)
    return NodeSummary(
        reports=len(reports),
        voices=len(voices),
        verified_voices=len(verified),
        police_filed=police,
        bank_detected=bank,
        laundering_listed=listed,
        degree=len(named),
        first_at=first_at,
        home_reports=homes,
        home_first_at=home_first_at,
        acting_first_at=acting_first_at,
        scam_types=scam_types,
        days=days,
    )


def with_another(node: str, summary: NodeSummary, reports: list[StoredReport]) -> NodeSummary:
    """Return what reports say of an identifier, given what all but the last say (it is moved)."""
    *before, report = reports
    if not before or len(report.identifiers) > PAIRWISE_IDENTIFIERS:
        return summarise(node, reports)
    at, voice = report.received_at, report.voice
    summary.reports += 1
    summary.police_filed += report.police_filed
    summary.bank_detected += report.bank_detected
    summary.laundering_listed += report.laundering_listed
    summary.first_at = min(summary.first_at, at)
    scam_types, days, day = summary.scam_types, summary.days, at // DAY_MS
    scam_types[report.scam_type] = scam_types.get(report.scam_type, 0) + 1
    days[day] = days.get(day, 0) + 1
    if report.acting:
        first = summary.acting_first_at
        summary.acting_first_at = min(first, at) if first else at
    if report.home == node:
        first = summary.home_first_at
        summary.home_first_at = min(first, at) if first else at
        summary.home_reports += 1
    of_voice = [other for other in before if other.voice == voice]
    if report.victim and not any(other.victim for other in of_voice):
        summary.voices += 1
    if report.verified and not any(other.verified for other in of_voice):
        summary.verified_voices += 1
    named: set[str] = set()
    for other in before:
        named.update(others_of(other, node))
    summary.degree = len(named.union(others_of(report, node)))
    return summary


def _summary_of_one(node: str, report: StoredReport) -> NodeSummary:
    at, is_home = report.received_at, report.home == node
    return NodeSummary(
        reports=1,
        voices=int(report.victim),
        verified_voices=int(report.verified),
        police_filed=int(report.police_filed),
        bank_detected=int(report.bank_detected),
        laundering_listed=int(report.laundering_listed),
        degree=degree_of(report, node),
        first_at=at,
        home_reports=int(is_home),
        home_first_at=at if is_home else 0,
        acting_first_at=at if report.acting else 0,
        scam_types={report.scam_type: 1},
        days={at // DAY_MS: 1},
    )
