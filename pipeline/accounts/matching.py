"""Which posting a disputed payment means, and which claims are about the same money.

The answer is a function of the claims and postings, whatever order they came in. An account may
have very many of both, so what was found out stays, and a new claim or posting is held only against
those that it can mean, or that can mean it.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable
from typing import NamedTuple

from pipeline.accounts.credits import Credits, names_of
from pipeline.accounts.paid import asked_with, is_asked, is_told_by_payer, says_elsewhere
from pipeline.accounts.pairing import Pairing
from pipeline.accounts.places import Place, take_out
from pipeline.contracts.account_log import Claim, Posting, Vouched
from pipeline.policy.policy import MINUTE_MS, Claims

BY_REFERENCE = "reference"
BY_PAYER = "amount_time_payer"
BY_AMOUNT = "amount_time"
UNMATCHED = "unmatched"

_Money = tuple[str, int]
"""A voice and an amount: unmatched claims of the same may be about one payment."""


class Disputed(NamedTuple):
    """One payment in dispute: its origin, the claims that mean it, and the posting if known."""

    origin: str
    posting: Posting | None
    how: str
    claims: tuple[Claim, ...]

    @property
    def amount(self) -> int:
        """Satang in dispute: the payment's own amount where it is known, else as reported."""
        if self.posting is not None:
            return self.posting.amount
        return max(claim.amount for claim in self.claims)

    @property
    def at(self) -> int:
        """When the payment was made (ms), as known best."""
        if self.posting is not None:
            return self.posting.at
        return min(claim.paid_at for claim in self.claims)

    @property
    def told_here(self) -> bool:
        """Whether a report tells it of this very account."""
        return any(claim.typed in (None, claim.account) for claim in self.claims)

    @property
    def vouched(self) -> bool:
        """Whether a proxy's level lets it be held here, whatever the account's own is."""
        return any(_vouches(claim, self.posting) for claim in self.claims)

    @property
    def cluster(self) -> str:
        """The cluster of the proxy that vouches for it; empty where none does."""
        return max(claim.cluster for claim in self.claims)


def _vouches(claim: Claim, posting: Posting | None) -> bool:
    if claim.vouched != Vouched.IF_SEEN:
        return claim.vouched == Vouched.ALWAYS
    if posting is None:
        return False
    return claim.payer is not None or claim.reference in names_of(posting)


class Matcher:
    """The claims of one account that stand, and the payment that each of them means.

    A reference decides; else amount, time and payer within the policy's tolerance, the nearest
    first (`pipeline.accounts.pairing`). Two independent voices never mean the same payment unless
    both name it by reference. ``postings`` are the file's; the file is changed first. A claim that
    was told of another account means a payment that is seen, or none, unless a proxy vouches. One
    whose payment the payer's book names waits no more, once that is here.
    """

    def __init__(
        self, claims: Iterable[Claim], postings: dict[str, Posting], rules: Claims
    ) -> None:
        self.payments: dict[str, Disputed] = {}
        """The payments in dispute by origin, as of the last `settle`."""
        self._postings = postings
        self._rules = rules
        self._claims: dict[str, Claim] = {}
        self._credits: Credits | None = None
        self._pairing: Pairing
        self._naming: dict[str, set[str]] = {}
        """By reference: the claims that give it."""
        self._named: dict[str, str] = {}
        """By claim: the payment that its reference means."""
        self._namers: dict[str, list[str]] = {}
        self._meant: dict[str, str] = {}
        """By claim: the payment that it means, as of the last `settle`."""
        self._meaning: dict[str, set[str]] = {}
        self._loose = _Loose(rules.time_tolerance_minutes * MINUTE_MS, self.payments)
        self._to_place: set[str] = set()
        self._stale: set[str] = set()
        """Payments whose posting or claims are others."""
        self._answered: dict[str, str] = {}
        """By claim: that with which the payer's book names a payment into this account for it."""
        self._elsewhere: set[str] = set()  # those that it says to have gone elsewhere
        for claim in claims:
            self.claim_changed(None, claim)

    def settle(self) -> set[str]:
        """Bring `payments` up to date; return the origins that are other, new or gone."""
        if self._credits is not None:
            self._to_place |= self._pairing.settle()
        for claim_id in sorted(self._to_place):
            claim = self._claims.get(claim_id)
            if claim is None:
                continue
            meant = self._named.get(claim_id) or self._pairing.taken(claim_id)
            before = self._meant.get(claim_id)
            if meant is None or meant != before:
                self._unplace(claim)
                if meant is not None:
                    self._meant[claim_id] = meant
                    self._meaning.setdefault(meant, set()).add(claim_id)
                elif self._may_wait(claim):
                    self._loose.add(claim)
            if meant is not None:
                self._stale.add(meant)
        self._to_place.clear()
        changed, self._stale = self._stale, set()
        for transaction in changed:
            self._group(transaction)
        return changed | self._loose.settle()

    def crowded(self) -> bool:
        """Whether a claim came to the limit of payments that it could mean since this was asked."""
        if self._credits is None:
            return False
        crowded, self._pairing.crowded = self._pairing.crowded, False
        return crowded

    def claim_changed(self, before: Claim | None, after: Claim) -> None:
        """Take over a claim that is new, or newer than ``before``."""
        if before is not None and before.claim_id in self._claims:
            self._remove(before)
        elif before is not None and not before.withdrawn and says_elsewhere(before):
            self._elsewhere.discard(asked_with(before))
            self._to_place.add(asked_with(before))
        if after.withdrawn or is_asked(after):
            return
        if self._credits is None:
            self._credits = Credits(self._postings, self._rules)
            self._pairing = Pairing(self._credits, self._rules)
        if says_elsewhere(after):
            self._elsewhere.add(asked_with(after))
            self._to_place.add(asked_with(after))
            return
        self._claims[after.claim_id] = after
        self._to_place.add(after.claim_id)
        if is_told_by_payer(after):
            self._answered[asked_with(after)] = after.claim_id
        named = None
        if after.reference:
            self._naming.setdefault(after.reference, set()).add(after.claim_id)
            named = self._credits.named(after.reference)
        if named is None:
            self._pairing.add(after)
        else:
            self._name(after, named)

    def posting_changed(self, before: Posting | None, after: Posting) -> None:
        """Take over a posting that is new in the file, or newer than ``before``."""
        if self._credits is None:
            return
        names: set[str] = set()
        moved = _moved(before, after)
        if before is not None and before.amount > 0:
            names |= names_of(before)
            self._credits.remove(before)
            if moved:
                self._pairing.posting_removed(before)
        if after.amount > 0:
            names |= names_of(after)
            self._credits.add(after)
            if moved:
                self._pairing.posting_added(after)
            if after.transaction in self._meaning:
                self._stale.add(after.transaction)
        for name in names:
            for claim_id in self._naming.get(name, ()):
                self._name_anew(self._claims[claim_id], self._credits.named(name))

    def is_meant(self, posting: Posting) -> bool:
        """Whether a claim names this posting, or it fits one by amount, time and payer."""
        if posting.amount <= 0 or self._credits is None:
            return False
        named = any(name in self._naming for name in names_of(posting))
        return named or self._pairing.is_meant(posting)

    def origin_of(self, claim_id: str) -> str | None:
        """Return the origin of the payment that a claim is about, by whosever word."""
        own = self._meant.get(claim_id) or self._loose.origin_of(claim_id)
        answer = self._answered.get(claim_id) if claim_id in self._claims else None
        return own or self._meant.get(answer or "")

    def payment_of(self, claim_id: str) -> Disputed | None:
        """Return the payment that a claim is about by itself, as of the last `settle`."""
        return self.payments.get(self._meant.get(claim_id) or self._loose.origin_of(claim_id) or "")

    def named(self, claim: Claim) -> Posting | None:
        """Return the payment here that the claim's reference names."""
        named = self._credits.named(claim.reference or "") if self._credits is not None else None
        return self._postings[named + "+"] if named is not None else None

    def went_elsewhere(self, payment: Disputed) -> bool:
        """Whether the payer's book says of a payment that it did not go into this account."""
        return any(claim.claim_id in self._elsewhere for claim in payment.claims)

    def _may_wait(self, claim: Claim) -> bool:
        """Whether a claim is one about a payment that is yet to be seen here."""
        if claim.typed is not None:
            return claim.vouched == Vouched.ALWAYS
        return self._answered.get(claim.claim_id) not in self._named

    def _remove(self, claim: Claim) -> None:
        claim_id = claim.claim_id
        del self._claims[claim_id]
        if is_told_by_payer(claim):
            self._answered.pop(asked_with(claim), None)
        self._unplace(claim)
        if claim_id in self._named:
            self._unname(claim)
        else:
            self._pairing.remove(claim)
        if claim.reference:
            naming = self._naming[claim.reference]
            naming.discard(claim_id)
            if not naming:
                del self._naming[claim.reference]

    def _unplace(self, claim: Claim) -> None:
        """Take a claim out of the payment that it was about."""
        meant = self._meant.pop(claim.claim_id, None)
        if meant is None:
            self._loose.remove(claim)
            return
        self._meaning[meant].discard(claim.claim_id)
        self._stale.add(meant)

    def _name_anew(self, claim: Claim, named: str | None) -> None:
        before = self._named.get(claim.claim_id)
        if named == before:
            return
        self._to_place.add(claim.claim_id)
        if before is None:
            self._pairing.remove(claim)
        else:
            self._unname(claim)
        if named is None:
            self._pairing.add(claim)
        else:
            self._name(claim, named)

    def _name(self, claim: Claim, transaction: str) -> None:
        self._named[claim.claim_id] = transaction
        if is_told_by_payer(claim):
            self._to_place.add(asked_with(claim))
        namers = self._namers.setdefault(transaction, [])
        insort(namers, claim.claim_id)
        self._pairing.named(transaction, self._claims[namers[0]].voice)

    def _unname(self, claim: Claim) -> None:
        transaction = self._named.pop(claim.claim_id)
        if is_told_by_payer(claim):
            self._to_place.add(asked_with(claim))
        namers = self._namers[transaction]
        del namers[bisect_left(namers, claim.claim_id)]
        if not namers:
            del self._namers[transaction]
        self._pairing.named(transaction, self._claims[namers[0]].voice if namers else None)

    def _group(self, transaction: str) -> None:
        """Make the payment of its claims anew."""
        claim_ids = self._meaning.get(transaction)
        if not claim_ids:
            self._meaning.pop(transaction, None)
            self.payments.pop(transaction, None)
            return
        claims = tuple(self._claims[claim_id] for claim_id in sorted(claim_ids))
        if any(self._gives_name(claim, transaction) for claim in claims):
            how = BY_REFERENCE
        else:
            how = BY_AMOUNT if all(claim.payer is None for claim in claims) else BY_PAYER
        posting = self._postings[transaction + "+"]
        self.payments[transaction] = Disputed(transaction, posting, how, claims)

    def _gives_name(self, claim: Claim, transaction: str) -> bool:
        """Whether the report itself gives a reference, and not the proxy at which it was seen."""
        return claim.claim_id in self._named and (
            claim.typed is None or claim.reference != transaction
        )


class _Loose:
    """Claims whose payment has not been seen, grouped so that no money is asked for twice.

    Those of one voice and amount are a group while each is near in time to the one before it and of
    another report. So a claim that comes or goes concerns the groups beside it only.
    """

    def __init__(self, tolerance: int, payments: dict[str, Disputed]) -> None:
        self._tolerance = tolerance
        self._payments = payments
        self._places: dict[_Money, list[Place]] = {}
        self._claims: dict[str, Claim] = {}
        self._origins: dict[str, str] = {}
        self._disturbed: dict[tuple[_Money, Place], None] = {}
        self._changed: set[str] = set()

    def origin_of(self, claim_id: str) -> str | None:
        return self._origins.get(claim_id)

    def add(self, claim: Claim) -> None:
        money, place = _money_and_place(claim)
        self._claims[claim.claim_id] = claim
        insort(self._places.setdefault(money, []), place)
        self._disturbed[money, place] = None

    def remove(self, claim: Claim) -> None:
        if self._claims.pop(claim.claim_id, None) is None:
            return
        money, place = _money_and_place(claim)
        take_out(self._places[money], place)
        if not self._places[money]:
            del self._places[money]
        self._dissolve(claim.claim_id)
        self._disturbed[money, place] = None

    def settle(self) -> set[str]:
        """Group anew around what has come and gone; return the origins that changed."""
        for money, place in self._disturbed:
            places = self._places.get(money)
            if places is not None:
                self._group(places, place)
        self._disturbed.clear()
        changed, self._changed = self._changed, set()
        return changed

    def _group(self, places: list[Place], disturbed: Place) -> None:
        middle = bisect_left(places, disturbed)
        first = max(middle - 1, 0)
        while first > 0 and self._joined(places[first - 1], places[first]):
            first -= 1
        last = min(middle + 2, len(places))
        while last < len(places) and self._joined(places[last - 1], places[last]):
            last += 1
        groups: list[list[Place]] = []
        for place in places[first:last]:
            if groups and self._joined(groups[-1][-1], place):
                groups[-1].append(place)
            else:
                groups.append([place])
            self._dissolve(place[1])
        for group in groups:
            claims = tuple(self._claims[claim_id] for _, claim_id in group)
            earliest = min(claims, key=lambda c: (c.received_at, c.claim_id))
            origin = f"report/{earliest.claim_id}"
            for claim in claims:
                self._origins[claim.claim_id] = origin
            self._payments[origin] = Disputed(origin, None, UNMATCHED, claims)
            self._changed.add(origin)

    def _joined(self, one: Place, other: Place) -> bool:
        return (
            other[0] - one[0] <= self._tolerance
            and self._claims[one[1]].report != self._claims[other[1]].report
        )

    def _dissolve(self, claim_id: str) -> None:
        """Break up the group of a claim; what it was parted by is disturbed, so all is grouped."""
        origin = self._origins.get(claim_id)
        if origin is not None:
            for claim in self._payments.pop(origin).claims:
                del self._origins[claim.claim_id]
            self._changed.add(origin)


def _money_and_place(claim: Claim) -> tuple[_Money, Place]:
    return (claim.voice, claim.amount), (claim.paid_at, claim.claim_id)


def _moved(before: Posting | None, after: Posting) -> bool:
    """Whether other claims than before may fit the posting by amount, time and payer."""
    if before is None:
        return True
    return (before.at, before.amount, before.other) != (after.at, after.amount, after.other)
