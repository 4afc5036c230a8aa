"""All figures of one run, with their intervals."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

import msgspec

from pipeline.evaluation import holds
from pipeline.evaluation.bootstrap import intervals
from pipeline.evaluation.clusters import mixed_clusters, wrongly_inside
from pipeline.evaluation.found import Found
from pipeline.evaluation.grouping import Part, parts_of, scores_of
from pipeline.evaluation.money import Money, money_of
from pipeline.evaluation.truth import Truth

Case = TypeVar("Case")
_PLACES = 6


class Figure(msgspec.Struct, frozen=True):
    """A figure with its 95 % bootstrap interval."""

    value: float
    low: float
    high: float


class Grouping(msgspec.Struct, frozen=True):
    """How a grouping fits: over pairs of reports, and B-cubed."""

    pairwise_precision: Figure
    pairwise_recall: Figure
    pairwise_f1: Figure
    b_cubed_precision: Figure
    b_cubed_recall: Figure
    b_cubed_f: Figure


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """What `freezeline evaluate` says of a run.

    ``clusters`` compares with what evidence can reach, ``whole_rings`` with whole rings.
    ``largest_wrong_cluster`` is the size in reports of the largest cluster that mixes rings,
    ``most_strangers`` how many of a cluster's reports are not its main ring's, at most.
    ``accounts_wrongly_inside`` counts accounts in a cluster that acts and is not theirs.
    The rates about holds are over accounts ever asked to be held, or over satang; ``innocent`` is
    every account that is no ring's, ``honest`` only those that are known to exist.
    ``disputed_holds`` are innocents' accounts held on a verified person's own real payment (counted
    apart), ``innocents_held_at_end`` and ``honest_held_at_end`` the accounts with a hold that
    stands at the end, whatever it rests on.
    ``mule_recall`` is the share of mule accounts named rightly by a speaking report that got an
    alert, ``hold_recall`` the share that were asked to be held. Times are seconds of event time.
    """

    reports: int
    groups: int
    found_clusters: int
    clusters: Grouping
    whole_rings: Grouping
    largest_wrong_cluster: int
    most_strangers: int
    mixed_clusters: int
    accounts_wrongly_inside: int
    accounts_held: int
    hold_precision: Figure
    hold_recall: Figure
    innocent_hold_rate: Figure
    honest_hold_rate: Figure
    innocent_satang_rate: Figure
    disputed_holds: int
    innocents_held_at_end: int
    honest_held_at_end: int
    mules_named: int
    mule_recall: Figure
    report_to_alert_median_s: Figure
    report_to_alert_p90_s: Figure
    report_to_hold_median_s: Figure
    report_to_hold_p90_s: Figure
    money: Money | None = None


def figures_of(
    truth: Truth,
    found: Found,
    transactions: Iterable[bytes] | None = None,
    *,
    one_clock: bool = True,
) -> Figures:
    """Work out every figure; the same input gives the same figures, intervals too.

    Without the payment events, ``transactions``, there are no figures about money. For
    ``one_clock`` see `pipeline.evaluation.money.money_of`.
    """
    money = None
    if transactions is not None:
        money = money_of(truth, found, transactions, one_clock=one_clock)
    groups = truth.groups()
    compared = {report.report for report in truth.speaking()}
    clusters = {r: group for r, group in found.group_of.items() if r in compared}
    mixed = mixed_clusters(truth, found)
    held = holds.holds_of(truth, found)
    to_alert = _figures(held.mules, holds.seconds_to_alert)
    to_hold = _figures(held.mules, holds.seconds_to_hold)
    return Figures(
        reports=len(compared),
        groups=len(set(groups.values())),
        found_clusters=len(set(clusters.values())),
        clusters=grouping_of(parts_of(_all(groups, compared), clusters)),
        whole_rings=grouping_of(parts_of(truth.owners(), clusters)),
        largest_wrong_cluster=max((each.reports for each in mixed), default=0),
        most_strangers=max((len(each.strangers) for each in mixed), default=0),
        mixed_clusters=len(mixed),
        accounts_wrongly_inside=len(wrongly_inside(truth, found)),
        accounts_held=len(held.held),
        hold_precision=_figure(held.held, holds.precision),
        hold_recall=_figure(held.mules, holds.held),
        innocent_hold_rate=_figure(held.held, holds.innocent_rate),
        honest_hold_rate=_figure(held.held, holds.honest_rate),
        innocent_satang_rate=_figure(held.held, holds.innocent_satang_rate),
        disputed_holds=len(held.disputed),
        innocents_held_at_end=sum(one.innocent for one in held.standing),
        honest_held_at_end=sum(one.innocent and one.exists for one in held.standing),
        mules_named=len(held.mules),
        mule_recall=_figure(held.mules, holds.alerted),
        report_to_alert_median_s=to_alert[0],
        report_to_alert_p90_s=to_alert[1],
        report_to_hold_median_s=to_hold[0],
        report_to_hold_p90_s=to_hold[1],
        money=money,
    )


def _all(groups: dict[str, str], reports: set[str]) -> dict[str, str]:
    """Return the groups with every other report alone."""
    return {**{report: f"alone {report}" for report in reports}, **groups}


def grouping_of(parts: Sequence[Part]) -> Grouping:
    """Return the scores of a grouping with their intervals; the cases are the true groups."""
    return Grouping(*_figures(parts, _six))


def _six(parts: Sequence[Part]) -> tuple[float, ...]:
    pairs, reports = scores_of(parts)
    return pairs.precision, pairs.recall, pairs.f1, reports.precision, reports.recall, reports.f1


def _figure(cases: Sequence[Case], figure: Callable[[Sequence[Case]], float]) -> Figure:
    return _figures(cases, lambda drawn: (figure(drawn),))[0]


def _figures(
    cases: Sequence[Case], figures: Callable[[Sequence[Case]], tuple[float, ...]]
) -> list[Figure]:
    return [
        Figure(round(value, _PLACES), round(low, _PLACES), round(high, _PLACES))
        for value, (low, high) in zip(figures(cases), intervals(cases, figures), strict=True)
    ]
