"""Whether a disputed payment that nobody has seen should have been seen by now."""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable, Iterable, Iterator, Mapping

from pipeline.accounts.matching import Disputed
from pipeline.accounts.places import Place, between, span, take_out
from pipeline.contracts.account_log import CASH, Posting
from pipeline.identity.account import bank_of, is_account
from pipeline.policy.policy import HOUR_MS, Claims

_OWN = ""
"""The account's own bank, which is the one that states balances."""

_OWN_CASH = "cash"
"""The same one as far as it publishes cash that is paid in: many publish transfers alone."""


class Sightings:
    """Which banks published postings of one account when, and the payments that this belies.

    A payment should have been seen when a bank that would have published it was publishing around
    its time: the account's own bank (it states balances), or the claimed payer's bank (it
    published another payment into this account). Anybody else's payment says nothing. The payer's
    own book may say outright that the payment went elsewhere. Of one that was paid in as cash the
    account's own bank says something only where it publishes such payments, too.
    """

    def __init__(
        self,
        postings: Mapping[str, Posting],
        rules: Claims,
        went_elsewhere: Callable[[Disputed], bool],
    ) -> None:
        """Look at a file's postings; ``went_elsewhere`` says what the payer's book says."""
        self._postings = postings
        self._went_elsewhere = went_elsewhere
        self._near = rules.seen_hours * HOUR_MS
        self._published: dict[str, list[Place]] | None = None
        """By bank: times and ids of its postings. Made when a payment is asked about."""
        self._asked: dict[str, tuple[int, frozenset[str]]] = {}
        """By origin: when it was paid, and the banks of those who say that they paid it."""
        self._by_time: list[Place] = []
        self._unbelied: dict[str, list[Place]] = {}
        """By bank: times and origins of what it may yet belie."""
        self._belied: set[str] = set()

    def ask(self, payment: Disputed) -> bool:
        """Whether the payment should have been seen, had it gone into this account.

        From now on, `posting_added` tells when the answer is another.
        """
        self.drop(payment.origin)
        elsewhere = self._went_elsewhere(payment)
        if payment.posting is not None:
            return elsewhere
        at, banks = payment.at, _banks_of(payment)
        self._asked[payment.origin] = (at, banks)
        insort(self._by_time, (at, payment.origin))
        return self._look(payment.origin) or elsewhere

    def drop(self, origin: str) -> None:
        """Follow a payment no longer."""
        asked = self._asked.pop(origin, None)
        if asked is not None:
            take_out(self._by_time, (asked[0], origin))
            self._unfollow(origin, *asked)
            self._belied.discard(origin)

    def witnesses(self) -> Iterator[str]:
        """Yield the id of one posting for each payment that is belied: the first one that says so.

        It may be left out of no file: without it the payment would not be belied.
        """
        for origin in self._belied:
            at, banks = self._asked[origin]
            found = (self._first(bank, at) for bank in banks)
            yield min(place for place in found if place is not None)[1]

    def posting_added(self, key: str, before: Posting | None, after: Posting) -> list[str]:
        """Take over a posting; return the payments for which the answer is another now."""
        if self._published is None:
            return []
        had = _publishers(before) if before is not None else frozenset()
        has = _publishers(after)
        changed = []
        if before is not None and (before.at != after.at or had - has):
            for bank in had:
                take_out(self._published[bank], (before.at, key))
            had = frozenset()
            changed += self._look_again(before.at)
        for bank in has - had:
            insort(self._published.setdefault(bank, []), (after.at, key))
            # Each payment is belied once, so all of this together costs no more than the payments.
            for _, origin in self._around(self._unbelied.get(bank, []), after.at):
                self._belie(origin)
                changed.append(origin)
        return changed

    def _look(self, origin: str) -> bool:
        """Find out about a payment that is not followed yet."""
        if self._published is None:
            self._published = _published(self._postings)
        at, banks = self._asked[origin]
        if any(self._first(bank, at) is not None for bank in banks):
            self._belied.add(origin)
            return True
        for bank in banks:
            insort(self._unbelied.setdefault(bank, []), (at, origin))
        return False

    def _look_again(self, around: int) -> list[str]:
        """Find out anew about what was belied: a posting that may have said so is another now."""
        origins = [origin for _, origin in self._around(self._by_time, around)]
        belied = [origin for origin in origins if origin in self._belied]
        self._belied.difference_update(belied)
        return [origin for origin in belied if not self._look(origin)]

    def _belie(self, origin: str) -> None:
        self._unfollow(origin, *self._asked[origin])
        self._belied.add(origin)

    def _unfollow(self, origin: str, at: int, banks: frozenset[str]) -> None:
        if origin in self._belied:
            return
        for bank in banks:
            take_out(self._unbelied[bank], (at, origin))
            if not self._unbelied[bank]:
                del self._unbelied[bank]

    def _first(self, bank: str, at: int) -> tuple[int, str] | None:
        published = self._published.get(bank) if self._published is not None else None
        if published is None:
            return None
        first, end = span(published, at - self._near, at + self._near)
        return published[first] if first < end else None

    def _around(self, places: list[Place], at: int) -> list[tuple[int, str]]:
        return between(places, at - self._near, at + self._near)


def _published(postings: Mapping[str, Posting]) -> dict[str, list[Place]]:
    places: dict[str, list[Place]] = {}
    for key, posting in postings.items():
        for bank in _publishers(posting):
            places.setdefault(bank, []).append((posting.at, key))
    for found in places.values():
        found.sort()
    return places


def _publishers(posting: Posting) -> frozenset[str]:
    """Return the banks that this posting shows to publish."""
    banks = []
    if posting.balance is not None:
        banks.append(_OWN)
        if posting.amount > 0 and posting.other == CASH:
            banks.append(_OWN_CASH)
    if posting.amount > 0 and is_account(posting.other):
        banks.append(bank_of(posting.other))
    return frozenset(banks)


def _banks_of(payment: Disputed) -> frozenset[str]:
    own = _OWN_CASH if any(claim.cash for claim in payment.claims) else _OWN
    payers: Iterable[str | None] = (claim.payer for claim in payment.claims)
    return frozenset((own, *(bank_of(payer) for payer in payers if is_account(payer))))
