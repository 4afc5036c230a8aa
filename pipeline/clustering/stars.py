"""Look-alike accounts join an anchor, and never each other in a chain.

Nor do accounts that nothing but a rare name joins: two numbers that several people each know are
two accounts, and may be two customers of one name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pipeline.clustering.brigades import heard
from pipeline.clustering.candidates import same_number
from pipeline.clustering.joining import contradict
from pipeline.clustering.nodes import Node
from pipeline.clustering.pairs import LOOK_ALIKE, RARE_NAME, GraphEdge
from pipeline.clustering.slips import LONE_SLIP
from pipeline.identity.account import bank_of, is_without_zeros, number_of
from pipeline.identity.banks import UNKNOWN_BANK


def starred(nodes: Mapping[str, Node], edges: Sequence[GraphEdge]) -> list[GraphEdge]:
    """Return the edges with look-alikes reduced to stars on anchors, in the one total order.

    An account is an anchor when no look-alike outranks it: a known bank before an unknown one,
    more voices, then the smaller key. Any other keeps only its edge to the best anchor. Without a
    bank, a number that fits two banks fits neither, unless hardly anybody tells one of them; one
    that is an account's exactly is no slip of another one, and joins it though it be no anchor: it
    is another way of writing it, not a second slip.
    """
    tied: dict[str, list[str]] = {}
    lone: dict[str, list[str]] = {}
    for edge in edges:
        if _is_about_numbers(edge):
            if joins_a_lone_slip(edge):
                slip, known = sorted((edge.a, edge.b), key=lambda end: heard(nodes[end].summary))
                lone.setdefault(slip, []).append(known)
                continue
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
        fitting = _fitting(account, others, nodes)
        reachable = [o for o in fitting if o in anchors or _is_written_short(account, o)]
        if reachable:
            best[account] = min(reachable, key=standing)
    for slip, others in lone.items():
        # What has better evidence does not stand alone, and nothing hangs on another's slip.
        reachable = [other for other in _fitting(slip, others, nodes) if other not in best]
        if slip not in tied and reachable:
            best[slip] = min(reachable, key=standing)
    return [
        edge
        for edge in edges
        if not _is_about_numbers(edge) or best.get(edge.a) == edge.b or best.get(edge.b) == edge.a
    ]


def joins_a_lone_slip(edge: GraphEdge) -> bool:
    """Say whether two look-alikes are joined only because one of them stands alone."""
    return bool(edge.reasons) and edge.reasons[-1].startswith(LONE_SLIP)


def joined_by_name_alone(edge: GraphEdge) -> bool:
    """Say whether a rare name is all that joins two accounts of one bank."""
    return edge.person and RARE_NAME in edge.reasons


def namesakes(nodes: Mapping[str, Node], edges: Sequence[GraphEdge]) -> set[int]:
    """Return the places of the edges between accounts that share a name and may be two people's.

    By its name alone a number that one voice told is taken for a slip of another one, if it fits
    one only that several told: of two it may be either. Of two that several told neither is one.
    """
    by_name = [place for place, edge in enumerate(edges) if joined_by_name_alone(edge)]
    known = {
        end
        for place in by_name
        for end in (edges[place].a, edges[place].b)
        if heard(nodes[end].summary) > 1
    }
    fitting: dict[str, set[str]] = {}
    for place in by_name:
        a, b = edges[place].a, edges[place].b
        fitting.setdefault(a, set()).update({b} & known)
        fitting.setdefault(b, set()).update({a} & known)

    def is_doubtful(edge: GraphEdge) -> bool:
        if edge.a in known and edge.b in known:
            return True
        told_once = [end for end in (edge.a, edge.b) if end not in known]
        return len(told_once) == 1 and len(fitting[told_once[0]]) > 1

    return {place for place in by_name if is_doubtful(edges[place])}


def _is_about_numbers(edge: GraphEdge) -> bool:
    """Say whether an edge is about numbers that look alike, or contacts of which one is a slip."""
    if edge.tier != LOOK_ALIKE or edge.person:
        return False
    return edge.a.startswith("account:") or joins_a_lone_slip(edge)


def _is_written_short(account: str, other: str) -> bool:
    """Say whether an account is another one whose bank, or the zeros before it, was left out."""
    if same_number(account, other):
        return bank_of(account) == UNKNOWN_BANK != bank_of(other)
    is_short = len(number_of(account)) < len(number_of(other))
    return is_short and is_without_zeros(account, other)


def _fitting(account: str, others: list[str], nodes: Mapping[str, Node]) -> list[str]:
    """Return the look-alikes that an account may be; without a bank those at one bank alone.

    Where nearly all who tell a bank tell one, the others are wrong: it is not two banks.
    """
    if bank_of(account) != UNKNOWN_BANK:
        return others
    fitting = [other for other in others if same_number(account, other)] or others
    voices: dict[str, int] = {}
    for other in fitting:
        bank = bank_of(other)
        if bank != UNKNOWN_BANK:
            voices[bank] = max(voices.get(bank, 0), heard(nodes[other].summary))
    if len(voices) < 2:
        return fitting
    if contradict([*voices.values()]):
        return []
    told = max(voices, key=lambda bank: voices[bank])
    return [other for other in fitting if bank_of(other) in (told, UNKNOWN_BANK)]
