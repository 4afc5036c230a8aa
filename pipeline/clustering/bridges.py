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
from pipeline.clustering.statements import Graph

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
ALONE = -2
"""The part of a leaf of which nothing else is left; -1 is the part above in the search."""


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
    graph = Graph(nodes, edges, counted, cut, [s.identifiers > 0 for s in supports])
    search = Search(graph.neighbours)
    parts = _Parts(search, _with_what_hangs(graph, supports, thresholds), thresholds, graph.homes)
    clearest: dict[int, _Cut] = {}
    for vertex in search.separated:
        groups = parts.supported_around(vertex, graph.voice_of(vertex))
        if len(groups) < 2:
            continue
        root = search.root[vertex]
        needed = needed_bits(thresholds.bits, parts.size(root, graph))
        for found in _cuts_at(vertex, groups, parts, graph):
            known = clearest.get(root)
            if found.bits >= needed and (known is None or found.rank < known.rank):
                clearest[root] = found
    return set().union(*(found.places for found in clearest.values()))


def _with_what_hangs(
    graph: Graph, supports: Sequence[Support], thresholds: Thresholds
) -> list[Support]:
    """Return the support of each vertex, with that of the leaves that hang on it."""
    found = [*supports, *[NOTHING] * (len(graph.neighbours) - len(supports))]
    for leaf, homes in graph.homes.items():
        for home in homes:
            found[home] = thresholds.add(found[home], supports[leaf])
    return found


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


def _cuts_at(vertex: int, groups: frozenset[int], parts: _Parts, graph: Graph) -> Iterator[_Cut]:
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


class _Parts:
    """What is left around a vertex when it is taken away, and how well each part is supported."""

    def __init__(
        self,
        search: Search,
        supports: Sequence[Support],
        thresholds: Thresholds,
        homes: Mapping[int, Sequence[int]],
    ) -> None:
        self._search = search
        self._homes = homes
        self._vertices_before: list[int] = []
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

    def ends_around(self, vertex: int, groups: frozenset[int], graph: Graph) -> dict[int, int]:
        """Return `Graph.counted_ends` summed over each of the parts around a vertex."""
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

    def size(self, root: int, graph: Graph) -> int:
        """Return how many vertices hang together with a root, leaves included."""
        if not self._vertices_before:
            weights = (graph.weights[vertex] for vertex in self._search.visited)
            self._vertices_before = [0, *accumulate(weights)]
        before, search = self._vertices_before, self._search
        return before[search.end[root] + 1] - before[search.place[root]]

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
        """Return the part that holds ``other`` once ``vertex`` is taken away.

        It is `ALONE` of a leaf that hangs on nothing else.
        """
        search = self._search
        if other in self._homes:
            home = next((home for home in self._homes[other] if home != vertex), None)
            if home is None:
                return ALONE
            other = home
        if not search.place[vertex] < search.place[other] <= search.end[vertex]:
            return -1
        heads = search.children[vertex]
        at = bisect_right(heads, search.place[other], key=lambda child: search.place[child]) - 1
        child = heads[at]
        return child if search.low[child] >= search.place[vertex] else -1
