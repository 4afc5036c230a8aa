"""The work of every Python peer: a payment's two postings, and the alert of an account with a case.

All Python peers decode and encode with msgspec, as the product does, so that what differs between
them is the stream processor. None of them checks the events as the product's contract asks.
"""

from __future__ import annotations

import datetime
from pathlib import Path

import msgspec

POSTINGS = "peer-postings"
"""The topic between the stages of those peers that do not make one of their own."""
LOOK_BACK = datetime.timedelta(hours=72)
"""How long a posting is kept."""
LOOK_BACK_MS = LOOK_BACK // datetime.timedelta(milliseconds=1)


class Posting(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One line in an account's book; amounts in satang, ``at`` in milliseconds since 1970."""

    account: str
    origin: str
    at: int
    amount: int
    counterparty: str
    balance: int | None


class _Party(msgspec.Struct, gc=False):
    bank: str
    account: str

    @property
    def key(self) -> str:
        return f"account:{self.bank}:{self.account}"


class _Payment(msgspec.Struct, gc=False):
    source: str
    transaction_id: str
    occurred_at: datetime.datetime
    payer: _Party
    payee: _Party
    amount_satang: int
    payer_balance_satang: int | None = None
    payee_balance_satang: int | None = None


class _Alert(msgspec.Struct, gc=False):
    origin: str
    kind: str
    account: str
    amount_satang: int


_decode_payment = msgspec.json.Decoder(_Payment).decode
encode = msgspec.msgpack.Encoder().encode
decode_posting = msgspec.msgpack.Decoder(Posting).decode
_decode_postings = msgspec.msgpack.Decoder(list[Posting]).decode
_encode_alert = msgspec.json.Encoder().encode


def postings_of(value: bytes) -> tuple[Posting, Posting]:
    """Return the debit in the payer's book and the credit in the payee's."""
    payment = _decode_payment(value)
    payer, payee = payment.payer.key, payment.payee.key
    origin = f"{payment.source}/{payment.transaction_id}"
    at = int(payment.occurred_at.timestamp() * 1000)
    amount = payment.amount_satang
    return (
        Posting(payer, origin, at, -amount, payee, payment.payer_balance_satang),
        Posting(payee, origin, at, amount, payer, payment.payee_balance_satang),
    )


def alert_of(posting: Posting) -> bytes:
    """Return the alert record about a posting at an account with a case."""
    return _encode_alert(_Alert(posting.origin, "hold", posting.account, posting.amount))


def remembered(before: bytes | None, posting: Posting) -> bytes:
    """Return an account's postings with one more, without those older than the look-back time."""
    oldest = posting.at - LOOK_BACK_MS
    kept = [each for each in _decode_postings(before) if each.at >= oldest] if before else []
    return encode([*kept, posting])


def accounts_with_a_case(path: str) -> frozenset[str]:
    """Read the accounts with a case, one a line."""
    return frozenset(Path(path).read_text(encoding="utf-8").split())
