"""Which reports and decisions count, and what decisions amount to, written naively."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

import networkx as nx  # type: ignore[import-untyped]

from pipeline.clustering.decisions import StoredDecision
from pipeline.clustering.normalised import StoredReport


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
