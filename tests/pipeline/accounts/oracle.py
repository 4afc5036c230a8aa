"""The naive decision, over the whole file each time: what the incremental one is compared with.

A claim without a reference looks at its nearest `pairing.MEANT_PAYMENTS` payments and no further.
Without that rule, claims and payments of one amount at one time would make pairs as many as their
product. It is a rule about the payments around one claim, so no order of arrival can matter; and
what a claim farther down such a crowd loses is a hold that the limit of holds would leave out soon.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from pipeline.accounts import holds, pairing
from pipeline.accounts.answers import REFUSED_BY_BANK, RELEASED_BY_BANK, SEIZED
from pipeline.accounts.decision import (
    Decision,
    Standing,
    hold,
    notice_that_counts,
    still_paying,
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
from pipeline.accounts.holds import CLOCK_OUT, MONEY_GONE
from pipeline.accounts.matching import (
    BY_AMOUNT,
    BY_PAYER,
    BY_REFERENCE,
    UNMATCHED,
    Disputed,
)
from pipeline.contracts.account_log import Claim, Notice, Posting
from pipeline.contracts.alerts import AlertKind
from pipeline.contracts.hold_updates import HoldStatus
from pipeline.identity.account import bank_of, is_account
from pipeline.policy.policy import HOUR_MS, MINUTE_MS, NO_LEVEL, Claims, Policy
from tests.pipeline.accounts.tracing_oracle import Found, is_proved, may_be_slip, with_traces


@dataclass
class Whole:
    """All holds of one decision, and why other payments are not held."""

    standing: list[Standing]
    ended: dict[tuple[AlertKind, str], str] = field(default_factory=dict)

    def why_not(self, origin: str) -> str | None:
        return self.ended.get((AlertKind.HOLD, origin))

    def total(self) -> int:
        return sum(s.amount for s in self.standing if s.kind is AlertKind.HOLD)

    def first(self, claims: Iterable[str] | None) -> str | None:
        for standing in self.standing:
            of_claims = claims is None or set(claims) & set(standing.claims)
            if standing.kind is AlertKind.HOLD and of_claims:
                return standing.origin
        return None


def decide_whole(file: AccountFile, policy: Policy, now: int) -> Decision:
    """Return what should stand for this file at ``now`` (ms, the newest tick)."""
    standing: list[Standing] = []
    whole = Whole(standing)
    decision = Decision(whole, standing)
    payments = match_claims(file, policy.claims)
    voices = _verified_voices(file, payments, policy)
    slip = may_be_slip(file, payments, policy)
    candidates = _disputed_payments(file, payments, policy, whole)
    taken = {payment.origin for payment in payments}
    enough = policy.holds.incoming_verified_voices
    if not is_proved(file, payments, policy):
        enough = max(enough, policy.holds.incoming_unseen_voices)
    candidates += _incoming_payments(file, taken, (voices, enough), policy, decision)
    known = known_balance(file) is not None
    found = with_traces(file, candidates, payments, policy, decision, known, slip)
    whole.ended |= {(AlertKind.HOLD, origin): why for origin, why in found.spared.items()}
    _hold(file, found, now, decision, whole)
    _watch(file, found, decision, whole)
    decision.standing += standing_notices(file)
    return decision


def _watch(file: AccountFile, found: Found, decision: Decision, whole: Whole) -> None:
    """Watch an account that is spoken of, or where stolen money is spared, while no hold stands."""
    level = file.level
    if any(alert.kind is AlertKind.HOLD for alert in decision.standing):
        return
    if level is None or level.level == NO_LEVEL:
        decision.standing += [found.watch] if found.watch is not None else []
        return
    claimed = sum(claim.amount for claim in file.claims.values() if not claim.withdrawn)
    known = known_balance(file) is not None
    spared = {(AlertKind.HOLD, origin) for origin in found.spared}
    reasons = {why for key, why in whole.ended.items() if key not in spared}
    why = why_not_held(file, level, reasons)
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
    file: AccountFile, payments: list[Disputed], policy: Policy, whole: Whole
) -> list[Candidate]:
    """Claims that may act: at an acting account, and verified or met by a payment."""
    candidates = []
    for payment in payments:
        if not may_act(file):
            whole.ended[AlertKind.HOLD, payment.origin] = LEVEL_ENDED
            continue
        slip = payment.posting is None and may_be_slip(file, payments, policy)
        if slip or _unseen(file, payment, policy):
            whole.ended[AlertKind.HOLD, payment.origin] = PAYMENT_NOT_SEEN
            continue
        if payment.posting is None and not any(claim.verified for claim in payment.claims):
            whole.ended[AlertKind.HOLD, payment.origin] = EVIDENCE_GONE
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
    file: AccountFile,
    taken: set[str],
    voices_of: tuple[int, int],
    policy: Policy,
    decision: Decision,
) -> list[Candidate]:
    """Payments that nobody disputes yet, into an acting account, near or after the report."""
    level, (voices, needed) = file.level, voices_of
    listed = level is not None and level.level == LAUNDERING_LEVEL
    if level is None or not may_act(file) or not (voices or listed):
        return []
    enough = listed or voices >= needed
    hold = enough and not level.misspelt
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


def _hold(
    file: AccountFile,
    found: Found,
    now: int,
    decision: Decision,
    whole: Whole,
) -> None:
    """Ask for each candidate's amount, as far as the account's money reaches."""
    left = known_balance(file)
    known = left is not None
    by_bank = ended_by_bank(file)
    held = 0
    for candidate in found.candidates:
        key = (AlertKind.HOLD, candidate.origin)
        if candidate.until <= now:
            whole.ended[key] = CLOCK_OUT
            continue
        if candidate.origin in by_bank:
            whole.ended[key] = by_bank[candidate.origin]
            continue
        there = found.left.get(candidate.origin, candidate.disputed)
        amount = there if left is None else min(there, left)
        if amount == 0:
            whole.ended[key] = MONEY_GONE
            continue
        if held == holds.MAX_HOLDS_AN_ACCOUNT:
            decision.limited = True
            break
        held += 1
        if left is not None:
            left -= amount
        if decision.due is None or candidate.until < decision.due:
            decision.due = candidate.until
        decision.standing.append(hold(candidate, amount, known))


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
            by_name[reference.removeprefix("tx:").removeprefix("e2e:")] = posting
    for claim in claims:
        named = by_name.get(claim.reference) if claim.reference else None
        if named is not None:
            meant[claim.claim_id] = (named, BY_REFERENCE)
    _match_by_facts(claims, credits_, rules, meant)
    return _disputed(claims, meant, rules)


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
        fitting = []
        for posting in credits_:
            apart = abs(posting.at - claim.paid_at)
            if apart > tolerance:
                continue
            if abs(posting.amount - claim.amount) > rules.amount_tolerance_satang:
                continue
            if claim.payer is not None and claim.payer != posting.other:
                continue
            fitting.append((apart, posting.transaction, posting))
        how = BY_AMOUNT if claim.payer is None else BY_PAYER
        for apart, transaction, posting in sorted(fitting)[: pairing.MEANT_PAYMENTS]:
            rank = (how != BY_PAYER, apart, transaction, claim.claim_id)
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


def ended_by_bank(file: AccountFile) -> dict[str, str]:
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
    for alert, said in sorted(file.said.items()):
        reason = reasons.get(HoldStatus(newest[alert])) if alert in newest else None
        if reason is not None:
            ended[said.origin] = reason
    return ended


def standing_notices(file: AccountFile) -> list[Standing]:
    """Return one notice a payment."""
    of_payment: dict[str, list[Notice]] = {}
    for notice in file.notices.values():
        of_payment.setdefault(notice.transaction, []).append(notice)
    counting = (notice_that_counts(notices) for _, notices in sorted(of_payment.items()))
    return [still_paying(notice) for notice in counting if notice is not None]


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
