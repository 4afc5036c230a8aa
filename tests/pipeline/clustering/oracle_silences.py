"""The definition of what lies beyond a silence of a cluster, written naively (see `oracle`)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import pairwise
from math import log2

import networkx as nx  # type: ignore[import-untyped]

from pipeline.clustering.normalised import StoredReport
from tests.pipeline.clustering.oracle_parties import Edge

DAY = 86_400_000
FEW = 8

Vertex = str | tuple[str, int]


class Cluster:
    """A cluster's reports, by what they name (``of``), and what is written in several ways."""

    def __init__(
        self,
        members: frozenset[str],
        of: Mapping[str, list[StoredReport]],
        head: Mapping[str, str],
        voices: Callable[[str], set[str]],
    ) -> None:
        self.members, self.of, self.head, self.voices = members, of, head, voices
        self.days = sorted({r.received_at // DAY for m in members for r in of[m]})
        told: dict[str, int] = {}
        for member in members:
            told[head[member]] = told.get(head[member], 0) + len(of[member])
        self.often = {m for m in members if told[head[m]] > 1}

    def beyond(
        self, graph: nx.Graph, statements: Mapping[tuple[str, int], list[Edge]], edges: list[Edge]
    ) -> set[Edge]:
        """Return the edges to parts that lie beyond a silence, the largest first."""
        self.named = {s: {end for e in told for end in e[1:3]} for s, told in statements.items()}
        found: list[tuple[tuple[int, float, list[int]], Vertex, set[Vertex], set[Edge]]] = []
        for vertex in graph:
            mine = statements.get(vertex) or [e for e in edges if vertex in e[1:3]]
            whole = nx.node_connected_component(graph, vertex)
            rest = graph.subgraph(whole - {vertex})
            parts = [set(part) for part in nx.connected_components(rest)]
            ring = min(parts, key=lambda p: (-self._reports(p), self._when(p, vertex)), default=())
            for part in parts:
                voices = {v for m in self._inside(part) for v in self.voices(m)}
                if part is ring or self._when(part, vertex)[1] < 0 or len(voices) < 2:
                    continue
                bits = self._bits(set(ring), part, vertex)
                cut = {e for e in mine if (e[1] in part) != (e[2] in part)}
                rank = -self._reports(part), -round(bits, 6), sorted(map(edges.index, cut))
                if cut and bits >= 12:
                    found.append((rank, vertex, part, cut))
        off: list[set[Vertex]] = []
        gone: set[Edge] = set()
        for _, vertex, part, cut in sorted(found, key=lambda each: each[0]):
            if not any(vertex in other for other in off):
                off.append(part)
                gone |= cut
        return gone

    def _inside(self, part: set[Vertex]) -> set[str]:
        return {member for member in self.members if self.head[member] in part}

    def _reports(self, part: set[Vertex]) -> int:
        inside = self._inside(part) & self.often
        return sum(report.home == member for member in inside for report in self.of[member])

    def _when(self, part: set[Vertex], vertex: Vertex) -> tuple[int, int]:
        """Return the first and last day on which a part is told of, but by a voice's statement."""
        days = [
            report.received_at // DAY
            for member in self._inside(part)
            for report in self.of[member]
            if len(self.of[member]) > FEW or not self._states(vertex, report, member)
        ]
        return min(days, default=1 << 31), max(days, default=-1)

    def _states(self, vertex: Vertex, report: StoredReport, member: str) -> bool:
        """Say whether a report is of the voice whose statement is left out, and is part of it."""
        if not isinstance(vertex, tuple):
            return False
        return report.voice == vertex[0] and self.head[member] in self.named[vertex]

    def _bits(self, ring: set[Vertex], part: set[Vertex], vertex: Vertex) -> float:
        bits = [0.0]
        its, told = self._when(ring, vertex), self._when(part, vertex)
        for last, first in pairwise(self.days):
            quiet = first - last - 1
            if its[1] <= last and told[0] >= first:
                bits.append(self._reports(ring) * log2(1 + quiet / max(last + 1 - self.days[0], 7)))
            if its[0] >= first and told[1] <= last:
                bits.append(
                    self._reports(ring) * log2(1 + quiet / max(self.days[-1] + 1 - first, 7))
                )
        return max(bits)
