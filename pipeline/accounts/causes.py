"""What an alert comes from, and its record."""

from __future__ import annotations

import msgspec

from pipeline.accounts.differences import Cause
from pipeline.contracts.account_log import AccountEvent, Answer, Claim, Level, Notice, Step
from pipeline.contracts.alerts import FreezeAlert
from pipeline.contracts.cloudevents import headers_out
from pipeline.fold import Output, Record
from pipeline.topics import FREEZE_ALERTS

_ENCODER = msgspec.json.Encoder(order="sorted")
"""Writes an alert as `codec.encode_json` does, which goes through dictionaries and takes longer."""


def alert_output(alert: FreezeAlert, reported_at: int | None) -> Output:
    """Return the record of one version of an alert, keyed by its account.

    ``reported_at`` (ms) is when the report that caused it entered Kafka, if one did.
    """
    event_id = f"{alert.alert_id}.{alert.version}"
    headers = headers_out(FreezeAlert.SCHEMA, event_id, alert.caused_at, reported_at)
    return Output(FREEZE_ALERTS, alert.account.encode(), _ENCODER.encode(alert), headers)


def cause_of(event: AccountEvent, record: Record) -> Cause:
    """Return what an alert is said to come from, when this event made it."""
    match event:
        case Step():
            return Cause(event.caused_by, event.published_at, event.by_report)
        case Claim():
            return Cause(event.report, event.published_at, by_report=event.typed is None)
        case Level():
            return Cause(event.caused_by, event.published_at, by_report=True)
        case Notice():
            return Cause(event.caused_by, event.published_at)
        case Answer():
            return Cause(event.update_id, record.timestamp)
