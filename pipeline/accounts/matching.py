"""Which posting a disputed payment means, and which claims are about the same money.

A pure function of the file: the same claims and postings give the same answer in any order.
"""

from __future__ import annotations

from typing import NamedTuple

from pipeline.accounts.file import AccountFile
from pipeline.contracts.account_log import Claim, Posting
from pipeline.policy.policy import MINUTE_MS, Claims

BY_REFERENCE = "reference"
BY_PAYER = "amount_time_payer"
BY_AMOUNT = "amount_time"
UNMATCHED = "unmatched"


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
