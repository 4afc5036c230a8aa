"""The definition of what tells of another scam than a cluster's ring, naively (see `oracle`)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from math import log2

import networkx as nx  # type: ignore[import-untyped]

from pipeline.clustering.normalised import StoredReport
from tests.pipeline.clustering.oracle_parties import Edge, apart, several_ties

FEW = 8

Vertex = str | tuple[str, int]


def bits(ring: Counter[str], part: Counter[str]) -> float:
    """Return how much likelier a part's tellings are anew than as the ring's, one by one."""
    own = min(ring, key=lambda kind: (-ring[kind], kind))

    def chance(before: Counter[str], share: Callable[[str], float]) -> float:
        told, found = Counter(before), 1.0
        for kind in part.elements():
            found *= share(kind) * (told[kind] + 1 / 7) / (told.total() + 1)
            told[kind] += 1
        return found

    slips, found = Counter({True: ring[own], False: ring.total() - ring[own]}), 1.0
    for kind in part.elements():
        is_own = kind == own
        share = 1 / 7 if is_own else 6 / 7
        found *= (slips[is_own] + share) / (slips.total() + 1) / (1 if is_own else 6)
        slips[is_own] += 1
    as_its = max(chance(ring, lambda _: 1), found)
    return round(log2(chance(Counter(), lambda _: 1) / as_its), 6)


def is_of_one_scam(ring: Counter[str], total: int) -> bool:
    its = ring.total()
    return its >= 8 and its >= total / 2 and max(ring.values()) >= 0.75 * its


def tell_apart(ring: Counter[str], part: Counter[str], total: int) -> bool:
    return bool(ring) and (is_of_one_scam(ring, total) or is_of_one_scam(part, 0))


class Tellings:
    """Of which scams a cluster's reports tell, by what they name (``of``)."""

    def __init__(
        self,
        members: frozenset[str],
        of: Mapping[str, list[StoredReport]],
        head: Mapping[str, str],
        needed: float,
    ) -> None:
        self.members, self.of, self.head, self.needed = members, of, head, needed

    def filed(self, part: set[Vertex]) -> Counter[str]:
        found: Counter[str] = Counter()
        for member in self.members:
            if self.head[member] in part:
                found += self._filed_at(member)
        return found

    def _filed_at(self, member: str) -> Counter[str]:
        reports = self.of[member]
        homes = [report for report in reports if report.home == member]
        if len(reports) <= FEW:
            told = Counter(report.scam_type for report in homes)
        else:
            named, share = Counter(r.scam_type for r in reports), len(homes) / len(reports)
            told = +Counter({kind: int(n * share + 0.5) for kind, n in named.items()})
        del told["other"]
        return told

    def named(self, head: str) -> Counter[str]:
        reports = [r for m in self.members if self.head[m] == head for r in self.of[m]]
        return Counter(r.scam_type for r in reports if r.scam_type != "other")

    def held_by_one(
        self, graph: nx.Graph, statements: Mapping[tuple[str, int], list[Edge]], edges: list[Edge]
    ) -> set[Edge]:
        """Return the edges to parts of another scam that one vertex holds, the largest first."""
        found: list[tuple[tuple[int, float, list[int]], Vertex, set[Vertex], set[Edge]]] = []
        for vertex in graph:
            mine = statements.get(vertex) or [e for e in edges if vertex in e[1:3]]
            whole = nx.node_connected_component(graph, vertex)
            rest = graph.subgraph(whole - {vertex})
            parts = [set(part) for part in nx.connected_components(rest)]
            told = [(self.filed(part), part) for part in parts if self.filed(part)]
            told.sort(key=lambda each: (-each[0].total(), sorted(each[0].items())))
            for scams, part in told[1:]:
                if not tell_apart(told[0][0], scams, self.filed(whole).total()):
                    continue
                sure = bits(told[0][0], scams)
                cut = {e for e in mine if (e[1] in part) != (e[2] in part)}
                rank = -scams.total(), -sure, sorted(map(edges.index, cut))
                if cut and sure >= 4:
                    found.append((rank, vertex, part, cut))
        off: list[set[Vertex]] = []
        gone: set[Edge] = set()
        for _, vertex, part, cut in sorted(found, key=lambda each: each[0]):
            if not any(vertex in other for other in off):
                off.append(part)
                gone |= cut
        return gone

    def held_by_several(self, edges: list[Edge]) -> set[Edge]:
        """Return the edges to what hangs together and tells mostly of another scam."""
        graph: nx.Graph = nx.Graph()
        graph.add_nodes_from(self.head.values())
        graph.add_edges_from(edge[1:3] for edge in edges)
        total = self.filed(set(graph))
        often = {
            h for h in graph if sum(len(self.of[m]) for m in self.members if self.head[m] == h) > 1
        }
        gone: set[Edge] = set()
        kinds = [kind for kind in total if total[kind] >= 4]
        own = min(total, key=lambda k: (-total[k], k), default="")
        for kind in sorted(kinds, key=lambda k: (k == own, k)) if len(kinds) > 1 else []:
            if kind == own and gone:
                break
            mostly = {h for h in graph if 2 * self.named(h)[kind] > self.named(h).total()}
            unknown = graph.subgraph(h for h in graph if not self.named(h))
            for part in list(nx.connected_components(unknown)):
                others = {other for head in part for other in graph[head]} - part
                if others and others <= mostly:
                    mostly |= part
            for part in nx.connected_components(graph.subgraph(mostly)):
                scams = self.filed(part)
                ring = total - scams
                if (
                    scams[kind] < 4
                    or all(k == kind or ring[k] < 4 for k in ring)
                    or not tell_apart(ring, scams, total.total())
                    or bits(ring, scams) < 8
                ):
                    continue
                across = {e for e in edges if (e[1] in part) != (e[2] in part)}
                inside = [
                    several_ties([e for e in edges if {e[1], e[2]} <= side], often)
                    for side in (part, set(graph) - part)
                ]
                ties = apart(*inside, sum(len(e[4]) for e in across if e[3] == "T0"))
                if ties >= 2 and round(bits(ring, scams) + ties, 6) >= 8 + self.needed:
                    gone |= across
        return gone
