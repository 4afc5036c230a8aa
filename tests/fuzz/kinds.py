"""Malformed and adversarial events, by kind: each with what must become of it.

Seeded, so that a run can be repeated. A kind makes one record out of a good event; ``reason`` is
what its dead letter must say, or None where the event is odd and still valid.
"""

from __future__ import annotations

import datetime
import json
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pipeline.contracts.invalid import Reason
from pipeline.fold import Headers, Output
from pipeline.topics import HOLD_UPDATES, REPORTS, TRANSACTIONS

Event = dict[str, Any]
Spoil = Callable[[random.Random, Event], "Event | bytes | Output"]
FLOOD = 500
"""Headers of a flooded record."""
LONG_ADDRESSES = 400
"""How many long web addresses there are."""
GIANT_BYTES = 3_000_000
"""More than a dead letter may have; compressed it is a few kilobytes, which any topic takes."""
_CONFUSABLE = (
    "Cоmрanу",
    "ѕcam",
    "ﬁrm",
    "Ⅷ",
    "นํ้า",
    "ราคา\u200b",
    "\u202eevil",
    "a\u0301\u0301" * 40,
)
_TIS_620 = "สวัสดี".encode("tis-620")
_BAD_QR = "00020101021129370016A000000677010111011300668123456785802TH53037646304"


@dataclass(frozen=True)
class Kind:
    """One way to be difficult."""

    name: str
    topic: str
    reason: Reason | None
    spoil: Spoil

    def record(self, chance: random.Random, event: Event) -> Output:
        """Return the record that is sent."""
        made = self.spoil(chance, event)
        if isinstance(made, Output):
            return made._replace(topic=self.topic)
        value = made if isinstance(made, bytes) else _json(made)
        return Output(self.topic, None, value, ())


def good_pair(number: int, now: datetime.datetime) -> tuple[Event, Event]:
    """A payment and the report that disputes it, about an account of their own: one hold."""
    account, reference = f"{6_000_000_000 + number * 7_919 % 900_000_000}", f"GOOD-{number}"
    paid = (now - datetime.timedelta(minutes=20)).isoformat(timespec="seconds")
    payment = {
        "source": "bank-014",
        "transaction_id": reference,
        "occurred_at": paid,
        "payer": {"bank": "002", "account": f"{1_000_000_000 + number}"},
        "payee": {"bank": "014", "account": account},
        "amount_satang": 1_000_00 + number,
    }
    report = {
        "source": "aoc-1441",
        "report_id": reference,
        "kind": "submitted",
        "received_at": now.isoformat(timespec="seconds"),
        "reporter": {"person": f"{number:064x}", "verified_by": "thaid"},
        "suspects": [{"kind": "account", "bank": "014", "number": account}],
        "payments": [
            {
                "paid_at": paid,
                "amount_satang": payment["amount_satang"],
                "to": {"bank": "014", "account": account},
                "reference": reference,
            }
        ],
    }
    return payment, report


def good_answer(number: int, now: datetime.datetime) -> Event:
    """The bank's word that it has got what is asked about a pair's account: it changes nothing."""
    return {
        "source": "bank-014",
        "update_id": f"GOOD-{number}",
        "account": good_pair(number, now)[0]["payee"],
        "status": "received",
        "occurred_at": now.isoformat(timespec="seconds"),
    }


def _json(event: Event) -> bytes:
    return json.dumps(event, ensure_ascii=False).encode()


def _with(**fields: Any) -> Spoil:
    return lambda _chance, event: {**event, **fields}


def _with_headers(headers: Headers, *, value: bytes | None = None) -> Spoil:
    def spoil(_chance: random.Random, event: Event) -> Output:
        return Output("", None, _json(event) if value is None else value, headers)

    return spoil


def _without(field: str) -> Spoil:
    return lambda _chance, event: {k: v for k, v in event.items() if k != field}


class AnyName(str):
    """A header's name that is no text, as some clients let it through."""

    def encode(self, *_: Any) -> bytes:
        return b"\xff\xfe"


def _bytes(make: Callable[[random.Random, bytes], bytes]) -> Spoil:
    return lambda chance, event: make(chance, _json(event))


def _cut(chance: random.Random, value: bytes) -> bytes:
    # Only whole ASCII is cut, so that what is left is UTF-8 still.
    return value[: chance.randrange(1, len(value) - 1)]


def _in_days(days: float) -> str:
    moment = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=days)
    return moment.isoformat(timespec="seconds")


def _numbers(text: str) -> Spoil:
    """An amount that JSON can write and we cannot take, put in as it stands."""

    def spoil(_chance: random.Random, event: Event) -> bytes:
        return _json({**event, "amount_satang": "AMOUNT"}).replace(b'"AMOUNT"', text.encode())

    return spoil


def _confusing(chance: random.Random, event: Event) -> Event:
    holder = " ".join(chance.sample(_CONFUSABLE, 3))
    (suspect,) = event["suspects"]
    return {
        **event,
        "report_id": f"{event['report_id']}-{chance.getrandbits(64)}",
        "reporter": {},
        "suspects": [{**suspect, "holder": holder[:200]}],
        "payments": [],
    }


def _long_addresses(chance: random.Random, event: Event) -> Event:
    """Web addresses of some kilobytes each once they are escaped, many of them told together."""
    hosts = chance.sample(range(LONG_ADDRESSES), 36)
    suspects = [
        {"kind": "url", "url": f"https://host-{n}.example.com/{n}?t={'ก' * 2_000}"} for n in hosts
    ]
    return {
        **event,
        "report_id": f"{event['report_id']}-{chance.getrandbits(64)}",
        "reporter": {},
        "suspects": suspects,
        "payments": [],
    }


def _colliding(chance: random.Random, event: Event) -> Event:
    """Another source that uses the same id: another payment, whatever the id says."""
    return {**event, "source": "bank-999", "amount_satang": chance.randrange(1, 10**9)}


def _suspects(count: int) -> Spoil:
    def spoil(_chance: random.Random, event: Event) -> bytes:
        suspects = b",".join([b'{"kind":"phone","number":"0812345678"}'] * count)
        return _json({**event, "suspects": []}).replace(
            b'"suspects": []', b'"suspects": [' + suspects + b"]"
        )

    return spoil


def _update(**fields: Any) -> Spoil:
    def spoil(_chance: random.Random, event: Event) -> Event:
        update = {
            "source": "bank-014",
            "alert_id": "f27022db-ce78-5662-8b30-300331d39458",
            "status": "held",
            "account": event["payee"],
            "occurred_at": event["occurred_at"],
        }
        return {**update, **fields}

    return spoil


_R, _T, _U = REPORTS, TRANSACTIONS, HOLD_UPDATES
_STRUCTURED: Headers = (("content-type", b"application/cloudevents+json"),)
_NO_TEXT: Headers = ((AnyName("xx"), b"v"),)
_FLOOD: Headers = tuple((f"x-{n}", b"v" * 20) for n in range(FLOOD))

KINDS = (
    Kind("no bytes", _R, Reason.EMPTY, _bytes(lambda _c, _v: b"")),
    Kind("cut off", _R, Reason.NOT_JSON, _bytes(_cut)),
    Kind(
        "noise", _T, Reason.NOT_UTF8, _bytes(lambda c, _v: b'{"a":"\xff' + c.randbytes(50) + b'"}')
    ),
    Kind(
        "Thai in TIS-620",
        _R,
        Reason.NOT_UTF8,
        _bytes(lambda _c, v: v[:-1] + b',"text":"' + _TIS_620 + b'"}'),
    ),
    Kind("deep arrays", _T, Reason.WRONG_FIELD, _bytes(lambda _c, _v: b"[" * 100_000)),
    Kind("deep objects", _R, Reason.NOT_JSON, _bytes(lambda _c, _v: b'{"a":' * 20_000)),
    Kind("two events", _T, Reason.NOT_JSON, _bytes(lambda _c, v: v + v)),
    Kind(
        "half a surrogate pair",
        _R,
        Reason.NOT_JSON,
        _bytes(lambda _c, v: v[:-1] + b',"text":"\\ud800"}'),
    ),
    Kind("not a number", _T, Reason.NOT_JSON, _numbers("NaN")),
    Kind("a number of 5,000 digits", _T, Reason.WRONG_FIELD, _numbers("9" * 5_000)),
    Kind("a huge exponent", _T, Reason.WRONG_FIELD, _numbers("1e300")),
    Kind("half a satang", _T, Reason.WRONG_FIELD, _numbers("100.5")),
    Kind("less than nothing", _T, Reason.WRONG_FIELD, _with(amount_satang=-1)),
    Kind("a million suspects", _R, Reason.TOO_LARGE, _suspects(7_000)),
    Kind("too many suspects", _R, Reason.WRONG_FIELD, _suspects(2_000)),
    Kind("a text of a megabyte", _R, Reason.TOO_LARGE, _with(text="ก" * 100_000)),
    Kind("a text too long", _R, Reason.WRONG_FIELD, _with(text="a" * 20_001)),
    Kind("NUL in a text", _R, Reason.NUL_CHARACTER, _with(text="a\0b")),
    Kind("a national ID in a text", _R, Reason.RAW_NATIONAL_ID, _with(text="ID 1100000000008")),
    Kind(
        "a schema registry's prefix",
        _T,
        Reason.REGISTRY_MAGIC_BYTE,
        _bytes(lambda _c, v: b"\0\0\0\0\1" + v),
    ),
    Kind(
        "tomorrow and a day", _T, Reason.BAD_TIME, lambda _c, e: {**e, "occurred_at": _in_days(2)}
    ),
    Kind("the year 9999", _R, Reason.BAD_TIME, _with(received_at="9999-01-01T00:00:00Z")),
    Kind("a Buddhist year", _R, Reason.BAD_TIME, _with(received_at="2569-11-20T10:00:00+07:00")),
    Kind("no amount", _T, Reason.MISSING_FIELD, _without("amount_satang")),
    Kind("no source", _R, Reason.MISSING_FIELD, _without("source")),
    Kind(
        "cash on both sides",
        _T,
        Reason.MISPLACED_CASH,
        _with(payer={"cash": True}, payee={"cash": True}),
    ),
    Kind("an unknown kind", _R, Reason.UNKNOWN_KIND, _with(kind="../../etc/passwd")),
    Kind("dollars", _T, Reason.UNKNOWN_KIND, _with(currency="USD")),
    Kind(
        "a QR payload cut off",
        _R,
        Reason.BAD_IDENTIFIER,
        _with(suspects=[{"kind": "promptpay_qr", "payload": _BAD_QR}], payments=[]),
    ),
    Kind(
        "an account in words",
        _T,
        Reason.BAD_IDENTIFIER,
        _with(payee={"bank": "014", "account": "one"}),
    ),
    Kind("an answer of no status", _U, Reason.UNKNOWN_KIND, _update(status="maybe")),
    Kind(
        "a broken envelope",
        _R,
        Reason.BAD_ENVELOPE,
        _with_headers(_STRUCTURED, value=b'{"specversion":"1.0"'),
    ),
    Kind(
        "an envelope of an old version",
        _T,
        Reason.BAD_ENVELOPE,
        _with_headers(
            _STRUCTURED, value=b'{"specversion":"0.3","id":"1","source":"a","type":"b","data":{}}'
        ),
    ),
    Kind("a flood of headers on rubbish", _R, Reason.NOT_JSON, _with_headers(_FLOOD, value=b"{")),
    Kind("a flood of headers", _T, None, _with_headers(_FLOOD)),
    Kind("a header whose name is no text", _T, None, _with_headers(_NO_TEXT)),
    Kind("rubbish under such a header", _R, Reason.NOT_JSON, _with_headers(_NO_TEXT, value=b"{")),
    Kind("giant", _T, Reason.TOO_LARGE, _bytes(lambda _c, v: v + b" " * GIANT_BYTES)),
    Kind(
        "giant headers on rubbish",
        _R,
        Reason.NOT_JSON,
        _with_headers((("x", b"v" * GIANT_BYTES),), value=b"{"),
    ),
    Kind(
        "a giant key of rubbish",
        _R,
        Reason.NOT_JSON,
        lambda _c, _e: Output("", b"k" * GIANT_BYTES, b"{"),
    ),
    Kind("look-alike characters", _R, None, _confusing),
    Kind("long web addresses", _R, None, _long_addresses),
    Kind("an id of another", _T, None, _colliding),
    Kind("sent again", _T, None, lambda _c, e: e),
)
