"""Bridges: an identifier or one voice that alone holds two well-supported parts together.

A SIM that was issued again, a handle that was sold on, or one confused report must not melt two
rings into one. Such a cut vertex stays with the part that it is tied to most; its ties to other
supported parts are cut. Linear in the component's size: articulation points by depth-first search,
and what the parts amount to by aggregates over the search's order.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import msgspec

from pipeline.clustering.pairs import GraphEdge

MAX_ROUNDS = 16
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
    """Voices and identifiers of its own that make a part well-supported (policy.clustering)."""

    voices: int
    identifiers: int

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

    All bridges of one round are found on the same graph and cut together, so that the result is
    a function of the edge set.
    """
    cut: set[int] = set()
    for _ in range(MAX_ROUNDS):
        found = _one_round(nodes, supports, edges, cut, thresholds)
        if not found:
            return Cuts(cut, unfinished=False)
        cut |= found
    left = _one_round(nodes, supports, edges, cut, thresholds)
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


def _one_round(
    nodes: Sequence[str],
    supports: Sequence[Support],
    edges: Sequence[GraphEdge],
    cut: set[int],
    thresholds: Thresholds,
) -> set[int]:
    graph = _Graph(nodes, edges, cut)
    search = _Search(graph.neighbours)
    padding = [NOTHING] * (len(graph.neighbours) - len(nodes))
    parts = _Parts(search, [*supports, *padding], thresholds)
    found: set[int] = set()
    for vertex in search.separated:
        groups = parts.supported_around(vertex, graph.voice_of(vertex))
        if len(groups) > 1:
            found |= _ties_to_cut(vertex, groups, parts, graph)
    return found


def _ties_to_cut(vertex: int, groups: frozenset[int], parts: _Parts, graph: _Graph) -> set[int]:
    """Return the edges that a bridge loses: those from its own group to other supported parts."""
    ties: dict[int, list[tuple[int, float]]] = {group: [] for group in groups}
    names: dict[int, list[str]] = {group: [] for group in groups}
    for end, voices, bits in graph.ties(vertex):
        group = parts.part_of(vertex, end)
        if group in ties:
            ties[group].append((voices, bits))
            names[group].append(graph.nodes[end])
    strength = {
        group: (sum(v for v, _ in tied), round(sum(b for _, b in tied), 3))
        for group, tied in ties.items()
    }
    chosen = min(
        groups,
        key=lambda g: (-strength[g][0], -strength[g][1], min(names[g], default="")),
    )

    def group_of(end: int) -> int:
        group = parts.part_of(vertex, end) if end != vertex else chosen
        return group if group in groups else chosen

    return {
        place
        for place in graph.edges_at(vertex)
        if group_of(graph.ends[place][0]) != group_of(graph.ends[place][1])
    }


class _Graph:
    """The component with one more vertex for each statement of a voice that stands alone.

    A statement is a set of edges that one voice alone tells of and that hang together.
    """

    def __init__(self, nodes: Sequence[str], edges: Sequence[GraphEdge], cut: set[int]) -> None:
        self.nodes = nodes
        self._edges = edges
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


class _Search:
    """A depth-first search: order, last place of each subtree, lowest reach, children, root."""

    def __init__(self, neighbours: Sequence[Sequence[int]]) -> None:
        size = len(neighbours)
        self.place = [-1] * size
        self.end = [0] * size
        self.low = [0] * size
        self.root = [0] * size
        self.parent = [-1] * size
        self.children: list[list[int]] = [[] for _ in range(size)]
        self.separated: dict[int, list[int]] = {}
        """Children whose subtrees their parent alone ties to the rest, by the parent."""
        self.visited: list[int] = []
        for vertex in range(size):
            if self.place[vertex] < 0:
                self._from(vertex, neighbours)

    def _from(self, root: int, neighbours: Sequence[Sequence[int]]) -> None:
        place, low, parent, visited = self.place, self.low, self.parent, self.visited
        place[root] = low[root] = len(visited)
        self.root[root] = root
        visited.append(root)
        stack = [(root, iter(neighbours[root]))]
        while stack:
            vertex, others = stack[-1]
            for other in others:
                if place[other] < 0:
                    place[other] = low[other] = len(visited)
                    self.root[other], parent[other] = root, vertex
                    self.children[vertex].append(other)
                    visited.append(other)
                    stack.append((other, iter(neighbours[other])))
                    break
                if place[other] < low[vertex] and other != parent[vertex]:
                    low[vertex] = place[other]
            else:
                stack.pop()
                self._leave(vertex)

    def _leave(self, vertex: int) -> None:
        self.end[vertex] = len(self.visited) - 1
        above = self.parent[vertex]
        if above < 0:
            return
        if self.low[vertex] >= self.place[above]:
            self.separated.setdefault(above, []).append(vertex)
        elif self.low[vertex] < self.low[above]:
            self.low[above] = self.low[vertex]


class _Parts:
    """What is left around a vertex when it is taken away, and how well each part is supported."""

    def __init__(
        self, search: _Search, supports: Sequence[Support], thresholds: Thresholds
    ) -> None:
        self._search = search
        self._supports = supports
        self._thresholds = thresholds
        self._below = list(supports)
        add = thresholds.add
        for vertex in reversed(search.visited):
            parent = search.parent[vertex]
            if parent >= 0:
                self._below[parent] = add(self._below[parent], self._below[vertex])
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
