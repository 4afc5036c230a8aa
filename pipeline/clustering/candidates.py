"""Accounts, phones and handles that may be one another misspelt.

Two accounts are a pair from when the second is first named. Two contacts are one as long as one is
known and the other may be its slip (`slips.lone_slip`): of a million phones one in eight has
another one a digit away by chance, and of two that one voice each tells nobody can say more.

Rows: ``o account, account`` in both directions → `LookAlike`, and so of two contacts. The numbers
in use are kept in memory (`numbers`, `contacts`), so looking for neighbours reads nothing; what
takes long to work out of them is in tables that the state may keep.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from pipeline.clustering.contacts import (
    CONTACTS,
    TABLE_BYTES,
    KnownContacts,
    is_contact_slip,
)
from pipeline.clustering.evidence import Model
from pipeline.clustering.nodes import Node, Nodes
from pipeline.clustering.normalised import StoredReport
from pipeline.clustering.numbers import TRACES, KnownNumbers
from pipeline.clustering.rows import last_part, row_key
from pipeline.clustering.slips import lone_slip
from pipeline.identity.account import (
    bank_of,
    is_without_zeros,
    number_of,
    without_or_with_zeros,
)
from pipeline.identity.banks import UNKNOWN_BANK
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


class _InUse(msgspec.Struct, array_like=True):
    """The beginning of a `nodes.Document`, all that is read of it when the fold is opened."""

    reports: int


_IN_USE = msgspec.msgpack.Decoder(_InUse)
_ENCODE = msgspec.msgpack.Encoder().encode
_LOOK_ALIKE = msgspec.msgpack.Decoder(LookAlike)
_ACCOUNTS = b"naccount:"

KEPT_ACCOUNTS = 4_096
"""Accounts whose pairs are kept in memory, decoded: within a batch they are asked for again and
again. In a bank that numbers its accounts one by one each has dozens (about 100 bytes a pair)."""


class Candidates:
    """Reads and moves the rows of look-alike accounts."""

    def __init__(self, state: State, nodes: Nodes, model: Model) -> None:
        self._state = state
        self._nodes = nodes
        self._model = model
        self._numbers = _numbers_of(state)
        self._contacts = _contacts_of(state)
        self._pairs: dict[str, dict[str, LookAlike]] = {}
        self._changed: dict[str, dict[str, LookAlike]] = {}

    def of(self, account: Node) -> list[tuple[str, LookAlike]]:
        """Return an account's look-alikes, in the order of their keys."""
        if not account.alike:
            return []
        return sorted(self._of(account.key).items())

    def _of(self, account: str) -> dict[str, LookAlike]:
        """Return what is known of an account's pairs; one pair is one object, seen from both."""
        pairs = self._pairs.get(account)
        if pairs is None:
            pairs = self._keep(account)
            for key, value in scan_prefix(self._state, row_key(b"o", account)):
                other = last_part(key)
                known = self._pairs.get(other, {}).get(account)
                pairs[other] = _LOOK_ALIKE.decode(value) if known is None else known
            pairs.update(self._changed.get(account, ()))
        return pairs

    def _keep(self, account: str) -> dict[str, LookAlike]:
        if len(self._pairs) >= KEPT_ACCOUNTS:
            self._pairs.clear()
        pairs = self._pairs[account] = {}
        return pairs

    def change(self, a: Node, b: Node, pair: LookAlike) -> None:
        """Keep what is known of a pair; `write` writes it."""
        for one, other in ((a.key, b.key), (b.key, a.key)):
            self._changed.setdefault(one, {})[other] = pair
            pairs = self._pairs.get(one)
            if pairs is not None:
                pairs[other] = pair

    def write(self) -> None:
        """Write the pairs that changed: once a batch, however often each did."""
        put = self._state.put
        for one, pairs in self._changed.items():
            for other, pair in pairs.items():
                if one < other:
                    a, b, value = one.encode(), other.encode(), _ENCODE(pair)
                    put(b"o%b\0%b\0" % (a, b), value)
                    put(b"o%b\0%b\0" % (b, a), value)
        self._changed.clear()

    def prepare(self, contact: str) -> None:
        """Work out what `appear` will ask of the text of a contact."""
        self._contacts.prepare(contact)

    def appear(self, account: Node) -> None:
        """Find the look-alikes of an account that is named for the first time."""
        bank, number = bank_of(account.key), number_of(account.key)
        # Nothing is known of its pairs yet: there is nothing to read.
        self._keep(account.key)
        for other_bank, other_number in self._look(bank, number):
            self._pair(account, self._nodes.of(f"account:{other_bank}:{other_number}"))
        self._numbers.add(bank, number)

    def _pair(self, one: Node, other: Node) -> None:
        self.change(one, other, LookAlike())
        one.alike += 1
        other.alike += 1
        self._nodes.change(other)

    def appear_as_contact(self, contact: Node) -> None:
        """Find the look-alikes of a phone or handle that is named for the first time.

        All that its report names must have been counted.
        """
        for other in self._near(contact, self._contacts.take_in(contact.key)):
            self._pair(contact, other)

    def turn(self, contact: Node) -> set[str]:
        """Find the look-alikes of a contact anew; return those that it has no more.

        For one that has become known, or a possible slip, or is so no longer.
        """
        near = self._near(contact, self._contacts.near(contact.key))
        before, now = {key for key, _ in self.of(contact)}, {other.key for other in near}
        for other in near:
            if other.key not in before:
                self._pair(contact, other)
        for key in before - now:
            self._part(contact, key)
        return before - now

    def _near(self, contact: Node, near: Iterable[str]) -> list[Node]:
        """Return the contacts among those ``near`` this one that are a pair with it."""
        nodes, key = self._nodes, contact.key
        slips = (o for o in sorted({*near}) if nodes.may_be_known(o) and is_contact_slip(key, o))
        return [o for o in map(nodes.of, slips) if o.living and lone_slip(contact, o) is not None]

    def _look(self, bank: str, number: str) -> list[tuple[str, str]]:
        """Return the accounts of the same number at another bank or none, and of one an edit away.

        Two known banks and an edit are too far from one another. Of zeros that a spreadsheet
        dropped there may be several.
        """
        numbers = self._numbers
        banks = numbers.banks() if bank == UNKNOWN_BANK else (bank, UNKNOWN_BANK)
        found = [(other, near) for other in banks for near in numbers.one_edit_from(other, number)]
        if not numbers.may_be_known(number):
            return found
        found += [(other, number) for other in numbers.banks_of(number) if other != bank]
        account = f"account:{bank}:{number}"
        for whole in without_or_with_zeros(number):
            others = ((other, whole) for other in numbers.banks_of(whole))
            found += [o for o in others if is_without_zeros(account, "account:{}:{}".format(*o))]
        return found

    def vanish(self, account: Node) -> set[str]:
        """Forget an account or contact that nobody names now; return its former look-alikes."""
        if account.is_account:
            self._numbers.remove(bank_of(account.key), number_of(account.key))
        others = {other for other, _ in self.of(account)}
        for key in others:
            self._part(account, key)
        self._pairs.pop(account.key, None)
        return others

    def _part(self, one: Node, key: str) -> None:
        """Forget a pair."""
        beyond = self._nodes.of(key)
        for node, other in ((one, beyond), (beyond, one)):
            self._state.delete(row_key(b"o", node.key, other.key))
            self._pairs.get(node.key, {}).pop(other.key, None)
            self._changed.get(node.key, {}).pop(other.key, None)
            node.alike -= 1
            if node.look_alikes is not None:
                node.look_alikes.pop(other.key, None)
                node.alike_listed = None
            self._nodes.change(node)

    def count_voice(self, account: Node, report: StoredReport, named: bool, by: int) -> None:
        """Note that a report's victim began (1) or ceased (-1) to name an account.

        ``named`` says that another report of the same victim names it; then nothing changes.
        """
        if named or not report.victim:
            return
        for key, pair in self.of(account):
            other = self._nodes.of(key)
            if other.has_voice(report.voice):
                pair.voices += by
                self.change(account, other, pair)

    def count_payments(self, account: Node, report: StoredReport, by: int) -> None:
        """Count the look-alikes' payments of the same amounts within an hour of a report's."""
        paid = [payment for payment in report.payments if payment.payee == account.key]
        if not paid:
            return
        weights = self._model.one_edit
        for key, pair in self.of(account):
            other = self._nodes.of(key)
            found = 0
            for payment in paid:
                start, stop = payment.paid_at - HOUR_MS, payment.paid_at + HOUR_MS + 1
                near = by * other.payments_near(payment.amount, start, stop)
                found += near
                worth = self._model.amount_bits(payment.amount)
                if worth == weights.same_amount:
                    pair.exact_amounts += near
                elif worth == weights.same_amount_hundreds_of_baht:
                    pair.hundreds += near
                else:
                    pair.thousands += near
            if found:
                self.change(account, other, pair)


def _numbers_of(state: State) -> KnownNumbers:
    traces = state.table("numbers", TRACES)
    numbers = KnownNumbers(traces.marks)
    add = numbers.take_in if traces.whole else numbers.add
    for key, value in scan_prefix(state, _ACCOUNTS):
        if _IN_USE.decode(value).reports:
            bank, number = key[len(_ACCOUNTS) :].decode().split(":")
            add(bank, number)
    traces.filled()
    return numbers


def _contacts_of(state: State) -> KnownContacts:
    table = state.table("contacts", TABLE_BYTES)
    contacts = KnownContacts(table.marks)
    if not table.whole:
        for kind in CONTACTS:
            for key, _ in scan_prefix(state, b"n" + kind.encode()):
                contacts.take_in(key[1:].decode())
        table.filled()
    return contacts


def outranks(a: tuple[int, int], b: tuple[int, int]) -> bool:
    """Say whether a number of standing ``a`` makes a look-alike of standing ``b`` a likely slip.

    It needs more voices, and no fewer verified ones: false reports alone cannot do it.
    """
    return a[0] >= b[0] and a[1] > b[1]


def same_number(a: str, b: str) -> bool:
    """Say whether two accounts have the same digits (at different or unknown banks)."""
    return number_of(a) == number_of(b)
