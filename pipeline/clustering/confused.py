"""One voice that names accounts of two rings: a victim of both, or who gave an own account too.

Two accounts that one voice alone ties, and nothing else, may still be one ring's. But a ring has
few phones, handles and pages (its contacts), and its victims name the same ones over and over. So
where others name one of the two accounts beside contacts that are not the other one's ring's, it
is another ring's: of what the ring's own victims name as a contact so little is told once that so
many times would hardly come of it. Then the account stays out, also if it is named seldom.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import accumulate
from typing import Final

from pipeline.clustering.pairs import TOGETHER, GraphEdge
from pipeline.clustering.parties import MONEY
from pipeline.clustering.parts import ALONE, Parts
from pipeline.clustering.statements import Graph

CONTACTS: Final = ("phone:", "handle:", "url:")

CONFUSED_BITS: Final = 4.0
"""So sure it must be, in bits, that contacts are not a ring's. In worlds of two makers of some 60
statements with so many bits five in six were confused, with three bits two in three."""


def may_be_confused(edges: Iterable[GraphEdge]) -> bool:
    """Say whether one voice alone names two accounts together."""
    return any(
        edge.sole and edge.a.startswith(MONEY) and edge.b.startswith(MONEY) for edge in edges
    )


def confused_cuts(
    graph: Graph, parts: Parts, edges: Sequence[GraphEdge], often: Sequence[bool]
) -> set[int]:
    """Return the places of the edges by which one voice alone ties accounts of two rings.

    ``often`` says which vertices several reports name. Linear in the graph's size where there is
    such a voice, and nothing where there is none.
    """
    found: set[int] = set()
    mentions: _Mentions | None = None
    for vertex in parts.separating:
        if vertex < len(graph.nodes):
            continue
        statement = graph.edges_at(vertex)
        whose: dict[int, set[int]] = {}
        for place in statement:
            for end in graph.ends[place]:
                whose.setdefault(parts.part_of(vertex, end), set()).add(end)
        groups = [
            part
            for part, ends in whose.items()
            if part != ALONE and any(graph.nodes[end].startswith(MONEY) for end in ends)
        ]
        if len(groups) < 2:
            continue
        if mentions is None:
            mentions = _Mentions(graph, parts, edges, often)
        for part in mentions.strangers(vertex, statement, {g: whose[g] for g in groups}):
            for place in statement:
                inside = [end in whose[part] for end in graph.ends[place]]
                if any(inside) and not all(inside):
                    found.add(place)
    return found


class _Mentions:
    """How often the accounts of a graph are named beside contacts, and beside which."""

    def __init__(
        self, graph: Graph, parts: Parts, edges: Sequence[GraphEdge], often: Sequence[bool]
    ) -> None:
        self._graph = graph
        self._parts = parts
        self._edges = edges
        self._often = often
        self._of: dict[int, list[int]] = {}
        known = [0] * len(graph.neighbours)
        once = [0] * len(graph.neighbours)
        for place, ends in graph.ends.items():
            edge = edges[place]
            if edge.tier != TOGETHER:
                continue
            for account, contact in (ends, ends[::-1]):
                if self._is_mention(account, contact):
                    # What is told once hangs on what it is told with, and is not searched.
                    at = graph.homes.get(account, (account,))[0]
                    self._of.setdefault(at, []).append(place)
                    (known if often[contact] else once)[at] += edge.voices
        visited = parts.visited
        self._known = [0, *accumulate(known[other] for other in visited)]
        self._once = [0, *accumulate(once[other] for other in visited)]

    def _is_mention(self, account: int, contact: int) -> bool:
        nodes = self._graph.nodes
        return nodes[account].startswith(MONEY) and nodes[contact].startswith(CONTACTS)

    def strangers(
        self, vertex: int, statement: Sequence[int], whose: Mapping[int, Collection[int]]
    ) -> list[int]:
        """Return the parts around a statement whose contacts are not those of the largest one.

        ``whose`` are the statement's ends in each part.
        """
        groups, nodes = frozenset(whose), self._graph.nodes
        known = self._parts.sums(vertex, groups, self._known)
        once = self._parts.sums(vertex, groups, self._once)
        for part, ends in whose.items():
            for _, contact in self._told(statement, ends):
                (known if self._often[contact] else once)[part] -= 1
        ring = min(groups, key=lambda p: (-known[p] - once[p], min(nodes[end] for end in whose[p])))
        # As if of four more mentions, that nobody heard of, two were of what is told once.
        share = (once[ring] + 2) / (known[ring] + once[ring] + 4)
        return [
            part
            for part in sorted(groups - {ring})
            if known[part] + once[part]
            and self._voices(vertex, part) * -math.log2(share) >= CONFUSED_BITS
        ]

    def _told(self, statement: Sequence[int], ends: Collection[int]) -> Iterator[tuple[int, int]]:
        """Yield the mentions (account, contact) of a statement whose accounts are ``ends``."""
        for place in statement:
            a, b = self._graph.ends[place]
            for account, contact in ((a, b), (b, a)):
                if account in ends and self._is_mention(account, contact):
                    yield account, contact

    def _voices(self, vertex: int, part: int) -> int:
        """Return how many voices, but the one that ties it to others, tell contacts of a part."""
        mine = self._graph.voice_of(vertex)
        alone: set[str] = set()
        together = 0
        for member in self._parts.members(vertex, part):
            for place in self._of.get(member, ()):
                edge = self._edges[place]
                if edge.sole:
                    alone.add(edge.sole)
                together = max(together, edge.voices)
        return max(len(alone - {mine}), together if together > 1 else 0)
