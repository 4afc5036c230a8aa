"""The graph in which bridges are looked for: identifiers, and what single voices tell alone.

Half of what a large ring's reports name is named once: slips, mostly. Such an identifier hangs on
one statement and can neither be a bridge nor make a part of its own, so it is left out of the
search, and so is a statement that ties nothing else together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations

from pipeline.clustering.homes import place_of
from pipeline.clustering.pairs import GraphEdge


class Graph:
    """The component with one more vertex for each statement of a voice that stands alone.

    A statement is a set of edges that one voice alone tells of and that hang together.
    """

    def __init__(
        self,
        nodes: Sequence[str],
        edges: Sequence[GraphEdge],
        counted: Sequence[int],
        cut: set[int],
        often: Sequence[bool],
    ) -> None:
        """Take in the edges but those ``cut``; ``often`` says whom several reports name."""
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
        self._places: list[list[int]] | None = None
        linked: list[list[int]] = [[] for _ in nodes]
        self.neighbours = linked
        self.weights = [1] * len(nodes)
        """By vertex, how many it stands for: with those left out of the search."""
        self.homes: dict[int, tuple[int, ...]] = {}
        """By leaf, on what it hangs: its statement, or whom that names beside leaves."""
        told_alone: dict[str, list[int]] = {}
        for place, (a, b) in ends.items():
            sole = edges[place].sole
            if sole:
                told_alone.setdefault(sole, []).append(place)
            else:
                linked[a].append(b)
                linked[b].append(a)
        statements: list[list[int]] = []
        for told in told_alone.values():
            statements += [told] if len(told) == 1 else _hanging_together(told, ends)
        named = [
            set(ends[s[0]]) if len(s) == 1 else {end for place in s for end in ends[place]}
            for s in statements
        ]
        leaves = self._leaves(named, often)
        for statement, whom in zip(statements, named, strict=True):
            if len(statement) == 1 and len(alone := whom & leaves) == 1:
                # So it is with most: a slip hangs on what it was told with.
                (other,) = whom - alone
                self.homes[alone.pop()] = (other,)
                self.weights[other] += 2
            else:
                self._take_in(statement, whom, whom & leaves)

    def _leaves(self, named: Sequence[set[int]], often: Sequence[bool]) -> set[int]:
        """Return whom one statement alone names, and no other edge ties to anything."""
        once: set[int] = set()
        again: set[int] = set()
        for whom in named:
            again |= once & whom
            once |= whom
        linked = self.neighbours
        return {end for end in once - again if not (often[end] or linked[end])}

    def _take_in(self, statement: list[int], whom: set[int], leaves: set[int]) -> None:
        """Take in a statement without its leaves, unless all that is left is tied anyway."""
        others = sorted(whom - leaves)
        if not others:
            leaves = set()
        elif all(not leaves.isdisjoint(self.ends[place]) for place in statement) and all(
            b in self.neighbours[a] for a, b in combinations(others, 2)
        ):
            self.homes.update(dict.fromkeys(leaves, tuple(others)))
            self.weights[others[0]] += 1 + len(leaves)
            return
        vertex = len(self.neighbours)
        kept = whom - leaves
        for end in kept:
            self.neighbours[end].append(vertex)
        self.neighbours.append(list(kept))
        self.weights.append(1 + len(leaves))
        self.homes.update(dict.fromkeys(leaves, (vertex,)))
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
        if self._places is None:
            self._places = [[] for _ in self.nodes]
            for place, ends in self.ends.items():
                for end in ends:
                    self._places[end].append(place)
        return self._places[vertex]

    def handed_on(self, places: Sequence[int]) -> int:
        """Return the place in `homes.HOME_ORDER` of what edges tie by: the later, the more often.

        Of each edge the end counts that is handed on more often, of several edges the one that is
        handed on least.
        """
        edges = [self._edges[place] for place in places]
        return min((max(place_of(edge.a), place_of(edge.b)) for edge in edges), default=0)

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
