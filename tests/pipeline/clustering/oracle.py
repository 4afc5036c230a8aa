"""The definition of clusters on all reports: naive, every bridge is what falls apart without it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from itertools import combinations
from math import inf, log2

import networkx as nx  # type: ignore[import-untyped]

from pipeline.clustering.evidence import kind_of
from pipeline.identity.account import bank_of, number_of
from pipeline.policy.policy import Standing
from tests.pipeline.clustering.oracle_confused import confused
from tests.pipeline.clustering.oracle_contacts import Circles
from tests.pipeline.clustering.oracle_edges import Told
from tests.pipeline.clustering.oracle_parties import (
    Edge,
    apart,
    several_ties,
    tied_by_several,
)
from tests.pipeline.clustering.oracle_scams import Tellings
from tests.pipeline.clustering.oracle_silences import Cluster
from tests.pipeline.clustering.oracle_words import (
    accounts,
    are_at_two_banks,
    are_vouched_for,
)


class Oracle(Told):
    """Clusters and levels of a set of reports."""

    def levels(self) -> dict[str, tuple[str, bool]]:
        found = {}
        for node, reports in self.of.items():
            if not node.startswith(("account:", "promptpay:", "wallet:")):
                continue
            standing = Standing(
                voices=len(self.voices(node)),
                verified_voices=len({r.voice for r in reports if r.verified}),
                police_filed=any(r.police_filed for r in reports),
                bank_detected=any(r.bank_detected for r in reports),
                laundering_listed=any(r.laundering_listed for r in reports),
            )
            level = self.policy.level(standing) if node not in self.public else "none"
            found[node] = (level, level in self.policy.acting_levels)
        return found

    def clusters(self) -> set[frozenset[str]]:
        tied = [e for e in self.edges() if e[3] != "T0" or frozenset(e[1:3]) not in self.loose]
        edges = self._held(self._without_nameless(tied), tied)
        said: nx.Graph = nx.Graph()
        said.add_nodes_from(self.of)
        said.add_edges_from(self.same)
        said.add_edges_from((n, f"promptpay:{n}") for n in self.of if f"promptpay:{n}" in self.of)
        line = [n for n in self.of if n.startswith("handle:line:@")]
        both = [(n, n.replace("@", "", 1)) for n in line if n.replace("@", "", 1) in self.of]
        said.add_edges_from(both)
        forms = [*self.look_alikes(), *self.handles()]
        said.add_edges_from(e[1:3] for e in forms if self._is_spelling(*e[1:3]))
        # What is said to be the same, or written in two ways, is one vertex: its smallest key.
        self.head = head = {n: min(nx.node_connected_component(said, n)) for n in self.of}
        one: list[tuple[Edge, Edge]] = []
        for edge in edges:
            a, b = sorted((head[edge[1]], head[edge[2]]))
            if a != b:
                one.append(((edge[0], a, b, *edge[3:]), edge))
        self.behind: dict[str, list[str]] = defaultdict(list)
        for node, above in head.items():
            self.behind[above].append(node)
        for _ in range(64):
            cut = self._bridge_round([edge for edge, _ in one], head)
            if not cut:
                break
            edges = [e for e in edges if not any(e is was and new in cut for new, was in one)]
            one = [pair for pair in one if pair[0] not in cut]
        left = [edge for edge, _ in one]
        cut = confused(*self._graph(left, head), left, self._often_named())
        edges = [e for e in edges if not any(e is was and new in cut for new, was in one)]
        found = self._kruskal(edges)
        for cut in (self._by_scams, self._by_silences, self._by_contacts):
            found = {part for members in found for part in self._parted(members, edges, cut)}
        return found

    most_together = 1024

    def _held(self, edges: list[Edge], tied: list[Edge]) -> list[Edge]:
        """Return the edges that hold, in the first step that leaves each component small."""

        def rank(node: str, edge: Edge) -> tuple[int, int, str]:
            other = edge[1] if edge[2] == node else edge[2]
            return len(edge[4]), doublings(self._heard(other)), other

        steps = [(0, 99), (3, 99), (3, 4), (3, 3), (7, 3), (7, 2), (15, 2), (31, 2), (inf, 2)]

        def doublings(voices: int) -> int:
            return min(voices.bit_length() - 1, 10) if voices > 1 else 0

        best: dict[str, str] = {}
        for node in self.of:
            mine = [rank(node, e) for e in tied if e[3] == "T0" and node in e[1:3]]
            best[node] = max(mine, default=(0, 0, ""))[2]

        def holds(edge: Edge, few: float, gap: int) -> bool:
            _, a, b, tier, voices = edge
            if tier != "T0" or b == f"promptpay:{a}" or few == 0:
                return True
            known = min(doublings(self._heard(end)) for end in (a, b))
            if known - doublings(len(voices)) >= gap:
                return False
            # The least of the figures that its reports are no more than.
            few_at = {x: min(f for f, _ in steps if len(self.of[x]) <= f) for x in (a, b)}
            first = min(few_at.values())
            return first > few or any(
                best[x] == y for x, y in ((a, b), (b, a)) if few_at[x] == first
            )

        def within(nodes: set[str], left: list[tuple[float, int]]) -> list[Edge]:
            step, *more = left
            held = [e for e in edges if nodes.issuperset(e[1:3]) and holds(e, *step)]
            graph: nx.Graph = nx.Graph()
            graph.add_nodes_from(nodes)
            graph.add_edges_from(e[1:3] for e in held)
            graph.add_edges_from(pair for pair in self.same if nodes.issuperset(pair))
            found = []
            for part in nx.connected_components(graph):
                large = more and len(part) > self.most_together
                inside = [e for e in held if e[1] in part]
                found += within(part, more) if large else inside
            return found

        return sorted(within(set(self.of), steps), key=edges.index)

    def _by_scams(self, members: frozenset[str], between: list[Edge]) -> set[Edge]:
        head = {member: self.head[member] for member in members}
        tellings = Tellings(members, self.of, head, self.needed(len(set(head.values()))))
        one = tellings.held_by_one(*self._graph(between, head), between)
        return one | tellings.held_by_several(between)

    def _by_silences(self, members: frozenset[str], between: list[Edge]) -> set[Edge]:
        head = {member: self.head[member] for member in members}
        cluster = Cluster(members, self.of, head, self.voices)
        return cluster.beyond(*self._graph(between, head), between)

    def _by_contacts(self, members: frozenset[str], between: list[Edge]) -> set[Edge]:
        head = {member: self.head[member] for member in members}
        return Circles(members, self.of, head, self.needed(len(set(head.values())))).cut(between)

    def _parted(
        self,
        members: frozenset[str],
        edges: list[Edge],
        cut_by: Callable[[frozenset[str], list[Edge]], set[Edge]],
    ) -> list[frozenset[str]]:
        """Return what a cluster is without what is cut off, and that."""
        head = self.head
        left = [edge for edge in edges if members.issuperset(edge[1:3])]
        one = [
            ((e[0], *sorted((head[e[1]], head[e[2]])), *e[3:]), e)
            for e in left
            if head[e[1]] != head[e[2]]
        ]
        cut = cut_by(members, [new for new, _ in one])
        left = [e for e in left if not any(e is was and new in cut for new, was in one)]
        whole: nx.Graph = nx.Graph()
        whole.add_nodes_from(members)
        whole.add_edges_from(edge[1:3] for edge in left)
        whole.add_edges_from(pair for pair in self.same if members.issuperset(pair))
        return [frozenset(part) for part in nx.connected_components(whole)]

    def _is_spelling(self, a: str, b: str) -> bool:
        if not a.startswith("account:") or number_of(a) == number_of(b):
            return True
        return min(len(self.voices(a)), len(self.voices(b))) < self.rules.bridge_voices

    def _without_nameless(self, edges: list[Edge]) -> list[Edge]:
        keys = {report.key for report in self.live}
        found = []
        for edge in edges:
            _, a, b, _, voices = edge
            nameless = len(voices) == 1 and voices <= keys and a.startswith("account:")
            known = b.startswith("phone:") and self._heard(b) > 1
            if not (nameless and known and not are_vouched_for(self.of[a])):
                found.append(edge)
        return found

    def _graph(
        self, edges: list[Edge], head: dict[str, str]
    ) -> tuple[nx.Graph, dict[tuple[str, int], list[Edge]]]:
        graph = nx.Graph()
        graph.add_nodes_from(head.values())
        alone: dict[str, nx.Graph] = defaultdict(nx.Graph)
        for edge in edges:
            _, a, b, tier, voices = edge
            if tier == "T0" and len(voices) == 1:
                alone[min(voices)].add_edge(a, b, edge=edge)
            else:
                graph.add_edge(a, b)
        statements: dict[tuple[str, int], list[Edge]] = {}
        for voice, told in alone.items():
            for place, named in enumerate(nx.connected_components(told)):
                statement = voice, place
                inside = told.subgraph(named).edges(data="edge")
                statements[statement] = [edge for _, _, edge in inside]
                graph.add_edges_from((statement, node) for node in named)
        return graph, statements

    def _bridge_round(self, edges: list[Edge], head: dict[str, str]) -> set[Edge]:
        graph, statements = self._graph(edges, head)
        found: dict[str, list[tuple[float, int, int, list[int], set[Edge]]]] = defaultdict(list)
        for vertex in graph:
            mine = statements.get(vertex) or [e for e in edges if vertex in e[1:3]]
            whole = nx.node_connected_component(graph, vertex)
            name = min(node for node in whole if isinstance(node, str))
            for bits, cost, cut in self._cuts_at(vertex, whole, graph, mine, edges):
                kinds = ["account", "promptpay", "wallet", "nid", "url", "handle", "phone"]
                last = [max(kinds.index(kind_of(end)) for end in e[1:3]) for e in cut]
                places = sorted(edges.index(edge) for edge in cut)
                if bits >= self.needed(len(whole)):
                    found[name].append((-bits, -min(last), cost, places, cut))
        chosen = set[Edge]()
        for cuts in found.values():
            clear = [c for c in cuts if c[0] <= min(cuts)[0] + 2]
            chosen |= min(clear, key=lambda c: (c[1], c[0], *c[2:4]))[4]
        return chosen

    def _cuts_at(
        self,
        vertex: object,
        whole: set[object],
        graph: nx.Graph,
        mine: list[Edge],
        edges: list[Edge],
    ) -> Iterator[tuple[float, int, set[Edge]]]:
        rest = graph.subgraph(whole - {vertex})
        is_voice = isinstance(vertex, tuple)
        bridge = {vertex[0]} if isinstance(vertex, tuple) else set()
        parts = [part for part in nx.connected_components(rest) if self.supported(part, bridge)]
        if len(parts) < 2:
            return

        def strength(part: set[object]) -> tuple[float, float, str]:
            if is_voice:
                ends = {x for e in mine for x in e[1:3] if x in part}
                return -len(ends), 0.0, min(ends, default="")
            tied = [e for e in mine if (e[1] if e[2] == vertex else e[2]) in part]
            names = [e[1] if e[2] == vertex else e[2] for e in tied]
            voices = sum(max(len(e[4]), 1) for e in tied)
            return -voices, -round(sum(e[0] for e in tied), 3), min(names, default="")

        own = min(parts, key=strength)
        often = self._often_named()

        def inside(part: set[object]) -> int:
            return several_ties([e for e in edges if {e[1], e[2]} <= part], often)

        for part in parts:
            if part is not own:
                cut = {e for e in mine if (e[1] in part) != (e[2] in part)}
                bits = round(apart(inside(own), inside(part), 0), 6)
                yield bits, -int(strength(part)[0]), cut

    def needed(self, vertices: int) -> float:
        return self.rules.bridge_bits + log2(max(vertices / 8, 1)) / 2

    def _often_named(self) -> set[str]:
        return {n for n in self.behind if any(self._often(x) for x in self.behind[n])}

    def _often(self, node: str) -> bool:
        return len(self.of[node]) > 1

    def supported(self, part: set[object], bridge: set[str]) -> bool:
        heads = [n for n in part if isinstance(n, str)]
        voices = set().union(*(self.voices(x) for n in heads for x in self.behind[n]))
        several = sum(any(self._often(x) for x in self.behind[n]) for n in heads)
        least = self.rules.bridge_voices, self.rules.bridge_identifiers
        return len(voices - bridge) >= least[0] and several >= least[1]

    def _told_with_a_wrong_bank(self) -> set[str]:
        """Return accounts that surely are the same number's at a bank that more people name."""
        told: dict[str, list[str]] = defaultdict(list)
        for node in accounts(self.of.keys() - self.hubs):
            if bank_of(node) != "?":
                told[number_of(node)].append(node)
        found = set()
        for a, b in (pair for nodes in told.values() for pair in combinations(sorted(nodes), 2)):
            if frozenset((a, b)) not in self.apart and self.bits_of_look_alikes(a, b)[0] >= 33:
                found.add(max((a, b), key=lambda end: (-self._heard(end), end)))
        return found

    def _kruskal(self, edges: list[Edge]) -> set[frozenset[str]]:
        cluster = {node: frozenset([node]) for node in self.of}
        for a, b in self.same:
            joined = cluster[a] | cluster[b]
            if len(joined) <= self.rules.cluster_limit:
                cluster.update(dict.fromkeys(joined, joined))
        often = {node for node in self.of if len(self.of[node]) > 1}
        wrong = self._told_with_a_wrong_bank()
        for _, a, b, _, _ in edges:
            joined = cluster[a] | cluster[b]
            if joined == cluster[a] or len(joined) > self.rules.cluster_limit:
                continue
            # What an analyst has put together is no reason to keep it from the rest.
            right = cluster[a] - wrong, cluster[b] - wrong
            at_two = [are_at_two_banks(*t, self._heard) for t in ((cluster[a], cluster[b]), right)]
            if all(at_two) or any(two <= joined for two in self.apart):
                continue
            if self.head[a] != self.head[b]:
                one, other, across = (
                    [e for e in edges if {e[1], e[2]} <= cluster[a]],
                    [e for e in edges if {e[1], e[2]} <= cluster[b]],
                    [e for e in edges if {e[1], e[2]} <= joined and e[3] == "T0"],
                )
                told = [several_ties(part, often) for part in (one, other)]
                between = [e for e in across if e not in one and e not in other]
                bits = apart(*told, sum(len(e[4]) for e in between))
                two = min(told) >= 3 and bits >= self.needed(len(joined))
                if two and not tied_by_several(between, cluster[a], self.head):
                    continue
            for node in joined:
                cluster[node] = joined
        return set(cluster.values())
