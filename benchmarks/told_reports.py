"""Reports as a nation sends them, for measuring clustering: the same for the same seed.

Seven in ten open a new case: a mule's account with holder, phone and handle, some of them shared
in a small ring. The others name an account that was named before, the newer the likelier, with
typos and names in another spelling; a few hundred accounts are named for ever.
"""

from __future__ import annotations

import datetime
import hashlib
import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import orjson

from pipeline.fold import LogRecord

START_MS = 1_790_000_000_000
STEP_MS = 500
"""Two reports a second, as in a nation's busy hours."""

KNOWN_SHARE = 0.3
TYPO_SHARE = 0.03
RING_SHARE = 0.3
"""Of new cases: those that share a phone or handle with the one before."""
FAMOUS = 300
FAMOUS_SHARE = 0.1
"""Of reports about known accounts: those about the first ``FAMOUS``."""
CORRECTED_SHARE = 0.02
WITHDRAWN_SHARE = 0.005
REPEATED_SHARE = 0.005

_BANGKOK = datetime.timezone(datetime.timedelta(hours=7))
_BANKS = ("002", "004", "006", "011", "014", "025", "030", "065", "069", "073")
_SOURCES = ("aoc1441", "aoc1441", "aoc1441", "etda1212", "ccib", "bank-scb", "anonymous")
_SCAMS = ("purchase", "purchase", "investment", "job", "loan", "romance", "impersonation")
_GIVEN = (
    ("สมชาย", "Somchai"), ("สมหญิง", "Somying"), ("กมลวรรณ", "Kamonwan"), ("ณัฐพล", "Nattapon"),
    ("ธนากร", "Thanakorn"), ("พิมพ์ชนก", "Pimchanok"), ("วรรณา", "Wanna"), ("ปิยะ", "Piya"),
    ("อรทัย", "Orathai"), ("ชัยวัฒน์", "Chaiwat"), ("นภา", "Napa"), ("กิตติ", "Kitti"),
)  # fmt: skip
_FIRST = (
    ("พิทักษ์", "Pithak"), ("ศรี", "Si"), ("ทอง", "Thong"), ("วงศ์", "Wong"), ("บุญ", "Bun"),
    ("รัตน", "Rattana"), ("สุข", "Suk"), ("เจริญ", "Charoen"), ("แก้ว", "Kaeo"), ("ชัย", "Chai"),
    ("พันธุ์", "Phan"), ("มงคล", "Mongkon"), ("นาค", "Nak"), ("ไพร", "Phrai"), ("จันทร์", "Chan"),
)  # fmt: skip
_SECOND = (
    ("ไทย", "thai"), ("สวัสดิ์", "sawat"), ("พงษ์", "phong"), ("ดี", "di"), ("มณี", "mani"),
    ("กุล", "kun"), ("เดช", "det"), ("ศักดิ์", "sak"), ("วัฒนา", "watthana"), ("สกุล", "sakun"),
    ("งาม", "ngam"), ("ภักดี", "phakdi"), ("รักษ์", "rak"), ("ทรัพย์", "sap"), ("เพชร", "phet"),
)  # fmt: skip
_TEXT = (
    "ผู้เสียหายแจ้งว่าถูกหลอกให้โอนเงินผ่านแอปธนาคาร โดยคนร้ายอ้างว่าเป็นร้านค้าออนไลน์ "
    "ติดต่อผ่านไลน์และโทรศัพท์ หลังโอนแล้วไม่ได้รับสินค้าและติดต่อไม่ได้อีก"
)


@dataclass(slots=True)
class _Case:
    bank: str
    number: str
    holder: tuple[str, str]
    phone: str
    handle: str


class ToldReports:
    """An endless stream of report records, and what was told so far."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._cases: list[_Case] = []
        self._events: list[dict[str, Any]] = []
        self._count = 0

    def records(self, count: int) -> list[LogRecord]:
        """Return the next records of the log."""
        return [self._record() for _ in range(count)]

    def batches(self, count: int, size: int) -> Iterator[list[LogRecord]]:
        """Yield the next ``count`` records in batches."""
        while count > 0:
            yield self.records(min(size, count))
            count -= size

    def _record(self) -> LogRecord:
        at = START_MS + self._count * STEP_MS
        event = self._event(at)
        record = LogRecord(self._count, at, None, orjson.dumps(event))
        self._count += 1
        return record

    def _event(self, at: int) -> dict[str, Any]:
        chance = self._random
        dice = chance.random()
        if self._events and dice < CORRECTED_SHARE + WITHDRAWN_SHARE + REPEATED_SHARE:
            event = chance.choice(self._events)
            if dice < CORRECTED_SHARE:
                return {**event, "kind": "corrected", "revision": 2, "scam_type": "other"}
            if dice < CORRECTED_SHARE + WITHDRAWN_SHARE:
                return {**event, "kind": "withdrawn", "revision": 3, "suspects": []}
            return event
        known = bool(self._cases) and chance.random() < KNOWN_SHARE
        event = self._told(self._known_case() if known else self._new_case(), known, at)
        if len(self._events) < 5_000:
            self._events.append(event)
        else:
            self._events[chance.randrange(5_000)] = event
        return event

    def _new_case(self) -> _Case:
        chance = self._random
        family, end = chance.choice(_FIRST), chance.choice(_SECOND)
        middle = chance.choice(_FIRST)
        given = chance.choice(_GIVEN)
        holder = (
            f"{given[0]} {family[0]}{middle[0]}{end[0]}",
            f"{given[1]} {family[1]}{middle[1].lower()}{end[1]}",
        )
        case = _Case(
            chance.choice(_BANKS),
            f"{chance.randrange(10**10):010d}",
            holder,
            f"0{chance.choice('689')}{chance.randrange(10**8):08d}",
            f"@{end[1]}{chance.randrange(10**7)}",
        )
        if self._cases and chance.random() < RING_SHARE:
            before = self._cases[-1]
            if chance.random() < 0.5:
                case.phone = before.phone
            else:
                case.handle = before.handle
        self._cases.append(case)
        return case

    def _known_case(self) -> _Case:
        chance, cases = self._random, self._cases
        if chance.random() < FAMOUS_SHARE:
            return cases[chance.randrange(min(FAMOUS, len(cases)))]
        age = int(len(cases) ** chance.random())
        return cases[-min(age + 1, len(cases))]

    def _told(self, case: _Case, known: bool, at: int) -> dict[str, Any]:
        chance = self._random
        number = case.number
        if known and chance.random() < TYPO_SHARE:
            number = self._typo(number)
        account = {"kind": "account", "bank": case.bank, "number": number}
        if chance.random() < 0.6:
            account["holder"] = case.holder[chance.random() < 0.3]
        suspects: list[dict[str, str]] = [account]
        if chance.random() < 0.7:
            suspects.append({"kind": "phone", "number": case.phone})
        if chance.random() < 0.6:
            suspects.append({"kind": "handle", "platform": "line", "handle": case.handle})
        person = chance.randrange(self._count // 2 + 10)
        event: dict[str, Any] = {
            "source": chance.choice(_SOURCES),
            "report_id": f"R{self._count:08d}",
            "kind": "submitted",
            "received_at": moment(at - chance.randrange(60_000)),
            "reporter": {
                "person": hashlib.sha256(b"%d" % person).hexdigest(),
                "verified_by": chance.choice(("thaid", "ndid", "none")),
            },
            "scam_type": chance.choice(_SCAMS),
            "suspects": suspects,
        }
        if chance.random() < 0.85:
            event["payments"] = [self._payment(case.bank, number, at)]
        if chance.random() < 0.5:
            event["text"] = _TEXT
        return event

    def _payment(self, bank: str, number: str, at: int) -> dict[str, Any]:
        chance = self._random
        return {
            "paid_at": moment(at - chance.randrange(60_000, 36_000_000)),
            "amount_satang": chance.choice((100, 1_000, 10_000)) * chance.randrange(1, 5_000),
            "to": {"bank": bank, "account": number},
            "from": {"bank": chance.choice(_BANKS), "account": f"{chance.randrange(10**10):010d}"},
            "reference": f"{chance.randrange(10**15):015d}",
        }

    def _typo(self, number: str) -> str:
        chance = self._random
        place = chance.randrange(len(number) - 1)
        return chance.choice(
            (
                number[:place] + str(chance.randrange(10)) + number[place + 1 :],
                number[:place] + number[place + 1] + number[place] + number[place + 2 :],
                number[:place] + number[place + 1 :],
            )
        )


def moment(at: int) -> str:
    """Write a time (ms) as a sender in Bangkok does."""
    return datetime.datetime.fromtimestamp(at / 1000, _BANGKOK).isoformat(timespec="milliseconds")
