"""What is counted of a file that was settled: limits, alerts, and the money asked for or let go."""

from __future__ import annotations

from pipeline.accounts.open_file import Settled
from pipeline.accounts.tracing import LIMITS_OF_A_STEP, LIMITS_OF_A_TRACE
from pipeline.fold import Folded

_LIMITS = frozenset((*LIMITS_OF_A_TRACE, *LIMITS_OF_A_STEP))


def count(settled: Settled, folded: Folded) -> None:
    """Add to the batch's counts."""
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
    for alert in differences.alerts:
        counts["alerts", alert.kind.value, alert.level] += 1
    for grounds, satang in differences.asked.items():
        counts["asked_satang", grounds] += satang
    for reason, satang in differences.let_go.items():
        counts["let_go_satang", reason] += satang
