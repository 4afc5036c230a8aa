"""Differ: what should stand against what was said last; only differences leave, as versions."""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from pipeline.accounts.behind import account_named
from pipeline.accounts.decision import REPORT_WITHDRAWN, SUPERSEDED, TRACE_ENDED, Decision, Standing
from pipeline.accounts.differences import LOWERED, Cause, Differences
from pipeline.accounts.file import AccountFile, Said, posting_id
from pipeline.accounts.grounds import EVIDENCE_GONE, LEVEL_ENDED
from pipeline.accounts.reasons import evidence, moment, release_sentences, sentences
from pipeline.accounts.told_others import tell_others
from pipeline.contracts.account_log import Posting
from pipeline.contracts.alerts import AlertKind, FreezeAlert, alert_id
from pipeline.contracts.codec import digest
from pipeline.identity.account import bank_of
from pipeline.policy.policy import Policy


def differ(
    file: AccountFile,
    decision: Decision,
    behind: str | None,
    policy: Policy,
    cause: Cause,
) -> Differences:
    """Compare and bring what the file knows as said, told, sent and passed on up to date.

    ``behind`` is `bank_behind` of the file.
    """
    differences = Differences()
    outgoing = _Outgoing(file, decision, behind, policy, cause, differences, decision.holds.total())
    standing_ids = set()
    for standing in decision.standing:
        identity = alert_id(standing.kind, file.account, standing.origin)
        standing_ids.add(identity)
        _say(outgoing, identity, standing)
    ended: set[str]
    if decision.gone is None and len(file.said) == len(standing_ids):
        ended = set()  # all that was ever said stands
    elif decision.gone is None:
        ended = {identity for identity, said in file.said.items() if said.open} - standing_ids
    else:
        ended = {alert_id(kind, file.account, origin) for kind, origin in decision.gone}
    for identity in sorted(ended):
        _release(outgoing, identity, file.said[identity])
    tell_others(file, decision, cause, differences)
    return differences


class _Outgoing(NamedTuple):
    """What all alerts of one decision have in common, and where they are collected."""

    file: AccountFile
    decision: Decision
    behind: str | None
    policy: Policy
    cause: Cause
    differences: Differences
    total: int
    """All that is asked of the account, in satang."""


def _say(outgoing: _Outgoing, identity: str, standing: Standing) -> None:
    file = outgoing.file
    said = file.said.get(identity)
    claims, about = standing.claims, _about(outgoing, standing)
    substance = _substance(outgoing, standing, claims, about)
    if said is not None and said.open and said.substance == substance:
        return
    version = said.version + 1 if said is not None else 1
    alert = _alert(outgoing, identity, standing, version, about)
    file.said[identity] = Said(
        standing.kind.value,
        standing.origin,
        alert.version,
        True,
        substance,
        claims,
        standing.disputed,
        standing.amount,
    )
    differences, more = outgoing.differences, standing.amount - (said.asked if said else 0)
    if more > 0:
        differences.asked[standing.why] = differences.asked.get(standing.why, 0) + more
    elif more < 0:
        differences.let_go[LOWERED] = differences.let_go.get(LOWERED, 0) - more
    differences.alerts.append(alert)


class _About(NamedTuple):
    """The bank that an alert is for, and the level and the cluster that it is about."""

    bank: str
    level: str | None
    cluster: str


def _about(outgoing: _Outgoing, standing: Standing) -> _About:
    """Return what an alert is about: the account's own cluster, else that of where money was."""
    account, level, notice = outgoing.file.account, outgoing.file.level, standing.notice
    bank = bank_to_ask(account, standing, outgoing.behind)
    if notice is not None:
        return _About(bank, notice.level, notice.cluster)
    if level is not None:
        return _About(bank, level.level, level.cluster)
    if standing.payment is not None:
        return _About(bank, None, standing.payment.cluster)
    return _About(bank, None, standing.traced.source.cluster if standing.traced else "")


def _substance(
    outgoing: _Outgoing, standing: Standing, claims: tuple[str, ...], about: _About
) -> str:
    """Return a fingerprint of what an alert says, made from less than the alert itself.

    Counts, evidence lines and sentences are left out: they say how, not what, and grow all day.
    """
    payment = standing.payment
    what = (
        *standing[:7],
        claims,
        payment.how if payment is not None else standing.why,
        standing.traced.legs if standing.traced is not None else (),
        *about,
        outgoing.policy.version,
    )
    return digest(msgspec.msgpack.encode(what))


def _alert(
    outgoing: _Outgoing, identity: str, standing: Standing, version: int, about: _About
) -> FreezeAlert:
    """Return a version of what should stand, as banks read it."""
    file, cause = outgoing.file, outgoing.cause
    level = file.level
    english, thai = sentences(standing, file)
    return FreezeAlert(
        alert_id=identity,
        version=version,
        kind=standing.kind,
        bank=about.bank,
        account=file.account,
        origin=standing.origin,
        amount_satang=standing.amount,
        disputed_satang=standing.disputed,
        balance_known=standing.balance_known,
        level=about.level or "none",
        reason_en=english,
        reason_th=thai,
        evidence=evidence(standing, file),
        cluster_id=about.cluster,
        cluster_version=level.cluster_version if level and standing.notice is None else 0,
        policy_version=outgoing.policy.version,
        caused_by=cause.event,
        caused_at=moment(cause.at),
        held_from=moment(standing.since),
        holds_until=moment(standing.until) if standing.until is not None else None,
        account_total_satang=outgoing.total,
        method=_method(standing, outgoing.policy),
    )


def _method(standing: Standing, policy: Policy) -> str | None:
    """Return the rule of apportionment that a hold rests on; None: the payment was not seen."""
    if policy.trace is None or standing.kind is not AlertKind.HOLD:
        return None
    unseen = standing.payment is not None and standing.payment.posting is None
    return None if unseen else policy.trace.method


def _release(outgoing: _Outgoing, identity: str, said: Said) -> None:
    """End what was said: the same id, the next version, and the reason."""
    file, decision, cause = outgoing.file, outgoing.decision, outgoing.cause
    kind = AlertKind(said.kind)
    successor = _successor(file, kind, said, decision)
    reason = SUPERSEDED if successor else _reason(file, kind, said, decision)
    english, thai = release_sentences(reason, said.disputed)
    level = file.level
    outgoing.differences.alerts.append(
        FreezeAlert(
            alert_id=identity,
            version=said.version + 1,
            kind=AlertKind.RELEASE,
            bank=bank_to_ask(file.account, None, outgoing.behind),
            account=file.account,
            origin=said.origin,
            amount_satang=0,
            disputed_satang=said.disputed,
            balance_known=False,
            level=level.level if level else "none",
            reason_en=english,
            reason_th=thai,
            evidence=[],
            cluster_id=level.cluster if level else "",
            cluster_version=level.cluster_version if level else 0,
            policy_version=outgoing.policy.version,
            caused_by=cause.event,
            caused_at=moment(cause.at),
            releases=kind,
            release_reason=reason,
            superseded_by=successor,
            account_total_satang=outgoing.total,
        )
    )
    if said.asked:
        let_go = outgoing.differences.let_go
        let_go[reason] = let_go.get(reason, 0) + said.asked
    said.version += 1
    said.asked = 0
    said.open = False
    said.substance = ""


def _successor(file: AccountFile, kind: AlertKind, said: Said, decision: Decision) -> str | None:
    """Return the alert that now speaks of the same money, if one does."""
    first = None
    if kind is AlertKind.HOLD:
        first = decision.holds.first(said.claims)
    elif kind is AlertKind.WATCH:
        first = decision.holds.first(None)
    return alert_id(AlertKind.HOLD, file.account, first) if first is not None else None


def _reason(file: AccountFile, kind: AlertKind, said: Said, decision: Decision) -> str:
    claims = [file.claims.get(claim) for claim in said.claims]
    if claims and all(claim is None or claim.withdrawn for claim in claims):
        passed = any(claim is not None and claim.typed is not None for claim in claims)
        return EVIDENCE_GONE if passed else REPORT_WITHDRAWN
    if kind is not AlertKind.HOLD:
        return LEVEL_ENDED
    known = decision.holds.why_not(said.origin)
    if known is not None:
        return known
    if said.origin + "+" in file.postings:
        return LEVEL_ENDED
    return EVIDENCE_GONE if said.claims else TRACE_ENDED


def bank_to_ask(account: str, standing: Standing | None, behind: str | None) -> str:
    """Return the bank code to ask: the account's own, or that of the account behind a proxy.

    ``behind`` is the bank behind the proxy or wallet as a whole, where a payment does not say;
    where no account is known behind it, its kind stands for its operator.
    """
    kind, _, rest = account.partition(":")
    if kind == "account":
        return rest.partition(":")[0]
    if standing is not None:
        posting = standing.incoming or (standing.payment.posting if standing.payment else None)
        if posting is not None:
            return bank_named(posting) or kind
    return behind or kind


def bank_named(posting: Posting) -> str | None:
    """Return the bank of the account that stands behind a proxy, if the posting names it."""
    account = account_named(posting)
    return bank_of(account) if account is not None else None


def bank_behind(file: AccountFile) -> tuple[str, str] | None:
    """Return the first posting's id (by id) that names a bank behind a proxy, and that bank."""
    if file.account.startswith("account:"):
        return None
    named = ((posting_id(p), bank_named(p)) for p in file.postings.values())
    return min(((key, bank) for key, bank in named if bank is not None), default=None)
