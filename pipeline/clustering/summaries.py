"""What a few reports say of one identifier, as counts."""

from __future__ import annotations

from pipeline.clustering.normalised import StoredReport
from pipeline.clustering.pairs import degree_of, others_of
from pipeline.clustering.rows import DAY_MS, NodeSummary


def summarise(node: str, reports: list[StoredReport]) -> NodeSummary:
    """Return what reports say of an identifier that all of them name, as counts."""
    if len(reports) == 1:
        return _summary_of_one(node, reports[0])
    summary = NodeSummary(scam_types={}, days={})
    voices: set[str] = set()
    verified: set[str] = set()
    others: set[str] = set()
    for report in reports:
        at = report.received_at
        summary.reports += 1
        summary.police_filed += report.police_filed
        summary.bank_detected += report.bank_detected
        summary.laundering_listed += report.laundering_listed
        summary.first_at = min(summary.first_at, at) if summary.first_at else at
        told = summary.scam_types.get(report.scam_type, 0)
        summary.scam_types[report.scam_type] = told + 1
        summary.days[at // DAY_MS] = summary.days.get(at // DAY_MS, 0) + 1
        if report.acting:
            first = summary.acting_first_at
            summary.acting_first_at = min(first, at) if first else at
        if report.home == node:
            first = summary.home_first_at
            summary.home_first_at = min(first, at) if first else at
            summary.home_reports += 1
        if report.victim:
            voices.add(report.voice)
        if report.verified:
            verified.add(report.voice)
        others.update(others_of(report, node))
    summary.voices, summary.verified_voices = len(voices), len(verified)
    summary.degree = len(others)
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
