"""Bridges: an identifier or one voice that alone holds two well-supported parts together.

A SIM that was issued again, a handle that was sold on, or one confused report must not melt two
rings into one. But a ring's own phone is often all that its accounts have in common. What tells one
from the other: the parts of one ring would share other numbers too (`parties.apart_bits`). Such a
cut vertex stays with the part that it is tied to most; its ties to another party are cut.

One bridge of a graph is cut at a time, the clearest: a courier's number between two rings makes cut
vertices of their own numbers beside it, and once it is cut they are none. Of those that are about
as clear it is the one whose ties are of the kind that is handed on most often. Each time is linear
in the component's size: articulation points by depth-first search, and what the parts amount to by
aggregates over the search's order.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import msgspec

from pipeline.clustering.confused import confused_cuts
from pipeline.clustering.cut_vertices import Search
from pipeline.clustering.pairs import GraphEdge
from pipeline.clustering.parties import apart_bits, counts_for_a_party, needed_bits
from pipeline.clustering.parts import NOTHING, Parts, Support, Thresholds
from pipeline.clustering.statements import Graph

MAX_ROUNDS = 64
"""Cutting one bridge may lay bare another; so many rounds, then the rest stays as it is. Counted
``bridge_rounds``."""
AS_CLEAR = 2.0
"""Bridges that are so many bits less clear than the clearest are as clear. What a few name between
two rings belongs to one of them; Fisher's test would always give it to the smaller one."""


class Cuts(NamedTuple):
    """The places of the edges to cut, and whether bridges were left after the last round.

    ``confused`` are the places of those that a voice names which confuses two rings.
    """

    places: set[int]
    unfinished: bool
    confused: frozenset[int] = frozenset()


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
    told_often = [s.identifiers > 0 for s in supports]
    unfinished = False
    for place in range(MAX_ROUNDS + 1):
        graph = Graph(nodes, edges, counted, cut, told_often)
        search = Search(graph.neighbours)
        hanging = _with_what_hangs(graph, supports, thresholds)
        parts = Parts(search, hanging, thresholds, graph.homes)
        found = _one_round(graph, search, parts, thresholds)
        unfinished = bool(found) and place == MAX_ROUNDS
        if not found or unfinished:
            break
        cut |= found
    confused = confused_cuts(graph, parts, edges, told_often)
    return Cuts(cut | confused, unfinished, frozenset(confused))


def contracted(
    edges: Sequence[GraphEdge], head: dict[str, str]
) -> tuple[list[int], list[GraphEdge]]:
    """Return the edges between what stands under different heads (see `find`), between these.

    Each comes with its place before.
    """
    places, between = [], []
    for place, edge in enumerate(edges):
        if edge.a in head or edge.b in head:
            a, b = sorted((find(head, edge.a), find(head, edge.b)))
            if a == b:
                continue
            edge = msgspec.structs.replace(edge, a=a, b=b)
        places.append(place)
        between.append(edge)
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


def _one_round(graph: Graph, search: Search, parts: Parts, thresholds: Thresholds) -> set[int]:
    possible: dict[int, list[_Cut]] = {}
    for vertex in search.separated:
        groups = parts.supported_around(vertex, graph.voice_of(vertex))
        if len(groups) < 2:
            continue
        root = search.root[vertex]
        needed = needed_bits(thresholds.bits, parts.size(root, graph))
        for found in _cuts_at(vertex, groups, parts, graph):
            if found.bits >= needed:
                possible.setdefault(root, []).append(found)
    chosen: set[int] = set()
    for cuts in possible.values():
        clear = max(found.bits for found in cuts) - AS_CLEAR
        best = min((found for found in cuts if found.bits >= clear), key=lambda found: found.rank)
        chosen.update(best.places)
    return chosen


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

    ``voices`` are those that these ties cost, and ``handed_on`` is `Graph.handed_on` of them.
    """

    bits: float
    voices: int
    places: tuple[int, ...]
    handed_on: int

    @property
    def rank(self) -> tuple[int, float, int, tuple[int, ...]]:
        """The ties that are handed on most often first, then the clearest.

        Of equals the one that costs least, then the strongest ties.
        """
        return -self.handed_on, -self.bits, self.voices, self.places


def _cuts_at(vertex: int, groups: frozenset[int], parts: Parts, graph: Graph) -> Iterator[_Cut]:
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
        places = tuple(sorted(across[group]))
        yield _Cut(round(sure, 6), strength[group][0], places, graph.handed_on(places))
