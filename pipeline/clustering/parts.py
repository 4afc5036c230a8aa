"""What is left around a vertex when it is taken away, and how well each part is supported."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import accumulate
from typing import Generic, NamedTuple, TypeVar

from pipeline.clustering.cut_vertices import Search
from pipeline.clustering.statements import Graph

T = TypeVar("T")


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


class Around(Generic[T]):
    """What is left around a vertex when it is taken away, and what each part amounts to.

    What vertices amount to is added up (in any order; ``nothing`` is what an empty part amounts
    to), so that all of it is known by going twice over the search's order.
    """

    def __init__(
        self,
        search: Search,
        values: Sequence[T],
        add: Callable[[T, T], T],
        nothing: T,
        homes: Mapping[int, Sequence[int]],
    ) -> None:
        """Take in what each vertex amounts to, with the leaves that hang on it (``homes``)."""
        self._search = search
        self._homes = homes
        self._values = values
        self._add = add
        self._nothing = nothing
        self.below = list(values)
        """By vertex, what it amounts to with all that is under it in the search."""
        for vertex in reversed(search.visited):
            parent = search.parent[vertex]
            if parent >= 0:
                self.below[parent] = add(self.below[parent], self.below[vertex])
        self._before: list[T] = []
        self._after: list[T] = []

    def _look_both_ways(self) -> None:
        """Work out what all that was visited before (after) a place in its tree amounts to."""
        search, add, nothing = self._search, self._add, self._nothing
        size = len(search.visited)
        self._before = [nothing] * (size + 1)
        self._after = [nothing] * (size + 1)
        for place, vertex in enumerate(search.visited):
            fresh = search.root[vertex] == vertex
            earlier = nothing if fresh else self._before[place]
            self._before[place + 1] = add(earlier, self._values[vertex])
        for place in range(size - 1, -1, -1):
            vertex = search.visited[place]
            last = place == search.end[search.root[vertex]]
            later = nothing if last else self._after[place + 1]
            self._after[place] = add(later, self._values[vertex])

    def above(self, vertex: int) -> T:
        """Return what the part above a vertex amounts to."""
        search, add = self._search, self._add
        if not self._before:
            self._look_both_ways()
        total = self._before[search.place[vertex]]
        last = search.end[vertex]
        if last < search.end[search.root[vertex]]:
            total = add(total, self._after[last + 1])
        apart = set(search.separated.get(vertex, ()))
        for child in search.children[vertex]:
            if child not in apart:
                total = add(total, self.below[child])
        return total

    def parts(self, vertex: int) -> dict[int, T]:
        """Return what each part amounts to: the child that heads it, -1 for the part above."""
        found = {child: self.below[child] for child in self._search.separated.get(vertex, ())}
        if self._search.parent[vertex] >= 0:
            found[-1] = self.above(vertex)
        return found

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

    def ties_into(self, vertex: int, part: int, graph: Graph) -> tuple[int, ...]:
        """Return the places of a vertex's ties that lead into a part from elsewhere."""
        found = []
        for place in sorted(graph.edges_at(vertex)):
            inside = [
                end != vertex and self.part_of(vertex, end) == part for end in graph.ends[place]
            ]
            if any(inside) and not all(inside):
                found.append(place)
        return tuple(found)


class PartCut(NamedTuple):
    """A part around a vertex that is to be cut off, how sure that is, and where their ties are.

    ``size`` is how much is told of the part.
    """

    vertex: int
    part: int
    size: int
    bits: float
    places: tuple[int, ...]

    @property
    def rank(self) -> tuple[int, float, tuple[int, ...]]:
        """The largest part first, then the surest."""
        return -self.size, -self.bits, self.places


def largest_first(cuts: Iterable[PartCut], around: Around[T]) -> set[int]:
    """Return the places of the ties to cut; what is cut off with a larger part is not cut again."""
    places: set[int] = set()
    off: list[PartCut] = []
    for found in sorted(cuts, key=lambda found: found.rank):
        if not any(around.part_of(cut.vertex, found.vertex) == cut.part for cut in off):
            off.append(found)
            places.update(found.places)
    return places


class Parts(Around[Support]):
    """What is left around a vertex when it is taken away, and how well each part is supported."""

    def __init__(
        self,
        search: Search,
        supports: Sequence[Support],
        thresholds: Thresholds,
        homes: Mapping[int, Sequence[int]],
    ) -> None:
        super().__init__(search, supports, thresholds.add, NOTHING, homes)
        self._vertices_before: list[int] = []
        self._thresholds = thresholds
        self._ends_before: list[int] = []

    def supported_around(self, vertex: int, voice: str | None) -> frozenset[int]:
        """Return the supported parts: the child that heads each, -1 for the part above."""
        separated = self._search.separated.get(vertex, [])
        is_root = self._search.parent[vertex] < 0
        if len(separated) + (not is_root) < 2:
            return frozenset()
        reached = self._thresholds.reached
        found = {child for child in separated if reached(self.below[child], voice)}
        if found and not is_root and reached(self.above(vertex), voice):
            found.add(-1)
        return frozenset(found)

    @property
    def visited(self) -> Sequence[int]:
        """The vertices in the order of the search, which `sums` are told in."""
        return self._search.visited

    @property
    def separating(self) -> Iterable[int]:
        """The vertices that alone tie something together."""
        return self._search.separated

    def ends_around(self, vertex: int, groups: frozenset[int], graph: Graph) -> dict[int, int]:
        """Return `Graph.counted_ends` summed over each of the parts around a vertex."""
        if not self._ends_before:
            ends = graph.counted_ends()
            self._ends_before = [0, *accumulate(ends[other] for other in self.visited)]
        return self.sums(vertex, groups, self._ends_before)

    def sums(self, vertex: int, groups: frozenset[int], before: Sequence[int]) -> dict[int, int]:
        """Return a number summed over each of the parts around a vertex.

        ``before`` is what it comes to before each place of the search's order, and at its end.
        """
        search = self._search

        def under(top: int) -> int:
            return before[search.end[top] + 1] - before[search.place[top]]

        found = {group: under(group) for group in groups if group >= 0}
        if -1 in groups:
            at = search.place[vertex]
            apart = sum(under(child) for child in search.separated[vertex])
            found[-1] = under(search.root[vertex]) - apart - (before[at + 1] - before[at])
        return found

    def members(self, vertex: int, part: int) -> Iterator[int]:
        """Yield the vertices of a part around a vertex, but the leaves left out of the search."""
        search = self._search
        if part >= 0:
            yield from search.visited[search.place[part] : search.end[part] + 1]
            return
        root = search.root[vertex]
        for other in search.visited[search.place[root] : search.end[root] + 1]:
            if other != vertex and self.part_of(vertex, other) == part:
                yield other

    def size(self, root: int, graph: Graph) -> int:
        """Return how many vertices hang together with a root, leaves included."""
        if not self._vertices_before:
            weights = (graph.weights[vertex] for vertex in self._search.visited)
            self._vertices_before = [0, *accumulate(weights)]
        before, search = self._vertices_before, self._search
        return before[search.end[root] + 1] - before[search.place[root]]
