"""The account-log's records: everything that happens to an account, in MessagePack arrays.

One Kafka record holds the postings of one batch for one partition (hundreds), or account events,
or a tick of the clock. Times are milliseconds since 1970 (UTC), money is satang.
"""

from __future__ import annotations

import enum
import zlib
from collections.abc import Sequence

import msgspec

from pipeline.contracts.invalid import InvalidEvent, Reason


class Posting(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One side of a payment, in the book of one account.

    ``amount`` is positive for money in (credit) and negative for money out (debit). ``balance``
    is the account's balance right after, where known. ``transaction`` is the payment's identity;
    ``references`` are further names of it, as a slip may show them (`TX_ID`, `END_TO_END_ID`).
    ``other`` is the other side's key; of money that was paid in or out in cash it is `CASH`.
    """

    account: str
    transaction: str
    at: int
    amount: int
    other: str
    balance: int | None = None
    references: tuple[str, ...] = ()


CASH = "cash"
"""Stands for the other side of a posting where there is none. It is the key of nothing: there is no
book of cash, nobody to ask, and two payments in cash have nobody in common."""

TX_ID = "tx:"
END_TO_END_ID = "e2e:"
RETURNS = "returns:"
"""What stands before a reference of a posting: the bank's own number of the payment, its
EndToEndId, and a name of the payment that this one returns. (Nothing stands before the key of the
account behind a proxy, so that no bank's text can pass for one.)"""


class Vouched(enum.IntEnum):
    """How much a claim that was passed on counts where no report speaks of the account.

    In the log it is the bare number.
    """

    NOT = 0
    """It does not."""
    IF_SEEN = 1
    """For a payment that is seen, by the claim's payer or reference. So does a claim that comes
    from the payer's book, if the victim was verified."""
    ALWAYS = 2
    """As at the proxy that it was told of: also by amount and time, or before it is seen."""


class Claim(msgspec.Struct, frozen=True, array_like=True, tag="claim", kw_only=True):
    """A report's disputed payment into this account; the newest ``version`` counts.

    ``voice`` tells independent reporters apart (the same person at two agencies is one voice).
    ``published_at`` is when the report entered Kafka: the alert's latency is measured from it.
    ``typed`` is what the report names, where that may be a slip of this account, or is a proxy of
    it: then the claim counts for nothing but a payment that is seen here. A proxy whose own level
    allows holds vouches for it (``vouched``), and ``cluster`` is the proxy's. A claim that was
    passed on to its ``payer`` asks that one's book where the payment went; one that is ``typed`` as
    the very account that it is sent to is the payer's answer. ``cash``: the report says that it was
    paid in as cash, so there is no payer, and what came from an account is not meant unless the
    reference names it.
    """

    account: str
    claim_id: str
    version: int
    withdrawn: bool
    report: str
    received_at: int
    published_at: int
    voice: str
    verified: bool
    police_filed: bool
    paid_at: int
    amount: int
    payer: str | None = None
    reference: str | None = None
    typed: str | None = None
    vouched: int = 0
    cluster: str = ""
    cash: bool = False


class Level(msgspec.Struct, frozen=True, array_like=True, tag="level", kw_only=True):
    """What the reports say of this account as a whole; the newest ``version`` counts.

    ``acting`` is the policy's word that holds may be asked for; ``since`` is when the report
    that allows it was received. ``evidence`` are edges and counts as people read them.
    ``misspelt``: a number that looks like this one is named by more people, so it may be a slip;
    ``slip_of`` are these, in order, as far as their banks are known (`SLIP_OF` at most).
    """

    account: str
    version: int
    level: str
    acting: bool
    since: int
    published_at: int
    police_filed: bool
    reports: int
    voices: int
    verified_voices: int
    cluster: str
    cluster_version: int
    caused_by: str
    scam_types: tuple[str, ...] = ()
    evidence: tuple[tuple[str, str, str], ...] = ()
    misspelt: bool = False
    slip_of: tuple[str, ...] = ()


class Answer(msgspec.Struct, frozen=True, array_like=True, tag="answer", kw_only=True):
    """What a bank or the police did (see `HoldUpdate`)."""

    account: str
    update_id: str
    status: str
    at: int
    alert_id: str | None = None
    held: int | None = None
    balance: int | None = None
    police_case: str | None = None


class Notice(msgspec.Struct, frozen=True, array_like=True, tag="notice", kw_only=True):
    """To the payer's book: this payment of yours went to a suspect (or no longer counts so)."""

    account: str
    transaction: str
    version: int
    active: bool
    payee: str
    amount: int
    at: int
    level: str
    cluster: str
    published_at: int
    caused_by: str


class Leg(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One payment on the way of stolen money: the ``hop``-th, and ``share`` satang of it were that.

    ``references`` are the payment's further names (`Posting`).
    """

    hop: int
    transaction: str
    payer: str
    payee: str
    at: int
    amount: int
    share: int
    references: tuple[str, ...] = ()


class Step(msgspec.Struct, frozen=True, array_like=True, tag="step", kw_only=True):
    """To the account that received a payment: these parts of it are stolen money.

    ``origin`` is the stolen payment, of ``stolen`` satang; ``hop`` counts the accounts from the
    first one on (which is 1). ``marks`` are the parts (from which satang of the payment on, how
    many); without any the step is taken back. ``legs`` are the payments on the way, this one
    last. ``accounts`` is to how many accounts the trace may go from here, with this one.
    ``since`` and ``until`` are the clock of the dispute, ``cluster`` that of the first account.
    The newest ``version`` counts; the ``sender`` is the account that the money left.
    """

    account: str
    origin: str
    hop: int
    transaction: str
    sender: str
    version: int
    marks: tuple[tuple[int, int], ...]
    legs: tuple[Leg, ...]
    accounts: int
    stolen: int
    since: int
    until: int
    cluster: str
    published_at: int
    caused_by: str
    by_report: bool


AccountEvent = Claim | Level | Answer | Notice | Step


class Arrival(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """So many postings in a row are of payments that entered Kafka at ``at`` (ms) or soon after."""

    at: int
    postings: int


class Postings(msgspec.Struct, frozen=True, array_like=True, tag="postings"):
    """Postings of one batch that go to the same partition.

    ``arrived`` says when their payments entered Kafka; a record without it is as old as itself.
    """

    postings: list[Posting]
    arrived: list[Arrival] = []


class AccountEvents(msgspec.Struct, frozen=True, array_like=True, tag="events"):
    """Account events, in order."""

    events: list[AccountEvent]


class Tick(msgspec.Struct, frozen=True, array_like=True, tag="tick"):
    """The clock says that it is at least ``at`` (ms); clocks run out because of this record."""

    at: int


class Erasure(msgspec.Struct, frozen=True, array_like=True, tag="erasure"):
    """What was received before ``before`` (ms) is forgotten where it names one of these.

    To every partition: ``hashes`` are keyed hashes (`pipeline.erasure`), which tell no account.
    """

    before: int
    hashes: tuple[str, ...]


LogEntry = Postings | AccountEvents | Tick | Erasure

MAX_POSTINGS_A_RECORD = 500
"""Postings (or answers) in one Kafka record: some 50 KB, far below a broker's limit, cheap to send
again."""

MAX_EVENTS_BYTES = 256 * 1024
"""Bytes of account events in one Kafka record, unless one event alone has more: a step that names
many payments has some 10 KB."""

_ENCODER = msgspec.msgpack.Encoder()


class _Parts(msgspec.Struct, array_like=True):
    """A record of postings or events, its parts as they are."""

    kind: str
    parts: list[msgspec.Raw]
    arrived: list[msgspec.Raw] = []


_PARTS = msgspec.msgpack.Decoder(_Parts)
_DECODER: msgspec.msgpack.Decoder[LogEntry] = msgspec.msgpack.Decoder(LogEntry)


def encode_log_entry(entry: LogEntry) -> bytes:
    """Write one record of the account-log."""
    return _ENCODER.encode(entry)


def encode_account_events(events: Sequence[AccountEvent]) -> list[bytes]:
    """Write account events of one partition, in order, as few records as the limits allow."""
    records: list[bytes] = []
    entry: list[msgspec.Raw] = []
    size = 0
    for event in events:
        value = _ENCODER.encode(event)
        if entry and (len(entry) == MAX_POSTINGS_A_RECORD or size + len(value) > MAX_EVENTS_BYTES):
            records.append(_ENCODER.encode(("events", entry)))
            entry, size = [], 0
        entry.append(msgspec.Raw(value))
        size += len(value)
    if entry:
        records.append(_ENCODER.encode(("events", entry)))
    return records


def decode_log_entry(value: bytes | None) -> LogEntry:
    """Read one record of the account-log.

    Raises:
        InvalidEvent: when the bytes are not such a record; nothing else.
    """
    if not value:
        raise InvalidEvent(Reason.EMPTY)
    try:
        return _DECODER.decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ValueError):
        raise InvalidEvent(Reason.NOT_A_LOG_RECORD) from None


def written_parts(value: bytes) -> list[msgspec.Raw]:
    """Return each posting, or event, of a record as it is written there.

    The record is one that `decode_log_entry` reads.
    """
    return _PARTS.decode(value).parts


def join_log_entries(values: Sequence[bytes]) -> list[bytes]:
    """Join records of postings, or of account events, of one partition; their order stays.

    None of the records that it returns is longer than MAX_POSTINGS_A_RECORD, or larger than
    MAX_EVENTS_BYTES, unless one was.
    """
    if len(values) == 1:
        return list(values)
    joined: list[_Parts] = []
    size = 0
    for value, entry in zip(values, map(_PARTS.decode, values), strict=True):
        last = joined[-1] if joined else None
        if (
            last is not None
            and last.kind == entry.kind
            and len(last.parts) + len(entry.parts) <= MAX_POSTINGS_A_RECORD
            and size + len(value) <= MAX_EVENTS_BYTES
        ):
            last.parts += entry.parts
            last.arrived += entry.arrived
            size += len(value)
        else:
            joined.append(entry)
            size = len(value)
    # A record of events has no third item.
    return [_ENCODER.encode(e if e.arrived else (e.kind, e.parts)) for e in joined]


def partition_of(account: str, partitions: int) -> int:
    """Return the account-log partition that owns ``account``."""
    return zlib.crc32(account.encode()) % partitions
