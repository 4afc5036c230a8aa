"""``python -m evaluation.weights``: estimates the matcher's weights from labelled worlds.

Prints the model file ``model-3``: `BEFORE` with what the worlds can tell in place of judgement, and
`JUDGED`. A weight is log2(m / u), after Fellegi and Sunter: how often evidence is found of two
identifiers that belong together (m), and how often of two that do not (u).

- Two look-alike numbers: m from the pairs one edit apart that victims of one ring named, u from
  random pairs of accounts that victims of different rings named (as Splink does).
- Two identifiers named together by one voice: the odds that one ring owns both, by the weaker
  end's kind, over the odds of a random pair.
- Names: how often a word is borne by the holders of reported accounts, spellings that sound alike
  counted together. So a common name says little.

What was seen too seldom stays as it was judged. Seeds from 100 on are for the evaluation alone.
"""

from __future__ import annotations

import argparse
import math
import random
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from importlib import resources
from typing import Any, NamedTuple

import yaml

from evaluation.calibration import links_of, owners_of
from evaluation.runs import World, lines, truth_of
from pipeline.clustering.evidence import Model, kind_of
from pipeline.clustering.normalised import Payment, StoredReport
from pipeline.contracts.clusters import Edge
from pipeline.evaluation.told import identifiers_told, newest_reports
from pipeline.evaluation.truth import Truth
from pipeline.identity.name import name_sound, whole_words
from pipeline.policy.policy import HOUR_MS, Policy, load_policy

Json = dict[str, Any]
SEEDS = range(1, 13)
REPORTS, LEVEL = 1_500, "default"
RANDOM_PAIRS = 40_000
"""Pairs of accounts of different rings that a world gives."""
FEWEST = 30
"""Times that evidence must have been found of what belongs together."""
COMMON = 1 / 256
"""A word that at least this share of the holders bear is listed: it says less than the 8 bits of a
given name that is not."""
BEFORE, VERSION = "model-2", "model-3"
JUDGED: Json = {
    "one_edit": {
        "same_number_other_bank": 8.0,
        "near_number_bank_missing": -2.0,
        "lost_zeros": 12.0,
        "lone_slip": 9.0,
        "lone_contact": 12.0,
    },
    "person": {"near_number": 6.0, "rare_name": 2.5},
}
WITHOUT_AT = 12.0
"""Weights that worlds do not tell (in a simulated one names are few) and `BEFORE` has not got."""
HEAD = f"""\
# Weights of the matcher in bits (Fellegi-Sunter: log2 of how much likelier the evidence is when
# two identifiers belong together). Frequencies are classes in this file, never running counts, so
# that a new report cannot move old edges. A change is a new file with a new version.
#
# Made by `python -m evaluation.weights` from simulated worlds ({LEVEL}, {REPORTS:,} reports,
# seeds {SEEDS[0]} to {SEEDS[-1]}): together.kind_bits, one_edit.same_voice, same_amount and
# shared_identifier, each where it was found at least {FEWEST} times, and names.common_sounds (words
# of holders' names by how they sound, by the bits that such a word is worth). All else is
# judgement, and why it is so stands in {BEFORE}.yaml, but for these:
# same_number_other_bank: among a hundred thousand reported accounts a number of ten digits is
# another one's by chance once in some thousand (numbers lie close together), and of those who type
# one about one in fifty takes the wrong bank. So a number that four voices name is the account,
# also where one told no holder.
# lone_slip: a number that stands alone and differs from a known one as no neighbour's does
# (pipeline/clustering/slips.py). Beside the voices of the known one nothing else need speak for it.
# lone_contact: a phone or handle that stands alone, one edit from a known one (contacts.py). In
# worlds of two makers all of some 80 were slips of it.
# near_number_bank_missing: one edit, and one of the two without its bank: it could be any of the
# half dozen large ones.
# lost_zeros: a number of a length that its bank does not use, and the same one with zeros before it
# of one that it does: a spreadsheet drops them. Of a number that lacks a digit one in ten lacks the
# first; and the known one must begin with a zero, and be the same in all that follows.
# without_at: a LINE name with its @ and the same one without. Few choose a name of ten signs twice.
# near_number: numbers two edits apart at one bank (one edit is another rule's). Where a branch
# numbers its accounts one by one, a customer in a hundred is so near: it counts only beside a name
# that says much.
# rare_name: no word of the whole name is borne by the holders of many accounts. So a name alone
# joins at one bank when all its words are rare (8 + 11 + 2 + 2.5), and nowhere else.
"""
"""What stands at the head of the file."""
STEP = 0.5
"""Weights are rounded to so many bits: the sample tells no more."""
MOST_BITS = 20.0


class Told(NamedTuple):
    """What the live reports tell of an account."""

    voices: set[str]
    others: set[str]
    names: set[str]
    payments: list[Payment]


class Counts:
    """What labelled worlds show, added up."""

    def __init__(self, model: Model, policy: Policy) -> None:
        self._model = model
        self._policy = policy
        self.together: dict[str, Counter[bool]] = defaultdict(Counter)
        """Links told by one voice, by the weaker end's kind and whether they are right."""
        self.random_together: Counter[bool] = Counter()
        self.pairs: Counter[bool] = Counter()
        """Pairs of accounts looked at: those that belong together, and those that do not."""
        self.found: dict[str, Counter[bool]] = defaultdict(Counter)
        """Evidence found of them."""
        self.words: Counter[str] = Counter()
        self.holders = 0

    def add(self, world: World) -> None:
        """Count what a world shows."""
        scenario = world.scenario()
        truth, reports = truth_of(scenario), lines(scenario.reports)
        newest = newest_reports(reports, self._policy)
        links = links_of(reports)
        told = identifiers_told(newest)
        self._add_together(links, owners_of(truth, told), random.Random(world.seed))
        accounts = self._accounts(newest.values())
        meant = _meant(truth, told)
        alike = [(e.a, e.b) for e in links if "one_edit" in e.reasons]
        self._add_pairs([p for p in alike if meant[p[0]] & meant[p[1]]], accounts, belong=True)
        self._add_pairs(_strangers(sorted(accounts), meant, world.seed), accounts, belong=False)
        self._add_names(accounts.values())

    def _add_together(
        self, links: list[Edge], owners: Mapping[str, set[str]], rng: random.Random
    ) -> None:
        bits = self._model.together.kind_bits
        for edge in links:
            if "named together in 1 report by 1 voice" in edge.reasons:
                weaker = min((kind_of(edge.a), kind_of(edge.b)), key=lambda kind: bits[kind])
                right = bool(owners.get(edge.a, set()) & owners.get(edge.b, set()))
                self.together[weaker][right] += 1
        known = sorted(owners)
        for _ in range(RANDOM_PAIRS):
            a, b = rng.sample(known, 2)
            self.random_together[bool(owners[a] & owners[b])] += 1

    def _accounts(self, reports: Iterable[StoredReport]) -> dict[str, Told]:
        """Return what is told of each account; numbers that are everybody's are left out."""
        live = list(reports)
        others: dict[str, set[str]] = defaultdict(set)
        for report in live:
            for key in report.identifiers:
                others[key].update(other for other in report.identifiers if other != key)
        limit = self._policy.clustering.hub_limit
        public = {key for key, around in others.items() if len(around) > limit.of(key)}
        accounts: dict[str, Told] = {}
        for report in live:
            for key in report.identifiers:
                if not key.startswith("account:") or key in public:
                    continue
                told = accounts.setdefault(key, Told(set(), others[key] - public, set(), []))
                told.voices.update([report.voice] if report.victim else [])
                told.names.update(name for account, name in report.names if account == key)
                told.payments.extend(p for p in report.payments if p.payee == key)
        return accounts

    def _add_pairs(
        self, pairs: list[tuple[str, str]], accounts: Mapping[str, Told], *, belong: bool
    ) -> None:
        for a, b in pairs:
            if a in accounts and b in accounts:
                self.pairs[belong] += 1
                for evidence in self._evidence(accounts[a], accounts[b]):
                    self.found[evidence][belong] += 1

    def _evidence(self, a: Told, b: Told) -> Iterable[str]:
        if a.voices & b.voices:
            yield "same_voice"
        for kind in {kind_of(key) for key in a.others & b.others} - {"account"}:
            yield f"shared_{kind}"
        amounts = {
            self._model.amount_bits(p.amount)
            for p in a.payments
            for q in b.payments
            if p.amount == q.amount and abs(p.paid_at - q.paid_at) <= HOUR_MS
        }
        yield from ("same_amount" for bits in amounts if bits == self._model.one_edit.same_amount)
        agreement = self._model.best_name_bits(a.names, b.names)[1]
        if agreement:
            yield agreement

    def _add_names(self, accounts: Iterable[Told]) -> None:
        for told in accounts:
            sounds = {name_sound(word) for name in told.names for word in whole_words(name)}
            self.holders += bool(sounds)
            self.words.update(sounds)

    def evidence_bits(self, evidence: str, judged: float) -> float:
        """Return log2(m / u) of evidence about two look-alike accounts, or what was judged."""
        seen = self.found[evidence]
        if seen[True] < FEWEST:
            return judged
        m, u = ((seen[side] + 0.5) / (self.pairs[side] + 1) for side in (True, False))
        return _rounded(math.log2(m / u))

    def together_bits(self, kind: str, judged: float) -> float:
        """Return the weight of two identifiers named together, or what was judged."""
        seen = self.together[kind]
        if seen[True] < FEWEST:
            return judged
        return _rounded(_odds_bits(seen) - _odds_bits(self.random_together))

    def common_sounds(self) -> dict[float, list[str]]:
        """Return the words (as they sound) that many holders bear, by their bits."""
        found: dict[float, list[str]] = defaultdict(list)
        for sound, count in sorted(self.words.items()):
            if count >= COMMON * self.holders:
                found[_rounded(math.log2(self.holders / count))].append(sound)
        return {bits: found[bits] for bits in sorted(found)}


def _meant(truth: Truth, told: Mapping[str, tuple[str, ...]]) -> dict[str, set[str]]:
    """Return the rings whose victims named each identifier, whoever has it."""
    whose = truth.owners()
    meant: dict[str, set[str]] = defaultdict(set)
    for report, identifiers in told.items():
        for identifier in identifiers:
            meant[identifier].add(whose.get(report, report))
    return meant


def _strangers(
    accounts: list[str], meant: Mapping[str, set[str]], seed: int
) -> list[tuple[str, str]]:
    rng = random.Random(seed)
    pairs = [tuple(rng.sample(accounts, 2)) for _ in range(RANDOM_PAIRS)]
    return [(a, b) for a, b in pairs if not meant[a] & meant[b]]


def _odds_bits(seen: Counter[bool]) -> float:
    return math.log2((seen[True] + 0.5) / (seen[False] + 0.5))


def _rounded(bits: float) -> float:
    return min(MOST_BITS, max(0.0, round(bits / STEP) * STEP))


def estimated(before: Json, counts: Counts) -> Json:
    """Return a model file's content with what the counts tell."""
    together, one_edit = dict(before["together"]), {**before["one_edit"], **JUDGED["one_edit"]}
    together["kind_bits"] = {
        kind: counts.together_bits(kind, bits) for kind, bits in together["kind_bits"].items()
    }
    one_edit["shared_identifier"] = {
        kind: counts.evidence_bits(f"shared_{kind}", bits)
        for kind, bits in one_edit["shared_identifier"].items()
    }
    for evidence in ("same_voice", "same_amount"):
        one_edit[evidence] = counts.evidence_bits(evidence, one_edit[evidence])
    names = {**before["names"], "common_sounds": counts.common_sounds()}
    person = {**before["person"], **JUDGED["person"]}
    changed = {"together": together, "one_edit": one_edit, "names": names, "person": person}
    return {**before, "version": VERSION, **changed, "without_at": WITHOUT_AT}


def written(model: Json) -> str:
    """Return a model file's content as YAML."""
    return yaml.safe_dump(
        model, allow_unicode=True, sort_keys=False, width=100, default_flow_style=None
    )


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m evaluation.weights",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.parse_args()
    source = resources.files("pipeline.clustering") / f"{BEFORE}.yaml"
    before = yaml.safe_load(source.read_text(encoding="utf-8"))
    counts = Counts(Model.model_validate(before), load_policy())
    for seed in SEEDS:
        print(f"  world of {REPORTS:,} reports, {LEVEL}, seed {seed}", file=sys.stderr, flush=True)
        counts.add(World(seed, REPORTS, LEVEL))
    print(HEAD + written(estimated(before, counts)), end="")
    for name, seen in [("pairs", counts.pairs), *sorted(counts.found.items())]:
        print(f"  {name}: {seen[True]} and {seen[False]}", file=sys.stderr)
    for kind, seen in [("random", counts.random_together), *sorted(counts.together.items())]:
        print(f"  together, {kind}: {seen[True]} and {seen[False]}", file=sys.stderr)


if __name__ == "__main__":
    main()
