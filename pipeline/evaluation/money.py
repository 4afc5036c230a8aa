"""Figures about money: how much of what was stolen could still be reached, and was asked for.

What the alerts ask is compared with the whole ledger (`pipeline.evaluation.ledger`).
"""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterable

import msgspec

from pipeline.contracts.alerts import AlertKind, FreezeAlert
from pipeline.evaluation.found import Found
from pipeline.evaluation.ledger import Ledger
from pipeline.evaluation.truth import Truth

_PLACES = 6


class Money(msgspec.Struct, frozen=True, kw_only=True):
    """Sums of one run, in satang, and shares of them.

    ``stolen`` are the payments that anybody reported, ``reachable_at_alert`` what of them was in
    any account, at most five on its way, when the first hold about it was asked for (where none
    was: when it was first reported). ``resting_reported`` is what of all that was reported is
    somewhere at the end, and ``money_covered_of_reported`` the share of it that is held there:
    what the victims get out of it. ``resting`` and ``money_covered`` are the same for the
    payments alone that the claims were matched to: what the traces, and not the matching, miss.
    ``asked`` is what stands at the end, ``innocent`` what of it is asked of accounts known to be
    honest customers', but for ``disputed``: where a verified person disputes an own real payment
    by mistake, and no evidence tells. ``over_hold`` is what is asked of an account above its
    balance, or of all accounts together above the payment.
    ``median_hops`` counts the accounts that held money came through, the last one included;
    ``report_to_last_hold_median_s`` is event time, from the first report of a payment to the last
    hold that was newly asked for about it, which may be long after: money moves on.
    """

    stolen_satang: int
    reachable_at_alert_satang: int
    resting_reported_satang: int
    resting_satang: int
    money_covered: float
    money_covered_of_reported: float
    asked_satang: int
    innocent_satang: int
    innocent_satang_share: float
    disputed_satang: int
    over_hold_satang: int
    median_hops: float
    report_to_last_hold_median_s: float


def money_of(
    truth: Truth, found: Found, transactions: Iterable[bytes], *, one_clock: bool = True
) -> Money:
    """Work out the figures from all payment events of the run, as they were published.

    ``one_clock``: the alerts' times are those of the events. Where a day is played in a minute they
    are not, and a report's own time is taken for its alert's.
    """
    ledger = Ledger(transactions)
    told = _first_told(truth)
    holds = [alert for alert in found.newest.values() if alert.kind is AlertKind.HOLD]
    began = _holds_began(found) if one_clock else {}
    # A later version of a report may tell of a payment that was made after the first one.
    told = {key: max(at, ledger.made[key]) for key, at in told.items() if key in ledger.made}
    stolen = set(told)
    moments = [(min(began.get(key, [at])), key) for key, at in told.items()]
    run = ledger.run(stolen, moments)
    matched = {
        hold.origin
        for hold in found.holds.values()
        if any(each.kind == "claim" for each in hold.evidence)
    }
    held: Counter[tuple[str, str]] = Counter()
    for hold in holds:
        held[hold.account, hold.origin] += hold.amount_satang
    resting = run.resting()
    of_matched = {place: satang for place, satang in resting.items() if place[1] in matched}
    asked = sum(held.values())
    innocent, disputed = _wrongly_asked(truth, held)
    lasts = [(max(began[key]) - told[key]) / 1000 for key in stolen if key in began]
    return Money(
        stolen_satang=sum(ledger.amounts[key] for key in stolen),
        reachable_at_alert_satang=sum(run.reachable.values()),
        resting_reported_satang=sum(resting.values()),
        resting_satang=sum(of_matched.values()),
        money_covered=_covered(of_matched, held),
        money_covered_of_reported=_covered(resting, held),
        asked_satang=asked,
        innocent_satang=innocent,
        innocent_satang_share=round(innocent / asked, _PLACES) if asked else 0.0,
        disputed_satang=disputed,
        over_hold_satang=_over_hold(held, run.balances(), ledger.amounts),
        median_hops=float(statistics.median(map(hops_of, holds))) if holds else 0.0,
        report_to_last_hold_median_s=round(statistics.median(lasts), 3) if lasts else 0.0,
    )


def hops_of(hold: FreezeAlert) -> int:
    """Return how many accounts the held money came through, the one that is asked included."""
    return sum(each.kind in ("stolen_payment", "transfer") for each in hold.evidence) or 1


def _first_told(truth: Truth) -> dict[str, int]:
    """Return when (ms) each stolen payment that a speaking report is about was reported first."""
    reports = {report.report: report for report in truth.speaking()}
    told: dict[str, int] = {}
    for payment in truth.stolen_payments:
        times = [reports[each].received_at for each in payment.reports if each in reports]
        if times:
            told[payment.transaction] = min(times)
    return told


def _holds_began(found: Found) -> dict[str, list[int]]:
    """Return by payment when (ms) each of its holds was asked for first."""
    began: dict[str, list[int]] = {}
    for identity, at in found.hold_began.items():
        began.setdefault(found.holds[identity].origin, []).append(at)
    return began


def _covered(resting: dict[tuple[str, str], int], held: Counter[tuple[str, str]]) -> float:
    whole = sum(resting.values())
    covered = sum(min(satang, held[place]) for place, satang in resting.items())
    return round(covered / whole, _PLACES) if whole else 1.0


def _wrongly_asked(truth: Truth, held: Counter[tuple[str, str]]) -> tuple[int, int]:
    """Return what is asked of honest customers, and apart from it what somebody disputes there."""
    honest, disputed = set(truth.innocents.accounts), truth.honestly_disputed()
    innocent = Counter[bool]()
    for (account, _), satang in held.items():
        if account in honest:
            innocent[account in disputed] += satang
    return innocent[False], innocent[True]


def _over_hold(
    held: Counter[tuple[str, str]], balances: dict[str, int], amounts: dict[str, int]
) -> int:
    by_account: Counter[str] = Counter()
    by_origin: Counter[str] = Counter()
    for (account, origin), satang in held.items():
        if origin in amounts:  # else the payment was not seen, nor was the balance that it changed
            by_account[account] += satang
            by_origin[origin] += satang
    return sum(max(0, n - balances.get(account, 0)) for account, n in by_account.items()) + sum(
        max(0, n - amounts[origin]) for origin, n in by_origin.items()
    )
