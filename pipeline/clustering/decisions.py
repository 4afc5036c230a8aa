"""What analysts decided about identifiers: kept for good, and what follows for a component.

Rows: ``d decision`` → `StoredDecision`, the newest word of each. The live ones are in memory (about
1 KiB each), as nearly every look-up finds none.

Of decisions that contradict one another the newest counts, by (decided_at, decision): of two about
one pair, and where several about different pairs cannot all be kept. A ``same`` about an identifier
that was called a public number later says nothing. An identifier that no live report names is in no
component, so what was decided about it waits until one does.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field

import msgspec

from pipeline.clustering.pairs import TOGETHER, GraphEdge, order
from pipeline.contracts.codec import checked_milliseconds, digest
from pipeline.contracts.decisions import AnalystDecision, DecisionKind, Verdict
from pipeline.contracts.invalid import InvalidEvent, Reason
from pipeline.identity.canonical import is_canonical
from pipeline.identity.national_id import contains_national_id
from pipeline.identity.page_name import is_everybodys_name
from pipeline.state import State, scan_prefix

DECIDED_BITS = 99.0
"""Shown for a pair that an analyst called the same: more than any evidence adds up to."""

SAID_SAME = "analyst_same"
SAID_NOT_SAME = "analyst_not_same"
OVERRULED = "overruled_by_a_newer_decision"

_KIND_RANK = {DecisionKind.MADE: 0, DecisionKind.WITHDRAWN: 1}


class StoredDecision(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One revision of a decision; times in ms, ``identifiers`` in the order of their keys."""

    key: str
    revision: int
    kind: int
    decided_at: int
    verdict: str
    identifiers: tuple[str, ...]
    content: str = ""
    published_at: int = 0

    @property
    def withdrawn(self) -> bool:
        """Whether it was taken back."""
        return self.kind == _KIND_RANK[DecisionKind.WITHDRAWN]

    @property
    def rank(self) -> tuple[int, int, str]:
        """The order of a decision's words: the highest is its newest, whenever it came."""
        return self.revision, self.kind, self.content

    @property
    def order(self) -> tuple[int, str]:
        """The order of decisions: of those that contradict one another the highest counts."""
        return self.decided_at, self.key


_ENCODE = msgspec.msgpack.Encoder().encode
_DECODE = msgspec.msgpack.Decoder(StoredDecision).decode
_NONE: dict[str, StoredDecision] = {}


def normalise_decision(decision: AnalystDecision, recorded_at: int) -> StoredDecision:
    """Return a decision as clustering keeps it; ``recorded_at`` is its record's timestamp (ms).

    Raises:
        InvalidEvent: an absurd time, a national ID in the clear, or a text that is no key.
    """
    decided_at = checked_milliseconds(decision.decided_at, recorded_at, "$.decided_at")
    for text, path in ((decision.reason, "$.reason"), (decision.analyst, "$.analyst")):
        if contains_national_id(text):
            raise InvalidEvent(Reason.RAW_NATIONAL_ID, path)
    made = decision.kind is DecisionKind.MADE
    erases = decision.verdict is Verdict.ERASE
    for place, key in enumerate(decision.identifiers if made and not erases else ()):
        if not is_canonical(key):
            raise InvalidEvent(Reason.BAD_IDENTIFIER, f"$.identifiers[{place}]")
    stored = StoredDecision(
        decision.key,
        decision.revision,
        _KIND_RANK[decision.kind],
        decided_at,
        decision.verdict.value if made and decision.verdict else "",
        tuple(sorted(decision.identifiers)) if made else (),
    )
    content = digest(_ENCODE(stored))
    return msgspec.structs.replace(stored, content=content, published_at=recorded_at)


def void(decision: StoredDecision) -> StoredDecision:
    """Return a decision that says nothing and names nobody, for what it was about was erased."""
    return msgspec.structs.replace(decision, verdict="", identifiers=())


@dataclass(slots=True)
class Ruling:
    """What decisions make of a component: ``same`` edges that join first, pairs kept ``apart``.

    ``overruled`` are ``same`` edges that newer decisions contradict. ``head`` leads from an
    identifier to one of those that it was said to be the same as, itself where there are none.
    """

    same: list[GraphEdge] = field(default_factory=list)
    apart: set[tuple[str, str]] = field(default_factory=set)
    overruled: list[GraphEdge] = field(default_factory=list)
    decided: set[str] = field(default_factory=set)
    """All identifiers of the pairs: what one of them says may hang on each of the others."""
    _heads: dict[str, str] = field(default_factory=dict)

    def head(self, node: str) -> str:
        """Return the identifier that stands for all that this one was said to be the same as."""
        while (above := self._heads.get(node, node)) != node:
            node = above
        return node

    def join(self, a: str, b: str) -> None:
        """Let two identifiers be the same; the smaller key stands for both."""
        first, second = sorted((self.head(a), self.head(b)))
        if first != second:
            self._heads[second] = first

    def keeps_apart(self, a: str, b: str) -> bool:
        """Say whether joining two would put a pair together that is kept apart."""
        heads = {self.head(a), self.head(b)}
        return any({self.head(x), self.head(y)} == heads for x, y in self.apart)


class Decisions:
    """The newest word of every decision, and the live ones by identifier."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._about: dict[str, dict[str, StoredDecision]] = {}
        for _, value in scan_prefix(state, b"d"):
            self._index(_DECODE(value))

    def concerned(self, decision: StoredDecision) -> set[str] | None:
        """Return the identifiers that a decision's word concerns, None when it is nothing new.

        Those of its word before too, and whoever other decisions pair with one of them.
        """
        old = self._word(decision.key)
        if old is not None and decision.rank <= old.rank:
            return None
        keys = {*decision.identifiers, *(old.identifiers if old is not None else ())}
        return keys.union(*(self.partners(key) for key in keys))

    def hear(self, decision: StoredDecision) -> None:
        """Let a decision's newest word count from now on."""
        old = self._word(decision.key)
        for key in old.identifiers if old is not None else ():
            del self._about[key][decision.key]
            if not self._about[key]:
                del self._about[key]
        self._state.put(b"d" + decision.key.encode(), _ENCODE(decision))
        self._index(decision)

    def named(self) -> list[str]:
        """Return every identifier that a live decision is about, in order."""
        return sorted(self._about)

    def around(self, decision: StoredDecision) -> set[str]:
        """Return the identifiers of a decision, and whoever other decisions pair with them."""
        keys = set(decision.identifiers)
        return keys.union(*(self.partners(key) for key in keys))

    def _word(self, key: str) -> StoredDecision | None:
        found = self._state.get(b"d" + key.encode())
        return _DECODE(found) if found is not None else None

    def _index(self, decision: StoredDecision) -> None:
        for key in decision.identifiers:
            self._about.setdefault(key, {})[decision.key] = decision

    def concern(self, node: str) -> bool:
        """Say whether a live decision is about an identifier."""
        return node in self._about

    def about(self, node: str) -> Collection[StoredDecision]:
        """Return the live decisions about an identifier."""
        return self._about.get(node, _NONE).values()

    def public(self, node: str) -> bool:
        """Say whether an identifier was called a public number, or is a name of everybody's."""
        about = self._about.get(node)
        called = about is not None and self._called_public(node) is not None
        return called or is_everybodys_name(node)

    def _called_public(self, node: str) -> tuple[int, str] | None:
        said = (d.order for d in self.about(node) if d.verdict == Verdict.PUBLIC_NUMBER)
        return max(said, default=None)

    def _pairs(self, node: str) -> Iterator[tuple[str, StoredDecision]]:
        """Yield each other identifier of a decided pair with the newest decision about it."""
        newest: dict[str, StoredDecision] = {}
        for decision in self.about(node):
            if decision.verdict == Verdict.PUBLIC_NUMBER:
                continue
            a, b = decision.identifiers
            other = b if a == node else a
            if other not in newest or newest[other].order < decision.order:
                newest[other] = decision
        yield from newest.items()

    def partners(self, node: str) -> set[str]:
        """Return the other identifiers of all decided pairs that hold this one."""
        if node not in self._about:
            return set()
        return {other for other, _ in self._pairs(node)}

    def same_as(self, node: str) -> list[str]:
        """Return the identifiers that this one was said to be the same as, in order."""
        if node not in self._about:
            return []
        return sorted(other for other, d in self._pairs(node) if self._says_same(d))

    def _says_same(self, decision: StoredDecision) -> bool:
        if decision.verdict != Verdict.SAME:
            return False
        public = [self._called_public(key) for key in decision.identifiers]
        return all(order is None or order < decision.order for order in public)

    def ruling(self, nodes: Collection[str]) -> Ruling | None:
        """Return what the decisions about pairs of these identifiers amount to, None for nothing.

        Newest first: each is kept unless those before it, taken together, say the contrary.
        """
        pairs = {
            decision.key: decision
            for node in nodes
            if node in self._about
            for other, decision in self._pairs(node)
            if other in nodes
        }
        if not pairs:
            return None
        ruling = Ruling()
        for decision in sorted(pairs.values(), key=lambda d: d.order, reverse=True):
            a, b = decision.identifiers
            ruling.decided.update((a, b))
            if decision.verdict == Verdict.NOT_SAME:
                if ruling.head(a) != ruling.head(b):
                    ruling.apart.add((a, b))
            elif not self._says_same(decision):
                continue
            elif ruling.keeps_apart(a, b):
                ruling.overruled.append(_edge(a, b, OVERRULED))
            else:
                ruling.join(a, b)
                ruling.same.append(_edge(a, b, SAID_SAME))
        return ruling


def _edge(a: str, b: str, reason: str) -> GraphEdge:
    return GraphEdge(a, b, TOGETHER, DECIDED_BITS, reasons=(reason,))


def with_evidence(edges: Iterable[GraphEdge], others: Iterable[GraphEdge]) -> list[GraphEdge]:
    """Return decided edges that also say what reports say of the same pair."""
    told: dict[tuple[str, str], list[GraphEdge]] = {}
    for other in others:
        told.setdefault((other.a, other.b), []).append(other)
    return [_also(edge, sorted(told.get((edge.a, edge.b), ()), key=order)) for edge in edges]


def _also(edge: GraphEdge, evidence: Iterable[GraphEdge]) -> GraphEdge:
    """Add evidence to a decided edge: two accounts may look alike and be named together too."""
    for also in evidence:
        edge = msgspec.structs.replace(
            edge,
            reports=max(edge.reports, also.reports),
            voices=max(edge.voices, also.voices),
            reasons=(*edge.reasons, *(r for r in also.reasons if r not in edge.reasons)),
        )
    return edge
