"""Bridges: an identifier or one voice that alone holds two well-supported parts together.

A SIM that was issued again, a handle that was sold on, or one confused report must not melt two
rings into one. But a ring's own phone is often all that its accounts have in common. What tells one
from the other: the parts of one ring would share other numbers too (`parties.apart_bits`). Such a
cut vertex stays with the part that it is tied to most; its ties to another party are cut.

One bridge of a graph is cut at a time, the clearest: a courier's number between two rings makes cut
vertices of their own numbers beside it, and once it is cut they are none. Each time is linear in
the component's size: articulation points by depth-first search, and what the parts amount to by
aggregates over the search's order.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import accumulate
from typing import NamedTuple

import msgspec

from pipeline.clustering.cut_vertices import Search
from pipeline.clustering.pairs import GraphEdge
from pipeline.clustering.parties import apart_bits, counts_for_a_party, needed_bits

MAX_ROUNDS = 64
"""Cutting one bridge may lay bare another; so many rounds, then the rest stays as it is. Counted
``bridge_rounds``."""


class Support(NamedTuple):
    """What stands behind a vertex or a part: some voices, and identifiers of several reports.

    Only as many of both are kept as the thresholds need; a union of cut-off sets still says
    exactly whether a threshold is reached.
    """

    voices: frozenset[str]
    identifiers: int


class Thresholds(NamedTuple):
    """What makes a part well-supported, and a party of its own (policy.clustering).

    ``voices`` and ``identifiers`` are its own; ``bits`` say how sure it must be that two
    well-supported parts are two parties.
    """

    voices: int
    identifiers: int
    bits: float

    def reached(self, support: Support, apart_from: str | None) -> bool:
        """Say whether a part is well-supported, by others than the voice that is the bridge."""
        if support.identifiers < self.identifiers:
            return False
        return len(support.voices - {apart_from}) >= self.voices

    def add(self, a: Support, b: Support) -> Support:
        """Return the support of two parts together, cut off at the thresholds."""
        if b is NOTHING or (len(a.voices) > self.voices and a.identifiers >= self.identifiers):
            return a
        # One more than the threshold, because the voice in question may be one of them.
        voices = a.voices if len(a.voices) > self.voices else a.voices | b.voices
        return Support(voices, min(a.identifiers + b.identifiers, self.identifiers))

    def as_one(self, a: Support, b: Support) -> Support:
        """Return the support of what is one identifier, written in two ways."""
        return Support(self.add(a, b).voices, max(a.identifiers, b.identifiers))


NOTHING = Support(frozenset(), 0)


class Cuts(NamedTuple):
    """The places of the edges to cut, and whether bridges were left after the last round."""

    places: set[int]
    unfinished: bool


def bridge_cuts(
    nodes: Sequence[str],
    supports: Sequence[Support],
    edges: Sequence[GraphEdge],
    thresholds: Thresholds,
) -> Cuts:
    """Return the places in ``edges`` of the ties that bridges lose (``supports`` as ``nodes``).

    In each round the clearest bridge of every graph that hangs together is cut, so that the result
    is a function of the edge set.
    """
    often = {node for node, s in zip(nodes, supports, strict=True) if s.identifiers}
    counted = [
        edge.voices if edge.a in often and edge.b in often and counts_for_a_party(edge) else 0
        for edge in edges
    ]
    cut: set[int] = set()
    for _ in range(MAX_ROUNDS):
        found = _one_round(nodes, supports, edges, counted, cut, thresholds)
        if not found:
            return Cuts(cut, unfinished=False)
        cut |= found
    left = _one_round(nodes, supports, edges, counted, cut, thresholds)
    return Cuts(cut, unfinished=bool(left))


def contracted(
    edges: Sequence[GraphEdge], head: Callable[[str], str]
) -> tuple[list[int], list[GraphEdge]]:
    """Return the edges between different heads, renamed to these, each with its place before."""
    places, between = [], []
    for place, edge in enumerate(edges):
        a, b = sorted((head(edge.a), head(edge.b)))
        if a != b:
            places.append(place)
            between.append(msgspec.structs.replace(edge, a=a, b=b))
    return places, between


def unite(head: dict[str, str], one: str, other: str) -> None:
    """Put two keys together, under the smaller one, so that a head is a function of the set."""
    low, high = sorted((find(head, one), find(head, other)))
    head[high] = low


def find(head: dict[str, str], key: str) -> str:
    """Return what stands above a key: itself where nothing does."""
    while (above := head.get(key, key)) != key:
        head[key] = head.get(above, above)
        key = head[key]
    return key


def _one_round(
    nodes: Sequence[str],
    supports: Sequence[Support],
    edges: Sequence[GraphEdge],
    counted: Sequence[int],
    cut: set[int],
    thresholds: Thresholds,
) -> set[int]:
    graph = _Graph(nodes, edges, counted, cut)
    search = Search(graph.neighbours)
    padding = [NOTHING] * (len(graph.neighbours) - len(nodes))
    parts = _Parts(search, [*supports, *padding], thresholds)
    clearest: dict[int, _Cut] = {}
    for vertex in search.separated:
        groups = parts.supported_around(vertex, graph.voice_of(vertex))
        if len(groups) < 2:
            continue
        root = search.root[vertex]
        needed = needed_bits(thresholds.bits, search.end[root] + 1 - search.place[root])
        for found in _cuts_at(vertex, groups, parts, graph):
            known = clearest.get(root)
            if found.bits >= needed and (known is None or found.rank < known.rank):
                clearest[root] = found
    return set().union(*(found.places for found in clearest.values()))


class _Cut(NamedTuple):
    """The ties between a bridge and one party, and how sure it is that it is another party.

    ``voices`` are those that these ties cost.
    """

    bits: float
    voices: int
    places: tuple[int, ...]

    @property
    def rank(self) -> tuple[float, int, tuple[int, ...]]:
        """The clearest first: of equals the one that costs least, then the strongest ties."""
        return -self.bits, self.voices, self.places


def _cuts_at(vertex: int, groups: frozenset[int], parts: _Parts, graph: _Graph) -> Iterator[_Cut]:
    """Yield what cutting each supported part off a bridge would be, but the one it stays with."""
    told: dict[int, list[tuple[int, float]]] = {group: [] for group in groups}
    names: dict[int, list[str]] = {group: [] for group in groups}
    for end, voices, bits in graph.ties(vertex):
        group = parts.part_of(vertex, end)
        if group in told:
            told[group].append((voices, bits))
            names[group].append(graph.nodes[end])
    strength = {
        group: (sum(v for v, _ in ties), round(sum(b for _, b in ties), 3))
        for group, ties in told.items()
    }
    own = min(
        groups,
        key=lambda g: (-strength[g][0], -strength[g][1], min(names[g], default="")),
    )
    inside = parts.ends_around(vertex, groups, graph)
    across: dict[int, list[int]] = {group: [] for group in groups}
    for place in graph.edges_at(vertex):
        ends = [end for end in graph.ends[place] if end != vertex]
        of = [parts.part_of(vertex, end) for end in ends]
        for group in groups.intersection(of):
            if of.count(group) == len(of) > 1:
                continue
            across[group].append(place)
            inside[group] -= graph.counted[place]
    for group in groups - {own}:
        sure = apart_bits(inside[own] / 2, inside[group] / 2)
        yield _Cut(round(sure, 6), strength[group][0], tuple(sorted(across[group])))


class _Graph:
    """The component with one more vertex for each statement of a voice that stands alone.

    A statement is a set of edges that one voice alone tells of and that hang together.
    """

    def __init__(
        self,
        nodes: Sequence[str],
        edges: Sequence[GraphEdge],
        counted: Sequence[int],
        cut: set[int],
    ) -> None:
        self.nodes = nodes
        self._edges = edges
        self.counted = counted
        index = {node: place for place, node in enumerate(nodes)}
        self.ends = ends = {
            place: (index[edge.a], index[edge.b])
            for place, edge in enumerate(edges)
            if place not in cut
        }
        self._statements: list[list[int]] = []
        linked: list[list[int]] = [[] for _ in nodes]
        self.neighbours = linked
        told_alone: dict[str, list[int]] = {}
        for place, (a, b) in ends.items():
            sole = edges[place].sole
            if sole:
                told_alone.setdefault(sole, []).append(place)
            else:
                linked[a].append(b)
                linked[b].append(a)
        for places in told_alone.values():
            for statement in _hanging_together(places, ends):
                named = {end for place in statement for end in ends[place]}
                for end in named:
                    linked[end].append(len(linked))
                linked.append(list(named))
                self._statements.append(statement)

    def counted_ends(self) -> list[int]:
        """Return at each vertex the ends, each voice once, of ties that speak for a party."""
        ends = [0] * len(self.neighbours)
        for place, (a, b) in self.ends.items():
            ends[a] += self.counted[place]
            ends[b] += self.counted[place]
        return ends

    def voice_of(self, vertex: int) -> str | None:
        """Return whose statement a vertex is, None for an identifier."""
        if vertex < len(self.nodes):
            return None
        return self._edges[self.edges_at(vertex)[0]].sole

    def edges_at(self, vertex: int) -> list[int]:
        """Return the places of the edges that a vertex carries."""
        if vertex >= len(self.nodes):
            return self._statements[vertex - len(self.nodes)]
        return [place for place, ends in self.ends.items() if vertex in ends]

    def ties(self, vertex: int) -> list[tuple[int, int, float]]:
        """Return (other end, voices, bits): an identifier's edges, or whom a voice names."""
        if vertex >= len(self.nodes):
            return [(end, 1, 0.0) for end in sorted(self.neighbours[vertex])]
        found = []
        for place in self.edges_at(vertex):
            a, b = self.ends[place]
            edge = self._edges[place]
            found.append((b if a == vertex else a, max(edge.voices, 1), edge.bits))
        return found


def _hanging_together(
    places: Sequence[int], ends: Mapping[int, tuple[int, int]]
) -> list[list[int]]:
    """Group edges that share ends, directly or through one another."""
    if len(places) == 1:
        return [list(places)]
    head: dict[int, int] = {}

    def find(vertex: int) -> int:
        while head.setdefault(vertex, vertex) != vertex:
            vertex = head[vertex]
        return vertex

    for place in places:
        a, b = ends[place]
        head[find(a)] = find(b)
    groups: dict[int, list[int]] = {}
    for place in places:
        groups.setdefault(find(ends[place][0]), []).append(place)
    return list(groups.values())


class _Parts:
    """What is left around a vertex when it is taken away, and how well each part is supported."""

    def __init__(self, search: Search, supports: Sequence[Support], thresholds: Thresholds) -> None:
        self._search = search
        self._supports = supports
        self._thresholds = thresholds
        self._below = list(supports)
        add = thresholds.add
        for vertex in reversed(search.visited):
            parent = search.parent[vertex]
            if parent >= 0:
                self._below[parent] = add(self._below[parent], self._below[vertex])
        self._ends_before: list[int] = []
        self._before: list[Support] = []
        self._after: list[Support] = []

    def _look_both_ways(self) -> None:
        """Work out the support of all that was visited before (after) a place in its tree."""
        search, add = self._search, self._thresholds.add
        size = len(search.visited)
        self._before = [NOTHING] * (size + 1)
        self._after = [NOTHING] * (size + 1)
        for place, vertex in enumerate(search.visited):
            fresh = search.root[vertex] == vertex
            earlier = NOTHING if fresh else self._before[place]
            self._before[place + 1] = add(earlier, self._supports[vertex])
        for place in range(size - 1, -1, -1):
            vertex = search.visited[place]
            last = place == search.end[search.root[vertex]]
            later = NOTHING if last else self._after[place + 1]
            self._after[place] = add(later, self._supports[vertex])

    def supported_around(self, vertex: int, voice: str | None) -> frozenset[int]:
        """Return the supported parts: the child that heads each, -1 for the part above."""
        separated = self._search.separated.get(vertex, [])
        is_root = self._search.parent[vertex] < 0
        if len(separated) + (not is_root) < 2:
            return frozenset()
        reached = self._thresholds.reached
        found = {child for child in separated if reached(self._below[child], voice)}
        if found and not is_root and reached(self._above(vertex, separated), voice):
            found.add(-1)
        return frozenset(found)

    def ends_around(self, vertex: int, groups: frozenset[int], graph: _Graph) -> dict[int, int]:
        """Return `_Graph.counted_ends` summed over each of the parts around a vertex."""
        search = self._search
        if not self._ends_before:
            ends = graph.counted_ends()
            self._ends_before = [0, *accumulate(ends[other] for other in search.visited)]
        before = self._ends_before

        def under(top: int) -> int:
            return before[search.end[top] + 1] - before[search.place[top]]

        found = {group: under(group) for group in groups if group >= 0}
        if -1 in groups:
            at = search.place[vertex]
            apart = sum(under(child) for child in search.separated[vertex])
            found[-1] = under(search.root[vertex]) - apart - (before[at + 1] - before[at])
        return found

    def _above(self, vertex: int, separated: Sequence[int]) -> Support:
        search, add = self._search, self._thresholds.add
        if not self._before:
            self._look_both_ways()
        total = self._before[search.place[vertex]]
        last = search.end[vertex]
        if last < search.end[search.root[vertex]]:
            total = add(total, self._after[last + 1])
        apart = set(separated)
        for child in search.children[vertex]:
            if child not in apart:
                total = add(total, self._below[child])
        return total

    def part_of(self, vertex: int, other: int) -> int:
        """Return the part that holds ``other`` once ``vertex`` is taken away."""
        search = self._search
        if not search.place[vertex] < search.place[other] <= search.end[vertex]:
            return -1
        heads = search.children[vertex]
        at = bisect_right(heads, search.place[other], key=lambda child: search.place[child]) - 1
        child = heads[at]
        return child if search.low[child] >= search.place[vertex] else -1
