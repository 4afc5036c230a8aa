"""What a set of reports tells, and which edges it makes, written naively (see `oracle`)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from itertools import combinations

import networkx as nx  # type: ignore[import-untyped]
from rapidfuzz.distance import OSA

from pipeline.clustering.decisions import StoredDecision
from pipeline.clustering.evidence import Model, kind_of, load_model
from pipeline.clustering.holder_blocks import PERSONS_A_BLOCK
from pipeline.clustering.normalised import StoredReport
from pipeline.clustering.personas import NOBODY, Persona, persona_of
from pipeline.clustering.persons import blocks_of
from pipeline.identity.account import bank_of, is_one_edit, is_without_zeros, number_of
from pipeline.identity.page_name import is_everybodys_name
from pipeline.policy.policy import Policy
from tests.pipeline.clustering.oracle_names import bear_one_rare_name
from tests.pipeline.clustering.oracle_parties import (
    Edge,
    Part,
    comes_with_strangers,
    everybodys,
    more_often,
    mostly,
    parts_around,
    passes_by,
)
from tests.pipeline.clustering.oracle_slips import (
    contact_slips,
    differ_before_the_end,
    stands_alone,
)
from tests.pipeline.clustering.oracle_words import (
    a_crowd_was_sent,
    accounts,
    amounts_within_an_hour,
    fit_one_bank,
    newest_decisions,
    newest_words,
    rule,
)


def has_less(account: str, other: str) -> bool:
    """Say whether an account's number has fewer digits than another's."""
    return len(number_of(account)) < len(number_of(other))


class Told:
    """Identifiers, their voices and the edges between them."""

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
            if len(accounts(report.identifiers)) >= 8 and not report.payments:
                continue
            for a, b in combinations(sorted(report.identifiers), 2):
                self.pairs[a, b].append(report)
        others: dict[str, set[str]] = defaultdict(set)
        for a, b in self.pairs:
            others[a].add(b)
            others[b].add(a)
        self.others = others
        limit = self.rules.hub_limit.of
        self.hubs = {n for n in self.of if everybodys(*self._known(n), limit(n))}
        self.decisions = newest_decisions(decisions)
        self.public: dict[str, StoredDecision] = {}
        for decision in self.decisions:
            if decision.verdict == "public_number":
                self.public[decision.identifiers[0]] = decision
        self.hubs |= self.public.keys() & self.of.keys()
        self.hubs |= {n for n in self.of if is_everybodys_name(n)}
        self.hubs |= {n for n in self.of if n.startswith("promptpay:biller:")}
        self.same, self.apart = rule(self.decisions, self.of.keys(), self.public)
        self.loose = self._loose() | {
            frozenset(pair) for pair in self.pairs if not self.hubs.isdisjoint(pair)
        }

    def voices(self, node: str) -> set[str]:
        told = {r.voice for r in self.of[node] if r.victim}
        return {min(told)} if told and a_crowd_was_sent(self.of[node]) else told

    def _heard(self, node: str) -> int:
        return len(self.voices(node))

    def _known(self, node: str) -> tuple[int, int]:
        return len(self.others[node]), self._heard(node)

    def spoke(self, node: str) -> set[str]:
        return {r.voice for r in self.of[node] if r.victim}

    def bits_of_look_alikes(self, a: str, b: str) -> tuple[float, bool]:
        weights, missing = self.model.one_edit, "?" in (bank_of(a), bank_of(b))
        if number_of(a) == number_of(b):
            known = weights.same_number_other_bank
            total = weights.same_number_bank_missing if missing else known
        elif is_without_zeros(a, b):
            total = weights.lost_zeros
        else:
            total = weights.near_number_bank_missing if missing else 0.0
        names = [[n for r in self.of[x] for k, n in r.names if k == x] for x in (a, b)]
        agree = [self.model.name_bits(m, n)[0] for m in names[0] for n in names[1]]
        named = max(agree, default=None)
        total += named or 0.0
        total += sum(bits for bits, _ in self.model.trait_bits(self.persona(a), self.persona(b)))
        total += weights.same_voice if self.spoke(a) & self.spoke(b) else 0.0
        paid = [[p for r in self.of[x] for p in r.payments if p.payee == x] for x in (a, b)]
        amounts = amounts_within_an_hour(*paid)
        total += max(map(self.model.amount_bits, amounts), default=0.0)
        shared = (self.others[a] & self.others[b]) - self.hubs
        kinds = {n.split(":")[0] for n in shared} - {"account"}
        total += max((weights.shared_identifier.get(kind, 0.0) for kind in kinds), default=0.0)
        more = more_often(self._heard(a), self._heard(b)) if named != 0 else 0.0
        total += more if named or number_of(a) == number_of(b) else 0.0
        with_more = total if named or number_of(a) == number_of(b) else total + more
        needed, bonus = self.rules.one_edit_bits, weights.lone_slip
        if named != 0 and total < needed <= with_more + bonus and self._stands_alone(a, b):
            return round(with_more + bonus, 3), True
        return round(total, 3), False

    def _stands_alone(self, a: str, b: str) -> bool:
        slip, known = sorted((a, b), key=self._heard)
        if len(self.spoke(slip)) > 1 or self._heard(known) < 2:
            return False
        if not differ_before_the_end(slip, known):
            return False
        return stands_alone(slip, self.of, self.loose, self._heard)

    def look_alikes(self) -> list[Edge]:
        accounts = sorted(n for n in self.of if n.startswith("account:") and n not in self.hubs)
        qualified: dict[str, set[str]] = defaultdict(set)
        lone: dict[str, set[str]] = defaultdict(set)
        bits: dict[tuple[str, str], float] = {}
        for a, b in combinations(accounts, 2):
            if frozenset((a, b)) in self.apart:
                continue
            same = number_of(a) == number_of(b)
            near = is_one_edit(number_of(a), number_of(b))
            near = near or is_without_zeros(a, b)
            if same or (near and (bank_of(a) == bank_of(b) or "?" in (bank_of(a), bank_of(b)))):
                bits[a, b], is_lone = self.bits_of_look_alikes(a, b)
                if is_lone:
                    slip, known = sorted((a, b), key=self._heard)
                    lone[slip].add(known)
                elif bits[a, b] >= self.rules.one_edit_bits:
                    qualified[a].add(b)
                    qualified[b].add(a)

        def standing(x: str) -> tuple[bool, int, str]:
            return bank_of(x) == "?", -len(self.voices(x)), x

        anchors = {a for a in qualified if all(standing(a) < standing(b) for b in qualified[a])}
        found: list[Edge] = []
        joined: set[str] = set()
        for account in sorted(qualified.keys() - anchors):
            fitting = qualified[account]
            spelt: set[str] = set()
            if bank_of(account) == "?":
                exact = {b for b in fitting if number_of(b) == number_of(account)}
                fitting = fit_one_bank(exact or fitting, self._heard)
                spelt = {b for b in fitting & exact if bank_of(b) != "?"}
            spelt |= {b for b in fitting if is_without_zeros(account, b) and has_less(account, b)}
            reachable = fitting & anchors | spelt
            if not reachable:
                continue
            joined.add(account)
            a, b = sorted((account, min(reachable, key=standing)))
            found.append((bits[a, b], a, b, "T1", frozenset()))
        for slip in sorted(lone.keys() - qualified.keys()):
            fitting = lone[slip] - joined
            if bank_of(slip) == "?":
                fitting = fit_one_bank(lone[slip], self._heard) - joined
            if fitting:
                a, b = sorted((slip, min(fitting, key=standing)))
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
        by_name = set[tuple[str, str]]()
        for a, b in sorted(met):
            if a in self.hubs or b in self.hubs or frozenset((a, b)) in self.apart:
                continue
            bits, _ = self.model.person_bits(who[a], who[b])
            if "?" != bank_of(a) == bank_of(b):
                near = OSA.distance(number_of(a), number_of(b)) == 2
                bits += self.model.person.same_bank + near * self.model.person.near_number
            needed, rare = self.model.person.join_bits, self.model.person.rare_name
            alone = bits < needed and bear_one_rare_name(who, a, b)
            bits += rare if alone else 0.0
            if bits >= needed:
                found.append((round(bits, 3), a, b, "T1", frozenset()))
                by_name |= {(a, b)} if alone else set()
        known = {account for account in accounts if len(self.voices(account)) > 1}

        def fits(account: str) -> int:
            return sum(account in pair and bool(known & {*pair} - {account}) for pair in by_name)

        def is_doubtful(a: str, b: str) -> bool:
            once = {a, b} - known
            return not once or (len(once) == 1 and fits(*once) > 1)

        return [e for e in found if not ((pair := e[1:3]) in by_name and is_doubtful(*pair))]

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

    def contacts(self) -> list[Edge]:
        contacts = [n for n in self.of if n.startswith(("phone:", "handle:"))]
        others = {n: self.others[n] for n in contacts if n not in self.hubs}
        found: list[Edge] = []
        for slip, fitting in contact_slips(others, self.loose, self.spoke, self._heard).items():
            fitting = {known for known in fitting if frozenset((slip, known)) not in self.apart}
            if fitting:
                known = min(fitting, key=lambda known: (-self._heard(known), known))
                a, b = sorted((slip, known))
                found.append((self.model.one_edit.lone_contact, a, b, "T1", frozenset()))
        return found

    def edges(self) -> list[Edge]:
        found = [*self.look_alikes(), *self.persons(), *self.handles(), *self.contacts()]
        for (a, b), reports in self.pairs.items():
            if a in self.hubs or b in self.hubs or frozenset((a, b)) in self.apart:
                continue
            voices = frozenset(r.voice for r in reports)
            bits = self.model.together_bits(kind_of(a), kind_of(b), len(reports), len(voices))
            found.append((bits, a, b, "T0", voices))
        return sorted(found, key=lambda e: (-e[0], *e[1:4]))

    def _is_link(self, node: str) -> bool:
        neighbours, voices = self._known(node)
        few = (
            neighbours <= 2
            or not node.startswith(("phone:", "url:"))
            or not comes_with_strangers(neighbours, voices)
        )
        return len(self.of[node]) > 1 and 1 < neighbours <= 64 and few

    def _loose(self) -> set[frozenset[str]]:
        graph = nx.Graph()
        graph.add_edges_from(pair for pair in self.pairs if self.hubs.isdisjoint(pair))
        cut: set[frozenset[str]] = set()
        links = {node for node in graph if self._is_link(node)}
        for node in graph:
            if not (
                comes_with_strangers(*self._known(node))
                and node.startswith(("phone:", "handle:", "url:", "account:"))
            ):
                continue
            parts = [self._part(node, part) for part in parts_around(graph, node, links)]
            cut |= {frozenset((node, end)) for part in passes_by(node, parts) for end in part}
        return cut

    def _part(self, node: str, part: set[str]) -> Part:
        heard = [{r.voice for r in self.pairs[min(node, e), max(node, e)]} for e in part]
        alone = set[str]().union(*(voices for voices in heard if len(voices) == 1))
        naming = max(len(alone), *map(len, heard))
        scams = {mostly([r.scam_type for r in self.of[end]]) for end in part} - {""}
        scam = scams.pop() if len(scams) == 1 else ""
        return part, naming, max(len(self.voices(n)) for n in part), scam
