"""What is counted: of a file that was settled, and when what is answered had entered Kafka."""

from __future__ import annotations

from pipeline.accounts.differences import Cause
from pipeline.accounts.ends import LIMITS_OF_A_STEP, LIMITS_OF_A_TRACE
from pipeline.accounts.open_file import OpenFile, Settled
from pipeline.contracts.account_log import (
    AccountEvents,
    Claim,
    Level,
    LogEntry,
    Postings,
    Step,
)
from pipeline.fold import Folded, Record

_LIMITS = frozenset((*LIMITS_OF_A_TRACE, *LIMITS_OF_A_STEP))


def count_answered(entry: LogEntry, record: Record, folded: Folded) -> None:
    """Count each posting and each report of a record, with the time at which it entered Kafka.

    A report counts once in each record that speaks of it: what it is answered with is the work of
    several accounts' owners. (Several of one record and one millisecond count as one.)
    """
    answered = folded.answered
    if isinstance(entry, Postings):
        for arrival in entry.arrived:
            answered["payment_to_screening_seconds", arrival.at] += arrival.postings
        if not entry.arrived:
            answered["payment_to_screening_seconds", record.timestamp] += len(entry.postings)
    elif isinstance(entry, AccountEvents):
        for at in {
            event.published_at
            for event in entry.events
            if isinstance(event, Level)
            or (isinstance(event, Claim) and event.typed is None)
            or (isinstance(event, Step) and event.by_report)
        }:
            answered["report_to_answer_seconds", at] += 1


def count_repeat(opened: OpenFile, folded: Folded) -> None:
    """Count a posting whose id was known to a file, and that changed nothing there."""
    folded.counts["duplicates", "accounts"] += 1
    _count_contradicted(opened, folded)


def _count_contradicted(opened: OpenFile, folded: Folded) -> None:
    """Count the postings of a file that contradict another of their id, each once."""
    if opened.contradicted:
        folded.counts["contradicted_payments",] += opened.contradicted
        opened.contradicted = 0


def count(opened: OpenFile, settled: Settled, cause: Cause, folded: Folded) -> None:
    """Add to the batch's counts what a cause has led to in a file."""
    _count_contradicted(opened, folded)
    counts, decision, differences = folded.counts, settled.decision, settled.differences
    if decision.limited:
        counts["limit_hits", "holds_an_account"] += 1
    if decision.crowded:
        counts["limit_hits", "payments_a_claim"] += 1
    for limit, cuts in decision.cut.items():
        if limit in _LIMITS:
            counts["limit_hits", limit] += cuts
    if settled.left_out:
        counts["limit_hits", "postings_a_file"] += settled.left_out
    if cause.by_report and differences.alerts:
        folded.answered["report_to_alert_seconds", cause.at] += len(differences.alerts)
    for alert in differences.alerts:
        counts["alerts", alert.kind.value, alert.level] += 1
    for grounds, satang in differences.asked.items():
        counts["asked_satang", grounds] += satang
    for reason, satang in differences.let_go.items():
        counts["let_go_satang", reason] += satang
