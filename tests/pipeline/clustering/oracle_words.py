"""Which reports and decisions count, and what decisions amount to, written naively."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

import networkx as nx  # type: ignore[import-untyped]

from pipeline.clustering.decisions import StoredDecision
from pipeline.clustering.normalised import Payment, StoredReport
from pipeline.identity.account import bank_of, number_of

HOUR_MS = 3_600_000


def newest_words(reports: Iterable[StoredReport]) -> list[StoredReport]:
    """Return the live reports: the newest word of each, unless it is a withdrawal."""
    by_key: dict[str, StoredReport] = {}
    for report in reports:
        if report.key not in by_key or by_key[report.key].rank < report.rank:
            by_key[report.key] = report
    return [report for report in by_key.values() if not report.withdrawn]


def newest_decisions(decisions: Iterable[StoredDecision]) -> list[StoredDecision]:
    """Return the live decisions, oldest first."""
    by_key: dict[str, StoredDecision] = {}
    for decision in decisions:
        if decision.key not in by_key or by_key[decision.key].rank < decision.rank:
            by_key[decision.key] = decision
    return sorted((d for d in by_key.values() if not d.withdrawn), key=lambda d: d.order)


def rule(
    decisions: Iterable[StoredDecision],
    living: Collection[str],
    public: Mapping[str, StoredDecision],
) -> tuple[list[tuple[str, str]], set[frozenset[str]]]:
    """Return the pairs that analysts call the same, newest first, and those kept apart."""
    same: nx.Graph = nx.Graph()
    same.add_nodes_from(living)
    kept, apart = [], set[frozenset[str]]()
    decided = set[tuple[str, ...]]()
    for decision in reversed(list(decisions)):
        pair = decision.identifiers
        if decision.verdict == "public_number" or pair in decided:
            continue
        decided.add(pair)
        if not set(pair) <= set(living):
            continue
        if decision.verdict == "not_same":
            if not nx.has_path(same, *pair):
                apart.add(frozenset(pair))
            continue
        if any(k in public and public[k].order > decision.order for k in pair):
            continue
        after = nx.Graph(same)
        after.add_edge(*pair)
        if not any(nx.has_path(after, *two) for two in apart):
            same = after
            kept.append(pair)
    return [(a, b) for a, b in kept], apart


def accounts(nodes: Iterable[str]) -> list[str]:
    """Return those that are accounts."""
    return [node for node in nodes if node.startswith("account:")]


def a_crowd_was_sent(reports: Sequence[StoredReport]) -> bool:
    """Say whether all that is known of an identifier is a burst of unverified reports."""
    if are_vouched_for(reports):
        return False
    days = [report.received_at // 86_400_000 for report in reports]
    burst = max(sum(day in (first, first + 1) for day in days) for first in days)
    return burst >= 5 and 2 * burst >= len(reports)


def are_at_two_banks(
    one: Iterable[str], other: Iterable[str], voices: Callable[[str], int]
) -> bool:
    """Say whether joining two clusters makes one of what are several accounts of a number."""
    known = [[n for n in part if bank_of(n) != "?"] for part in (accounts(one), accounts(other))]
    for number in {number_of(n) for n in known[0]} & {number_of(n) for n in known[1]}:
        told = sorted(voices(n) for part in known for n in part if number_of(n) == number)
        if told[-1] < 2 or (told[-2] > 1 and told[-2] * 16 > told[-1]):
            return True
    return False


def are_vouched_for(reports: Sequence[StoredReport]) -> bool:
    """Say whether a verified voice or an authority is behind any of the reports."""
    strong = ("verified", "police_filed", "bank_detected", "laundering_listed")
    return any(getattr(report, why) for report in reports for why in strong)


def amounts_within_an_hour(one: Iterable[Payment], other: Sequence[Payment]) -> set[int]:
    """Return the amounts that were paid to both within an hour."""
    return {
        p.amount
        for p in one
        for q in other
        if p.amount == q.amount and abs(p.paid_at - q.paid_at) <= HOUR_MS
    }


def fit_one_bank(accounts: set[str], voices: Callable[[str], int]) -> set[str]:
    """Return those of accounts that are at one bank, or at none; none of them if it is two."""
    known = [(voices(account), bank_of(account)) for account in accounts]
    told = sorted((n, bank) for n, bank in known if bank != "?")
    others = [n for n, bank in told if bank != told[-1][1]]
    if others and (told[-1][0] < 2 or (others[-1] > 1 and others[-1] * 16 > told[-1][0])):
        return set()
    return {a for a in accounts if bank_of(a) == "?" or bank_of(a) == told[-1][1]}
