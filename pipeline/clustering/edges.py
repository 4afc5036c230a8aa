"""Edges between identifiers: named together (T0) and look-alike accounts with evidence (T1).

A pair of which one identifier is named by few reports is worked out from those. Rows, of an
identifier that many name: ``e a, b`` → `Together` when many reports name ``b`` too (in both
directions), else an empty mark; ``x a, b, voice`` (a < b) counts a voice's reports that name both.
An edge is a function of the whole sets of reports about its two ends.
"""

from __future__ import annotations

import heapq
from bisect import insort
from collections import Counter
from collections.abc import Iterable, Mapping
from functools import lru_cache

import msgspec

from pipeline.clustering.brigades import heard
from pipeline.clustering.candidates import Candidates, LookAlike, same_number
from pipeline.clustering.contacts import CONTACTS
from pipeline.clustering.evidence import Model, kind_of
from pipeline.clustering.nodes import HUB_TIES, LISTED_LOOK_ALIKES, NAMES_AN_ACCOUNT, Node, Nodes
from pipeline.clustering.normalised import StoredReport
from pipeline.clustering.pairs import (
    LOOK_ALIKE,
    RELATION,
    TOGETHER,
    GraphEdge,
    Together,
    all_together,
    order,
    others_of,
    pairs_of,
    together,
)
from pipeline.clustering.rows import bump, last_part, row_key
from pipeline.clustering.slips import LONE_SLIP, lone_slip, slip_bits, stands_alone
from pipeline.policy.policy import Policy
from pipeline.state import State, scan_prefix

_KEPT_BITS = 16_384
_MISSPELT = ("account:", *CONTACTS)
_ENCODE = msgspec.msgpack.Encoder().encode
_TOGETHER = msgspec.msgpack.Decoder(Together)


class Edges:
    """Works out edges, and moves the rows of pairs."""

    def __init__(
        self,
        state: State,
        nodes: Nodes,
        candidates: Candidates,
        model: Model,
        policy: Policy,
        hits: Counter[tuple[str, ...]],
    ) -> None:
        self._state = state
        self._nodes = nodes
        self._candidates = candidates
        self._model = model
        self._rules = policy.clustering
        self._hits = hits
        self._bits = lru_cache(maxsize=_KEPT_BITS)(model.together_bits)

    def ties(self, node: Node) -> dict[str, GraphEdge]:
        """Return an identifier's T0 edges by the other end; of a public number the first only."""
        if node.hub:
            return self._first_ties(node)
        ties = node.ties
        if ties is None:
            ties = node.ties = self._all_ties(node)
        elif node.stale:
            if node.many is None:
                ties = node.ties = self._ties_of_few(node)
            else:
                self._renew(ties, node, node.stale)
        node.stale = None
        return ties

    def _all_ties(self, node: Node) -> dict[str, GraphEdge]:
        if node.many is None:
            return self._ties_of_few(node)
        return {other: self._edge(node, other) for other in self.neighbours(node)}

    def _ties_of_few(self, node: Node) -> dict[str, GraphEdge]:
        """Return the edges of an identifier, those that it or the other end knows as they are."""
        ties: dict[str, GraphEdge] = {}
        key, of, before = node.key, self._nodes.of, node.ties or {}
        for other, pair in all_together(node.few, key).items():
            known = before.get(other)
            if known is None or not (
                known.reports == pair.reports
                and known.voices == pair.voices
                and known.sole == pair.sole
            ):
                beyond = of(other)
                known = beyond.ties.get(key) if beyond.ties and not beyond.stale else None
            ties[other] = known if known is not None else self._as_edge(key, other, pair)
        return ties

    def _renew(self, ties: dict[str, GraphEdge], node: Node, others: Iterable[str]) -> None:
        for other in others:
            edge = self._edge(node, other)
            if edge.reports:
                ties[other] = edge
            else:
                ties.pop(other, None)

    def _first_ties(self, hub: Node) -> dict[str, GraphEdge]:
        many = hub.many
        others = many.others.read() if many is not None else self.neighbours(hub)[:HUB_TIES]
        known, stale = hub.ties or {}, hub.stale or ()
        hub.ties = {
            other: known[other] if other in known and other not in stale else self._edge(hub, other)
            for other in others
        }
        hub.stale = None
        return hub.ties

    def neighbours(self, node: Node) -> list[str]:
        """Return all identifiers that were named with this one, in the order of their keys."""
        if node.many is None:
            return sorted({other for r in node.few for other in others_of(r, node.key)})
        prefix = row_key(b"e", node.key)
        return [key[len(prefix) : -1].decode() for key, _ in scan_prefix(self._state, prefix)]

    def _edge(self, node: Node, other: str) -> GraphEdge:
        return self._as_edge(node.key, other, self._pair(node, other))

    def _as_edge(self, node: str, other: str, pair: Together) -> GraphEdge:
        a, b = (node, other) if node < other else (other, node)
        kinds = a[: a.index(":")], b[: b.index(":")]
        bits = self._bits(*kinds, pair.reports, pair.voices)
        return GraphEdge(a, b, TOGETHER, bits, pair.reports, pair.voices, pair.sole)

    def of_one_report(self, report: StoredReport) -> list[GraphEdge]:
        """Return the edges, in order, between identifiers that no other report names."""
        pair = Together(1, 1, report.voice)
        edges = [self._as_edge(a, b, pair) for a, b in pairs_of(report)]
        if len(edges) > 1:
            edges.sort(key=order)
        return edges

    def _pair(self, node: Node, other: str) -> Together:
        if node.many is None:
            return together(node.few, node.key, other)
        beyond = self._nodes.of(other)
        if beyond.many is None:
            return together(beyond.few, other, node.key)
        found = self._state.get(row_key(b"e", node.key, other))
        return _TOGETHER.decode(found) if found else Together()

    def count(self, report: StoredReport, nodes: Mapping[str, Node], by: int) -> None:
        """Add (after the report was added to its identifiers) or take back (before) its pairs.

        ``nodes`` has the report's identifiers by their keys.
        """
        for key in report.identifiers:
            if nodes[key].many is not None:
                break
        else:
            return
        for a, b in pairs_of(report):
            self._count_pair(nodes[a], nodes[b], report, by)

    def _count_pair(self, a: Node, b: Node, report: StoredReport, by: int) -> None:
        if a.many is None and b.many is None:
            return
        if a.many is not None and b.many is not None:
            self._count_voices(a, b, report.voice, by)
            return
        few, many = (a, b) if a.many is None else (b, a)
        rest = (r for r in few.few if r is not report and r.key != report.key)
        if not any(many.key in others_of(other, few.key) for other in rest):
            self._neighbour(many, few.key, b"" if by > 0 else None, by)

    def _neighbour(self, node: Node, other: str, row: bytes | None, by: int) -> None:
        """Write or remove (None) the row of a neighbour that came (1), went (-1) or stayed (0)."""
        key = row_key(b"e", node.key, other)
        if row is None:
            self._state.delete(key)
        else:
            self._state.put(key, row)
        if by and node.many is not None:
            node.summary.degree += by
            (node.many.others.add if by > 0 else node.many.others.remove)(other)

    def _count_voices(self, a: Node, b: Node, voice: str, by: int) -> None:
        found = self._state.get(row_key(b"e", a.key, b.key))
        pair = _TOGETHER.decode(found) if found else Together()
        pair.reports += by
        before, after = bump(self._state, row_key(b"x", a.key, b.key, voice), by)
        pair.voices += (after > 0) - (before > 0)
        pair.sole = self._sole_voice(a.key, b.key) if pair.voices == 1 else ""
        came = (pair.reports > 0) - (found is not None)
        row = _ENCODE(pair) if pair.reports else None
        self._neighbour(a, b.key, row, came)
        self._neighbour(b, a.key, row, came)

    def _sole_voice(self, a: str, b: str) -> str:
        for key, _ in scan_prefix(self._state, row_key(b"x", a, b)):
            return last_part(key)
        return ""

    def spread(self, node: Node, reports: Iterable[StoredReport]) -> None:
        """Write the rows of a node that has just become one of many; these are its reports."""
        for other, told in _by_other(node.key, reports).items():
            beyond = self._nodes.of(other)
            if beyond.many is None:
                self._neighbour(node, other, b"", 1)
                continue
            voices = Counter(report.voice for report in told)
            self._move_voices(node.key, other, voices, 1)
            row = _ENCODE(together(told, node.key, other))
            self._neighbour(node, other, row, 1)
            self._neighbour(beyond, node.key, row, 0)

    def gather(self, node: Node, reports: Iterable[StoredReport]) -> None:
        """Remove the rows of a node that has just become one of few; these are its reports."""
        for other, told in _by_other(node.key, reports).items():
            beyond = self._nodes.of(other)
            self._neighbour(node, other, None, 0)
            if beyond.many is not None:
                voices = Counter(report.voice for report in told)
                self._move_voices(node.key, other, voices, -1)
                self._neighbour(beyond, node.key, b"", 0)

    def _move_voices(self, node: str, other: str, voices: Counter[str], by: int) -> None:
        a, b = (node, other) if node < other else (other, node)
        for voice, count in voices.items():
            key = row_key(b"x", a, b, voice)
            if by > 0:
                self._state.put(key, b"%d" % count)
            else:
                self._state.delete(key)

    def look_alikes(self, node: Node) -> tuple[list[tuple[str, GraphEdge]], list[GraphEdge]]:
        """Return an account's T1 edges, each with its other end, and the T2 relations it lists."""
        if node.look_alikes is None:
            node.look_alikes = {
                other: self._look_alike_edge(node.key, other, pair)
                for other, pair in self._candidates.of(node)
            }
        if node.alike_listed is None:
            edges = node.look_alikes.items()
            node.alike_joins = [(o, edge) for o, edge in edges if edge.tier == LOOK_ALIKE]
            relations = (edge for _, edge in edges if edge.tier == RELATION)
            node.alike_listed = heapq.nsmallest(LISTED_LOOK_ALIKES, relations, key=order)
        return node.alike_joins, node.alike_listed

    def _judged(self, node: Node, other: str, edge: GraphEdge) -> bool:
        """Take in a new verdict; say whether what the account joins or lists may change by it.

        What is listed moves along: to sort all of them anew for each would cost their square.
        """
        _, listed = self.look_alikes(node)
        assert node.look_alikes is not None, "they have just been read"
        before = node.look_alikes.get(other)
        node.look_alikes[other] = edge
        if edge.tier == LOOK_ALIKE or (before is not None and before.tier == LOOK_ALIKE):
            node.alike_listed = None
            return True
        was_listed = before is not None and before in listed
        if len(listed) == LISTED_LOOK_ALIKES and order(edge) > order(listed[-1]):
            if was_listed:
                # The next one takes its place, whichever that is.
                node.alike_listed = None
            return was_listed
        if before is not None and was_listed:
            listed.remove(before)
        insort(listed, edge, key=order)
        del listed[LISTED_LOOK_ALIKES:]
        return True

    def _look_alike_edge(self, node: str, other: str, pair: LookAlike) -> GraphEdge:
        a, b = (node, other) if node < other else (other, node)
        tier = LOOK_ALIKE if pair.bits >= self._rules.one_edit_bits else RELATION
        return GraphEdge(a, b, tier, pair.bits, reasons=pair.reasons)

    def weigh_look_alikes(self, touched: Iterable[str]) -> set[str]:
        """Work out anew the evidence of every look-alike touched; return who is concerned."""
        concerned: set[str] = set()
        for key in sorted(key for key in touched if key.startswith(_MISSPELT)):
            node = self._nodes.of(key)
            if not node.alike:
                continue
            # Before the rows are written: what is read here is the verdict of until now.
            self.look_alikes(node)
            assert node.look_alikes is not None, "they have just been read"
            for other, pair in self._candidates.of(node):
                beyond = self._nodes.of(other)
                bits, reasons = self._weigh(node, beyond, pair)
                if (bits, reasons) != (pair.bits, pair.reasons):
                    self.look_alikes(beyond)
                    pair.bits, pair.reasons = bits, reasons
                    edge = self._look_alike_edge(key, other, pair)
                    node.look_alikes[other], node.alike_listed = edge, None
                    if self._judged(beyond, key, edge):
                        concerned.add(other)
                    self._candidates.change(node, beyond, pair)
        return concerned

    def _weigh(self, a: Node, b: Node, pair: LookAlike) -> tuple[float, tuple[str, ...]]:
        """Add up the bits of independent evidence: names, voices, amounts, shared identifiers."""
        weights = self._model.one_edit
        if not a.is_account:
            return self._weigh_contacts(a, b)
        found = [self._model.number_bits(a.key, b.key)]
        names, others = self._names(a), self._names(b)
        named = self._model.best_name_bits(names, others)
        found.append(named)
        told_otherwise = bool(names and others) and not named[0]
        more = slip_bits(heard(a.summary), heard(b.summary)), "many_name_the_other"
        if named[0] or (same_number(a.key, b.key) and not told_otherwise):
            found.append(more)
        found += self._model.trait_bits(a.persona(), b.persona())
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
        lacking = self._rules.one_edit_bits - sum(bits for bits, _ in found)
        if lacking > 0 and not told_otherwise:
            found += self._lone_bits(a, b, lacking, () if more in found else (more,))
        counted = [(bits, reason) for bits, reason in found if bits]
        total = round(sum((bits for bits, _ in counted), 0.0), 3)
        reasons = () if same_number(a.key, b.key) else ("one_edit",)
        return total, reasons + tuple(f"{reason}:{bits:+.1f}" for bits, reason in counted)

    def _weigh_contacts(self, a: Node, b: Node) -> tuple[float, tuple[str, ...]]:
        """Return what it says that one of two phones or handles stands alone: nothing else does."""
        slip, bits = lone_slip(a, b), self._model.one_edit.lone_contact
        if slip is None or not stands_alone(slip, self.ties(slip), self._nodes.of):
            return 0.0, ("one_edit",)
        return bits, ("one_edit", f"{LONE_SLIP}:{bits:+.1f}")

    def _lone_bits(
        self, a: Node, b: Node, lacking: float, more: tuple[tuple[float, str], ...]
    ) -> list[tuple[float, str]]:
        """Return what it says that one of two stands alone, and ``more``, where that is enough."""
        slip = lone_slip(a, b)
        if slip is None:
            return []
        found = [*more, (self._model.one_edit.lone_slip, LONE_SLIP)]
        if sum(bits for bits, _ in found) < lacking:
            return []
        return found if stands_alone(slip, self.ties(slip), self._nodes.of) else []

    def _names(self, account: Node) -> tuple[str, ...]:
        names = account.persona().names
        if len(names) == NAMES_AN_ACCOUNT and len(account.names()) > NAMES_AN_ACCOUNT:
            self._hits["limit_hits", "names_an_account"] += 1
        return names

    def _shared_kinds(self, a: Node, b: Node) -> set[str]:
        """Return the kinds of identifiers, public numbers apart, that both were named with."""
        if a.hub and b.hub:
            # Neither joins anything, so nobody looks at the evidence.
            return set()
        if not (a.summary.degree and b.summary.degree):
            return set()
        small, large = sorted((a, b), key=lambda node: (node.summary.degree, node.key))
        kinds: set[str] = set()
        for other in self.neighbours(small):
            kind = kind_of(other)
            if kind in kinds or kind == "account":
                continue
            shared = self._nodes.of(other)
            if not shared.hub and self._is_neighbour(large, shared):
                kinds.add(kind)
        return kinds

    def _is_neighbour(self, node: Node, other: Node) -> bool:
        for one, beyond in ((node, other), (other, node)):
            if one.many is None:
                return any(beyond.key in others_of(report, one.key) for report in one.few)
        return self._state.get(row_key(b"e", node.key, other.key)) is not None


def _by_other(node: str, reports: Iterable[StoredReport]) -> dict[str, list[StoredReport]]:
    """Group an identifier's reports by the other identifiers that they name."""
    told: dict[str, list[StoredReport]] = {}
    for report in reports:
        for other in others_of(report, node):
            told.setdefault(other, []).append(report)
    return told
