"""Identifiers: what the live reports say of each, one document (row ``n``) an identifier.

An identifier that few reports name keeps their keys in its document, and all about it is worked out
from them. One that many name keeps counts, and rows beside (`rows`). Which of the two it is, is a
function of the number of its reports, so the state stays a function of the reports.

Identifiers in use are kept in memory, decoded. What changed is written by `Nodes.write`, once a
batch however many of its reports name an identifier.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Final

from pipeline.clustering.brigades import BRIGADE_REPORTS, is_brigade
from pipeline.clustering.decisions import Decisions
from pipeline.clustering.documents import (
    Document,
    SaidCluster,
    SaidLevel,
    decode_document,
    encode_document,
    kept_persons,
    persons_of,
)
from pipeline.clustering.hubs import is_everybodys
from pipeline.clustering.normalised import StoredReport, decode_stored, encode_stored
from pipeline.clustering.pairs import GraphEdge, others_of
from pipeline.clustering.personas import NOBODY, Persona, persona_of
from pipeline.clustering.rows import Firsts, NodeSummary, Rows, row_key
from pipeline.clustering.summaries import summarise, with_another
from pipeline.clustering.written import Written
from pipeline.identity.promptpay import BILLER
from pipeline.policy.policy import HubLimits
from pipeline.state import State, scan_prefix

FEW = 8
"""Up to so many reports, an identifier's document lists them; above, counts and rows are kept."""

KEPT_NODES, KEPT_REPORTS = 60_000, 40_000
"""Identifiers (about 3 KiB each) and reports (1.5 KiB) kept in memory; those unused longest go."""

NAMES_AN_ACCOUNT = 32
"""Holders' names of one account that are compared, in the order of the alphabet. Counted
``names_an_account``."""

LISTED_REPORTS = 100
"""Report keys that a cluster lists, those received first; `FiledReport` records say where others
are; to list all would write 100,000 keys anew at each report. Counted ``listed_reports``."""

COUNTED_VOICES = 200
"""Up to so many voices, summed over the members, a cluster's are counted exactly; above, it is the
most that one member has (one person may stand behind two). Counted ``counted_voices``."""

LISTED_LOOK_ALIKES = 16
"""Relations of one account that its cluster lists, the strongest: where a bank numbers its accounts
one by one each has dozens. Those that join are all used. Counted ``listed_look_alikes``."""

HUB_TIES = 50
"""Ties of a public number that its own cluster lists. Counted ``hub_ties``."""

NO_TIES: Final[frozenset[str]] = frozenset()
NO_PERSONS: Final[Mapping[str, GraphEdge]] = MappingProxyType({})

_NOTHING_SAID = NodeSummary(scam_types={}, days={})
"""Of an identifier that no report names. Only summaries of many reports are ever moved."""


class Many:
    """The first entries of the rows of an identifier that many reports name."""

    __slots__ = ("homes", "names", "others", "traits", "voices")

    def __init__(self, node: str, rows: Rows, state: State) -> None:
        self.homes = Firsts(LISTED_REPORTS, lambda: rows.home_reports(node))
        self.voices = Firsts(COUNTED_VOICES, lambda: rows.voices(node))
        self.names = Firsts(NAMES_AN_ACCOUNT + 1, lambda: rows.names(node))
        self.traits = Firsts(NAMES_AN_ACCOUNT, lambda: rows.traits(node))
        prefix = row_key(b"e", node)
        ties = len(prefix)
        self.others = Firsts(
            HUB_TIES, lambda: (k[ties:-1].decode() for k, _ in scan_prefix(state, prefix))
        )


class Node:
    """One identifier, decoded. Only `contributions`, `edges` and the sayings change it."""

    __slots__ = (
        "alike",
        "alike_joins",
        "alike_listed",
        "cluster",
        "few",
        "hub_limit",
        "is_account",
        "is_biller",
        "is_written",
        "key",
        "level",
        "look_alikes",
        "loose",
        "many",
        "person",
        "persons",
        "public",
        "rows",
        "said",
        "stale",
        "step",
        "summary",
        "ties",
        "waiting",
    )

    def __init__(self, key: str, hub_limit: int, rows: Rows, public: bool = False) -> None:
        self.key = key
        self.public = public
        """Whether an analyst called it a public number, or it is a name that is everybody's."""
        self.is_account = key.startswith("account:")
        self.is_biller = key.startswith(BILLER)
        self.is_written = False  # whether its row was, once
        self.hub_limit = hub_limit
        self.rows = rows
        self.few: list[StoredReport] = []
        self.many: Many | None = None
        self.alike = 0
        self.cluster: str | None = None
        self.level: SaidLevel | None = None
        self.said: SaidCluster | None = None
        self.summary = _NOTHING_SAID
        self.ties: dict[str, GraphEdge] | None = None
        """Its T0 edges by the other end (of a public number the first only), when worked out."""
        self.stale: set[str] | None = None  # ends of ties to be worked out anew
        self.loose = NO_TIES
        """The other ends of the ties that it loses as a number passing through many hands."""
        self.look_alikes: dict[str, GraphEdge] | None = None
        """Its T1 edges and T2 relations by the other end, when read."""
        self.person: Persona | None = None
        self.persons = NO_PERSONS
        """The edges to other accounts of its holder by the other end. Only `persons` changes it."""
        self.alike_joins: list[tuple[str, GraphEdge]] = []
        """Those of ``look_alikes`` that may join, with the other end."""
        self.alike_listed: list[GraphEdge] | None = None
        """Those of ``look_alikes`` that are relations and listed; None when to be worked out."""
        self.step = 0  # that of `entangled` in which it was looked at last
        self.waiting: Callable[[], None] | None = None
        """What says what waits to be said of it as it is, before anybody looks at it again."""

    @property
    def living(self) -> bool:
        """Whether a live report names it."""
        return self.summary.reports > 0

    @property
    def hub(self) -> bool:
        """Whether it is a public number: it joins nothing."""
        # Most have few neighbours: then nobody needs to ask how many voices there are.
        if self.public or self.is_biller:
            return True
        return self.summary.degree > self.hub_limit and is_everybodys(self.summary, self.hub_limit)

    def changed(self, report: StoredReport, by: int) -> None:
        """Take note that a report of it came (1), as the last of ``few``, or went (-1)."""
        if self.many is None:
            few = self.few
            again = by < 0 or len(few) == 1
            self.summary = (
                summarise(self.key, few) if again else with_another(self.key, self.summary, few)
            )
        if report.names or report.traits:
            self.person = None
        if self.ties is not None:
            others = others_of(report, self.key)
            if others:
                self.stale = self.stale.union(others) if self.stale else set(others)

    def voices(self, at_most: int) -> Iterable[str]:
        """Return the voices that count, no more than asked for (the first in a fixed order)."""
        at_most = 1 if is_brigade(self.summary) else at_most
        if self.many is not None:
            return self.many.voices.read()[:at_most]
        return sorted({report.voice for report in self.few if report.victim})[:at_most]

    def all_voices(self) -> Iterable[str]:
        """Return all voices that count, where they are not more than `COUNTED_VOICES`, in no order.

        One that spoke in several reports may be there several times.
        """
        if self.summary.reports >= BRIGADE_REPORTS and is_brigade(self.summary):
            return self.voices(1)
        if self.many is not None:
            return self.many.voices.read()
        return [report.voice for report in self.few if report.victim]

    def has_voice(self, voice: str) -> bool:
        """Say whether this victim named it."""
        if self.many is not None:
            return self.rows.has_voice(self.key, voice)
        return bool([r for r in self.few if r.voice == voice and r.victim])

    def home_reports(self) -> list[tuple[int, str]]:
        """Return (received_at, report key) of the first reports that have their home here."""
        if self.many is not None:
            return self.many.homes.read()
        return [(r.received_at, r.key) for r in self.few if r.home == self.key]

    def names(self) -> list[str]:
        """Return the names given for an account's holder, at most one more than are compared."""
        if self.many is not None:
            return self.many.names.read()
        given = {name for report in self.few for of, name in report.names if of == self.key}
        return sorted(given)[: NAMES_AN_ACCOUNT + 1]

    def persona(self) -> Persona:
        """Return what is told of an account's holder, the first of each kind."""
        if self.person is None:
            names = self.names()[:NAMES_AN_ACCOUNT] if self.is_account else ()
            self.person = persona_of(names, self._traits()) if names else NOBODY
        return self.person

    def _traits(self) -> list[str]:
        if self.many is not None:
            return self.many.traits.read()
        told = {trait for report in self.few for of, trait in report.traits if of == self.key}
        return sorted(told)[:NAMES_AN_ACCOUNT]

    def payments_near(self, amount: int, start: int, stop: int) -> int:
        """Count its disputed payments of an amount with ``start <= paid_at < stop``."""
        if self.many is not None:
            return self.rows.payments_near(self.key, amount, start, stop)
        near = [
            payment
            for report in self.few
            for payment in report.payments
            if payment.amount == amount
            and payment.payee == self.key
            and start <= payment.paid_at < stop
        ]
        return len(near)


class Nodes:
    """Reads identifiers and keeps those in use; writes those that changed."""

    def __init__(self, state: State, hub_limit: HubLimits, decisions: Decisions) -> None:
        self._state = state
        self._decisions = decisions
        self._hub_limit = hub_limit
        self.rows = Rows(state)
        self._kept: OrderedDict[str, Node] = OrderedDict()
        self._reports: OrderedDict[str, StoredReport] = OrderedDict()
        self._changed: dict[str, Node] = {}
        self._words: dict[str, StoredReport] = {}
        self._written = Written(state)

    def of(self, key: str) -> Node:
        """Return an identifier, an empty one when nothing is known of it."""
        node = self._kept.get(key)
        if node is None:
            node = self._kept[key] = self._read(key)
        elif node.waiting is not None:
            node.waiting()
        return node

    def said(self, key: str) -> tuple[SaidLevel | None, SaidCluster | None]:
        """Return what was last said of an identifier and of the cluster that it anchors.

        The key may be anything; nothing is kept in memory for it.
        """
        known = self._kept.get(key) or self._document(key)
        return (known.level, known.said) if known is not None else (None, None)

    def _document(self, key: str) -> Document | None:
        found = self._state.get(b"n" + key.encode())
        return decode_document(found) if found is not None else None

    def may_be_known(self, key: str) -> bool:
        """Say whether anything may be known of an identifier; False only when nothing is."""
        return key in self._kept or self._written.may_hold(b"n" + key.encode())

    def has_persons(self, account: str) -> bool:
        """Say whether evidence about its holder joins an account with others (none is kept)."""
        known = self._kept.get(account) or self._document(account)
        return known is not None and bool(known.persons)

    def _read(self, key: str) -> Node:
        public = self._decisions.public(key)
        node = Node(key, self._hub_limit.of(key), self.rows, public)
        row = b"n" + key.encode()
        found = self._state.get(row) if self._written.may_hold(row) else None
        if found is not None:
            node.is_written = True
            document = decode_document(found)
            if document.many is not None:
                node.many, node.summary = self.many(key), document.many
            elif document.few:
                node.few = [self.report(report) for report in document.few]
                node.summary = summarise(key, node.few)
            node.alike, node.cluster = document.alike, document.cluster
            node.level, node.said, node.step = document.level, document.said, document.step
            if document.loose:
                node.loose = frozenset(document.loose)
            if document.persons:
                node.persons = persons_of(key, document.persons)
        return node

    def many(self, key: str) -> Many:
        """Return the first entries of the rows of an identifier that many reports name."""
        return Many(key, self.rows, self._state)

    def change(self, node: Node) -> None:
        """Note that a node's document is to be written."""
        self._changed[node.key] = node

    def write(self) -> bool:
        """Write the documents that changed, and let go of what was not used for longest.

        Return whether any had changed.
        """
        any_changed = bool(self._changed)
        put = self._state.put
        for key, report in self._words.items():
            row = b"r" + key.encode()
            self._written.add(row)
            put(row, encode_stored(report))
        self._words.clear()
        for key, node in self._changed.items():
            row = b"n" + key.encode()
            reports, few = node.summary.reports, node.few
            if not (reports or node.level or node.said):
                self._state.delete(row)
                continue
            document = Document(
                reports,
                (few[0].key,) if len(few) == 1 else tuple(sorted([report.key for report in few])),
                node.summary if node.many is not None else None,
                node.alike,
                node.cluster,
                node.level,
                node.said,
                tuple(sorted(node.loose)) if node.loose else (),
                kept_persons(node.persons) if node.persons else (),
                node.step,
            )
            put(row, encode_document(document))
            if not node.is_written:
                node.is_written = True
                self._written.add(row)
        self._changed.clear()
        while len(self._kept) > KEPT_NODES:
            self._kept.popitem(last=False)
        while len(self._reports) > KEPT_REPORTS:
            self._reports.popitem(last=False)
        return any_changed

    def report(self, key: str) -> StoredReport:
        """Return a report that is known, by its key."""
        found = self._reports.get(key)
        if found is None:
            value = self._state.get(b"r" + key.encode())
            assert value is not None, "an identifier lists reports that are there"
            found = self._reports[key] = decode_stored(value)
        else:
            self._reports.move_to_end(key)
        return found

    def word(self, key: str) -> StoredReport | None:
        """Return a report's newest word, None when nothing was heard of it."""
        found = self._reports.get(key)
        row = b"r" + key.encode()
        if found is None and self._written.may_hold(row):
            value = self._state.get(row)
            if value is not None:
                found = self._reports[key] = decode_stored(value)
        return found

    def hear(self, report: StoredReport) -> None:
        """Keep a report's newest word; `write` writes it.

        Not before its identifiers have it: one that is read looks for the word until then.
        """
        self._reports[report.key] = self._words[report.key] = report

    def fetch(self, reports: Iterable[StoredReport]) -> None:
        """Read what a batch of reports will ask for.

        Only for speed: reading in one go costs the processor a fraction of reading in between.
        """
        kept = self._kept
        for report in reports:
            self.word(report.key)
            for key in report.identifiers:
                if key in kept:
                    kept.move_to_end(key)
                else:
                    kept[key] = self._read(key)
