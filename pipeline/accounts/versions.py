"""Differ: what should stand against what was said last; only differences leave, as versions."""

from __future__ import annotations

from dataclasses import dataclass, field

import msgspec

from pipeline.accounts.decision import (
    EVIDENCE_GONE,
    REPORT_WITHDRAWN,
    SUPERSEDED,
    Decision,
    Standing,
)
from pipeline.accounts.file import AccountFile, Said, posting_id
from pipeline.accounts.reasons import evidence, release_sentences, sentences
from pipeline.contracts.account_log import Notice
from pipeline.contracts.alerts import AlertKind, FreezeAlert, alert_id
from pipeline.contracts.codec import digest, rfc3339


@dataclass(frozen=True, slots=True)
class Cause:
    """What led to the decision: an event's id and when it entered Kafka (ms).

    ``by_report`` marks a report's claim or level: for those the latency is measured.
    """

    event: str
    at: int
    by_report: bool = False


@dataclass(slots=True)
class Differences:
    """New versions of alerts for banks, and notices for the payers' books."""

    alerts: list[FreezeAlert] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)


def differ(file: AccountFile, decision: Decision, policy_version: str, cause: Cause) -> Differences:
    """Compare and bring the file's ``said`` and ``told`` up to date with what leaves."""
    differences = Differences()
    standing_ids = {}
    for standing in decision.standing:
        identity = alert_id(standing.kind, file.account, standing.origin)
        standing_ids[identity] = standing
        _say(file, identity, standing, policy_version, cause, differences)
    for identity, said in sorted(file.said.items()):
        if said.open and identity not in standing_ids:
            _release(file, identity, said, decision, policy_version, cause, differences)
    _tell(file, decision, cause, differences)
    return differences


def _say(
    file: AccountFile,
    identity: str,
    standing: Standing,
    policy_version: str,
    cause: Cause,
    differences: Differences,
) -> None:
    said = file.said.get(identity)
    substance = _substance(file, standing, policy_version)
    if said is not None and said.open and said.substance == substance:
        return
    alert = _alert(file, identity, standing, policy_version, cause)
    if said is not None:
        alert = msgspec.structs.replace(alert, version=said.version + 1)
    file.said[identity] = Said(
        standing.kind.value,
        standing.origin,
        alert.version,
        True,
        substance,
        standing.claims,
        standing.disputed,
    )
    differences.alerts.append(alert)


def _substance(file: AccountFile, standing: Standing, policy_version: str) -> str:
    """Return a fingerprint of what an alert says, made from less than the alert itself.

    Counts, evidence lines and sentences are left out: they say how, not what, and grow all day.
    """
    level, notice, payment = file.level, standing.notice, standing.payment
    what = (
        *standing[:7],
        standing.claims,
        payment.how if payment is not None else standing.why,
        bank_to_ask(file, standing),
        notice.level if notice else (level.level if level else None),
        notice.cluster if notice else (level.cluster if level else None),
        policy_version,
    )
    return digest(msgspec.msgpack.encode(what))


def _alert(
    file: AccountFile, identity: str, standing: Standing, policy_version: str, cause: Cause
) -> FreezeAlert:
    """Return the first version of what should stand, as banks read it."""
    level, notice = file.level, standing.notice
    english, thai = sentences(standing, file)
    return FreezeAlert(
        alert_id=identity,
        version=1,
        kind=standing.kind,
        bank=bank_to_ask(file, standing),
        account=file.account,
        origin=standing.origin,
        amount_satang=standing.amount,
        disputed_satang=standing.disputed,
        balance_known=standing.balance_known,
        level=notice.level if notice else (level.level if level else "none"),
        reason_en=english,
        reason_th=thai,
        evidence=evidence(standing, file),
        cluster_id=notice.cluster if notice else (level.cluster if level else ""),
        cluster_version=level.cluster_version if level and not notice else 0,
        policy_version=policy_version,
        caused_by=cause.event,
        caused_at=rfc3339(cause.at),
        held_from=rfc3339(standing.since),
        holds_until=rfc3339(standing.until) if standing.until is not None else None,
    )


def _release(
    file: AccountFile,
    identity: str,
    said: Said,
    decision: Decision,
    policy_version: str,
    cause: Cause,
    differences: Differences,
) -> None:
    """End what was said: the same id, the next version, and the reason."""
    kind = AlertKind(said.kind)
    successor = _successor(file, kind, said, decision)
    reason = SUPERSEDED if successor else _reason(file, kind, said, decision)
    english, thai = release_sentences(reason, said.disputed)
    level = file.level
    differences.alerts.append(
        FreezeAlert(
            alert_id=identity,
            version=said.version + 1,
            kind=AlertKind.RELEASE,
            bank=bank_to_ask(file, None),
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
            policy_version=policy_version,
            caused_by=cause.event,
            caused_at=rfc3339(cause.at),
            releases=kind,
            release_reason=reason,
            superseded_by=successor,
        )
    )
    said.version += 1
    said.open = False
    said.substance = ""


def _successor(file: AccountFile, kind: AlertKind, said: Said, decision: Decision) -> str | None:
    """Return the alert that now speaks of the same money, if one does."""
    for standing in decision.standing:
        if standing.kind is not AlertKind.HOLD:
            continue
        same_claims = kind is AlertKind.HOLD and set(said.claims) & set(standing.claims)
        if same_claims or kind is AlertKind.WATCH:
            return alert_id(standing.kind, file.account, standing.origin)
    return None


def _reason(file: AccountFile, kind: AlertKind, said: Said, decision: Decision) -> str:
    claims = [file.claims.get(claim) for claim in said.claims]
    if claims and all(claim is None or claim.withdrawn for claim in claims):
        return REPORT_WITHDRAWN
    if kind is not AlertKind.HOLD:
        return "level_ended"
    known = decision.ended.get((kind, said.origin))
    if known is not None:
        return known
    if said.origin + "+" in file.postings:
        return "level_ended"
    return EVIDENCE_GONE


def _tell(file: AccountFile, decision: Decision, cause: Cause, differences: Differences) -> None:
    """Tell the payers' books about payments into this account, and take it back when it ends."""
    level = file.level
    for transaction, posting in sorted(decision.notices.items()):
        told = file.told.get(transaction)
        if level is None:
            continue
        known = (told.active, told.level, told.cluster) if told is not None else None
        if known == (True, level.level, level.cluster):
            continue
        notice = Notice(
            account=posting.other,
            transaction=transaction,
            version=told.version + 1 if told else 1,
            active=True,
            payee=file.account,
            amount=posting.amount,
            at=posting.at,
            level=level.level,
            cluster=level.cluster,
            published_at=cause.at,
            caused_by=cause.event,
        )
        file.told[transaction] = notice
        differences.notices.append(notice)
    for transaction, told in sorted(file.told.items()):
        if told.active and transaction not in decision.notices:
            ended = msgspec.structs.replace(
                told,
                version=told.version + 1,
                active=False,
                published_at=cause.at,
                caused_by=cause.event,
            )
            file.told[transaction] = ended
            differences.notices.append(ended)


def bank_to_ask(file: AccountFile, standing: Standing | None) -> str:
    """Return the bank code to ask: the account's own, or that of the account behind a proxy.

    Where no account is known behind it, the proxy's or wallet's kind stands for its operator.
    """
    kind, _, rest = file.account.partition(":")
    if kind == "account":
        return rest.partition(":")[0]
    behind = None
    if standing is not None:
        behind = standing.incoming or (standing.payment.posting if standing.payment else None)
    postings = [behind] if behind is not None else file.postings.values()
    for posting in sorted(postings, key=posting_id):
        for reference in posting.references:
            if reference.startswith("account:"):
                return reference.split(":")[1]
    return kind
