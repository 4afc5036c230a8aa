"""The rows of identifiers that many reports name: counts and marks that one report moves.

An identifier that few reports name (`nodes.FEW`) needs none of them: all about it is worked out
from those reports. Every row is a count or a mark of live reports, so a report's contribution is
taken back exactly by subtracting it. Key families (first byte; parts end with NUL, which no
identifier contains):

==  =====================================  =====================================================
f   identifier, received_at, report        the identifier's reports, oldest first
w   identifier, received_at, report        those verified or on a laundering list
g   identifier, received_at, report        those that have their home here
v   identifier, voice                      (reports, verified reports) of this victim
h   account, holder's name                 how many reports say so
t   account, trait of the holder           how many reports say so
p   account, amount, paid_at, report, i    disputed payments into the account
==  =====================================  =====================================================

`edges` and `candidates` keep the rows that join identifiers, `nodes` one document an identifier,
`fold` the reports.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Generic, TypeVar

import msgspec

from pipeline.clustering.normalised import StoredReport
from pipeline.state import State, scan_prefix

NUL = b"\x00"
DAY_MS = 86_400_000

T = TypeVar("T", str, tuple[int, str])


class NodeSummary(msgspec.Struct, array_like=True, gc=False):
    """What the live reports say of one identifier, as counts; times in ms.

    ``degree`` counts the distinct other identifiers that it was named with. ``home_first_at`` is
    0 when no report has its home here, ``acting_first_at`` when none is verified or on a list.
    """

    reports: int = 0
    voices: int = 0
    verified_voices: int = 0
    police_filed: int = 0
    bank_detected: int = 0
    laundering_listed: int = 0
    degree: int = 0
    first_at: int = 0
    home_reports: int = 0
    home_first_at: int = 0
    acting_first_at: int = 0
    scam_types: dict[str, int] = {}
    days: dict[int, int] = {}
    """Reports by the day (since 1970, UTC) on which they were received."""

    @property
    def standing(self) -> tuple[int, int]:
        """How well an identifier is known: by verified voices, and by all voices."""
        return self.verified_voices, self.voices


class VoiceCount(msgspec.Struct, array_like=True, gc=False):
    """How many reports a victim made about an identifier, and how many of them are verified."""

    reports: int = 0
    verified: int = 0


_ENCODE = msgspec.msgpack.Encoder().encode
_VOICE = msgspec.msgpack.Decoder(VoiceCount)


def row_key(family: bytes, *parts: str) -> bytes:
    """Return the key of a row, or of a prefix of rows, of a family."""
    return family + NUL.join([part.encode() for part in parts]) + NUL


def last_part(key: bytes) -> str:
    """Return the last part of a row's key."""
    return key[key.rindex(NUL, 0, -1) + 1 : -1].decode()


def ordered(number: int) -> str:
    """Write a number of at most 16 digits so that texts order as numbers do."""
    return f"{number:016d}"


def bump(state: State, key: bytes, by: int) -> tuple[int, int]:
    """Add to a count (a row that is 0 is not there); return what it was and what it is."""
    found = state.get(key)
    before = int(found) if found else 0
    after = before + by
    if after:
        state.put(key, b"%d" % after)
    else:
        state.delete(key)
    return before, after


class Firsts(Generic[T]):
    """The first entries of a large ordered set, read once and then moved along with it."""

    __slots__ = ("_entries", "_limit", "_load")

    def __init__(self, limit: int, load: Callable[[], Iterable[T]]) -> None:
        self._limit = limit
        self._load: Callable[[], Iterable[T]] = load
        self._entries: list[T] | None = None

    def read(self) -> list[T]:
        """Return the first entries, in order."""
        if self._entries is None:
            self._entries = list(islice(self._load(), self._limit))
        return self._entries

    def add(self, entry: T) -> None:
        """Take note of an entry that is new in the set."""
        entries = self._entries
        if entries is None:
            return
        if len(entries) < self._limit:
            insort(entries, entry)
        elif entry < entries[-1]:
            insort(entries, entry)
            del entries[-1]

    def remove(self, entry: T) -> None:
        """Take note of an entry that is no longer in the set."""
        entries = self._entries
        if not entries or entry > entries[-1]:
            return
        if len(entries) < self._limit:
            entries.remove(entry)
        else:
            self._entries = None


class Rows:
    """Reads and moves the rows of identifiers that many reports name."""

    def __init__(self, state: State) -> None:
        self._state = state

    def reports(self, node: str) -> Iterator[str]:
        """Yield the keys of the reports that name an identifier, oldest first."""
        for key, _ in scan_prefix(self._state, row_key(b"f", node)):
            yield _time_and_report(key)[1]

    def voices(self, node: str) -> Iterator[str]:
        """Yield the distinct victims who named an identifier, in a fixed order."""
        for key, _ in scan_prefix(self._state, row_key(b"v", node)):
            yield last_part(key)

    def has_voice(self, node: str, voice: str) -> bool:
        """Say whether this victim named the identifier."""
        return self._state.get(row_key(b"v", node, voice)) is not None

    def names(self, account: str) -> Iterator[str]:
        """Yield the names given for an account's holder, in the order of the alphabet."""
        for key, _ in scan_prefix(self._state, row_key(b"h", account)):
            yield last_part(key)

    def home_reports(self, node: str) -> Iterator[tuple[int, str]]:
        """Yield (received_at, report key) of the reports that have their home here."""
        for key, _ in scan_prefix(self._state, row_key(b"g", node)):
            yield _time_and_report(key)

    def payments_near(self, account: str, amount: int, start: int, stop: int) -> int:
        """Count the account's disputed payments of an amount with ``start <= paid_at < stop``."""
        first = row_key(b"p", account, ordered(amount), ordered(start))
        last = row_key(b"p", account, ordered(amount), ordered(stop))
        return sum(1 for _ in self._state.scan(first, last))

    def count(self, node: str, summary: NodeSummary, report: StoredReport, by: int) -> None:
        """Add (``by`` 1) or take back (-1) what a report says of one identifier.

        Voices, names and payments are counted apart.
        """
        summary.reports += by
        summary.police_filed += by * report.police_filed
        summary.bank_detected += by * report.bank_detected
        summary.laundering_listed += by * report.laundering_listed
        told = summary.scam_types.get(report.scam_type, 0) + by
        summary.scam_types[report.scam_type] = told
        if not told:
            del summary.scam_types[report.scam_type]
        day = report.received_at // DAY_MS
        received = summary.days.get(day, 0) + by
        summary.days[day] = received
        if not received:
            del summary.days[day]
        summary.first_at = self._mark(b"f", node, summary.first_at, report, by)
        if report.acting:
            summary.acting_first_at = self._mark(b"w", node, summary.acting_first_at, report, by)
        if report.home == node:
            summary.home_reports += by
            summary.home_first_at = self._mark(b"g", node, summary.home_first_at, report, by)

    def _mark(self, family: bytes, node: str, first: int, report: StoredReport, by: int) -> int:
        """Add or remove a report's mark; return the time of the family's first one, 0 for none."""
        at = report.received_at
        key = row_key(family, node, ordered(at), report.key)
        if by > 0:
            self._state.put(key, b"")
            return min(first, at) if first else at
        self._state.delete(key)
        if at > first:
            return first
        for found, _ in scan_prefix(self._state, row_key(family, node)):
            return _time_and_report(found)[0]
        return 0

    def count_voice(self, node: str, summary: NodeSummary, report: StoredReport, by: int) -> int:
        """Add or take back a victim's word; return 1, -1 or 0: how many voices that changed."""
        if not report.victim:
            return 0
        key = row_key(b"v", node, report.voice)
        found = self._state.get(key)
        count = _VOICE.decode(found) if found else VoiceCount()
        was_verified = count.verified > 0
        count.reports += by
        count.verified += by * report.verified
        summary.verified_voices += (count.verified > 0) - was_verified
        if count.reports:
            self._state.put(key, _ENCODE(count))
        else:
            self._state.delete(key)
        changed = (count.reports > 0) - (found is not None)
        summary.voices += changed
        return changed

    def traits(self, account: str) -> Iterator[str]:
        """Yield what is told of an account's holder beside names, in the order of the keys."""
        for key, _ in scan_prefix(self._state, row_key(b"t", account)):
            yield last_part(key)

    def count_trait(self, account: str, trait: str, by: int) -> int:
        """Add or take back a trait of the holder; return 1, -1 or 0: how many that changed."""
        before, after = bump(self._state, row_key(b"t", account, trait), by)
        return (after > 0) - (before > 0)

    def count_name(self, account: str, name: str, by: int) -> int:
        """Add or take back a holder's name; return 1, -1 or 0: how many names that changed."""
        before, after = bump(self._state, row_key(b"h", account, name), by)
        return (after > 0) - (before > 0)

    def mark_payments(self, account: str, report: StoredReport, by: int) -> None:
        """Add or take back a report's disputed payments into an account."""
        for place, payment in enumerate(report.payments):
            if payment.payee != account:
                continue
            amount, paid_at = ordered(payment.amount), ordered(payment.paid_at)
            key = row_key(b"p", account, amount, paid_at, report.key, str(place))
            if by > 0:
                self._state.put(key, b"")
            else:
                self._state.delete(key)


def _time_and_report(key: bytes) -> tuple[int, str]:
    _, at, report, _ = key.split(NUL)
    return int(at), report.decode()
