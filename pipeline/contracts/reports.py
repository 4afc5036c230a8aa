"""The report: what a victim told one agency, and its corrections and withdrawal."""

from __future__ import annotations

import datetime
from enum import StrEnum
from typing import Annotated, ClassVar, Literal

import msgspec
from msgspec import Meta

from pipeline.contracts.codec import decode_json
from pipeline.contracts.invalid import InvalidEvent, Reason

Reference = Annotated[str, Meta(min_length=1, max_length=128)]
Text = Annotated[str, Meta(min_length=1, max_length=256)]
Satang = Annotated[int, Meta(ge=1, le=10**15)]
Moment = Annotated[datetime.datetime, Meta(tz=True)]
# The lengths matter: "$" alone lets a line break stand at the end.
PersonHash = Annotated[str, Meta(pattern="^[0-9a-f]{64}$", max_length=64)]
Currency = Literal["THB"]

MAX_SUSPECTS = 50
MAX_PAYMENTS = 100
MAX_FREE_TEXT = 20_000


class ReportKind(StrEnum):
    """What the report event says."""

    SUBMITTED = "submitted"
    CORRECTED = "corrected"
    WITHDRAWN = "withdrawn"


class VerifiedBy(StrEnum):
    """How the reporter's identity was verified."""

    THAID = "thaid"
    NDID = "ndid"
    POLICE = "police"
    BANK = "bank"
    NONE = "none"


class ScamType(StrEnum):
    """Scam types after the top level of the attck4fraud galaxy (MISP), in victims' words."""

    PURCHASE = "purchase"
    INVESTMENT = "investment"
    JOB = "job"
    LOAN = "loan"
    ROMANCE = "romance"
    IMPERSONATION = "impersonation"
    ACCOUNT_TAKEOVER = "account_takeover"
    OTHER = "other"


class AccountSuspect(msgspec.Struct, frozen=True, tag="account", tag_field="kind"):
    """An account as the reporter gave it; ``bank`` may be a code, a name or missing."""

    number: Text
    bank: Text | None = None
    holder: Text | None = None


class PhoneSuspect(msgspec.Struct, frozen=True, tag="phone", tag_field="kind"):
    """A telephone number as given."""

    number: Text


class PromptPaySuspect(msgspec.Struct, frozen=True, tag="promptpay", tag_field="kind"):
    """A PromptPay proxy as given (mobile, tax ID, e-wallet, biller, hashed national ID)."""

    proxy: Text


class QrSuspect(msgspec.Struct, frozen=True, tag="promptpay_qr", tag_field="kind"):
    """The text of a PromptPay QR code (EMV TLV)."""

    payload: Annotated[str, Meta(min_length=1, max_length=512)]


class HandleSuspect(msgspec.Struct, frozen=True, tag="handle", tag_field="kind"):
    """A name on a platform."""

    platform: Text
    handle: Text


class UrlSuspect(msgspec.Struct, frozen=True, tag="url", tag_field="kind"):
    """A page's address."""

    url: Annotated[str, Meta(min_length=1, max_length=2048)]


class PersonSuspect(msgspec.Struct, frozen=True, tag="person", tag_field="kind"):
    """A person by name; ``national_id`` only as the partners' keyed hash (64 hex digits)."""

    name: Text
    birth_date: Text | None = None
    address: Text | None = None
    national_id: PersonHash | None = None


class WalletSuspect(msgspec.Struct, frozen=True, tag="wallet", tag_field="kind"):
    """A crypto wallet."""

    network: Text
    address: Text


Suspect = (
    AccountSuspect
    | PhoneSuspect
    | PromptPaySuspect
    | QrSuspect
    | HandleSuspect
    | UrlSuspect
    | PersonSuspect
    | WalletSuspect
)


class Reporter(msgspec.Struct, frozen=True):
    """Who reports: ``person`` is the keyed hash of the national ID, where it is known."""

    person: PersonHash | None = None
    verified_by: VerifiedBy = VerifiedBy.NONE
    national_id: None = None
    """Never in Kafka: the partners' client turns it into ``person`` before it sends."""


class PaymentParty(msgspec.Struct, frozen=True):
    """One side of a payment: an account with its bank, a PromptPay proxy, a wallet, or cash.

    ``cash`` stands alone: banknotes that came out of a machine or over a counter, or went in.
    """

    bank: Text | None = None
    account: Text | None = None
    promptpay: Text | None = None
    wallet_network: Text | None = None
    wallet: Text | None = None
    cash: bool | None = None


CASH_ALONE = PaymentParty(cash=True)
"""The only form of a side that is cash."""


def refuse_cash(party: PaymentParty, field: str) -> None:
    """Refuse a side that is cash where something must be named that can hold money.

    Raises:
        InvalidEvent: it is cash.
    """
    if party.cash:
        raise InvalidEvent(Reason.MISPLACED_CASH, f"{field}.cash")


def refuse_cash_with_more(party: PaymentParty, field: str) -> None:
    """Refuse a side that is cash and names something beside it.

    Raises:
        InvalidEvent: it is and does.
    """
    if party.cash and party != CASH_ALONE:
        raise InvalidEvent(Reason.MISPLACED_CASH, f"{field}.cash")


class DisputedPayment(msgspec.Struct, frozen=True):
    """A payment that the victim disputes; ``reference`` as on the slip, amount in satang.

    ``from_`` may be cash that was paid in, ``to`` may not. ``erased`` is the hash of a payee that
    was erased, who is no longer in ``to``; Freezeline writes it, no sender does.
    """

    paid_at: Moment
    amount_satang: Satang
    to: PaymentParty
    reference: Reference | None = None
    from_: PaymentParty | None = msgspec.field(name="from", default=None)
    currency: Currency = "THB"
    erased: PersonHash | None = None


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """One report event. (source, report_id) is the report, ``revision`` its newest word.

    A withdrawal needs no suspects. The free text stays in the ``reports`` topic.
    ``hash_generation`` says by how many keys the reporter's hash was made (`identity.voices`).
    """

    SCHEMA: ClassVar[str] = "report"

    source: Reference
    report_id: Reference
    kind: ReportKind
    received_at: Moment
    revision: Annotated[int, Meta(ge=1, le=1_000_000)] = 1
    reporter: Reporter = Reporter()
    hash_generation: Annotated[int, Meta(ge=1, le=100)] = 1
    police_case: Reference | None = None
    scam_type: ScamType = ScamType.OTHER
    suspects: Annotated[list[Suspect], Meta(max_length=MAX_SUSPECTS)] = []
    payments: Annotated[list[DisputedPayment], Meta(max_length=MAX_PAYMENTS)] = []
    text: Annotated[str, Meta(max_length=MAX_FREE_TEXT)] | None = None

    @property
    def key(self) -> str:
        """The report's identity: source and the source's own reference."""
        return f"{self.source}/{self.report_id}"


_DECODER = msgspec.json.Decoder(Report)


def decode_report(value: bytes | None) -> Report:
    """Decode a report event.

    Raises:
        InvalidEvent: nothing else, whatever the bytes are.
    """
    report = decode_json(_DECODER, value)
    if report.kind is not ReportKind.WITHDRAWN and not report.suspects and not report.payments:
        raise InvalidEvent(Reason.MISSING_FIELD, "$.suspects")
    for place, payment in enumerate(report.payments):
        refuse_cash(payment.to, f"$.payments[{place}].to")
        if payment.from_ is not None:
            refuse_cash_with_more(payment.from_, f"$.payments[{place}].from")
    return report
