"""The money that came into one account, to be found by its names, or by amount and time."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable

from pipeline.accounts.places import Place as Rank
from pipeline.accounts.places import between, span, take_out
from pipeline.contracts.account_log import CASH, END_TO_END_ID, RETURNS, TX_ID, Claim, Posting
from pipeline.policy.policy import MINUTE_MS, Claims


def names_of(posting: Posting) -> set[str]:
    """Return the names under which a claim, or a return, may mean this payment."""
    transaction = posting.transaction
    names = {transaction, transaction.partition("/")[2]}
    for name in posting.references:
        if not name.startswith(RETURNS):
            names.add(name.removeprefix(TX_ID).removeprefix(END_TO_END_ID))
    names.discard("")
    return names


def fits(claim: Claim, posting: Posting, rules: Claims) -> bool:
    """Whether amount and payer are those of the claim, within the tolerance.

    Cash that was paid in has no payer: it fits no claim that names one. One that was paid in as
    cash fits nothing else.

    A claim that was told of another account, and for which no proxy vouches, means no other payment
    than that of its reference, unless it says who paid.
    """
    if claim.payer is None and claim.reference and claim.typed is not None and not claim.vouched:
        return False
    if claim.cash and posting.other != CASH:
        return False
    return abs(posting.amount - claim.amount) <= rules.amount_tolerance_satang and (
        claim.payer is None or claim.payer == posting.other
    )


class Credits:
    """The credits among an account's postings. A claim finds its own without a look at the others.

    ``postings`` are the file's, by id; it must be up to date with what is added and removed here.
    """

    def __init__(self, postings: dict[str, Posting], rules: Claims) -> None:
        self._postings = postings
        self._rules = rules
        self.width = max(1, rules.amount_tolerance_satang)
        """Amounts (satang) of one bucket; amounts in neighbouring buckets may still be the same."""
        self.tolerance = rules.time_tolerance_minutes * MINUTE_MS
        # Nearly every name is one payment's, so a list is made for the others only.
        self._named: dict[str, Rank | list[Rank]] = {}
        buckets: dict[int, list[Rank]] = {}
        for posting in postings.values():
            if posting.amount > 0:
                rank = (posting.at, posting.transaction)
                buckets.setdefault(posting.amount // self.width, []).append(rank)
                for name in names_of(posting):
                    self._add_name(name, rank)
        for ranks in buckets.values():
            ranks.sort()
        self._by_amount = buckets

    def add(self, posting: Posting) -> None:
        """Take a credit."""
        rank = (posting.at, posting.transaction)
        for name in names_of(posting):
            self._add_name(name, rank)
        insort(self._by_amount.setdefault(posting.amount // self.width, []), rank)

    def remove(self, posting: Posting) -> None:
        """Take back what was added."""
        rank = (posting.at, posting.transaction)
        for name in names_of(posting):
            known = self._named[name]
            if isinstance(known, list):
                del known[bisect_left(known, rank)]
                if len(known) == 1:
                    self._named[name] = known[0]
            else:
                del self._named[name]
        take_out(self._by_amount[posting.amount // self.width], rank)

    def named(self, name: str) -> str | None:
        """Return the payment of this name; of several the first counts."""
        known = self._named.get(name)
        if known is None:
            return None
        return known[0][1] if isinstance(known, list) else known[1]

    def counted(self, claim: Claim) -> int:
        """Return how many credits at most are near the claim's amount and time."""
        lowest, highest = claim.paid_at - self.tolerance, claim.paid_at + self.tolerance
        spans = (span(ranks, lowest, highest) for ranks in self._near(claim.amount))
        return sum(end - first for first, end in spans)

    def around(self, claim: Claim, above: int, upto: int) -> list[Rank]:
        """Return what fits the claim and is more than ``above``, at most ``upto`` ms apart from it.

        The nearest first.
        """
        found = []
        paid_at, postings = claim.paid_at, self._postings
        for ranks in self._near(claim.amount):
            for at, transaction in between(ranks, paid_at - upto, paid_at + upto):
                apart = abs(at - paid_at)
                if apart > above and fits(claim, postings[transaction + "+"], self._rules):
                    found.append((apart, transaction))
        found.sort()
        return found

    def _near(self, amount: int) -> Iterable[list[Rank]]:
        bucket = amount // self.width
        near = (self._by_amount.get(each) for each in (bucket - 1, bucket, bucket + 1))
        return (ranks for ranks in near if ranks)

    def _add_name(self, name: str, rank: Rank) -> None:
        known = self._named.setdefault(name, rank)
        if isinstance(known, list):
            insort(known, rank)
        elif known is not rank:
            self._named[name] = sorted((known, rank))
