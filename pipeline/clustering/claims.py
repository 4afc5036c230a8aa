"""Which claims a report makes: one for each payment that it disputes."""

from __future__ import annotations

import msgspec

from pipeline.clustering.normalised import StoredReport
from pipeline.contracts.account_log import CASH, AccountEvent, Claim
from pipeline.erasure import is_erased


def claim_events(
    before: StoredReport | None, now: StoredReport | None, cause: StoredReport
) -> list[AccountEvent]:
    """Return the claims that a report's newest word changes, those that it takes back first.

    A claim is one disputed payment, numbered within its report by time, amount and reference.
    """
    new = _claims(now, cause) if now else {}
    if before is None:
        return [new[key] for key in sorted(new)] if len(new) > 1 else list(new.values())
    old = _claims(before, cause)
    events: list[AccountEvent] = []
    for key in sorted(old.keys() - new.keys()):
        events.append(msgspec.structs.replace(old[key], withdrawn=True))
    events += [new[key] for key in sorted(new) if old.get(key) != new[key]]
    return events


def _claims(report: StoredReport, cause: StoredReport) -> dict[tuple[str, str], Claim]:
    claims = {}
    version = cause.version
    for place, payment in enumerate(report.payments):
        if is_erased(payment.payee):
            continue
        claim_id = f"{report.key}#{place}"
        in_cash = payment.payer == CASH
        claims[payment.payee, claim_id] = Claim(
            account=payment.payee,
            claim_id=claim_id,
            version=version,
            withdrawn=False,
            report=report.key,
            received_at=report.received_at,
            published_at=cause.published_at,
            voice=report.voice,
            verified=report.verified,
            police_filed=report.police_filed,
            paid_at=payment.paid_at,
            amount=payment.amount,
            payer=None if in_cash else payment.payer or None,
            reference=payment.reference or None,
            cash=in_cash,
        )
    return claims
