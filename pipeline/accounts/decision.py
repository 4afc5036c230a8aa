"""Decide: which alerts should stand, as a pure function of the account file, policy and time."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from pipeline.accounts.balance import known_balance
from pipeline.accounts.file import AccountFile
from pipeline.accounts.matching import Disputed, match_claims
from pipeline.contracts.account_log import Level, Notice, Posting
from pipeline.contracts.alerts import AlertKind
from pipeline.contracts.hold_updates import HoldStatus
from pipeline.identity.account import bank_of, is_account
from pipeline.identity.banks import UNKNOWN_BANK
from pipeline.policy.policy import HOUR_MS, NO_LEVEL, Policy

MAX_HOLDS_AN_ACCOUNT = 500
"""Limit on open holds of one account; the oldest payments come first, and it is counted."""

CLOCK_OUT = "clock_out"
MONEY_GONE = "money_gone"
REPORT_WITHDRAWN = "report_withdrawn"
LEVEL_ENDED = "level_ended"
RELEASED_BY_BANK = "released_by_bank"
REFUSED_BY_BANK = "refused_by_bank"
SEIZED = "seized"
SUPERSEDED = "superseded"
EVIDENCE_GONE = "evidence_gone"
PAYMENT_NOT_SEEN = "payment_not_seen"

NOT_VERIFIED = "not_verified"
NO_PAYMENT = "no_payment"
BANK_UNKNOWN = "bank_unknown"
_WATCH_REASONS = (
    PAYMENT_NOT_SEEN,
    CLOCK_OUT,
    MONEY_GONE,
    RELEASED_BY_BANK,
    REFUSED_BY_BANK,
    SEIZED,
)
LAUNDERING_LEVEL = "black"
"""On a laundering list no reporter is needed: the list is the evidence."""


class Standing(NamedTuple):
    """One alert that should stand. ``until`` is in ms; amounts are satang."""

    kind: AlertKind
    origin: str
    amount: int
    disputed: int
    balance_known: bool
    until: int | None
    since: int
    why: str
    payment: Disputed | None = None
    incoming: Posting | None = None
    notice: Notice | None = None

    @property
    def claims(self) -> tuple[str, ...]:
        """The ids of the claims behind it."""
        if self.payment is None:
            return ()
        return tuple(sorted(claim.claim_id for claim in self.payment.claims))


@dataclass(slots=True)
class Decision:
    """What should stand, why a considered alert does not, and when to look again (ms)."""

    standing: list[Standing] = field(default_factory=list)
    ended: dict[tuple[AlertKind, str], str] = field(default_factory=dict)
    notices: dict[str, Posting] = field(default_factory=dict)
    due: int | None = None
    limited: bool = False


class _Candidate(NamedTuple):
    origin: str
    disputed: int
    at: int
    since: int
    until: int
    payment: Disputed | None
    incoming: Posting | None


def may_act(file: AccountFile) -> bool:
    """Whether this account's level allows holds, and there is one bank that could hold."""
    if file.account.startswith("account:") and bank_of(file.account) == UNKNOWN_BANK:
        return False
    return file.level is not None and file.level.acting


def decide(file: AccountFile, policy: Policy, now: int) -> Decision:
    """Return what should stand for this file at ``now`` (ms, the newest tick)."""
    decision = Decision()
    payments = match_claims(file, policy.claims)
    voices = _verified_voices(file, payments, policy)
    candidates = _disputed_payments(file, payments, policy, decision)
    taken = {payment.origin for payment in payments}
    candidates += _incoming_payments(file, taken, voices, policy, decision)
    _hold(file, candidates, now, decision)
    _watch(file, decision)
    decision.standing += [_still_paying(notice) for notice in _active_notices(file)]
    return decision


def _unseen(file: AccountFile, payment: Disputed, policy: Policy) -> bool:
    """Whether the payment should have been seen, had it gone into this account.

    It should when a bank that would have published it was publishing around its time: the
    account's own bank (it states balances), or the claimed payer's bank (it published another
    payment into this account). Anybody else's payment says nothing.
    """
    if payment.posting is not None:
        return False
    near = policy.claims.seen_hours * HOUR_MS
    payers = {bank_of(claim.payer) for claim in payment.claims if is_account(claim.payer)}
    return any(
        posting.balance is not None
        or (posting.amount > 0 and is_account(posting.other) and bank_of(posting.other) in payers)
        for posting in file.postings.values()
        if abs(posting.at - payment.at) <= near
    )


def _verified_voices(file: AccountFile, payments: list[Disputed], policy: Policy) -> int:
    """Count the verified reporters of this account whose word its own payments do not belie."""
    level = file.level
    if level is None or not may_act(file):
        return 0
    met: set[str] = set()
    belied: set[str] = set()
    for payment in payments:
        voices = {claim.voice for claim in payment.claims if claim.verified}
        (belied if _unseen(file, payment, policy) else met).update(voices)
    return max(0, level.verified_voices - len(belied - met))


def _disputed_payments(
    file: AccountFile, payments: list[Disputed], policy: Policy, decision: Decision
) -> list[_Candidate]:
    """Claims that may act: at an acting account, and verified or met by a payment."""
    candidates = []
    for payment in payments:
        if not may_act(file):
            decision.ended[AlertKind.HOLD, payment.origin] = LEVEL_ENDED
            continue
        if _unseen(file, payment, policy):
            decision.ended[AlertKind.HOLD, payment.origin] = PAYMENT_NOT_SEEN
            continue
        if payment.posting is None and not any(claim.verified for claim in payment.claims):
            decision.ended[AlertKind.HOLD, payment.origin] = EVIDENCE_GONE
            continue
        since = min(claim.received_at for claim in payment.claims)
        filed = [c.received_at for c in payment.claims if c.police_filed]
        filed += [a.at for a in file.answers.values() if a.status == HoldStatus.POLICE_FILED]
        until = since + policy.holds.hours * HOUR_MS
        if filed:
            until = max(until, min(filed) + policy.holds.police_hours * HOUR_MS)
        candidates.append(
            _Candidate(payment.origin, payment.amount, payment.at, since, until, payment, None)
        )
    return sorted(candidates, key=lambda c: (c.at, c.origin))


def _incoming_payments(
    file: AccountFile, taken: set[str], voices: int, policy: Policy, decision: Decision
) -> list[_Candidate]:
    """Payments that nobody disputes yet, into an acting account, near or after the report."""
    level = file.level
    listed = level is not None and level.level == LAUNDERING_LEVEL
    if level is None or not may_act(file) or not (voices or listed):
        return []
    hold = listed or voices >= policy.holds.incoming_verified_voices
    hours = policy.holds.police_hours if level.police_filed else policy.holds.hours
    opens = level.since - policy.holds.incoming_before_hours * HOUR_MS
    candidates = []
    for posting in file.postings.values():
        if posting.amount <= 0 or posting.at < opens:
            continue
        if posting.transaction in taken:
            continue
        if posting.at >= level.since and is_account(posting.other):
            decision.notices[posting.transaction] = posting
        if not hold or posting.amount < policy.holds.small_sum_satang:
            continue
        since = max(posting.at, level.since)
        until = since + hours * HOUR_MS
        origin = posting.transaction
        candidates.append(
            _Candidate(origin, posting.amount, posting.at, since, until, None, posting)
        )
    return sorted(candidates, key=lambda c: (c.at, c.origin))


def _hold(file: AccountFile, candidates: list[_Candidate], now: int, decision: Decision) -> None:
    """Ask for each candidate's amount, as far as the account's money reaches."""
    left = known_balance(file)
    known = left is not None
    ended_by_bank = _ended_by_bank(file)
    held = 0
    for candidate in candidates:
        key = (AlertKind.HOLD, candidate.origin)
        if candidate.until <= now:
            decision.ended[key] = CLOCK_OUT
            continue
        if candidate.origin in ended_by_bank:
            decision.ended[key] = ended_by_bank[candidate.origin]
            continue
        amount = candidate.disputed if left is None else min(candidate.disputed, left)
        if amount == 0:
            decision.ended[key] = MONEY_GONE
            continue
        if held == MAX_HOLDS_AN_ACCOUNT:
            decision.limited = True
            break
        held += 1
        if left is not None:
            left -= amount
        if decision.due is None or candidate.until < decision.due:
            decision.due = candidate.until
        decision.standing.append(
            Standing(
                AlertKind.HOLD,
                candidate.origin,
                amount,
                candidate.disputed,
                known,
                candidate.until,
                candidate.since,
                "disputed_payment" if candidate.payment else "payment_to_suspect",
                candidate.payment,
                candidate.incoming,
            )
        )


def _ended_by_bank(file: AccountFile) -> dict[str, str]:
    """Return the origins whose hold a bank or the police ended, with the reason."""
    reasons = {
        HoldStatus.RELEASED: RELEASED_BY_BANK,
        HoldStatus.REFUSED: REFUSED_BY_BANK,
        HoldStatus.SEIZED: SEIZED,
    }
    newest = {}
    for answer in sorted(file.answers.values(), key=lambda a: (a.at, a.update_id)):
        if answer.alert_id is not None and answer.status != HoldStatus.POLICE_FILED:
            newest[answer.alert_id] = answer.status
    ended = {}
    for alert, said in file.said.items():
        reason = reasons.get(HoldStatus(newest[alert])) if alert in newest else None
        if reason is not None:
            ended[said.origin] = reason
    return ended


def _watch(file: AccountFile, decision: Decision) -> None:
    """Watch an account that is spoken of while no hold stands: people look, nothing is held."""
    level = file.level
    if level is None or level.level == NO_LEVEL:
        return
    if any(alert.kind is AlertKind.HOLD for alert in decision.standing):
        return
    decision.standing.append(
        Standing(
            AlertKind.WATCH,
            file.account,
            0,
            sum(claim.amount for claim in file.claims.values() if not claim.withdrawn),
            known_balance(file) is not None,
            None,
            level.since,
            _why_not_held(file, level, decision),
        )
    )


def _why_not_held(file: AccountFile, level: Level, decision: Decision) -> str:
    """Return what is missing for a hold, the weightiest reason first."""
    if not level.acting:
        return NOT_VERIFIED
    if not may_act(file):
        return BANK_UNKNOWN
    ended = set(decision.ended.values())
    return next((reason for reason in _WATCH_REASONS if reason in ended), NO_PAYMENT)


def _active_notices(file: AccountFile) -> list[Notice]:
    """Return one notice a payment: of its payee's books the account's own speaks, if it does."""
    chosen: dict[str, Notice] = {}
    ranked = sorted(
        (notice for notice in file.notices.values() if notice.active),
        key=lambda n: (not n.payee.startswith("account:"), n.payee),
    )
    for notice in ranked:
        chosen.setdefault(notice.transaction, notice)
    return [notice for _, notice in sorted(chosen.items())]


def _still_paying(notice: Notice) -> Standing:
    return Standing(
        AlertKind.VICTIM_STILL_PAYING,
        notice.transaction,
        0,
        notice.amount,
        False,
        None,
        notice.at,
        "paying_a_suspect",
        notice=notice,
    )
