"""Which payment a claim without a reference means: by amount, time and payer, the nearest first.

Every claim and every credit that fits it are a pair, and the pairs have one order: a stated payer
goes before none, then the nearer time, then the names. In this order each claim takes the first
payment that no other voice has taken. That is a function of the claims and credits, but to go
through all pairs anew would cost more with each of them. So a pair is decided again only when
something before it has changed: a claim or a payment of its own. What changes by that comes later
in the order, so a heap of such pairs is gone through once.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from heapq import heappop, heappush

from pipeline.accounts.credits import Credits, fits
from pipeline.accounts.places import Place, between, take_out
from pipeline.contracts.account_log import Claim, Posting
from pipeline.policy.policy import Claims

MEANT_PAYMENTS = 256
"""Limit on the payments that one claim could mean by amount, time and payer: the nearest in time.
Only claims that very many payments of one amount fit come to it, and it is counted."""

FEW = 16
"""As many payments near a claim are all looked at, of more the nearest first, until one is free."""
_FIRST_STEP_MS = 4_000
_STEP = 4

Pair = tuple[int, int, str, str]
"""How doubtful, how far apart (ms), the payment, the claim: the order of pairs."""


class _Suitor:
    """A claim and the payments that it could mean: all that are at most ``seen`` ms apart from it,
    the nearest `MEANT_PAYMENTS` of them."""

    __slots__ = ("asking", "claim", "pairs", "seen", "taken")

    def __init__(self, claim: Claim) -> None:
        self.claim = claim
        self.pairs: list[Pair] = []
        self.seen = -1
        self.taken: Pair | None = None
        self.asking = False


class Pairing:
    """The claims that no reference decides, and what each of them means."""

    def __init__(self, credited: Credits, rules: Claims) -> None:
        self._credits = credited
        self._rules = rules
        self._suitors: dict[str, _Suitor] = {}
        self._by_amount: dict[int, list[Place]] = {}
        """The claims' times and ids by the bucket of their amount."""
        self._pairs_of: dict[str, dict[str, Pair]] = {}
        """By payment and claim."""
        self._takers: dict[str, list[Pair]] = {}
        self._named_by: dict[str, str] = {}
        """By payment: the voice that names it by its reference, and so goes before all pairs."""
        self.crowded = False
        """Whether a claim came to the limit of payments since this was reset."""
        self._heap: list[Pair] = []
        self._moved: set[str] = set()

    def taken(self, claim_id: str) -> str | None:
        """Return the payment that the claim means."""
        suitor = self._suitors.get(claim_id)
        return suitor.taken[2] if suitor is not None and suitor.taken is not None else None

    def is_meant(self, posting: Posting) -> bool:
        """Whether the credit fits any claim."""
        return bool(self._fitting(posting))

    def settle(self) -> set[str]:
        """Decide what has changed; return the claims that mean another payment than before."""
        heap = self._heap
        before: Pair | None = None
        while heap:
            pair = heappop(heap)
            if pair != before:
                self._decide(pair)
                before = pair
        moved, self._moved = self._moved, set()
        return moved

    def add(self, claim: Claim) -> None:
        """Take a claim."""
        suitor = self._suitors[claim.claim_id] = _Suitor(claim)
        bucket = claim.amount // self._credits.width
        place = (claim.paid_at, claim.claim_id)
        insort(self._by_amount.setdefault(bucket, []), place)
        self._ask(suitor, None)

    def remove(self, claim: Claim) -> None:
        """Take a claim back."""
        suitor = self._suitors.pop(claim.claim_id)
        bucket = claim.amount // self._credits.width
        take_out(self._by_amount[bucket], (claim.paid_at, claim.claim_id))
        if not self._by_amount[bucket]:
            del self._by_amount[bucket]
        for pair in suitor.pairs:
            self._forget(pair)
        self._let_go(suitor)

    def posting_added(self, posting: Posting) -> None:
        """Take a credit that was added to the credits."""
        transaction = posting.transaction
        for suitor, apart in self._fitting(posting):
            claim = suitor.claim
            pair = (_doubt(claim), apart, transaction, claim.claim_id)
            pairs = suitor.pairs
            if apart > suitor.seen:
                continue
            if len(pairs) >= MEANT_PAYMENTS:
                self.crowded = True
                if pair > pairs[-1]:
                    continue
            insort(pairs, pair)
            self._pairs_of.setdefault(transaction, {})[claim.claim_id] = pair
            if suitor.taken is None or pair < suitor.taken:
                heappush(self._heap, pair)
            if len(pairs) > MEANT_PAYMENTS:
                last = pairs.pop()
                self._forget(last)
                if suitor.taken == last:
                    self._let_go(suitor)

    def posting_removed(self, posting: Posting) -> None:
        """Take back a credit that was removed from the credits."""
        pairs = self._pairs_of.pop(posting.transaction, {})
        for claim_id, pair in pairs.items():
            suitor = self._suitors[claim_id]
            if len(suitor.pairs) >= MEANT_PAYMENTS:
                # Another one moves up, from among those that were left out.
                del suitor.pairs[bisect_left(suitor.pairs, pair)]
                self.remove(suitor.claim)
                self.add(suitor.claim)
                continue
            del suitor.pairs[bisect_left(suitor.pairs, pair)]
            if suitor.taken == pair:
                self._let_go(suitor)
            if suitor.taken is None:
                # It may have been just this pair that was to be decided next, or one before it is.
                asking = suitor.asking
                self._ask(suitor, pair)
                suitor.asking |= asking

    def named(self, transaction: str, voice: str | None) -> None:
        """Take over which voice names the payment by its reference, if any."""
        if self._named_by.get(transaction) == voice:
            return
        if voice is None:
            del self._named_by[transaction]
        else:
            self._named_by[transaction] = voice
        self._stir(transaction, None)

    def _decide(self, pair: Pair) -> None:
        """Take, leave or give up a payment. What comes before this pair is decided."""
        _, _, transaction, claim_id = pair
        if self._pairs_of.get(transaction, {}).get(claim_id) != pair:
            return
        suitor = self._suitors[claim_id]
        taken = suitor.taken
        if (taken is None or taken >= pair) and self._is_free(pair, suitor.claim.voice):
            if taken != pair:
                self._let_go(suitor)
                self._take(suitor, pair)
        elif taken == pair:
            self._let_go(suitor)
            self._ask(suitor, pair)
        elif taken is None and (suitor.asking or pair == suitor.pairs[-1]):
            self._ask(suitor, pair)

    def _is_free(self, pair: Pair, voice: str) -> bool:
        """Whether no other voice has taken the payment before this pair."""
        transaction = pair[2]
        named_by = self._named_by.get(transaction)
        if named_by is not None:
            return named_by == voice
        takers = self._takers.get(transaction)
        if not takers or takers[0] >= pair:
            return True
        return self._suitors[takers[0][3]].claim.voice == voice

    def _take(self, suitor: _Suitor, pair: Pair) -> None:
        transaction = pair[2]
        suitor.taken, suitor.asking = pair, False
        takers = self._takers.setdefault(transaction, [])
        insort(takers, pair)
        self._moved.add(pair[3])
        if takers[0] is pair and transaction not in self._named_by:
            self._stir(transaction, pair)

    def _let_go(self, suitor: _Suitor) -> None:
        pair = suitor.taken
        if pair is None:
            return
        transaction = pair[2]
        suitor.taken = None
        takers = self._takers[transaction]
        place = bisect_left(takers, pair)
        del takers[place]
        if not takers:
            del self._takers[transaction]
        self._moved.add(pair[3])
        if place == 0 and transaction not in self._named_by:
            self._stir(transaction, pair)

    def _stir(self, transaction: str, after: Pair | None) -> None:
        """Let the payment's pairs after this one be decided again, as its voice may be another."""
        for claim_id, pair in self._pairs_of.get(transaction, {}).items():
            if after is None or pair > after:
                taken = self._suitors[claim_id].taken
                if taken is None or taken >= pair:
                    heappush(self._heap, pair)

    def _ask(self, suitor: _Suitor, after: Pair | None) -> None:
        """Let the claim's next pair be decided, and look further around where none is left."""
        pairs = suitor.pairs
        place = bisect_right(pairs, after) if after is not None else 0
        while place == len(pairs) and self._look_further(suitor):
            pass
        suitor.asking = place < len(pairs)
        if suitor.asking:
            heappush(self._heap, pairs[place])

    def _look_further(self, suitor: _Suitor) -> bool:
        """Find the payments that are next in time; return whether there was more to look at."""
        tolerance, claim, seen = self._credits.tolerance, suitor.claim, suitor.seen
        room = MEANT_PAYMENTS - len(suitor.pairs)
        if seen >= tolerance or room <= 0:
            return False
        upto = min(tolerance, max(_FIRST_STEP_MS, seen * _STEP))
        if seen < 0 and self._credits.counted(claim) <= FEW:
            upto = tolerance
        suitor.seen = upto
        found = self._credits.around(claim, seen, upto)
        self.crowded |= len(found) > room
        for apart, transaction in found[:room]:
            pair = (_doubt(claim), apart, transaction, claim.claim_id)
            suitor.pairs.append(pair)
            self._pairs_of.setdefault(transaction, {})[claim.claim_id] = pair
        return True

    def _forget(self, pair: Pair) -> None:
        pairs = self._pairs_of.get(pair[2])
        if pairs is not None:
            pairs.pop(pair[3], None)
            if not pairs:
                del self._pairs_of[pair[2]]

    def _fitting(self, posting: Posting) -> list[tuple[_Suitor, int]]:
        """Return the claims that the credit fits, and how far it is from each (ms)."""
        found = []
        at, tolerance = posting.at, self._credits.tolerance
        bucket = posting.amount // self._credits.width
        for near in (bucket - 1, bucket, bucket + 1):
            places = self._by_amount.get(near)
            if places is None:
                continue
            for paid_at, claim_id in between(places, at - tolerance, at + tolerance):
                suitor = self._suitors[claim_id]
                if fits(suitor.claim, posting, self._rules):
                    found.append((suitor, abs(at - paid_at)))
        return found


def _doubt(claim: Claim) -> int:
    """Return how doubtful it is that what fits a claim is meant: less doubtful pairs come first."""
    return 2 * (claim.typed is not None) + (claim.payer is None)
