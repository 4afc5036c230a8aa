"""The simulated banks: how many customers each has and how people write its name."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Bank:
    """A bank of the scenario.

    ``digits`` is the length of its account numbers, ``grouping`` how its passbooks group them,
    ``share`` its weight among customers, ``balances`` whether its payment events carry balances,
    ``iso`` whether they carry ISO 20022 references, ``utc`` whether they write times in UTC.
    """

    code: str
    digits: int
    grouping: tuple[int, ...]
    share: int
    balances: bool
    iso: bool
    utc: bool
    written: tuple[str, ...]


_TEN = (3, 1, 5, 1)
_TWELVE = (3, 1, 5, 3)

BANKS: tuple[Bank, ...] = (
    Bank(
        "004",
        10,
        _TEN,
        22,
        True,
        True,
        False,
        ("กสิกร", "กสิกรไทย", "KBank", "K-Bank", "KBANK", "เคแบงค์", "K plus", "ธนาคารกสิกรไทย"),
    ),
    Bank(
        "014",
        10,
        _TEN,
        18,
        True,
        True,
        False,
        ("ไทยพาณิชย์", "SCB", "scb", "ธ.ไทยพาณิชย์", "ไทยพานิช", "SCB EASY"),
    ),
    Bank(
        "002",
        10,
        _TEN,
        14,
        True,
        True,
        True,
        ("กรุงเทพ", "BBL", "Bangkok Bank", "ธ.กรุงเทพ", "บัวหลวง", "แบงก์กรุงเทพ"),
    ),
    Bank(
        "006",
        10,
        _TEN,
        14,
        True,
        False,
        False,
        ("กรุงไทย", "KTB", "Krungthai", "ธ.กรุงไทย", "Krungthai NEXT", "กรุงไทย KTB"),
    ),
    Bank(
        "025",
        10,
        _TEN,
        8,
        True,
        True,
        True,
        ("กรุงศรี", "BAY", "Krungsri", "กรุงศรีอยุธยา", "KMA", "แบงก์กรุงศรี"),
    ),
    Bank(
        "011",
        10,
        (3, 6, 1),
        7,
        True,
        False,
        False,
        ("ttb", "TTB", "ทีทีบี", "ทหารไทยธนชาต", "ธนชาต", "TMB"),
    ),
    Bank(
        "030",
        12,
        _TWELVE,
        9,
        False,
        False,
        False,
        ("ออมสิน", "GSB", "ธนาคารออมสิน", "ธ.ออมสิน", "MyMo"),
    ),
    Bank("034", 12, _TWELVE, 5, False, False, False, ("ธกส", "ธ.ก.ส.", "BAAC")),
    Bank("033", 12, _TWELVE, 2, False, False, False, ("ธอส", "ธ.อ.ส.", "GHB")),
    Bank("024", 10, _TEN, 3, True, True, True, ("ยูโอบี", "UOB")),
    Bank("022", 10, _TEN, 2, True, True, True, ("ซีไอเอ็มบี", "CIMB", "CIMB Thai")),
    Bank("067", 14, (4, 3, 6, 1), 1, True, False, False, ("ทิสโก้", "TISCO")),
    Bank("069", 10, _TEN, 1, True, False, False, ("เกียรตินาคิน", "KKP")),
    Bank("073", 10, _TEN, 1, False, False, False, ("แลนด์แอนด์เฮ้าส์", "LH Bank", "LHFG")),
    Bank("066", 10, _TEN, 1, False, False, False, ("อิสลาม", "IBank", "ธนาคารอิสลาม")),
    Bank("071", 10, _TEN, 1, True, False, False, ("ไทยเครดิต", "Thai Credit")),
)

BY_CODE: dict[str, Bank] = {bank.code: bank for bank in BANKS}
SHARES: tuple[int, ...] = tuple(bank.share for bank in BANKS)
