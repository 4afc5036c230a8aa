"""The rows of clustering's state about identifiers: counts that one report moves, in bounded work.

Every row is a count or a mark of live reports, so a report's contribution is taken back exactly by
subtracting it. Key families (first byte; parts end with NUL, which no identifier contains):

==  =====================================  =====================================================
n   identifier                             `NodeSummary`
v   identifier, voice                      (reports, verified reports) of this victim
f   identifier, received_at, report        the identifier's reports, oldest first
w   identifier, received_at, report        those verified or on a laundering list
g   identifier, received_at, report        those that have their home here
h   account, holder's name                 how many reports say so
p   account, amount, paid_at, report, i    disputed payments into the account
==  =====================================  =====================================================

`edges` and `candidates` keep the rows that join identifiers, `fold` those of reports and clusters.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import islice

import msgspec

from pipeline.clustering.normalised import StoredReport
from pipeline.state import State, scan_prefix

NUL = b"\x00"

NAMES_AN_ACCOUNT = 32
"""Holders' names of one account that are compared, in the order of the alphabet. Counted
``names_an_account``."""


class NodeSummary(msgspec.Struct, array_like=True):
    """What the live reports say of one identifier, as counts; ``first_at`` in ms.

    ``degree`` counts the distinct other identifiers that it was named with. ``home_first_at`` is
    0 when no report has its home here.
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
    scam_types: dict[str, int] = {}


class VoiceCount(msgspec.Struct, array_like=True):
    """How many reports a victim made about an identifier, and how many of them are verified."""

    reports: int = 0
    verified: int = 0


_ENCODE = msgspec.msgpack.Encoder().encode
_SUMMARY = msgspec.msgpack.Decoder(NodeSummary)
_VOICE = msgspec.msgpack.Decoder(VoiceCount)


def row_key(family: bytes, *parts: str) -> bytes:
    """Return the key of a row, or of a prefix of rows, of a family."""
    return family + NUL.join(part.encode() for part in parts) + NUL


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


class Nodes:
    """Reads and moves the rows of identifiers."""

    def __init__(self, state: State, hits: Counter[tuple[str, ...]]) -> None:
        self._state = state
        self._hits = hits

    def summary(self, node: str) -> NodeSummary | None:
        """Return what is known of an identifier, None when no live report names it."""
        found = self._state.get(b"n" + node.encode())
        return _SUMMARY.decode(found) if found else None

    def write(self, node: str, summary: NodeSummary) -> None:
        """Keep a changed summary; one without reports goes."""
        key = b"n" + node.encode()
        if summary.reports:
            self._state.put(key, _ENCODE(summary))
        else:
            self._state.delete(key)

    def voices(self, node: str) -> Iterator[str]:
        """Yield the distinct victims who named an identifier, in a fixed order."""
        for key, _ in scan_prefix(self._state, row_key(b"v", node)):
            yield last_part(key)

    def has_voice(self, node: str, voice: str) -> bool:
        """Say whether this victim named the identifier."""
        return self._state.get(row_key(b"v", node, voice)) is not None

    def names(self, account: str) -> list[str]:
        """Return the names given for an account's holder, at most `NAMES_AN_ACCOUNT`."""
        rows = scan_prefix(self._state, row_key(b"h", account))
        names = [last_part(key) for key, _ in islice(rows, NAMES_AN_ACCOUNT + 1)]
        if len(names) > NAMES_AN_ACCOUNT:
            self._hits["limit_hits", "names_an_account"] += 1
        return names[:NAMES_AN_ACCOUNT]

    def payments_near(self, account: str, amount: int, start: int, stop: int) -> int:
        """Count the account's disputed payments of an amount with ``start <= paid_at < stop``."""
        first = row_key(b"p", account, ordered(amount), ordered(start))
        last = row_key(b"p", account, ordered(amount), ordered(stop))
        return sum(1 for _ in self._state.scan(first, last))

    def earliest_acting(self, node: str) -> int | None:
        """Return when the first verified or listed report was received (ms), if there is one."""
        return self._first(b"w", node)

    def home_reports(self, node: str, limit: int) -> list[tuple[int, str]]:
        """Return (received_at, report key) of the oldest reports that have their home here."""
        rows = islice(scan_prefix(self._state, row_key(b"g", node)), limit)
        return [_time_and_report(key) for key, _ in rows]

    def count(self, node: str, report: StoredReport, by: int) -> NodeSummary:
        """Add (``by`` 1) or take back (-1) what a report says of one identifier.

        The caller writes the summary that is returned. Voices are counted apart (`count_voice`).
        """
        state, at = self._state, ordered(report.received_at)
        summary = self.summary(node) or NodeSummary(scam_types={})
        summary.reports += by
        summary.police_filed += by * report.police_filed
        summary.bank_detected += by * report.bank_detected
        summary.laundering_listed += by * report.laundering_listed
        told = summary.scam_types.get(report.scam_type, 0) + by
        summary.scam_types[report.scam_type] = told
        if not told:
            del summary.scam_types[report.scam_type]
        marks = [b"f"]
        if report.verified or report.laundering_listed:
            marks.append(b"w")
        if report.home == node:
            marks.append(b"g")
            summary.home_reports += by
        for family in marks:
            key = row_key(family, node, at, report.key)
            if by > 0:
                state.put(key, b"")
            else:
                state.delete(key)
        summary.first_at = self._moved_first(b"f", node, summary.first_at, report, by)
        if report.home == node:
            first = summary.home_first_at
            summary.home_first_at = self._moved_first(b"g", node, first, report, by)
        return summary

    def count_voice(self, node: str, report: StoredReport, by: int, summary: NodeSummary) -> int:
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

    def count_names(self, report: StoredReport, by: int) -> None:
        """Add or take back the holders' names that a report gives."""
        for account, name in report.names:
            bump(self._state, row_key(b"h", account, name), by)

    def mark_payment(self, report: StoredReport, place: int, by: int) -> None:
        """Add or take back one disputed payment of a report."""
        payment = report.payments[place]
        key = row_key(
            b"p",
            payment.payee,
            ordered(payment.amount),
            ordered(payment.paid_at),
            report.key,
            str(place),
        )
        if by > 0:
            self._state.put(key, b"")
        else:
            self._state.delete(key)

    def _moved_first(
        self, family: bytes, node: str, first: int, report: StoredReport, by: int
    ) -> int:
        if by > 0:
            return min(first, report.received_at) if first else report.received_at
        if report.received_at > first:
            return first
        return self._first(family, node) or 0

    def _first(self, family: bytes, node: str) -> int | None:
        for key, _ in scan_prefix(self._state, row_key(family, node)):
            return _time_and_report(key)[0]
        return None


def _time_and_report(key: bytes) -> tuple[int, str]:
    _, at, report, _ = key.split(NUL)
    return int(at), report.decode()
