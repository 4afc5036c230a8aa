"""Erasing a person's identifiers from reports and decisions (`pipeline.erasure`).

A report that names an erased identifier counts as if it had never named it: a function of report
and erasures, so it does not matter which came first. Of a disputed payment the hash of the payee
stays, so that the report's other payments keep their numbers.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec

from pipeline.clustering.decisions import Decisions, StoredDecision, void
from pipeline.clustering.nodes import Nodes
from pipeline.clustering.normalised import (
    Payment,
    StoredReport,
    decode_stored,
    encode_stored,
)
from pipeline.clustering.sayings import Sayings
from pipeline.contracts.codec import digest
from pipeline.erasure import Erasures
from pipeline.fold import Output
from pipeline.state import State, scan_prefix
from pipeline.topics import WATCHLIST

_ABOVE_ALL: Final = "ffffffff"
"""What the content of a stripped report begins with: of one revision's words it is the newest."""


def stripped(report: StoredReport, erasures: Erasures) -> StoredReport:
    """Return a report without the identifiers that are erased, the same where there are none."""
    if not erasures:
        return report
    at = report.received_at
    hidden = {key: erasures.hides(key, at) for key in mentioned(report)}
    gone = {key: mark for key, mark in hidden.items() if mark is not None}
    if not gone:
        return report
    identifiers = tuple(key for key in report.identifiers if key not in gone)
    left = msgspec.structs.replace(
        report,
        content="",
        published_at=0,
        identifiers=identifiers,
        home=identifiers[0] if identifiers else "",
        names=tuple(p for p in report.names if p[0] not in gone and f"name:{p[1]}" not in gone),
        traits=tuple(p for p in report.traits if p[0] not in gone and p[1] not in gone),
        payments=tuple(_without(payment, gone) for payment in report.payments),
        # They quote what was written.
        changes=(),
    )
    content = _ABOVE_ALL + digest(encode_stored(left))
    return msgspec.structs.replace(left, content=content, published_at=report.published_at)


def mentioned(report: StoredReport) -> Iterator[str]:
    """Yield everything in a report by which somebody may be known."""
    yield from report.identifiers
    for payment in report.payments:
        yield payment.payee
        yield payment.payer
    for account, name in report.names:
        yield account
        yield f"name:{name}"
    for account, trait in report.traits:
        yield account
        yield trait


def _without(payment: Payment, gone: dict[str, str]) -> Payment:
    payee, payer = payment.payee, payment.payer
    return msgspec.structs.replace(
        payment, payee=gone.get(payee, payee), payer=gone.get(payer, payer)
    )


def without_erased(decision: StoredDecision, erasures: Erasures) -> StoredDecision:
    """Return a decision, void where it is about an identifier that is erased."""
    at = decision.decided_at
    if any(erasures.hides(key, at) is not None for key in decision.identifiers):
        return void(decision)
    return decision


class Eraser:
    """Finds what the state still says of erased identifiers, and forgets identifiers."""

    def __init__(
        self,
        state: State,
        nodes: Nodes,
        sayings: Sayings,
        decisions: Decisions,
        erasures: Erasures,
    ) -> None:
        self._decisions = decisions
        self._state = state
        self._nodes = nodes
        self._sayings = sayings
        self._erasures = erasures

    def reports(self) -> list[tuple[StoredReport | None, StoredReport]]:
        """Return each report (None: withdrawn) that names something erased, and what is left.

        Reads all reports (about 35 s a million of them), for an erasure comes seldom and an index
        of hashes would cost every report. Everything must be written before.
        """
        found: list[tuple[StoredReport | None, StoredReport]] = []
        for _, value in scan_prefix(self._state, b"r"):
            report = decode_stored(value)
            left = stripped(report, self._erasures)
            if left is not report:
                found.append((report if not report.withdrawn else None, left))
        return found

    def decisions(self) -> list[tuple[StoredDecision, set[str]]]:
        """Return each decision about something erased, void, with the identifiers it concerned."""
        erased = [key for key in self._decisions.named() if self._erasures.hides(key, 0)]
        about = {d.key: d for key in erased for d in self._decisions.about(key)}
        left = [(without_erased(d, self._erasures), d) for _, d in sorted(about.items())]
        return [(void, self._decisions.around(d)) for void, d in left if void is not d]

    def forget(self) -> list[Output]:
        """Forget the erased identifiers that no live report names; everything must be written.

        Nothing of them stays, not even which versions were said: those that follow an erasure
        rise above all before it. Return the tombstones of the watchlist.
        """
        names = [key[1:].decode() for key, _ in scan_prefix(self._state, b"n")]
        tombstones = []
        # Whenever one is reported again, that is after the erasure.
        for key in [key for key in names if self._erasures.hides(key, 0) is not None]:
            node = self._nodes.of(key)
            if node.living:
                continue
            if node.level is not None:
                tombstones.append(Output(WATCHLIST, key.encode(), None))
            # A document about which nothing is known is not written.
            node.level, node.said = None, None
            self._nodes.change(node)
            self._sayings.forget(key)
        return tombstones
