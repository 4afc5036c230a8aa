"""The naive answer to which claims go on to other accounts, over the whole file each time."""

from __future__ import annotations

import msgspec

from pipeline.accounts.credits import names_of
from pipeline.accounts.file import AccountFile
from pipeline.accounts.grounds import may_act
from pipeline.accounts.matching import Disputed
from pipeline.accounts.paid import is_one_edit
from pipeline.contracts.account_log import CASH, Claim
from pipeline.identity.account import bank_of, is_account
from pipeline.policy.policy import Policy
from tests.pipeline.accounts.matching_oracle import is_question
from tests.pipeline.accounts.tracing_oracle import may_be_slip


def passed_on(
    file: AccountFile, payments: list[Disputed], policy: Policy
) -> dict[str, Claim | None]:
    """Claims whose payment is not seen, for the accounts that the number may be a slip of."""
    waiting = {c.claim_id: c for p in payments if p.posting is None for c in p.claims}
    passed: dict[str, Claim | None] = dict.fromkeys(file.passed)
    slip, proxy = may_be_slip(file, payments, policy), is_proxy_of_another(file, policy)
    if proxy and not may_act(file):
        for payment in payments:
            passed |= _passed_on_to_its_account(payment)
    for claim in waiting.values():
        if claim.typed is not None:
            continue
        told = msgspec.structs.replace(claim, claim_id=claim.claim_id + "~", typed=claim.account)
        meant = stood_behind(file, claim.paid_at) if proxy else set()
        if proxy and may_act(file):
            vouched = 2 if len(meant) == 1 and not slip else 1
            told = msgspec.structs.replace(told, vouched=vouched, cluster=file.level.cluster)
        if is_account(file.account) and policy.claims.look_alikes and file.level is not None:
            meant = set(file.level.slip_of)
            if claim.payer is not None or claim.reference:
                meant |= {other for kind, other, _ in file.level.evidence if kind == "look_alike"}
        for account in meant:
            passed[f"{told.claim_id}|{account}"] = msgspec.structs.replace(told, account=account)
    if policy.claims.payers:
        told = {key: each for key, each in passed.items() if each is not None}
        passed |= {key: None for key, each in told.items() if each.account == each.payer}
        passed |= _asked_of_payers(file, policy)
        passed |= _answered(file, policy)
    return passed


def _asked_of_payers(file: AccountFile, policy: Policy) -> dict[str, Claim | None]:
    """Claims that no payment here can mean, for the book of the payer that they name."""
    asked: dict[str, Claim | None] = {}
    credits_ = sorted((p for p in file.postings.values() if p.amount > 0), key=lambda p: p.at)
    for claim in file.claims.values():
        if claim.withdrawn or claim.typed is not None:
            continue
        named = [p for p in credits_ if claim.reference and claim.reference in names_of(p)]
        fitting = [
            (abs(p.at - claim.paid_at), p.transaction, p)
            for p in credits_
            if p.other == claim.payer
            and abs(p.at - claim.paid_at) <= policy.claims.time_tolerance_minutes * 60_000
            and abs(p.amount - claim.amount) <= policy.claims.amount_tolerance_satang
        ]
        here = min(named, key=lambda p: (p.at, p.transaction)) if named else None
        here = here or (min(fitting)[2] if fitting else None)
        payer, reference = claim.payer, claim.reference
        if here is not None:
            known = any(map(is_account, here.references))
            if known or not file.account.startswith("promptpay:"):
                continue
            if payer not in (None, here.other):
                continue
            payer, reference = here.other, here.transaction
        if not is_account(payer) or payer == file.account or bank_of(payer) == "?":
            continue
        cluster = file.level.cluster if file.level is not None and may_act(file) else ""
        key = claim.claim_id + "~"
        asked[f"{key}|{payer}"] = msgspec.structs.replace(
            claim,
            account=payer,
            claim_id=key,
            typed=file.account,
            payer=payer,
            reference=reference,
            cluster=cluster,
        )
    return asked


def _answered(file: AccountFile, policy: Policy) -> dict[str, Claim | None]:
    """What this book says of the payments that others ask about."""
    told: dict[str, Claim | None] = {}
    debits = [p for p in file.postings.values() if p.amount < 0 and p.other != CASH]
    for claim in file.claims.values():
        if claim.withdrawn or not is_question(claim):
            continue
        named = [p for p in debits if claim.reference and claim.reference in names_of(p)]
        same = [p for p in debits if p.amount == -claim.amount]
        tolerance = policy.claims.time_tolerance_minutes * 60_000
        near = [p for p in same if abs(p.at - claim.paid_at) <= tolerance]
        groups = [
            [p for p in same if p.other == claim.typed],
            [p for p in same if is_one_edit(claim.typed, p.other)],
            near if claim.typed.startswith("promptpay:") else [],
        ]
        meant = sorted(named, key=lambda p: (p.at, p.transaction))[:1]
        meant = meant or next((group for group in groups if group), [])
        if len(meant) != 1 or meant[0].other == file.account:
            continue
        if named and meant[0].other == claim.typed:
            continue
        key = claim.claim_id + "~"
        for account in (claim.typed, meant[0].other):
            there = account == meant[0].other
            name = claim.reference if named else meant[0].transaction
            told[f"{key}|{account}"] = msgspec.structs.replace(
                claim,
                account=account,
                claim_id=key,
                reference=name if there else None,
                vouched=int(claim.verified and there),
            )
    return told


def _passed_on_to_its_account(payment: Disputed) -> dict[str, Claim | None]:
    """Claims about a payment that was seen at a proxy, for the account that it led to."""
    references = payment.posting.references if payment.posting is not None else ()
    meant = [name for name in references if is_account(name)][:1]
    return {
        f"{claim.claim_id}~|{account}": msgspec.structs.replace(
            claim,
            account=account,
            claim_id=claim.claim_id + "~",
            typed=claim.account,
            reference=payment.origin,
        )
        for account in meant
        for claim in payment.claims
        if claim.typed is None
    }


def is_proxy_of_another(file: AccountFile, policy: Policy) -> bool:
    """Whether what is not seen here is looked for at an account behind this proxy."""
    return policy.claims.proxies and not is_account(file.account) and bool(_behind(file))


def stood_behind(file: AccountFile, at: int) -> set[str]:
    """Return whom the proxy's last payment up to a time names, and its first one from then on."""
    named = _behind(file)
    before = [each for each in named if each[0] <= at][-1:]
    after = [each for each in named if each[0] >= at][:1]
    return {account for _, _, account in before + after}


def _behind(file: AccountFile) -> list[tuple[int, str, str]]:
    return sorted(
        (posting.at, key, next(r for r in posting.references if is_account(r)))
        for key, posting in file.postings.items()
        if any(map(is_account, posting.references))
    )
