"""The grounds of a decision: which payments may be held at all, and why the others may not."""

from __future__ import annotations

from typing import NamedTuple

from pipeline.accounts.file import AccountFile
from pipeline.accounts.matching import Disputed
from pipeline.accounts.trails import Traced
from pipeline.contracts.account_log import Posting
from pipeline.identity.account import bank_of, has_usual_length, is_account
from pipeline.identity.banks import UNKNOWN_BANK
from pipeline.policy.policy import HOUR_MS, Policy

LEVEL_ENDED = "level_ended"
EVIDENCE_GONE = "evidence_gone"
PAYMENT_NOT_SEEN = "payment_not_seen"
PASSED_ON = "passed_on"
_CHECKED = "wallet:"
"""A wallet's address carries check digits: nobody mistypes it into another one."""
LAUNDERING_LEVEL = "black"
"""On a laundering list no reporter is needed: the list is the evidence."""


class Candidate(NamedTuple):
    """A payment that may be held, if the money and the time are there. Times in ms, satang."""

    origin: str
    disputed: int
    at: int
    since: int
    until: int
    payment: Disputed | None
    incoming: Posting | None
    traced: Traced | None = None


class Terms(NamedTuple):
    """What holds for all payments of an account alike.

    ``acts``: there may be holds. ``telling``: payers' banks are told of payments since the report.
    ``holding``: payments that nobody disputes are held, from ``opens`` (ms) on, for ``hours_ms``
    each. ``seen_only``: the number may be a slip, so no payment is held before it is seen: a number
    that looks like it is named by more people, or it was typed once and nothing confirms it.
    ``filed``: when the police first said that a complaint was filed (ms). ``passed_on``: this is a
    proxy, and what was not seen is looked for, and held, at the account behind it.
    """

    acts: bool
    telling: bool
    holding: bool
    since: int
    opens: int
    hours_ms: int
    least: int
    filed: int | None
    seen_only: bool = False
    passed_on: bool = False


class _Dispute(NamedTuple):
    """A payment in dispute, whether it is belied, and whether a proxy or payer vouches for it."""

    payment: Disputed
    belied: bool
    vouched: bool


class Grounds:
    """The payments in dispute at one account, and what is counted over all of them."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._payments: dict[str, _Dispute] = {}
        self._voices: dict[str, list[int]] = {}
        """By verified voice: how many of its payments are belied, and how many are not."""
        self._only_belied = 0
        self._belied = 0
        self._seen = 0
        """How many disputed payments were seen in the account."""
        self._elsewhere = 0
        """How many were, of which the payer's book says that they are in another account."""
        self._unseen = 0
        self._vouched = 0

    def why_unseen(self, terms: Terms) -> str | None:
        """Return why payments in dispute are not held that have not been seen, if there are any."""
        if terms.passed_on and self._unseen:
            return PASSED_ON
        to_be_seen = self._elsewhere > 0
        if not terms.passed_on:
            to_be_seen |= self._belied > 0 or (terms.seen_only and self._unseen > 0)
        return PAYMENT_NOT_SEEN if to_be_seen else None

    def is_spoken_of(self, terms: Terms) -> bool:
        """Whether reports let this very account be held, or a proxy of it that was paid."""
        return (terms.acts and not terms.seen_only) or self._vouched > 0

    def put(self, payment: Disputed, belied: bool) -> None:
        """Take a payment in dispute, or what is newer about it."""
        self.drop(payment.origin)
        dispute = _Dispute(payment, belied, payment.vouched)
        self._payments[payment.origin] = dispute
        self._count(dispute, 1)

    def drop(self, origin: str) -> None:
        """Forget a payment that nobody disputes any more."""
        known = self._payments.pop(origin, None)
        if known is not None:
            self._count(known, -1)

    def _count(self, dispute: _Dispute, change: int) -> None:
        payment, belied, vouched = dispute
        if payment.posting is not None:
            self._seen += change
            self._vouched += change * vouched
            self._elsewhere += change * belied
        elif payment.told_here:
            self._belied += change * belied
            self._unseen += change
        else:
            return  # nobody says of this very account what it belies
        for voice in {claim.voice for claim in payment.claims if claim.verified}:
            counts = self._voices.setdefault(voice, [0, 0])
            self._only_belied -= counts[0] > 0 and counts[1] == 0
            counts[not belied] += change
            self._only_belied += counts[0] > 0 and counts[1] == 0
            if counts == [0, 0]:
                del self._voices[voice]

    def terms(self, file: AccountFile, filed: int | None, behind: str | None = None) -> Terms:
        """Return what holds for all payments alike; ``behind`` is the bank behind a proxy."""
        passed_on = self._policy.claims.proxies and behind not in (None, UNKNOWN_BANK)
        level, holds, acts = file.level, self._policy.holds, may_act(file)
        if level is None:
            return Terms(False, False, False, 0, 0, 0, 0, filed, passed_on=passed_on)
        listed = level.level == LAUNDERING_LEVEL
        # A voice whose word the account's own payments belie does not count.
        voices = max(0, level.verified_voices - self._only_belied)
        certain = listed or is_certain(file.account, self._policy)
        slip = level.misspelt or not (certain or self._is_confirmed(file.account, level.reports))
        enough = holds.incoming_verified_voices
        if not (certain or self._seen):
            enough = max(enough, holds.incoming_unseen_voices)
        return Terms(
            acts=acts,
            telling=acts and (listed or voices > 0),
            holding=acts and not level.misspelt and (listed or voices >= enough),
            since=level.since,
            opens=level.since - holds.incoming_before_hours * HOUR_MS,
            hours_ms=(holds.police_hours if level.police_filed else holds.hours) * HOUR_MS,
            least=max(1, holds.small_sum_satang),
            filed=filed,
            seen_only=slip,
            passed_on=passed_on,
        )

    def _is_confirmed(self, account: str, reports: int) -> bool:
        """Whether the account's number is more than what was typed once."""
        rules = self._policy.claims
        if self._seen:
            return True
        usual = not rules.usual_lengths or has_usual_length(account)
        return usual and reports >= rules.unseen_reports

    def reason(self, origin: str, terms: Terms) -> str | None:
        """Return why a payment in dispute may not be held; None when it may."""
        payment, belied, vouched = self._payments[origin]
        if not (terms.acts or vouched):
            return LEVEL_ENDED
        if terms.passed_on and payment.posting is None:
            return PASSED_ON
        if belied or (terms.seen_only and payment.posting is None and not vouched):
            return PAYMENT_NOT_SEEN
        if payment.posting is None and not any(claim.verified for claim in payment.claims):
            return EVIDENCE_GONE
        return None

    def candidate(self, payment: Disputed, terms: Terms) -> Candidate:
        """Return the candidate that a payment in dispute is."""
        holds = self._policy.holds
        since = min(claim.received_at for claim in payment.claims)
        filed = [claim.received_at for claim in payment.claims if claim.police_filed]
        if terms.filed is not None:
            filed.append(terms.filed)
        until = since + holds.hours * HOUR_MS
        if filed:
            until = max(until, min(filed) + holds.police_hours * HOUR_MS)
        return Candidate(payment.origin, payment.amount, payment.at, since, until, payment, None)


def is_certain(account: str, policy: Policy) -> bool:
    """Whether no payment need be seen: the number has check digits, or its bank publishes none."""
    if account.startswith(_CHECKED):
        return True
    return is_account(account) and bank_of(account) in policy.claims.silent_banks


def may_act(file: AccountFile) -> bool:
    """Whether this account's level allows holds, and there is one bank that could hold."""
    return file.level is not None and file.level.acting and has_bank(file)


def has_bank(file: AccountFile) -> bool:
    """Whether there is one bank, or one operator, that could hold."""
    return not file.account.startswith("account:") or bank_of(file.account) != UNKNOWN_BANK


def traced_candidate(traced: Traced) -> Candidate:
    """Return the candidate that money is which came from other accounts."""
    since, until = traced.source.since, traced.source.until
    part, at = traced.part, traced.at
    return Candidate(traced.origin, part, at, since, until, None, None, traced)


def is_incoming(posting: Posting, terms: Terms) -> bool:
    """Whether this payment may be held though nobody disputes it: near or after the report."""
    return terms.holding and posting.amount >= terms.least and posting.at >= terms.opens


def incoming_candidate(posting: Posting, terms: Terms) -> Candidate:
    """Return the candidate that a payment is which nobody disputes."""
    since = max(posting.at, terms.since)
    until = since + terms.hours_ms
    return Candidate(posting.transaction, posting.amount, posting.at, since, until, None, posting)
