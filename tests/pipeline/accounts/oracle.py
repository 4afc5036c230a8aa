"""The naive decision, over the whole file each time: what the incremental one is compared with."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import networkx as nx  # type: ignore[import-untyped]

from pipeline.accounts import holds
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
    PASSED_ON,
    PAYMENT_NOT_SEEN,
    Candidate,
    may_act,
)
from pipeline.accounts.holds import CLOCK_OUT, MONEY_GONE
from pipeline.accounts.matching import Disputed
from pipeline.contracts.account_log import CASH, Notice, Posting
from pipeline.contracts.alerts import AlertKind
from pipeline.contracts.hold_updates import HoldStatus
from pipeline.identity.account import bank_of, is_account
from pipeline.policy.policy import HOUR_MS, NO_LEVEL, Policy
from tests.pipeline.accounts.matching_oracle import (
    answers,
    is_question,
    is_told_here,
    is_vouched,
    match_claims,
)
from tests.pipeline.accounts.passing_oracle import is_proxy_of_another, passed_on
from tests.pipeline.accounts.tracing_oracle import Found, is_proved, may_be_slip, with_traces


@dataclass
class Whole:
    """All holds of one decision, and why other payments are not held."""

    standing: list[Standing]
    ended: dict[tuple[AlertKind, str], str] = field(default_factory=dict)
    spoken_for: dict[str, str] = field(default_factory=dict)
    """By claim without a payment of its own: the answer of its payer's book."""

    def why_not(self, origin: str) -> str | None:
        return self.ended.get((AlertKind.HOLD, origin))

    def total(self) -> int:
        return sum(s.amount for s in self.standing if s.kind is AlertKind.HOLD)

    def first(self, claims: Iterable[str] | None) -> str | None:
        for standing in self.standing:
            meant = {each for c in claims or () for each in (c, self.spoken_for.get(c))}
            of_claims = claims is None or meant & set(standing.claims)
            if standing.kind is AlertKind.HOLD and of_claims:
                return standing.origin
        return None


def decide_whole(file: AccountFile, policy: Policy, now: int) -> Decision:
    """Return what should stand for this file at ``now`` (ms, the newest tick)."""
    standing: list[Standing] = []
    whole = Whole(standing)
    decision = Decision(whole, standing)
    payments = match_claims(file, policy.claims)
    whole.spoken_for = _spoken_for(file, payments)
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
    unseen = {
        (AlertKind.HOLD, p.origin) for p in payments if p.posting is None and not is_told_here(p)
    }
    _watch(file, found, decision, whole, unseen)
    decision.standing += standing_notices(file)
    decision.passed = passed_on(file, payments, policy)
    return decision


def _spoken_for(file: AccountFile, payments: list[Disputed]) -> dict[str, str]:
    """Return the payers' answers by those claims that stand and mean no payment themselves."""
    claims = file.claims.values()
    standing = {c.claim_id for c in claims if not (c.withdrawn or is_question(c))}
    meaning = {claim.claim_id for payment in payments for claim in payment.claims}
    return {
        claim_id: answer.claim_id
        for claim_id, answer in answers(file).items()
        if claim_id in standing and claim_id not in meaning
    }


def _watch(
    file: AccountFile,
    found: Found,
    decision: Decision,
    whole: Whole,
    elsewhere: set[tuple[AlertKind, str]],
) -> None:
    """Watch an account that is spoken of, or where stolen money is spared, while no hold stands.

    ``elsewhere`` is what was told of a proxy only, and has not been seen here.
    """
    level = file.level
    if any(alert.kind is AlertKind.HOLD for alert in decision.standing):
        return
    if level is None or level.level == NO_LEVEL:
        decision.standing += [found.watch] if found.watch is not None else []
        return
    claimed = sum(c.amount for c in file.claims.values() if not c.withdrawn and c.typed is None)
    known = known_balance(file) is not None
    spared = {(AlertKind.HOLD, origin) for origin in found.spared}
    reasons = {
        why
        for key, why in whole.ended.items()
        if key not in spared and not (key in elsewhere and why in (PASSED_ON, PAYMENT_NOT_SEEN))
    }
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
    told = answers(file)
    if any(c.claim_id in told and not told[c.claim_id].reference for c in payment.claims):
        return True  # the payer's book says where it went, and that was not here
    if payment.posting is not None:
        return False
    near = policy.claims.seen_hours * HOUR_MS
    payers = {bank_of(claim.payer) for claim in payment.claims if is_account(claim.payer)}
    in_cash = any(claim.cash for claim in payment.claims)
    return any(
        (posting.balance is not None and (not in_cash or is_cash_in(posting)))
        or (posting.amount > 0 and is_account(posting.other) and bank_of(posting.other) in payers)
        for posting in file.postings.values()
        if abs(posting.at - payment.at) <= near
    )


def is_cash_in(posting: Posting) -> bool:
    """Whether banknotes were paid in."""
    return posting.amount > 0 and posting.other == CASH


def _verified_voices(file: AccountFile, payments: list[Disputed], policy: Policy) -> int:
    """Count the verified reporters of this account whose word its own payments do not belie."""
    level = file.level
    if level is None or not may_act(file):
        return 0
    met: set[str] = set()
    belied: set[str] = set()
    for payment in payments:
        if payment.posting is None and not is_told_here(payment):
            continue
        voices = {claim.voice for claim in payment.claims if claim.verified}
        (belied if _unseen(file, payment, policy) else met).update(voices)
    return max(0, level.verified_voices - len(belied - met))


def _disputed_payments(
    file: AccountFile, payments: list[Disputed], policy: Policy, whole: Whole
) -> list[Candidate]:
    """Claims that may act: at an acting account, and verified or met by a payment."""
    candidates = []
    for payment in payments:
        if not (may_act(file) or is_vouched(payment)):
            whole.ended[AlertKind.HOLD, payment.origin] = LEVEL_ENDED
            continue
        if payment.posting is None and is_proxy_of_another(file, policy):
            whole.ended[AlertKind.HOLD, payment.origin] = PASSED_ON
            continue
        slip = payment.posting is None and may_be_slip(file, payments, policy)
        slip = slip and not is_vouched(payment)
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
    left = known_balance(file, found.told)
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


def known_balance(file: AccountFile, told: Iterable[tuple[int, int]] = ()) -> int | None:
    """Return the balance in satang (never below zero), or None when no bank has stated one.

    ``told`` are times and amounts of credits of which proxies tell and no posting.

    The newest statement counts (a posting's balance after, or a bank's answer), and postings
    later than it move it. Of several at the same millisecond that one counts after which, in some
    order, each of the others fits; of several such orders the one that begins with what comes in.
    Where there is none, or there are more than 64, the one with the higher id counts.
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
    of_moment = {s[1]: s[2] for s in statements if s[0] == at}
    moved = {k: p.amount for k, p in file.postings.items() if p.at == at and k in of_moment}
    if 1 < len(moved) == len(of_moment) <= 64:
        balance = _last_balance(of_moment, moved, balance)
    later = sum(posting.amount for posting in file.postings.values() if posting.at > at)
    later += sum(amount for told_at, amount in told if told_at > at)
    return max(0, balance + later)


def _last_balance(balances: dict[str, int], moved: dict[str, int], unknown: int) -> int:
    """Follow each balance to a posting that begins with it, from every possible beginning."""
    chain: nx.MultiDiGraph = nx.MultiDiGraph()
    for key in balances:
        chain.add_edge(balances[key] - moved[key], balances[key], key)
    if not nx.has_eulerian_path(chain):
        return unknown
    uneven = [n for n in chain if chain.out_degree(n) > chain.in_degree(n)]
    first = min(moved, key=lambda key: (moved[key] < 0, key))
    begin = uneven[0] if uneven else balances[first] - moved[first]
    *_, (_, end) = nx.eulerian_path(chain, source=begin)
    return int(end)


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
