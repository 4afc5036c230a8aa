"""Edges between identifiers: named together (T0) and look-alike accounts with evidence (T1).

Rows: ``e a, b`` in both directions → `Together`; ``x a, b, voice`` (a < b) counts a voice's reports
that name both. An edge is a function of the whole sets of reports about its two ends.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import combinations, islice
from typing import NamedTuple

import msgspec

from pipeline.clustering.candidates import Candidates, LookAlike, same_number
from pipeline.clustering.evidence import Model, kind_of
from pipeline.clustering.nodes import Nodes, NodeSummary, bump, last_part, row_key
from pipeline.clustering.normalised import StoredReport
from pipeline.policy.policy import Policy
from pipeline.state import State, scan_prefix

PAIRWISE_IDENTIFIERS = 24
"""A report with more identifiers than this ties each of them to its home only, not all pairs."""

TOGETHER = "T0"
LOOK_ALIKE = "T1"
RELATION = "T2"


class Together(msgspec.Struct, array_like=True):
    """How many reports, and how many voices, name two identifiers together.

    ``sole`` is the one voice when there is only one (a report may be a bridge), else empty.
    """

    reports: int = 0
    voices: int = 0
    sole: str = ""


class GraphEdge(NamedTuple):
    """An edge or relation between two identifiers, ``a`` < ``b``, as the algorithms see it."""

    a: str
    b: str
    tier: str
    bits: float
    reports: int = 0
    voices: int = 0
    sole: str = ""
    reasons: tuple[str, ...] = ()


_ENCODE = msgspec.msgpack.Encoder().encode
_TOGETHER = msgspec.msgpack.Decoder(Together)


class Edges:
    """Reads and moves the rows that join identifiers."""

    def __init__(
        self, state: State, nodes: Nodes, candidates: Candidates, model: Model, policy: Policy
    ) -> None:
        self._state = state
        self._nodes = nodes
        self._candidates = candidates
        self._model = model
        self._rules = policy.clustering

    def is_hub(self, node: str, summary: NodeSummary) -> bool:
        """Say whether an identifier is a public number: it joins nothing."""
        return summary.degree > self._rules.hub_limit.of(node)

    def together(self, node: str, limit: int | None = None) -> Iterator[tuple[str, Together]]:
        """Yield the identifiers that were named with this one, in the order of their keys."""
        for key, value in islice(scan_prefix(self._state, row_key(b"e", node)), limit):
            yield last_part(key), _TOGETHER.decode(value)

    def count(self, report: StoredReport, by: int) -> dict[str, int]:
        """Add or take back a report's pairs; return how each identifier's degree changed."""
        degrees: dict[str, int] = {}
        for a, b in pairs_of(report):
            changed = self._count_pair(a, b, report.voice, by)
            if changed:
                degrees[a] = degrees.get(a, 0) + changed
                degrees[b] = degrees.get(b, 0) + changed
        return degrees

    def _count_pair(self, a: str, b: str, voice: str, by: int) -> int:
        key = row_key(b"e", a, b)
        found = self._state.get(key)
        pair = _TOGETHER.decode(found) if found else Together()
        pair.reports += by
        before, after = bump(self._state, row_key(b"x", a, b, voice), by)
        pair.voices += (after > 0) - (before > 0)
        if pair.voices == 1:
            pair.sole = self._sole_voice(a, b)
        else:
            pair.sole = ""
        reverse = row_key(b"e", b, a)
        if pair.reports:
            value = _ENCODE(pair)
            self._state.put(key, value)
            self._state.put(reverse, value)
        else:
            self._state.delete(key)
            self._state.delete(reverse)
        return (pair.reports > 0) - (found is not None)

    def _sole_voice(self, a: str, b: str) -> str:
        for key, _ in scan_prefix(self._state, row_key(b"x", a, b)):
            return last_part(key)
        return ""

    def together_edge(self, node: str, other: str, pair: Together) -> GraphEdge:
        """Return the T0 edge of two identifiers."""
        a, b = (node, other) if node < other else (other, node)
        bits = self._model.together_bits(a, b, pair.reports, pair.voices)
        return GraphEdge(a, b, TOGETHER, bits, pair.reports, pair.voices, pair.sole)

    def look_alike_edge(self, node: str, other: str, pair: LookAlike) -> GraphEdge:
        """Return the T1 edge of two look-alike accounts, or a relation when evidence is short."""
        a, b = (node, other) if node < other else (other, node)
        tier = LOOK_ALIKE if pair.bits >= self._rules.one_edit_bits else RELATION
        return GraphEdge(a, b, tier, pair.bits, reasons=pair.reasons)

    def weigh_look_alikes(self, touched: Iterable[str]) -> set[str]:
        """Work out anew the evidence of every pair of touched accounts; return who is concerned."""
        concerned: set[str] = set()
        for account in sorted(key for key in touched if key.startswith("account:")):
            for other, pair in self._candidates.of(account):
                bits, reasons = self._weigh(account, other, pair)
                if (bits, reasons) != (pair.bits, pair.reasons):
                    pair.bits, pair.reasons = bits, reasons
                    self._candidates.write(account, other, pair)
                    concerned.add(other)
        return concerned

    def _weigh(self, a: str, b: str, pair: LookAlike) -> tuple[float, tuple[str, ...]]:
        """Add up the bits of independent evidence: names, voices, amounts, shared identifiers."""
        weights = self._model.one_edit
        found: list[tuple[float, str]] = []
        if same_number(a, b):
            found.append((weights.same_number_bank_missing, "same_number_bank_missing"))
        found.append(self._model.best_name_bits(self._nodes.names(a), self._nodes.names(b)))
        if pair.voices:
            found.append((weights.same_voice, "same_voice"))
        if pair.exact_amounts:
            found.append((weights.same_amount, "same_amount_within_an_hour"))
        elif pair.hundreds:
            found.append((weights.same_amount_hundreds_of_baht, "same_amount_within_an_hour"))
        elif pair.thousands:
            found.append((weights.same_amount_thousands_of_baht, "same_amount_within_an_hour"))
        shared = self._shared_kinds(a, b)
        if shared:
            best = max((weights.shared_identifier.get(kind, 0.0), kind) for kind in shared)
            found.append((best[0], f"shared_{best[1]}"))
        counted = [(bits, reason) for bits, reason in found if bits > 0]
        total = round(sum(bits for bits, _ in counted), 3)
        reasons = () if same_number(a, b) else ("one_edit",)
        return total, reasons + tuple(f"{reason}:{bits:+.1f}" for bits, reason in counted)

    def _shared_kinds(self, a: str, b: str) -> set[str]:
        """Return the kinds of identifiers, public numbers apart, that both were named with."""
        small, large = sorted((a, b), key=self._degree)
        kinds: set[str] = set()
        limit = self._rules.hub_limit.account
        for other, _ in self.together(small, limit):
            kind = kind_of(other)
            if kind in kinds or kind == "account":
                continue
            if self._state.get(row_key(b"e", large, other)) is None:
                continue
            summary = self._nodes.summary(other)
            if summary is not None and not self.is_hub(other, summary):
                kinds.add(kind)
        return kinds

    def _degree(self, node: str) -> tuple[int, str]:
        summary = self._nodes.summary(node)
        return (summary.degree if summary else 0), node


def pairs_of(report: StoredReport) -> Iterator[tuple[str, str]]:
    """Yield the pairs (a < b) of identifiers that a report names together."""
    keys = report.identifiers
    if len(keys) <= PAIRWISE_IDENTIFIERS:
        yield from combinations(sorted(keys), 2)
        return
    for key in keys[1:]:
        yield (keys[0], key) if keys[0] < key else (key, keys[0])


def order(edge: GraphEdge) -> tuple[float, str, str, str]:
    """Return an edge's place in the one total order: strongest first, then by its ends."""
    return -edge.bits, edge.a, edge.b, edge.tier
