"""Accounts that may be one another misspelt: found once, when an account is first named.

Rows: ``o account, account`` in both directions → `LookAlike`; ``a number, bank`` finds the banks
at which a number was named. About 200 neighbours of a number are probed in the exact index of
identifiers, so there is no second index and the cost does not grow with the number of accounts.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from pipeline.clustering.evidence import Model
from pipeline.clustering.nodes import Nodes, last_part, row_key
from pipeline.clustering.normalised import UNKNOWN_BANK, StoredReport
from pipeline.identity.account import bank_of, number_of, one_edit_neighbours
from pipeline.policy.policy import HOUR_MS
from pipeline.state import State, scan_prefix


class LookAlike(msgspec.Struct, array_like=True):
    """Two look-alike accounts: what joins them by counts, and the verdict made from all evidence.

    ``amounts`` counts pairs of equal disputed amounts within an hour, one count for each class of
    roundness (exact, hundreds, thousands of baht). ``bits`` and ``reasons`` are `edges`' verdict.
    """

    voices: int = 0
    exact_amounts: int = 0
    hundreds: int = 0
    thousands: int = 0
    bits: float = 0.0
    reasons: tuple[str, ...] = ()


_ENCODE = msgspec.msgpack.Encoder().encode
_LOOK_ALIKE = msgspec.msgpack.Decoder(LookAlike)


class Candidates:
    """Reads and moves the rows of look-alike accounts."""

    def __init__(self, state: State, nodes: Nodes, model: Model) -> None:
        self._state = state
        self._nodes = nodes
        self._model = model

    def of(self, account: str) -> list[tuple[str, LookAlike]]:
        """Return an account's look-alikes, in the order of their keys."""
        rows = scan_prefix(self._state, row_key(b"o", account))
        return [(last_part(key), _LOOK_ALIKE.decode(value)) for key, value in rows]

    def write(self, a: str, b: str, pair: LookAlike) -> None:
        """Keep what is known of a pair."""
        value = _ENCODE(pair)
        self._state.put(row_key(b"o", a, b), value)
        self._state.put(row_key(b"o", b, a), value)

    def appear(self, account: str) -> None:
        """Find the look-alikes of an account that is named for the first time."""
        bank, number = bank_of(account), number_of(account)
        self._state.put(row_key(b"a", number, bank), b"")
        for other in self._probe(bank, number):
            self.write(account, other, LookAlike())

    def _probe(self, bank: str, number: str) -> Iterator[str]:
        get = self._state.get
        if bank == UNKNOWN_BANK:
            same = [last_part(key) for key, _ in scan_prefix(self._state, row_key(b"a", number))]
            yield from (f"account:{other}:{number}" for other in same if other != bank)
            return
        unknown = f"account:{UNKNOWN_BANK}:{number}"
        if get(b"n" + unknown.encode()):
            yield unknown
        start = f"account:{bank}:"
        before = b"n" + start.encode()
        for neighbour in one_edit_neighbours(number):
            if get(before + neighbour.encode()):
                yield start + neighbour

    def vanish(self, account: str) -> list[str]:
        """Forget an account that nobody names any more; return its former look-alikes."""
        self._state.delete(row_key(b"a", number_of(account), bank_of(account)))
        others = [other for other, _ in self.of(account)]
        for other in others:
            self._state.delete(row_key(b"o", account, other))
            self._state.delete(row_key(b"o", other, account))
        return others

    def count_voice(self, account: str, voice: str, by: int) -> None:
        """Note that a victim began (1) or ceased (-1) to name an account."""
        for other, pair in self.of(account):
            if self._nodes.has_voice(other, voice):
                pair.voices += by
                self.write(account, other, pair)

    def count_payment(self, report: StoredReport, place: int, by: int) -> None:
        """Count the look-alikes' payments of the same amount within an hour of this one."""
        payment = report.payments[place]
        if not payment.payee.startswith("account:"):
            return
        start, stop = payment.paid_at - HOUR_MS, payment.paid_at + HOUR_MS + 1
        weights = self._model.one_edit
        for other, pair in self.of(payment.payee):
            near = by * self._nodes.payments_near(other, payment.amount, start, stop)
            if not near:
                continue
            worth = self._model.amount_bits(payment.amount)
            if worth == weights.same_amount:
                pair.exact_amounts += near
            elif worth == weights.same_amount_hundreds_of_baht:
                pair.hundreds += near
            else:
                pair.thousands += near
            self.write(payment.payee, other, pair)


def same_number(a: str, b: str) -> bool:
    """Say whether two accounts have the same digits (at different or unknown banks)."""
    return number_of(a) == number_of(b)
