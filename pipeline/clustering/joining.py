"""Joining: what is left of a component's edges, one after another, where nothing forbids it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

import msgspec

from pipeline.clustering.bridges import find, unite
from pipeline.clustering.brigades import heard
from pipeline.clustering.decisions import SAID_NOT_SAME, Ruling
from pipeline.clustering.nodes import Node
from pipeline.clustering.pairs import LOOK_ALIKE, RELATION, TOGETHER, GraphEdge, order
from pipeline.clustering.parties import TieAcross, Ties, needed_bits, tied_independently
from pipeline.identity.account import bank_of, number_of
from pipeline.identity.banks import UNKNOWN_BANK

REASON_TWO_PARTIES: Final = "two_parties"
REVIEW_SIZE: Final = "cluster_size"
REVIEW_TWO_BANKS: Final = "same_number_at_two_banks"

PARTY_TIES: Final = 3
"""Ties of accounts inside of a cluster from which on it may be a party of its own."""

RIGHT_BANK: Final = 16
"""For so many voices at a number's own bank one more may name a wrong one. Judgement: of those who
type a number one in some dozens does."""


SURE_BITS: Final = 33.0
"""So sure evidence must be that a number at two banks is one account, of which several voices each
told a wrong bank. Judgement: a holder's name alone comes to less; it takes one more field."""


@dataclass(slots=True)
class Component:
    """A candidate component: identifiers that edges may join, and relations that never do."""

    nodes: dict[str, Node] = field(default_factory=dict)
    edges: list[GraphEdge] = field(default_factory=list)
    relations: dict[tuple[str, str], GraphEdge] = field(default_factory=dict)
    look_alikes: bool = False
    """Whether there are T1 edges."""
    ruling: Ruling | None = None
    """What analysts decided about pairs of its identifiers."""


@dataclass(slots=True)
class Grouping:
    """One cluster of a component: members in order, the edges that joined them, relations."""

    members: list[str]
    edges: list[GraphEdge]
    relations: list[GraphEdge]
    review: str | None = None


def relate(component: Component, edge: GraphEdge, reason: str) -> None:
    """Keep an edge as a relation: shown to people, never joining; of a pair the strongest."""
    if reason or edge.tier != RELATION:
        reasons = (*edge.reasons, reason) if reason else edge.reasons
        edge = msgspec.structs.replace(edge, tier=RELATION, reasons=reasons)
    # Two accounts may be named together and look alike: which is found first must not matter.
    known = component.relations.get((edge.a, edge.b))
    if known is None or _rank(edge) < _rank(known):
        component.relations[edge.a, edge.b] = edge


def _rank(edge: GraphEdge) -> tuple[float, int, tuple[str, ...]]:
    return -edge.bits, -edge.reports, edge.reasons


class Joining:
    """Constrained Kruskal: edges in one total order, skipped where a limit forbids them."""

    def __init__(self, component: Component, limit: int) -> None:
        """Join nothing yet; no cluster may have more than ``limit`` identifiers."""
        self._component = component
        self._limit = limit
        self._told: list[GraphEdge] = []
        self._often: dict[str, int] = {}
        self._ties: Ties | None = None
        self._told_of: dict[str, list[GraphEdge]] | None = None
        self._party_bits = 0.0
        self._spelt: dict[str, str] = {}
        self._head = {node: node for node in component.nodes}
        self._members = {node: [node] for node in component.nodes}
        self._banks = {k: _voices_by_number(n) for k, n in component.nodes.items()}
        self._wrong: set[str] | None = None
        self._apart: dict[str, set[str]] = {}
        for a, b in component.ruling.apart if component.ruling else ():
            self._apart.setdefault(a, set()).add(b)
            self._apart.setdefault(b, set()).add(a)
        self._edges: list[GraphEdge] = []
        self._review: dict[str, str] = {}

    def _find(self, node: str) -> str:
        while self._head[node] != node:
            self._head[node] = self._head[self._head[node]]
            node = self._head[node]
        return node

    def keep_parties_apart(
        self, edges: Iterable[GraphEdge], bits: float, spelt: dict[str, str]
    ) -> None:
        """Forbid joins that would put two parties together, which so many bits tell apart.

        ``spelt`` leads from identifiers to what they are one with, however they are written: these
        are joined all the same.
        """
        self._told, self._party_bits, self._spelt = list(edges), bits, spelt
        self._often = {k: int(n.summary.reports > 1) for k, n in self._component.nodes.items()}

    def _counted_ties(self) -> Ties:
        """Return the ties of the clusters, counted when they are asked for first: seldom ever."""
        if self._ties is None:
            self._ties = Ties()
            nodes = self._component.nodes
            for edge in self._told:
                often = nodes[edge.a].summary.reports > 1 and nodes[edge.b].summary.reports > 1
                self._ties.add(self._find(edge.a), self._find(edge.b), edge, often)
        return self._ties

    def join(self, edge: GraphEdge, decided: bool = False) -> None:
        """Join an edge's ends, unless that breaks a limit or contradicts itself.

        What was ``decided`` by people is held up by the limit alone.
        """
        a, b = self._find(edge.a), self._find(edge.b)
        if a == b:
            return
        if len(self._members[a]) < len(self._members[b]):
            a, b = b, a
        refusal = self._refusal(a, b, decided)
        if refusal is None and not decided and self._are_two_parties(a, b, edge):
            refusal = REASON_TWO_PARTIES
        if refusal:
            if refusal not in (SAID_NOT_SAME, REASON_TWO_PARTIES):
                self._review[edge.a] = self._review[edge.b] = refusal
            relate(self._component, edge, refusal)
            return
        if self._told:
            self._often[a] += self._often.pop(b)
            if self._ties is not None:
                self._ties.join(a, b)
        self._head[b] = a
        self._members[a].extend(self._members.pop(b))
        for number, known in self._banks.pop(b).items():
            self._banks[a][number] = (*self._banks[a].get(number, ()), *known)
        if self._apart:
            self._apart.setdefault(a, set()).update(self._apart.pop(b, ()))
        self._edges.append(edge)

    def _refusal(self, large: str, small: str, decided: bool) -> str | None:
        if self._apart and any(self._find(n) == small for n in self._apart.get(large, ())):
            return SAID_NOT_SAME
        if len(self._members[large]) + len(self._members[small]) > self._limit:
            return REVIEW_SIZE
        if decided:
            return None
        banks = self._banks[large]
        for number, known in self._banks[small].items():
            if number not in banks:
                continue
            told = (*banks[number], *known)
            if contradict([voices for voices, _ in told]) and self._are_at_two_banks(told):
                return REVIEW_TWO_BANKS
        return None

    def _are_at_two_banks(self, told: Sequence[tuple[int, str]]) -> bool:
        """Say whether a number is several accounts also without those at a wrong bank."""
        if self._wrong is None:
            self._wrong = _told_with_a_wrong_bank(self._component)
        return contradict([voices for voices, account in told if account not in self._wrong])

    def _are_two_parties(self, one: str, other: str, edge: GraphEdge) -> bool:
        # Ties that count have two ends that are named often, so two such ends are the least.
        if not self._told or min(self._often[one], self._often[other]) < 2:
            return False
        if edge.a in self._spelt and find(self._spelt, edge.a) == find(self._spelt, edge.b):
            return False
        ties = self._counted_ties()
        if ties.least(one, other) < PARTY_TIES:
            return False
        size = len(self._members[one]) + len(self._members[other])
        if ties.apart(one, other) < needed_bits(self._party_bits, size):
            return False
        return not tied_independently(self._ties_across(one, other))

    def _ties_across(self, one: str, other: str) -> list[TieAcross]:
        """Return what people told of that ties two clusters; most joins never ask."""
        told_of = self._edges_told_of()
        fewer = min(one, other, key=lambda head: len(self._members[head]))
        beyond = other if fewer == one else one
        found = []
        for member in self._members[fewer]:
            for edge in told_of.get(member, ()):
                end = edge.b if edge.a == member else edge.a
                if self._find(end) == beyond:
                    found.append(TieAcross(find(self._spelt, member), find(self._spelt, end), edge))
        return found

    def _edges_told_of(self) -> dict[str, list[GraphEdge]]:
        """Return the edges that people told of by their ends, worked out once."""
        if self._told_of is None:
            self._told_of = {}
            for edge in self._told:
                if edge.tier == TOGETHER:
                    for end in (edge.a, edge.b):
                        self._told_of.setdefault(end, []).append(edge)
        return self._told_of

    def groupings(self) -> list[Grouping]:
        """Return the clusters with their edges and relations."""
        groups = {head: Grouping(sorted(m), [], []) for head, m in self._members.items()}
        for edge in self._edges:
            groups[self._find(edge.a)].edges.append(edge)
        for edge in sorted(self._component.relations.values(), key=order):
            ends = {self._find(end) for end in (edge.a, edge.b) if end in self._head}
            for head in sorted(ends):
                groups[head].relations.append(edge)
        for node, review in self._review.items():
            group = groups[self._find(node)]
            # Of two reasons the size is said: it is the one that people must decide.
            group.review = min(group.review or review, review)
        return list(groups.values())


def parted(
    grouping: Grouping, edges: Sequence[GraphEdge], cut: Collection[int], reason: str
) -> list[Grouping]:
    """Return what a cluster falls into when edges inside of it, by their places, are cut.

    Those become relations of both sides, for this ``reason``.
    """
    if not cut:
        return [grouping]
    gone = [edges[place] for place in sorted(cut)]
    head: dict[str, str] = {}
    left = [edge for edge in grouping.edges if edge not in gone]
    left += [edge for place, edge in enumerate(edges) if place not in cut]
    spanning = []
    for edge in left:
        if find(head, edge.a) != find(head, edge.b):
            unite(head, edge.a, edge.b)
            spanning.append(edge)
    groups: dict[str, Grouping] = {}
    for member in grouping.members:
        groups.setdefault(find(head, member), Grouping([], [], [])).members.append(member)
    for edge in spanning:
        groups[find(head, edge.a)].edges.append(edge)
    relations = Component(relations={(edge.a, edge.b): edge for edge in grouping.relations})
    for edge in gone:
        relate(relations, edge, reason)
    inside = set(grouping.members)
    for edge in sorted(relations.relations.values(), key=order):
        for top in sorted({find(head, end) for end in (edge.a, edge.b) if end in inside}):
            groups[top].relations.append(edge)
            if grouping.review in edge.reasons:
                groups[top].review = grouping.review
    return list(groups.values())


def contradict(voices: Sequence[int]) -> bool:
    """Say whether a number, named by so many voices at each bank, is several accounts.

    Where one has several voices and each other one a single voice, or no more than one for each
    `RIGHT_BANK` of these, the others named the wrong bank.
    """
    if len(voices) < 2:
        return False
    *others, most = sorted(voices)
    return most < 2 or others[-1] > max(most // RIGHT_BANK, 1)


def _told_with_a_wrong_bank(component: Component) -> set[str]:
    """Return the accounts that surely are one with the same number at a bank that more name.

    Such a one must not keep apart what is told with the right bank and with the wrong one.
    """
    wrong: set[str] = set()
    for edge in component.edges if component.look_alikes else ():
        if edge.tier != LOOK_ALIKE or edge.person or edge.bits < SURE_BITS:
            continue
        unknown = UNKNOWN_BANK in (bank_of(edge.a), bank_of(edge.b))
        if number_of(edge.a) == number_of(edge.b) and not unknown:
            ends = sorted((edge.a, edge.b), key=lambda k: (-heard(component.nodes[k].summary), k))
            wrong.add(ends[1])
    return wrong


def _voices_by_number(node: Node) -> dict[str, tuple[tuple[int, str], ...]]:
    if not node.is_account or bank_of(node.key) == UNKNOWN_BANK:
        return {}
    return {number_of(node.key): ((heard(node.summary), node.key),)}
