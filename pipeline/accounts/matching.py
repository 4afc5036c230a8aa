"""Which posting a disputed payment means, and which claims are about the same money.

The answer is a function of the claims and postings, whatever order they came in. A big shop's
account has very many postings and few claims, so the claims are what is kept at hand: each new
posting is held against them, and only the few postings that a claim could mean are remembered.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping
from operator import itemgetter
from typing import NamedTuple

from pipeline.contracts.account_log import Claim, Posting
from pipeline.policy.policy import MINUTE_MS, Claims

BY_REFERENCE = "reference"
BY_PAYER = "amount_time_payer"
BY_AMOUNT = "amount_time"
UNMATCHED = "unmatched"

SPARE = 32
"""Postings kept beyond those that a decision can reach, so that few are looked for anew."""

Rank = tuple[int, str]
_RANK = itemgetter(0)


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


class Shortlist:
    """The ``enough`` lowest in rank of all postings offered, and some to spare."""

    def __init__(self, enough: int) -> None:
        self._enough = enough
        self._ranked: list[tuple[Rank, Posting]] = []
        self._left_out_above: Rank | None = None

    @property
    def complete(self) -> bool:
        """False when so many were taken back that one that was left out may be missing."""
        return self._left_out_above is None or len(self._ranked) >= self._enough

    @property
    def best(self) -> list[tuple[Rank, Posting]]:
        """The ``enough`` lowest in rank, lowest first."""
        return self._ranked[: self._enough]

    def offer(self, rank: Rank, posting: Posting) -> bool:
        """Take a posting; return whether it is among the best."""
        if self._left_out_above is not None and rank > self._left_out_above:
            return False
        place = bisect_left(self._ranked, rank, key=_RANK)
        self._ranked.insert(place, (rank, posting))
        if len(self._ranked) > self._enough + 2 * SPARE:
            del self._ranked[self._enough + SPARE :]
            self._left_out_above = self._ranked[-1][0]
        return place < self._enough

    def take_back(self, rank: Rank) -> bool:
        """Forget the posting of this rank; return whether it was among the best."""
        place = bisect_left(self._ranked, rank, key=_RANK)
        if place == len(self._ranked) or self._ranked[place][0] != rank:
            return False
        del self._ranked[place]
        return place < self._enough


class Matcher:
    """The claims of one account that stand, and the postings that each of them could mean."""

    def __init__(self, claims: Iterable[Claim], postings: Iterable[Posting], rules: Claims) -> None:
        self._rules = rules
        self._claims = sorted((c for c in claims if not c.withdrawn), key=lambda c: c.claim_id)
        self._tolerance = rules.time_tolerance_minutes * MINUTE_MS
        self._width = max(1, rules.amount_tolerance_satang)
        # Any other claim can take one posting before this claim's turn comes, and no more: so the
        # best few, as many as there are claims, decide, and no other posting can change anything.
        enough = len(self._claims)
        self._named = {c.reference: Shortlist(1) for c in self._claims if c.reference}
        self._near = {c.claim_id: Shortlist(enough) for c in self._claims}
        self._by_amount: dict[int, list[Claim]] = {}
        for claim in self._claims:
            self._by_amount.setdefault(claim.amount // self._width, []).append(claim)
        self._payments: list[Disputed] | None = None
        self._shortened: list[Shortlist] = []
        if self._claims:
            for posting in postings:
                self.add(posting)

    @property
    def complete(self) -> bool:
        """False when a posting that could be meant may be missing: make a new matcher."""
        self._shortened = [found for found in self._shortened if not found.complete]
        return not self._shortened

    @property
    def changed(self) -> bool:
        """Whether `payments` has to be worked out (again)."""
        return self._payments is None

    def add(self, posting: Posting) -> None:
        """Hold a posting of the account against the claims."""
        if posting.amount > 0 and self._claims:
            for found, rank in self._places(posting):
                if found.offer(rank, posting):
                    self._payments = None

    def remove(self, posting: Posting) -> None:
        """Take back what was added: a newer version of it takes its place."""
        if posting.amount > 0 and self._claims:
            for found, rank in self._places(posting):
                if found.take_back(rank):
                    self._payments = None
                self._shortened.append(found)

    def is_meant(self, posting: Posting) -> bool:
        """Whether a claim names this posting, or it fits one by amount, time and payer."""
        return posting.amount > 0 and bool(self._places(posting))

    def meant(self) -> Iterable[Posting]:
        """Yield the postings that a claim means or could mean."""
        for found in (*self._named.values(), *self._near.values()):
            for _, posting in found.best:
                yield posting

    def payments(self) -> list[Disputed]:
        """Return the payments in dispute, by origin.

        A reference decides; else amount, time and payer within the policy's tolerance, the nearest
        first. Two independent voices never mean the same payment unless both name it by reference.
        """
        if self._payments is None:
            meant: dict[str, tuple[Posting, str]] = {}
            for claim in self._claims:
                named = self._named[claim.reference].best if claim.reference else None
                if named:
                    meant[claim.claim_id] = (named[0][1], BY_REFERENCE)
            _match_by_facts(self._claims, self._near, meant)
            self._payments = _disputed(self._claims, meant, self._rules)
        return self._payments

    def _places(self, posting: Posting) -> list[tuple[Shortlist, Rank]]:
        """Return where a credit stands among what the claims could mean, if anywhere."""
        places = []
        transaction = posting.transaction
        if self._named:
            names = {transaction, transaction.partition("/")[2], *posting.references}
            for name in names & self._named.keys():
                # Of several payments under one name the first counts.
                places.append((self._named[name], (posting.at, transaction)))
        bucket = posting.amount // self._width
        for near in (bucket - 1, bucket, bucket + 1):
            for claim in self._by_amount.get(near, ()):
                apart = abs(posting.at - claim.paid_at)
                if (
                    apart <= self._tolerance
                    and abs(posting.amount - claim.amount) <= self._rules.amount_tolerance_satang
                    and (claim.payer is None or claim.payer == posting.other)
                ):
                    places.append((self._near[claim.claim_id], (apart, transaction)))
        return places


def _match_by_facts(
    claims: list[Claim],
    near: Mapping[str, Shortlist],
    meant: dict[str, tuple[Posting, str]],
) -> None:
    """Give the rest their postings, nearest pair first, one voice a posting."""
    voice_of: dict[str, str] = {}
    for claim in claims:
        if claim.claim_id in meant:
            voice_of.setdefault(meant[claim.claim_id][0].transaction, claim.voice)
    pairs = []
    for claim in claims:
        if claim.claim_id in meant:
            continue
        how = BY_AMOUNT if claim.payer is None else BY_PAYER
        for (apart, transaction), posting in near[claim.claim_id].best:
            rank = (how != BY_PAYER, apart, transaction, claim.claim_id)
            pairs.append((rank, claim, posting, how))
    pairs.sort(key=_RANK)
    for _, claim, posting, how in pairs:
        taken_by = voice_of.get(posting.transaction)
        if claim.claim_id in meant or (taken_by is not None and taken_by != claim.voice):
            continue
        meant[claim.claim_id] = (posting, how)
        voice_of[posting.transaction] = claim.voice


def _disputed(
    claims: list[Claim], meant: dict[str, tuple[Posting, str]], rules: Claims
) -> list[Disputed]:
    groups: dict[str, list[Claim]] = {}
    for claim in claims:
        if claim.claim_id in meant:
            groups.setdefault(meant[claim.claim_id][0].transaction, []).append(claim)
    result = []
    for transaction, group in sorted(groups.items()):
        hows = {meant[claim.claim_id][1] for claim in group}
        how = next(how for how in (BY_REFERENCE, BY_PAYER, BY_AMOUNT) if how in hows)
        posting = meant[group[0].claim_id][0]
        result.append(Disputed(transaction, posting, how, tuple(group)))
    unmatched = [claim for claim in claims if claim.claim_id not in meant]
    result.extend(_provisional(unmatched, rules))
    return result


def _provisional(claims: list[Claim], rules: Claims) -> list[Disputed]:
    """Group unmatched claims of one voice about one payment, so no money is asked for twice."""
    tolerance = rules.time_tolerance_minutes * MINUTE_MS
    groups: list[list[Claim]] = []
    for claim in sorted(claims, key=lambda c: (c.voice, c.amount, c.paid_at, c.claim_id)):
        last = groups[-1][-1] if groups else None
        if (
            last is not None
            and (last.voice, last.amount) == (claim.voice, claim.amount)
            and claim.report != last.report
            and claim.paid_at - last.paid_at <= tolerance
        ):
            groups[-1].append(claim)
        else:
            groups.append([claim])
    result = []
    for group in groups:
        first = min(group, key=lambda c: (c.received_at, c.claim_id))
        result.append(Disputed(f"report/{first.claim_id}", None, UNMATCHED, tuple(group)))
    return result
