"""Suspicious reporting: many reports in a burst, none of them verified, count as one voice.

A crowd that is sent against a shop looks so. Victims of a real mule come over days, and some are
verified (ThaID, NDID, police, bank): one of those is enough, and all voices count again.
"""

from __future__ import annotations

from typing import Final

from pipeline.clustering.rows import NodeSummary

BRIGADE_REPORTS: Final = 5
"""So many reports within two days in a row (in UTC) are a burst, where they are at least half."""


def burst(summary: NodeSummary) -> int:
    """Return how many reports came in the busiest two days in a row."""
    days = summary.days
    return max((count + days.get(day + 1, 0) for day, count in days.items()), default=0)


def is_brigade(summary: NodeSummary) -> bool:
    """Say whether all that is known of an identifier is a burst of unverified reports."""
    if summary.reports < BRIGADE_REPORTS or summary.verified_voices:
        return False
    if summary.police_filed or summary.bank_detected or summary.laundering_listed:
        return False
    largest = burst(summary)
    return largest >= BRIGADE_REPORTS and 2 * largest >= summary.reports


def heard(summary: NodeSummary) -> int:
    """Return how many voices count."""
    if summary.reports < BRIGADE_REPORTS:
        return summary.voices
    return 1 if is_brigade(summary) else summary.voices


def suspicion(summary: NodeSummary) -> str | None:
    """Return why the reports about an identifier are suspicious, None when they are not."""
    if not is_brigade(summary):
        return None
    return (
        f"{burst(summary)} of {summary.reports} reports came within two days and none is verified: "
        "they count as one voice"
    )
