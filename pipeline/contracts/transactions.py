"""The transaction: one payment as a bank publishes it."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Annotated, ClassVar

import msgspec
from msgspec import Meta

from pipeline.contracts.codec import decode_json
from pipeline.contracts.reports import (
    Currency,
    Moment,
    PaymentParty,
    Reference,
    Satang,
    refuse_cash,
    refuse_cash_with_more,
)

_UUID = re.compile(r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
_NO_UETR = frozenset("-".join(sign * n for n in (8, 4, 4, 4, 12)) for sign in "0f")
"""What programs write that have no UETR: RFC 9562 calls them nil and max."""
NOT_PROVIDED = "NOTPROVIDED"
"""What ISO 20022 writes as EndToEndId where the payer gave none: no payment's name."""

BalanceSatang = Annotated[int, Meta(ge=-(10**15), le=10**15)]


class Channel(StrEnum):
    """How the payment was made."""

    MOBILE = "mobile"
    INTERNET = "internet"
    PROMPTPAY = "promptpay"
    QR = "qr"
    ATM = "atm"
    COUNTER = "counter"
    CARD = "card"
    BAHTNET = "bahtnet"
    OTHER = "other"


class Transaction(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One settled payment; (source, transaction_id) is its identity, the UETR where there is one.

    One of the two sides may be cash: of a withdrawal the payee, of a deposit the payer.
    Balances are those right after the payment, in satang, where the bank gives them. ``return_of``
    is a name of the payment that this one returns (pacs.004, a reversal).
    """

    SCHEMA: ClassVar[str] = "transaction"

    source: Reference
    transaction_id: Reference
    occurred_at: Moment
    payer: PaymentParty
    payee: PaymentParty
    amount_satang: Satang
    currency: Currency = "THB"
    channel: Channel = Channel.OTHER
    payer_balance_satang: BalanceSatang | None = None
    payee_balance_satang: BalanceSatang | None = None
    end_to_end_id: Annotated[str, Meta(min_length=1, max_length=35)] | None = None
    uetr: Annotated[str, Meta(min_length=36, max_length=36)] | None = None
    return_of: Reference | None = None

    @property
    def key(self) -> str:
        """The payment's identity: both banks' events of one payment share its UETR (ISO 20022)."""
        uetr = canonical_uetr(self.uetr) if self.uetr else None
        return f"uetr/{uetr}" if uetr else f"{self.source}/{self.transaction_id}"


def canonical_uetr(text: str) -> str | None:
    """Return a UETR in small letters, None where it is a placeholder; other text as it is.

    Banks' systems write it in capitals or not, and it is one payment. A placeholder would make one
    payment of all that have it, and all but the first would be lost.
    """
    small = text.lower()
    if small in _NO_UETR:
        return None
    return small if small != text and _UUID.fullmatch(text) else text


_DECODER = msgspec.json.Decoder(Transaction)


def decode_transaction(value: bytes | None) -> Transaction:
    """Decode a transaction event.

    Raises:
        InvalidEvent: nothing else, whatever the bytes are.
    """
    transaction = decode_json(_DECODER, value)
    payer, payee = transaction.payer, transaction.payee
    if payer.cash or payee.cash:
        refuse_cash_with_more(payer, "$.payer")
        refuse_cash_with_more(payee, "$.payee")
        if payer.cash:
            refuse_cash(payee, "$.payee")
    return transaction
