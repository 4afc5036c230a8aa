"""The hold update: what a bank or the police did about an account."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, ClassVar

import msgspec
from msgspec import Meta

from pipeline.contracts.codec import decode_json
from pipeline.contracts.reports import Moment, PaymentParty, Reference, refuse_cash
from pipeline.contracts.transactions import BalanceSatang


class HoldStatus(StrEnum):
    """What happened. A hold is temporary and for an amount; a seizure is by warrant or court."""

    RECEIVED = "received"
    HELD = "held"
    PARTLY_HELD = "partly_held"
    REFUSED = "refused"
    RELEASED = "released"
    POLICE_FILED = "police_filed"
    SEIZED = "seized"


class HoldUpdate(msgspec.Struct, frozen=True, kw_only=True):
    """A bank's or the police's answer about one account; (source, update_id) is its identity."""

    SCHEMA: ClassVar[str] = "hold_update"

    source: Reference
    update_id: Reference
    account: PaymentParty
    status: HoldStatus
    occurred_at: Moment
    alert_id: Reference | None = None
    held_satang: Annotated[int, Meta(ge=0, le=10**15)] | None = None
    balance_satang: BalanceSatang | None = None
    police_case: Reference | None = None

    @property
    def key(self) -> str:
        """The update's identity."""
        return f"{self.source}/{self.update_id}"


_DECODER = msgspec.json.Decoder(HoldUpdate)


def decode_hold_update(value: bytes | None) -> HoldUpdate:
    """Decode a hold update.

    Raises:
        InvalidEvent: nothing else, whatever the bytes are.
    """
    update = decode_json(_DECODER, value)
    refuse_cash(update.account, "$.account")
    return update
