"""What one account's file tells other accounts: notices, steps of a trace, claims passed on.

Only what differs from what they were told last leaves, as a newer version.
"""

from __future__ import annotations

import msgspec

from pipeline.accounts.decision import Decision
from pipeline.accounts.differences import Cause, Differences
from pipeline.accounts.file import AccountFile
from pipeline.accounts.paid import PASSED
from pipeline.contracts.account_log import Claim, Notice, Step

_PASSINGS = 1 << 20
"""More than the times that one version of a claim is passed on and taken back."""


def tell_others(
    file: AccountFile, decision: Decision, cause: Cause, differences: Differences
) -> None:
    """Add to the differences what other accounts are told, and bring the file up to date."""
    # Most accounts of a trace tell nobody anything.
    if decision.notices or file.told:
        _tell(file, decision, cause, differences)
    if decision.steps:
        _send_on(file, decision, cause, differences)
    if decision.passed:
        _pass_on(file, decision, cause, differences)


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
    considered = decision.considered if decision.considered is not None else file.told
    for transaction in sorted(considered):
        told = file.told.get(transaction)
        if told is not None and told.active and transaction not in decision.notices:
            ended = msgspec.structs.replace(
                told,
                version=told.version + 1,
                active=False,
                published_at=cause.at,
                caused_by=cause.event,
            )
            file.told[transaction] = ended
            differences.notices.append(ended)


def _send_on(file: AccountFile, decision: Decision, cause: Cause, out: Differences) -> None:
    """Send the steps that are other than before, and take back those that stand no more."""
    for key, step in sorted(decision.steps.items()):
        sent = file.sent.get(key)
        if step is None:
            if sent is None or not sent.marks:
                continue
            step = _taken_back(sent)
        elif sent is not None and step == _bare(sent):
            continue
        version = sent.version + 1 if sent is not None else 1
        if sent is not None and sent.marks and sent.account != step.account:
            # Another bank's event names the payee otherwise: who had the money has it no more.
            out.steps.append(_new(_taken_back(sent), version, cause))
        step = file.sent[key] = _new(step, version, cause)
        out.steps.append(step)


def _taken_back(sent: Step) -> Step:
    """Return a step as it stands no more.

    Its own payment stays: by its time an erasure knows whether it concerns the step.
    """
    return msgspec.structs.replace(sent, marks=(), legs=sent.legs[-1:], accounts=0)


def _new(step: Step, version: int, cause: Cause) -> Step:
    return msgspec.structs.replace(
        step,
        version=version,
        published_at=cause.at,
        caused_by=cause.event,
        by_report=cause.by_report,
    )


def _pass_on(file: AccountFile, decision: Decision, cause: Cause, out: Differences) -> None:
    """Tell the accounts that may have been meant of claims, and take back what stands no more.

    A report that is corrected may be passed on by the file of another slip from then on. So what is
    passed on of a newer version of a claim is newer, whichever file says it.
    """
    for key, claim in sorted(decision.passed.items()):
        sent = file.passed.get(key)
        version = sent.version + 1 if sent is not None else 0
        if claim is None:
            if sent is None or sent.withdrawn:
                continue
            claim = msgspec.structs.replace(sent, withdrawn=True)
        elif sent is not None and claim == _as_of(sent, claim):
            continue
        else:
            # What the payer's book passes on was passed on before: its version is that already.
            answered = claim.claim_id.endswith(PASSED + PASSED)
            version = max(version, claim.version * (1 if answered else _PASSINGS))
        claim = msgspec.structs.replace(claim, version=version, published_at=cause.at)
        file.passed[key] = claim
        out.passed.append(claim)


def _as_of(sent: Claim, claim: Claim) -> Claim:
    """Return what was passed on as it would have been of this version of the claim, and then."""
    newest = sent.version
    if claim.claim_id.endswith(PASSED + PASSED) or sent.version // _PASSINGS == claim.version:
        newest = claim.version
    return msgspec.structs.replace(sent, version=newest, published_at=claim.published_at)


def _bare(step: Step) -> Step:
    """Return a step without version and cause."""
    return msgspec.structs.replace(step, version=0, published_at=0, caused_by="", by_report=False)
