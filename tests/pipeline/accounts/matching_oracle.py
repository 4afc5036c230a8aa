"""The naive answer to which payment each claim means, and which claims are about the same money.

A claim without a reference looks at its nearest `pairing.MEANT_PAYMENTS` payments and no further.
Without that rule, claims and payments of one amount at one time would make pairs as many as their
product. It is a rule about the payments around one claim, so no order of arrival can matter; and
what a claim farther down such a crowd loses is a hold that the limit of holds would leave out soon.
"""

from __future__ import annotations

from pipeline.accounts import pairing
from pipeline.accounts.credits import names_of
from pipeline.accounts.file import AccountFile
from pipeline.accounts.matching import (
    BY_AMOUNT,
    BY_PAYER,
    BY_REFERENCE,
    UNMATCHED,
    Disputed,
)
from pipeline.contracts.account_log import CASH, Claim, Posting
from pipeline.policy.policy import MINUTE_MS, Claims


def is_vouched(payment: Disputed) -> bool:
    """Whether a proxy's word lets the payment be held at an account that no report names."""
    return any(
        claim.vouched == 2
        or (
            claim.vouched == 1
            and payment.posting is not None
            and (claim.payer is not None or claim.reference in names_of(payment.posting))
        )
        for claim in payment.claims
    )


def is_told_here(payment: Disputed) -> bool:
    """Whether any report says it of this very account."""
    return any(claim.typed in (None, claim.account) for claim in payment.claims)


def is_question(claim: Claim) -> bool:
    """Whether it was passed on to the book of the payer that it names."""
    return claim.typed is not None and claim.payer == claim.account


def answers(file: AccountFile) -> dict[str, Claim]:
    """Return what the payers' books say, by the claim of this account that it is about."""
    said = [c for c in file.claims.values() if c.typed == file.account and not is_question(c)]
    return {c.claim_id.removesuffix("~~"): c for c in said if not c.withdrawn}


def match_claims(file: AccountFile, rules: Claims) -> list[Disputed]:
    """Return the payments in dispute, by origin.

    A reference decides; else amount, time and payer within the policy's tolerance, the nearest
    first. Two independent voices never mean the same payment unless both name it by reference.
    """
    claims = [c for _, c in sorted(file.claims.items()) if not (c.withdrawn or is_question(c))]
    claims = [c for c in claims if c.reference or c.typed != file.account]
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
            how = BY_PAYER if claim.payer else BY_AMOUNT
            if claim.typed is None or claim.reference != named.transaction:
                how = BY_REFERENCE
            meant[claim.claim_id] = (named, how)
    _match_by_facts(claims, credits_, rules, meant)
    known = {key for key, answer in answers(file).items() if answer.reference in by_name}
    left = [c for c in claims if c.claim_id in meant or c.typed or c.claim_id not in known]
    return _disputed(left, meant, rules)


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
        told_elsewhere = claim.typed is not None and not claim.vouched
        if told_elsewhere and claim.reference and claim.payer is None:
            continue
        for posting in credits_:
            apart = abs(posting.at - claim.paid_at)
            if apart > tolerance:
                continue
            if abs(posting.amount - claim.amount) > rules.amount_tolerance_satang:
                continue
            if claim.payer is not None and claim.payer != posting.other:
                continue
            if claim.cash and posting.other != CASH:
                continue
            fitting.append((apart, posting.transaction, posting))
        how = BY_AMOUNT if claim.payer is None else BY_PAYER
        for apart, transaction, posting in sorted(fitting)[: pairing.MEANT_PAYMENTS]:
            rank = (claim.typed is not None, how != BY_PAYER, apart, transaction, claim.claim_id)
            pairs.append((rank, claim, posting, how))
    pairs.sort(key=lambda pair: pair[0])
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
    unmatched = [
        c for c in claims if c.claim_id not in meant and (c.typed is None or c.vouched == 2)
    ]
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
