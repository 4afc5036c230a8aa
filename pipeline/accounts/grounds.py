"""The grounds of a decision: which payments may be held at all, and why the others may not.

A function of the file's claims, level and answers, and of what its postings say about the claims.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from pipeline.accounts.file import AccountFile
from pipeline.accounts.matching import Disputed
from pipeline.contracts.account_log import Posting
from pipeline.contracts.hold_updates import HoldStatus
from pipeline.identity.account import bank_of
from pipeline.identity.banks import UNKNOWN_BANK
from pipeline.policy.policy import HOUR_MS, Policy

LEVEL_ENDED = "level_ended"
EVIDENCE_GONE = "evidence_gone"
PAYMENT_NOT_SEEN = "payment_not_seen"
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


@dataclass(frozen=True, slots=True)
class Grounds:
    """Which payments may be held, and why the others may not.

    ``telling``: payers' banks are told of payments since the report. ``holding``: payments that
    nobody disputes are held, from ``opens`` (ms) on, for ``hours_ms`` each.
    """

    disputed: list[Candidate]
    ended: dict[str, str]
    taken: frozenset[str]
    telling: bool
    holding: bool
    since: int
    opens: int
    hours_ms: int
    least: int
    claimed: int


def may_act(file: AccountFile) -> bool:
    """Whether this account's level allows holds, and there is one bank that could hold."""
    if file.account.startswith("account:") and bank_of(file.account) == UNKNOWN_BANK:
        return False
    return file.level is not None and file.level.acting


def grounds_of(
    file: AccountFile,
    payments: list[Disputed],
    unseen: Callable[[Disputed], bool],
    policy: Policy,
) -> Grounds:
    """Return which payments of the file may be held.

    ``payments`` are those in dispute, and ``unseen`` says of one whether the account's own
    payments belie it.
    """
    ended: dict[str, str] = {}
    level, acts = file.level, may_act(file)
    belied = frozenset(payment.origin for payment in payments if acts and unseen(payment))
    disputed = _disputed_payments(file, payments, belied, policy, ended)
    listed = level is not None and level.level == LAUNDERING_LEVEL
    voices = _verified_voices(file, payments, belied)
    police = level is not None and level.police_filed
    since = level.since if level is not None else 0
    return Grounds(
        disputed=disputed,
        ended=ended,
        taken=frozenset(payment.origin for payment in payments),
        telling=acts and (listed or voices > 0),
        holding=acts and (listed or voices >= policy.holds.incoming_verified_voices),
        since=since,
        opens=since - policy.holds.incoming_before_hours * HOUR_MS,
        hours_ms=(policy.holds.police_hours if police else policy.holds.hours) * HOUR_MS,
        least=max(1, policy.holds.small_sum_satang),
        claimed=sum(claim.amount for claim in file.claims.values() if not claim.withdrawn),
    )


def _verified_voices(file: AccountFile, payments: list[Disputed], belied: frozenset[str]) -> int:
    """Count the verified reporters of this account whose word its own payments do not belie."""
    level = file.level
    if level is None or not may_act(file):
        return 0
    met: set[str] = set()
    lone: set[str] = set()
    for payment in payments:
        voices = {claim.voice for claim in payment.claims if claim.verified}
        (lone if payment.origin in belied else met).update(voices)
    return max(0, level.verified_voices - len(lone - met))


def _disputed_payments(
    file: AccountFile,
    payments: list[Disputed],
    belied: frozenset[str],
    policy: Policy,
    ended: dict[str, str],
) -> list[Candidate]:
    """Claims that may act: at an acting account, and verified or met by a payment."""
    candidates = []
    acts = may_act(file)
    answered = [a.at for a in file.answers.values() if a.status == HoldStatus.POLICE_FILED]
    for payment in payments:
        if not acts:
            ended[payment.origin] = LEVEL_ENDED
            continue
        if payment.origin in belied:
            ended[payment.origin] = PAYMENT_NOT_SEEN
            continue
        if payment.posting is None and not any(claim.verified for claim in payment.claims):
            ended[payment.origin] = EVIDENCE_GONE
            continue
        since = min(claim.received_at for claim in payment.claims)
        filed = [c.received_at for c in payment.claims if c.police_filed] + answered
        until = since + policy.holds.hours * HOUR_MS
        if filed:
            until = max(until, min(filed) + policy.holds.police_hours * HOUR_MS)
        candidates.append(
            Candidate(payment.origin, payment.amount, payment.at, since, until, payment, None)
        )
    return sorted(candidates, key=lambda c: (c.at, c.origin))


def is_incoming(posting: Posting, grounds: Grounds) -> bool:
    """Whether this payment may be held though nobody disputes it: near or after the report."""
    return grounds.holding and posting.amount >= grounds.least and posting.at >= grounds.opens
