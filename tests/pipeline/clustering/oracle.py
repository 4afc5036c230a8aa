"""The definition of clusters on the whole set of reports, written naively and apart from the fold.

Nothing here is incremental: every count is a set, every bridge is what falls apart without it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from itertools import combinations

import networkx as nx  # type: ignore[import-untyped]
from rapidfuzz.distance import OSA

from pipeline.clustering.decisions import StoredDecision
from pipeline.clustering.evidence import Model, kind_of, load_model
from pipeline.clustering.normalised import StoredReport
from pipeline.clustering.personas import NOBODY, Persona, persona_of
from pipeline.clustering.persons import PERSONS_A_BLOCK, blocks_of
from pipeline.identity.account import bank_of, is_one_edit, number_of
from pipeline.policy.policy import Policy, Standing
from tests.pipeline.clustering.oracle_entangled import Edge, entangled
from tests.pipeline.clustering.oracle_names import bear_one_rare_name

HOUR_MS = 3_600_000


def newest_words(reports: Iterable[StoredReport]) -> list[StoredReport]:
    """Return the live reports: the newest word of each, unless it is a withdrawal."""
    by_key: dict[str, StoredReport] = {}
    for report in reports:
        if report.key not in by_key or by_key[report.key].rank < report.rank:
            by_key[report.key] = report
    return [report for report in by_key.values() if not report.withdrawn]


def newest_decisions(decisions: Iterable[StoredDecision]) -> list[StoredDecision]:
    """Return the live decisions, oldest first."""
    by_key: dict[str, StoredDecision] = {}
    for decision in decisions:
        if decision.key not in by_key or by_key[decision.key].rank < decision.rank:
            by_key[decision.key] = decision
    return sorted((d for d in by_key.values() if not d.withdrawn), key=lambda d: d.order)


class Oracle:
    """Clusters and levels of a set of reports."""

    def __init__(
        self,
        reports: Iterable[StoredReport],
        policy: Policy,
        decisions: Iterable[StoredDecision] = (),
    ) -> None:
        self.policy = policy
        self.rules = policy.clustering
        self.model: Model = load_model()
        self.live = newest_words(reports)
        self.of: dict[str, list[StoredReport]] = defaultdict(list)
        self.pairs: dict[tuple[str, str], list[StoredReport]] = defaultdict(list)
        for report in self.live:
            for node in report.identifiers:
                self.of[node].append(report)
            for a, b in combinations(sorted(report.identifiers), 2):
                self.pairs[a, b].append(report)
        others: dict[str, set[str]] = defaultdict(set)
        for a, b in self.pairs:
            others[a].add(b)
            others[b].add(a)
        self.others = others
        self.hubs = {n for n in self.of if len(others[n]) > self.rules.hub_limit.of(n)}
        self.decisions = newest_decisions(decisions)
        self.public: dict[str, StoredDecision] = {}
        for decision in self.decisions:
            if decision.verdict == "public_number":
                self.public[decision.identifiers[0]] = decision
        self.hubs |= self.public.keys() & self.of.keys()
        self.same, self.apart = self.rule()

    def rule(self) -> tuple[list[tuple[str, str]], set[frozenset[str]]]:
        """Return the pairs that analysts call the same, newest first, and those kept apart."""
        same: nx.Graph = nx.Graph()
        same.add_nodes_from(self.of)
        kept, apart = [], set[frozenset[str]]()
        decided = set[tuple[str, ...]]()
        for decision in reversed(self.decisions):
            pair = decision.identifiers
            if decision.verdict == "public_number" or pair in decided:
                continue
            decided.add(pair)
            if not set(pair) <= self.of.keys():
                continue
            if decision.verdict == "not_same":
                if not nx.has_path(same, *pair):
                    apart.add(frozenset(pair))
                continue
            if any(k in self.public and self.public[k].order > decision.order for k in pair):
                continue
            after = nx.Graph(same)
            after.add_edge(*pair)
            if not any(nx.has_path(after, *two) for two in apart):
                same = after
                kept.append(pair)
        return [(a, b) for a, b in kept], apart

    def voices(self, node: str) -> set[str]:
        told = {r.voice for r in self.of[node] if r.victim}
        return {min(told)} if told and self.brigade(node) else told

    def spoke(self, node: str) -> set[str]:
        return {r.voice for r in self.of[node] if r.victim}

    def brigade(self, node: str) -> bool:
        reports = self.of[node]
        strong = ("verified", "police_filed", "bank_detected", "laundering_listed")
        if any(getattr(report, why) for report in reports for why in strong):
            return False
        days = [report.received_at // 86_400_000 for report in reports]
        burst = max(sum(day in (first, first + 1) for day in days) for first in days)
        return burst >= 5 and 2 * burst >= len(reports)

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

    def bits_of_look_alikes(self, a: str, b: str) -> float:
        weights, missing = self.model.one_edit, "?" in (bank_of(a), bank_of(b))
        if number_of(a) == number_of(b):
            known = weights.same_number_other_bank
            total = weights.same_number_bank_missing if missing else known
        else:
            total = weights.near_number_bank_missing if missing else 0.0
        names = [[n for r in self.of[x] for k, n in r.names if k == x] for x in (a, b)]
        total += max((self.model.name_bits(m, n)[0] for m in names[0] for n in names[1]), default=0)
        total += sum(bits for bits, _ in self.model.trait_bits(self.persona(a), self.persona(b)))
        total += weights.same_voice if self.spoke(a) & self.spoke(b) else 0.0
        paid = [[p for r in self.of[x] for p in r.payments if p.payee == x] for x in (a, b)]
        total += max(
            (
                self.model.amount_bits(p.amount)
                for p in paid[0]
                for q in paid[1]
                if p.amount == q.amount and abs(p.paid_at - q.paid_at) <= HOUR_MS
            ),
            default=0.0,
        )
        shared = (self.others[a] & self.others[b]) - self.hubs
        kinds = {n.split(":")[0] for n in shared} - {"account"}
        total += max((weights.shared_identifier.get(kind, 0.0) for kind in kinds), default=0.0)
        return round(total, 3)

    def look_alikes(self) -> list[Edge]:
        accounts = sorted(n for n in self.of if n.startswith("account:") and n not in self.hubs)
        qualified: dict[str, set[str]] = defaultdict(set)
        bits: dict[tuple[str, str], float] = {}
        for a, b in combinations(accounts, 2):
            if frozenset((a, b)) in self.apart:
                continue
            same = number_of(a) == number_of(b)
            near = is_one_edit(number_of(a), number_of(b))
            if same or (near and (bank_of(a) == bank_of(b) or "?" in (bank_of(a), bank_of(b)))):
                bits[a, b] = self.bits_of_look_alikes(a, b)
                if bits[a, b] >= self.rules.one_edit_bits:
                    qualified[a].add(b)
                    qualified[b].add(a)

        def standing(x: str) -> tuple[bool, int, str]:
            return bank_of(x) == "?", -len(self.voices(x)), x

        anchors = {a for a in qualified if all(standing(a) < standing(b) for b in qualified[a])}
        found: list[Edge] = []
        for account in sorted(qualified.keys() - anchors):
            fitting = qualified[account]
            if bank_of(account) == "?":
                exact = {b for b in fitting if number_of(b) == number_of(account)}
                fitting = exact or fitting
                if len({bank_of(b) for b in fitting}) > 1:
                    continue
            reachable = fitting & anchors
            if not reachable:
                continue
            a, b = sorted((account, min(reachable, key=standing)))
            found.append((bits[a, b], a, b, "T1", frozenset()))
        return found

    def persona(self, account: str) -> Persona:
        names = sorted({n for r in self.of[account] for k, n in r.names if k == account})
        traits = sorted({t for r in self.of[account] for k, t in r.traits if k == account})
        return persona_of(names, traits) if names else NOBODY

    def persons(self) -> list[Edge]:
        accounts = sorted(n for n in self.of if n.startswith("account:"))
        who = {account: self.persona(account) for account in accounts}
        blocks: dict[bytes, list[str]] = defaultdict(list)
        for account in accounts:
            for block in blocks_of(bank_of(account), who[account]):
                blocks[block].append(account)
        met = {
            pair
            for members in blocks.values()
            if len(members) <= PERSONS_A_BLOCK
            for pair in combinations(members, 2)
        }
        found: list[Edge] = []
        for a, b in sorted(met):
            if a in self.hubs or b in self.hubs or frozenset((a, b)) in self.apart:
                continue
            bits, _ = self.model.person_bits(who[a], who[b])
            if "?" != bank_of(a) == bank_of(b):
                near = OSA.distance(number_of(a), number_of(b)) == 2
                bits += self.model.person.same_bank + near * self.model.person.near_number
            needed, rare = self.model.person.join_bits, self.model.person.rare_name
            bits += rare if bits < needed and bear_one_rare_name(who, a, b) else 0.0
            if bits >= needed:
                found.append((round(bits, 3), a, b, "T1", frozenset()))
        return found

    def handles(self) -> list[Edge]:
        found: list[Edge] = []
        for official in [n for n in self.of if n.startswith("handle:line:@")]:
            plain = official.replace("@", "", 1)
            if plain not in self.of or self.hubs & {plain, official}:
                continue
            told, with_at = len(self.spoke(plain)), len(self.spoke(official))
            if (told < 2 or told < with_at) and frozenset((plain, official)) not in self.apart:
                a, b = sorted((plain, official))
                found.append((self.model.without_at, a, b, "T1", frozenset()))
        return found

    def edges(self) -> list[Edge]:
        found = [*self.look_alikes(), *self.persons(), *self.handles()]
        for (a, b), reports in self.pairs.items():
            if a in self.hubs or b in self.hubs or frozenset((a, b)) in self.apart:
                continue
            voices = frozenset(r.voice for r in reports)
            bits = self.model.together_bits(kind_of(a), kind_of(b), len(reports), len(voices))
            found.append((bits, a, b, "T0", voices))
        return sorted(found, key=lambda e: (-e[0], *e[1:4]))

    def clusters(self) -> set[frozenset[str]]:
        edges = self._without_nameless(self._without_passing(self.edges()))
        said: nx.Graph = nx.Graph()
        said.add_nodes_from(self.of)
        said.add_edges_from(self.same)
        # What is said to be the same is one vertex, called by its smallest key.
        head = {n: min(nx.node_connected_component(said, n)) for n in self.of}
        one: list[tuple[Edge, Edge]] = []
        for edge in edges:
            a, b = sorted((head[edge[1]], head[edge[2]]))
            if a != b:
                one.append(((edge[0], a, b, *edge[3:]), edge))
        self.behind: dict[str, list[str]] = defaultdict(list)
        for node, above in head.items():
            self.behind[above].append(node)
        for round_ in range(17):
            told = [edge for edge, _ in one]
            cut = self._bridge_round(told, head) if round_ else entangled(self, told)
            if round_ and not cut:
                break
            edges = [e for e in edges if not any(e is was and new in cut for new, was in one)]
            one = [pair for pair in one if pair[0] not in cut]
        return self._kruskal(edges)

    def _without_passing(self, edges: list[Edge]) -> list[Edge]:
        graph = nx.Graph()
        graph.add_edges_from(pair for pair in self.pairs if self.hubs.isdisjoint(pair))
        cut: set[frozenset[str]] = set()
        for node in graph:
            if not node.startswith(("phone:", "handle:", "url:")):
                continue
            parts = list(nx.connected_components(graph.subgraph(graph[node])))
            alone: dict[str, list[set[str]]] = defaultdict(list)
            for part in parts:
                ties = [tuple(sorted((node, end))) for end in part]
                heard = {frozenset(r.voice for r in self.pairs[a, b]) for a, b in ties}
                if len(heard) == 1 and all(len(voices) == 1 for voices in heard):
                    alone[min(heard.pop())].append(part)
            known = [
                p for p in alone.values() if any(len(self.voices(n)) > 1 for n in set().union(*p))
            ]
            single = [part for found in alone.values() for part in found]
            if len(known) >= 3 and 3 * len(single) >= 2 * len(parts):
                cut |= {frozenset((node, end)) for part in single for end in part}
        return [edge for edge in edges if edge[3] != "T0" or frozenset(edge[1:3]) not in cut]

    def _without_nameless(self, edges: list[Edge]) -> list[Edge]:
        strong = ("verified", "police_filed", "bank_detected", "laundering_listed")
        found = []
        for edge in edges:
            _, a, b, _, voices = edge
            nameless = len(voices) == 1 and voices <= {report.key for report in self.live}
            known = b.startswith("phone:") and len(self.voices(b)) > 1
            vouched = any(getattr(report, why) for report in self.of[a] for why in strong)
            if not (nameless and known and a.startswith("account:") and not vouched):
                found.append(edge)
        return found

    def _bridge_round(self, edges: list[Edge], head: dict[str, str]) -> set[Edge]:
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
        cut: set[Edge] = set()
        for vertex in graph:
            mine = statements.get(vertex) or [e for e in edges if vertex in e[1:3]]
            cut |= self._cuts_at(vertex, graph, mine)
        return cut

    def _cuts_at(self, vertex: object, graph: nx.Graph, mine: list[Edge]) -> set[Edge]:
        around = nx.node_connected_component(graph, vertex)
        rest = graph.subgraph(around - {vertex})
        is_voice = isinstance(vertex, tuple)
        bridge = {vertex[0]} if isinstance(vertex, tuple) else set()
        parts = [part for part in nx.connected_components(rest) if self.supported(part, bridge)]
        if len(parts) < 2:
            return set()

        def strength(part: set[object]) -> tuple[float, float, str]:
            if is_voice:
                ends = {x for e in mine for x in e[1:3] if x in part}
                return -len(ends), 0.0, min(ends, default="")
            tied = [e for e in mine if (e[1] if e[2] == vertex else e[2]) in part]
            names = [e[1] if e[2] == vertex else e[2] for e in tied]
            voices = sum(max(len(e[4]), 1) for e in tied)
            return -voices, -round(sum(e[0] for e in tied), 3), min(names, default="")

        chosen = min(parts, key=strength)

        def group(node: str) -> int:
            for place, part in enumerate(parts):
                if node in part and part is not chosen:
                    return place
            return -1

        return {e for e in mine if group(e[1]) != group(e[2])}

    def supported(self, part: set[object], bridge: set[str]) -> bool:
        nodes = [x for n in part if isinstance(n, str) for x in self.behind[n]]
        voices = set().union(*(self.voices(n) for n in nodes)) if nodes else set()
        single = [n for n in nodes if f"promptpay:{n}" not in self.others[n]]
        several = sum(len(self.of[n]) > 1 for n in single)
        enough = len(voices - bridge) >= self.rules.bridge_voices
        return enough and several >= self.rules.bridge_identifiers

    def _kruskal(self, edges: list[Edge]) -> set[frozenset[str]]:
        cluster = {node: frozenset([node]) for node in self.of}
        for a, b in self.same:
            joined = cluster[a] | cluster[b]
            if len(joined) <= self.rules.cluster_limit:
                cluster.update(dict.fromkeys(joined, joined))
        for _, a, b, _, _ in edges:
            joined = cluster[a] | cluster[b]
            if joined == cluster[a] or len(joined) > self.rules.cluster_limit:
                continue
            # What an analyst has put together is no reason to keep it from the rest.
            if self._two_banks(cluster[a], cluster[b]) or any(two <= joined for two in self.apart):
                continue
            for node in joined:
                cluster[node] = joined
        return set(cluster.values())

    def _two_banks(self, one: Iterable[str], other: Iterable[str]) -> bool:
        """Say whether joining two clusters makes one of what are several accounts of a number."""
        known = [
            [n for n in part if bank_of(n) != "?"] for part in (accounts(one), accounts(other))
        ]
        for number in {number_of(n) for n in known[0]} & {number_of(n) for n in known[1]}:
            same = [n for part in known for n in part if number_of(n) == number]
            several = sum(len(self.voices(n)) > 1 for n in same)
            if several != 1:
                return True
        return False


def accounts(nodes: Iterable[str]) -> list[str]:
    """Return those that are accounts."""
    return [node for node in nodes if node.startswith("account:")]
