"""Look-alike accounts join an anchor, and never each other in a chain."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pipeline.clustering.brigades import heard
from pipeline.clustering.candidates import same_number
from pipeline.clustering.nodes import Node
from pipeline.clustering.normalised import UNKNOWN_BANK
from pipeline.clustering.pairs import LOOK_ALIKE, GraphEdge
from pipeline.identity.account import bank_of


def starred(nodes: Mapping[str, Node], edges: Sequence[GraphEdge]) -> list[GraphEdge]:
    """Return the edges with look-alikes reduced to stars on anchors, in the one total order.

    An account is an anchor when no look-alike outranks it: a known bank before an unknown one,
    more voices, then the smaller key. Any other keeps only its edge to the best anchor. Without a
    bank, a number that fits two banks fits neither; one that is an account's exactly is no slip of
    another one.
    """
    tied: dict[str, list[str]] = {}
    for edge in edges:
        if _is_about_numbers(edge):
            tied.setdefault(edge.a, []).append(edge.b)
            tied.setdefault(edge.b, []).append(edge.a)

    def standing(account: str) -> tuple[bool, int, str]:
        unknown = bank_of(account) == UNKNOWN_BANK
        return unknown, -heard(nodes[account].summary), account

    anchors = {a for a, others in tied.items() if all(standing(a) < standing(o) for o in others)}
    best: dict[str, str] = {}
    for account, others in tied.items():
        if account in anchors:
            continue
        reachable = [other for other in _fitting(account, others) if other in anchors]
        if reachable:
            best[account] = min(reachable, key=standing)
    return [
        edge
        for edge in edges
        if not _is_about_numbers(edge) or best.get(edge.a) == edge.b or best.get(edge.b) == edge.a
    ]


def _is_about_numbers(edge: GraphEdge) -> bool:
    """Say whether an edge is about account numbers that look alike."""
    return edge.tier == LOOK_ALIKE and not edge.person and edge.a.startswith("account:")


def _fitting(account: str, others: list[str]) -> list[str]:
    """Return the look-alikes that an account may be; without a bank those at one bank alone."""
    if bank_of(account) != UNKNOWN_BANK:
        return others
    fitting = [other for other in others if same_number(account, other)] or others
    return fitting if len({bank_of(other) for other in fitting}) == 1 else []
