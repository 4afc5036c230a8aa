"""From touched identifiers to clusters: gather a candidate component, then split it by rules.

What a component's clusters are is a function of its edges and counts alone: public
numbers join nothing; look-alikes form stars on anchors; bridges are cut; what remains is joined
strongest edge first, as long as no limit and no contradiction forbids it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import chain

import msgspec

from pipeline.clustering.bridges import Support, Thresholds, bridge_cuts, contracted
from pipeline.clustering.brigades import heard
from pipeline.clustering.decisions import SAID_NOT_SAME, Decisions, Ruling, with_evidence
from pipeline.clustering.edges import Edges
from pipeline.clustering.entangled import entangling_ties
from pipeline.clustering.handles import Handles
from pipeline.clustering.nameless import REASON_NAMELESS, is_nameless_word
from pipeline.clustering.nodes import Node, Nodes
from pipeline.clustering.normalised import UNKNOWN_BANK
from pipeline.clustering.pairs import LOOK_ALIKE, RELATION, GraphEdge, order
from pipeline.clustering.stars import starred
from pipeline.identity.account import bank_of, number_of
from pipeline.policy.policy import Policy

REASON_HUB = "public_number"
REASON_PASSING = "passing_number"
REVIEW_SIZE = "cluster_size"
REVIEW_TWO_BANKS = "same_number_at_two_banks"


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


class Components:
    """Gathers components from the state and splits them into clusters."""

    def __init__(
        self,
        nodes: Nodes,
        edges: Edges,
        handles: Handles,
        decisions: Decisions,
        policy: Policy,
        hits: Counter[tuple[str, ...]],
    ) -> None:
        self._nodes = nodes
        self._edges = edges
        self._handles = handles
        self._decisions = decisions
        self._hits = hits
        self._rules = policy.clustering
        self._thresholds = Thresholds(self._rules.bridge_voices, self._rules.bridge_identifiers)

    def gather(self, seeds: Iterable[str]) -> list[Component]:
        """Return the components that hold the seeds (those that live), each once."""
        done: set[str] = set()
        found: list[Component] = []
        for seed in sorted(seeds):
            if seed in done:
                continue
            component = self._from(seed)
            if component is not None:
                done.update(component.nodes)
                found.append(component)
        return found

    def _from(self, seed: str) -> Component | None:
        start = self._nodes.of(seed)
        if not start.living:
            return None
        component = Component({seed: start})
        waiting, nodes, edges = [start], component.nodes, component.edges
        decided = False
        while waiting:
            node = waiting.pop()
            key = node.key
            if self._decisions.concern(key):
                decided = True
                waiting += self._said_same(key, nodes)
            if node.hub:
                for edge in self._edges.ties(node).values():
                    _relate(component, edge, REASON_HUB)
                continue
            leading: Iterable[tuple[str, GraphEdge]] = self._edges.ties(node).items()
            if node.alike:
                joining, listed = self._edges.look_alikes(node)
                component.look_alikes |= bool(joining)
                leading = chain(leading, joining)
                for edge in listed:
                    _relate(component, edge, "")
            if node.is_account:
                if node.persons:
                    leading = chain(leading, node.persons.items())
            elif (form := self._handles.edge(node)) is not None:
                leading = chain(leading, (form,))
            for other, edge in leading:
                beyond = nodes.get(other) or self._nodes.of(other)
                if beyond.hub:
                    _relate(component, edge, REASON_HUB)
                    continue
                if other in node.loose or key in beyond.loose:
                    _relate(component, edge, REASON_PASSING)
                    continue
                if is_nameless_word(edge, node, beyond):
                    _relate(component, edge, REASON_NAMELESS)
                    continue
                if other not in nodes:
                    nodes[other] = beyond
                    waiting.append(beyond)
                if key == edge.a:
                    edges.append(edge)
        if decided:
            self._rule(component)
        if len(component.edges) > 1:
            component.edges.sort(key=order)
        return component

    def _said_same(self, key: str, nodes: dict[str, Node]) -> list[Node]:
        """Take in those that an analyst said an identifier is the same as, where they live."""
        found = [self._nodes.of(other) for other in self._decisions.same_as(key)]
        new = [node for node in found if node.living and node.key not in nodes]
        nodes.update((node.key, node) for node in new)
        return new

    def _rule(self, component: Component) -> None:
        """Let what analysts decided about pairs stand above all evidence about them."""
        ruling = self._decisions.ruling(component.nodes)
        if ruling is None:
            return
        told = [*component.edges, *component.relations.values()]
        ruling.same = with_evidence(ruling.same, told)
        component.ruling = ruling
        for edge in component.edges:
            if (edge.a, edge.b) in ruling.apart:
                _relate(component, edge, SAID_NOT_SAME)
        component.edges = [e for e in component.edges if (e.a, e.b) not in ruling.apart]
        component.look_alikes = any(edge.tier == LOOK_ALIKE for edge in component.edges)
        for edge in ruling.overruled:
            _relate(component, edge, "")
        for edge in ruling.same:
            component.relations.pop((edge.a, edge.b), None)

    def split(self, component: Component) -> list[Grouping]:
        """Return the clusters of a component."""
        nodes = component.nodes.values()
        several = sum([node.summary.reports > 1 for node in nodes])
        bridged = several >= 2 * self._thresholds.identifiers
        edges = component.edges
        if component.look_alikes:
            edges = starred(component.nodes, edges)
        plain = component.ruling is None and not component.look_alikes
        if plain and not bridged and len(nodes) <= self._rules.cluster_limit:
            accounts = [node.key for node in nodes if node.is_account]
            if len(accounts) < 2 or len({number_of(key) for key in accounts}) == len(accounts):
                return [_whole(component)]
        cut = self._bridges(component, edges) if bridged else set()
        kept = _without(component, edges, cut, "bridge")
        joining = _Joining(component, self._rules.cluster_limit)
        for edge in component.ruling.same if component.ruling else ():
            joining.join(edge, decided=True)
        for edge in kept:
            joining.join(edge)
        return joining.groupings()

    def _bridges(self, component: Component, edges: list[GraphEdge]) -> set[int]:
        """Return the places of the edges that bridges lose.

        Identifiers that were said to be the same are one vertex: no evidence parts them.
        """
        keys = sorted(component.nodes)
        supports = [self._support(component.nodes[key]) for key in keys]
        places: Sequence[int] = range(len(edges))
        ruling = component.ruling
        if ruling is not None:
            merged: dict[str, Support] = {}
            for key, support in zip(keys, supports, strict=True):
                head = ruling.head(key)
                known = merged.get(head)
                merged[head] = self._thresholds.add(known, support) if known else support
            keys, supports = sorted(merged), [merged[key] for key in sorted(merged)]
            places, edges = contracted(edges, ruling.head)
        entangling = entangling_ties(keys, supports, edges, self._thresholds)
        left = [place for place in range(len(edges)) if place not in entangling]
        kept = [edges[place] for place in left]
        cut, unfinished = bridge_cuts(keys, supports, kept, self._thresholds)
        if unfinished:
            self._hits["limit_hits", "bridge_rounds"] += 1
        return {places[place] for place in entangling} | {places[left[place]] for place in cut}

    def _support(self, node: Node) -> Support:
        # One voice more than the threshold: the one in question may be among them.
        voices = frozenset(node.voices(self._thresholds.voices + 1))
        # A phone (or person) and the proxy that is made of it are one identifier, not two.
        counts = node.summary.reports > 1 and f"promptpay:{node.key}" not in self._edges.ties(node)
        return Support(voices, int(counts))


def _without(
    component: Component, edges: list[GraphEdge], cut: set[int], reason: str
) -> list[GraphEdge]:
    """Return the edges but those at the places to cut, which become relations."""
    for place in sorted(cut):
        _relate(component, edges[place], reason)
    return [edge for place, edge in enumerate(edges) if place not in cut] if cut else edges


def _whole(component: Component) -> Grouping:
    """Return the one cluster of a component in which nothing can speak against an edge."""
    return Grouping(
        sorted(component.nodes),
        _spanning(component.edges, len(component.nodes)),
        sorted(component.relations.values(), key=order) if component.relations else [],
    )


def _spanning(edges: list[GraphEdge], nodes: int) -> list[GraphEdge]:
    """Return the edges that join a connected graph when they are taken in order (Kruskal's)."""
    if len(edges) < nodes:
        return edges
    if nodes == 3:
        return edges[:2]
    group: dict[str, list[str]] = {}
    joined = []
    for edge in edges:
        a = group.setdefault(edge.a, [edge.a])
        b = group.setdefault(edge.b, [edge.b])
        if a is b:
            continue
        if len(a) < len(b):
            a, b = b, a
        a += b
        for node in b:
            group[node] = a
        joined.append(edge)
        if len(joined) == nodes - 1:
            break
    return joined


def _relate(component: Component, edge: GraphEdge, reason: str) -> None:
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


class _Joining:
    """Constrained Kruskal: edges in one total order, skipped where a limit forbids them."""

    def __init__(self, component: Component, limit: int) -> None:
        self._component = component
        self._limit = limit
        self._head = {node: node for node in component.nodes}
        self._members = {node: [node] for node in component.nodes}
        self._banks = {k: _voices_by_number(n) for k, n in component.nodes.items()}
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
        if refusal:
            if refusal != SAID_NOT_SAME:
                self._review[edge.a] = self._review[edge.b] = refusal
            _relate(self._component, edge, refusal)
            return
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
            if contradict((*banks.get(number, ()), *known)):
                return REVIEW_TWO_BANKS
        return None

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


def contradict(voices: Sequence[int]) -> bool:
    """Say whether a number, named by so many voices at each bank, is several accounts.

    Where one has several voices and each other one a single voice, these named the wrong bank.
    """
    return len(voices) > 1 and not (max(voices) > 1 and sorted(voices)[-2] <= 1)


def _voices_by_number(node: Node) -> dict[str, tuple[int, ...]]:
    if not node.is_account or bank_of(node.key) == UNKNOWN_BANK:
        return {}
    return {number_of(node.key): (heard(node.summary),)}
