"""Traces in the naive decision: begun anew over the whole file each time, with nothing kept."""

from __future__ import annotations

from dataclasses import dataclass, field

from pipeline.accounts.decision import Decision, Standing, watch_of_traced
from pipeline.accounts.file import AccountFile
from pipeline.accounts.grounds import (
    LAUNDERING_LEVEL,
    Candidate,
    has_bank,
    may_act,
    traced_candidate,
)
from pipeline.accounts.matching import Disputed
from pipeline.accounts.tracing import Tracing
from pipeline.accounts.trails import Root
from pipeline.identity.account import bank_of, is_account, number_of
from pipeline.identity.banks import USUAL_LENGTHS
from pipeline.policy.policy import Policy
from tests.pipeline.accounts.matching_oracle import is_vouched


@dataclass
class Found:
    """What the traces say: the candidates, how much of each is there, why others are not held."""

    candidates: list[Candidate]
    left: dict[str, int] = field(default_factory=dict)
    spared: dict[str, str] = field(default_factory=dict)
    watch: Standing | None = None
    told: list[tuple[int, int]] = field(default_factory=list)
    """Times and amounts of credits of which proxies' steps tell and no posting."""


def with_traces(
    file: AccountFile,
    candidates: list[Candidate],
    payments: list[Disputed],
    policy: Policy,
    decision: Decision,
    balance_known: bool,
    slip: bool,
) -> Found:
    if policy.trace is None:
        return Found(candidates)
    tracing = Tracing(file, policy.trace)
    cluster = file.level.cluster if file.level is not None else ""
    for each in candidates:
        claims = each.payment.claims if each.payment is not None else ()
        followed = bool(claims) and (
            not policy.trace.verified or any(claim.verified for claim in claims)
        )
        proxys = max((claim.cluster for claim in claims), default="")
        of = cluster if file.level is not None else proxys
        root = Root(followed, each.disputed, each.since, each.until, of)
        if each.incoming is not None:
            tracing.look_for(each.origin, root)
        elif each.payment is not None and each.payment.posting is not None:
            tracing.dispute(each.origin, root)
    vouched = any(each.posting is not None and is_vouched(each) for each in payments)
    tracing.settle((may_act(file) and not slip) or vouched)
    why = tracing.spared if has_bank(file) else "bank_unknown"
    disputed = {payment.origin for payment in payments}
    found = Found([])
    found.told = credits_told_by_proxies(file) if policy.trace.proxies else []
    resting = []
    traced = {o: tracing.traced(o) for o in sorted(tracing.origins() - disputed)}
    for origin, one in traced.items():
        if one is not None:
            resting += [(one.source.since, tracing.resting(origin))] * (tracing.resting(origin) > 0)
            if why is None:
                found.candidates.append(traced_candidate(one))
            else:
                found.spared[origin] = why
    found.candidates += [each for each in candidates if traced.get(each.origin) is None]
    found.candidates.sort(key=lambda c: (c.incoming is not None, c.at, c.origin))
    found.left = {c.origin: tracing.left_of(c.origin, c.disputed) for c in found.candidates}
    decision.steps = tracing.steps()
    if why is not None and resting:
        since, total = min(at for at, _ in resting), sum(part for _, part in resting)
        found.watch = watch_of_traced(file.account, total, since, balance_known, why)
    return found


def credits_told_by_proxies(file: AccountFile) -> list[tuple[int, int]]:
    """Return times and amounts of payments into this account whose events name a proxy alone."""
    told = {}
    for step in file.steps.values():
        by_proxy = step.marks and not is_account(step.sender) and step.legs[-1].payer != step.sender
        seen = step.transaction + "+" in file.postings
        if is_account(file.account) and by_proxy and not seen:
            leg = step.legs[-1]
            if leg.at >= file.left_out_before:
                told[step.transaction] = (leg.at, leg.amount)
    return list(told.values())


def may_be_slip(file: AccountFile, payments: list[Disputed], policy: Policy) -> bool:
    """Whether the account's number may be a mistyped one."""
    if file.level is None:
        return False
    if file.level.misspelt:
        return True
    if is_proved(file, payments, policy):
        return False
    if policy.claims.usual_lengths and is_account(file.account):
        usual = USUAL_LENGTHS.get(bank_of(file.account))
        if usual and len(number_of(file.account)) not in usual:
            return True
    return file.level.reports < policy.claims.unseen_reports


def is_proved(file: AccountFile, payments: list[Disputed], policy: Policy) -> bool:
    """Whether more than people's words says that the account is the one that they mean."""
    return (
        (file.level is not None and file.level.level == LAUNDERING_LEVEL)
        or file.account.startswith("wallet:")
        or (is_account(file.account) and bank_of(file.account) in policy.claims.silent_banks)
        or any(payment.posting is not None for payment in payments)
    )
