"""The naive decision, over the whole file each time: what the incremental one is compared with."""

from __future__ import annotations

from pipeline.accounts import matching
from pipeline.accounts.decision import (
    CLOCK_OUT,
    MAX_HOLDS_AN_ACCOUNT,
    MONEY_GONE,
    Decision,
    Standing,
    ended_by_bank,
    standing_notices,
    why_not_held,
)
from pipeline.accounts.file import AccountFile, posting_id
from pipeline.accounts.grounds import (
    EVIDENCE_GONE,
    LAUNDERING_LEVEL,
    LEVEL_ENDED,
    PAYMENT_NOT_SEEN,
    Candidate,
    may_act,
)
from pipeline.accounts.matching import BY_AMOUNT, BY_PAYER, BY_REFERENCE, Disputed
from pipeline.contracts.account_log import Claim, Posting
from pipeline.contracts.alerts import AlertKind
from pipeline.contracts.hold_updates import HoldStatus
from pipeline.identity.account import bank_of, is_account
from pipeline.policy.policy import HOUR_MS, MINUTE_MS, NO_LEVEL, Claims, Policy


def decide_whole(file: AccountFile, policy: Policy, now: int) -> Decision:
    """Return what should stand for this file at ``now`` (ms, the newest tick)."""
    decision = Decision()
    payments = match_claims(file, policy.claims)
    voices = _verified_voices(file, payments, policy)
    candidates = _disputed_payments(file, payments, policy, decision)
    taken = {payment.origin for payment in payments}
    candidates += _incoming_payments(file, taken, voices, policy, decision)
    _hold(file, candidates, now, decision)
    _watch(file, decision)
    decision.standing += standing_notices(file)
    return decision


def _watch(file: AccountFile, decision: Decision) -> None:
    """Watch an account that is spoken of while no hold stands."""
    level = file.level
    if level is None or level.level == NO_LEVEL:
        return
    if any(alert.kind is AlertKind.HOLD for alert in decision.standing):
        return
    decision.reasons = set(decision.ended.values())
    claimed = sum(claim.amount for claim in file.claims.values() if not claim.withdrawn)
    known = known_balance(file) is not None
    why = why_not_held(file, level, decision)
    decision.standing.append(
        Standing(AlertKind.WATCH, file.account, 0, claimed, known, None, level.since, why)
    )


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
) -> list[Candidate]:
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
            Candidate(payment.origin, payment.amount, payment.at, since, until, payment, None)
        )
    return sorted(candidates, key=lambda c: (c.at, c.origin))


def _incoming_payments(
    file: AccountFile, taken: set[str], voices: int, policy: Policy, decision: Decision
) -> list[Candidate]:
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
            Candidate(origin, posting.amount, posting.at, since, until, None, posting)
        )
    return sorted(candidates, key=lambda c: (c.at, c.origin))


def _hold(file: AccountFile, candidates: list[Candidate], now: int, decision: Decision) -> None:
    """Ask for each candidate's amount, as far as the account's money reaches."""
    left = known_balance(file)
    known = left is not None
    by_bank = ended_by_bank(file)
    held = 0
    for candidate in candidates:
        key = (AlertKind.HOLD, candidate.origin)
        if candidate.until <= now:
            decision.ended[key] = CLOCK_OUT
            continue
        if candidate.origin in by_bank:
            decision.ended[key] = by_bank[candidate.origin]
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


def match_claims(file: AccountFile, rules: Claims) -> list[Disputed]:
    """Return the payments in dispute, by origin.

    A reference decides; else amount, time and payer within the policy's tolerance, the nearest
    first. Two independent voices never mean the same payment unless both name it by reference.
    """
    claims = [c for _, c in sorted(file.claims.items()) if not c.withdrawn]
    credits_ = sorted(
        (p for p in file.postings.values() if p.amount > 0),
        key=lambda p: (p.at, p.transaction),
    )
    meant: dict[str, tuple[Posting, str]] = {}
    by_name: dict[str, Posting] = {}
    for posting in reversed(credits_):
        by_name[posting.transaction] = posting
        by_name[posting.transaction.partition("/")[2]] = posting
        for reference in posting.references:
            by_name[reference] = posting
    for claim in claims:
        named = by_name.get(claim.reference) if claim.reference else None
        if named is not None:
            meant[claim.claim_id] = (named, BY_REFERENCE)
    _match_by_facts(claims, credits_, rules, meant)
    return matching._disputed(claims, meant, rules)


def _match_by_facts(
    claims: list[Claim],
    credits_: list[Posting],
    rules: Claims,
    meant: dict[str, tuple[Posting, str]],
) -> None:
    """Give the rest their postings, nearest pair first, one voice a posting."""
    voice_of: dict[str, str] = {}
    for claim in claims:
        if claim.claim_id in meant:
            voice_of.setdefault(meant[claim.claim_id][0].transaction, claim.voice)
    tolerance = rules.time_tolerance_minutes * MINUTE_MS
    pairs = []
    for claim in claims:
        if claim.claim_id in meant:
            continue
        for posting in credits_:
            apart = abs(posting.at - claim.paid_at)
            if apart > tolerance:
                continue
            if abs(posting.amount - claim.amount) > rules.amount_tolerance_satang:
                continue
            if claim.payer is not None and claim.payer != posting.other:
                continue
            how = BY_AMOUNT if claim.payer is None else BY_PAYER
            rank = (how != BY_PAYER, apart, posting.transaction, claim.claim_id)
            pairs.append((rank, claim, posting, how))
    pairs.sort(key=lambda pair: pair[0])
    for _, claim, posting, how in pairs:
        taken_by = voice_of.get(posting.transaction)
        if claim.claim_id in meant or (taken_by is not None and taken_by != claim.voice):
            continue
        meant[claim.claim_id] = (posting, how)
        voice_of[posting.transaction] = claim.voice


def known_balance(file: AccountFile) -> int | None:
    """Return the balance in satang (never below zero), or None when no bank has stated one.

    The newest statement counts (a posting's balance after, or a bank's answer), and postings
    later than it move it; of two at the same millisecond the one with the higher id counts.
    """
    statements = [
        (posting.at, posting_id(posting), posting.balance)
        for posting in file.postings.values()
        if posting.balance is not None
    ]
    statements += [
        (answer.at, answer.update_id, answer.balance)
        for answer in file.answers.values()
        if answer.balance is not None
    ]
    if not statements:
        return None
    at, _, balance = max(statements)
    later = sum(posting.amount for posting in file.postings.values() if posting.at > at)
    return max(0, balance + later)
