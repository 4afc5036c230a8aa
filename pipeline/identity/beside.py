"""What people write beside an account's number, and what it says of the number.

A line that is copied into the field for the number may hold a phone, a LINE ID, a reference or an
amount as well. Read as an account's, any of these is the number of some stranger's account.
"""

from __future__ import annotations

import re
from typing import Final

LEAST_LEFT: Final = 5
"""Digits that must be left beside a phone for a text to hold another number."""
_PHONE_WORDS: Final = (
    r"(?<![a-z])(?:telephone|tel|phone|mobile(?!\s*bank)|mob)(?![a-z])"
    r"|เบอร์โทรศัพท์|เบอร์โทร|เบอร์มือถือ|เบอร์(?!\s*(?:บัญชี|บช|เกอร์))|โทรศัพท์|โทร|(?<!ร้าน)มือถือ"
)
_NAMED_PHONE: Final = re.compile(
    rf"[(\[]?(?:{_PHONE_WORDS})[\s.:#]*(?:\+?[6๖]{{2}}[\s.\-]?|[0๐])[689๖๘๙](?:[\s.\-]?\d){{8}}"
    r"(?![\s.\-]*\d)[)\]]?",
    re.IGNORECASE,
)
"""A mobile number behind the word for it. No digit may follow: it might be one of its own."""
_ANOTHER_KIND: Final = re.compile(
    rf"{_PHONE_WORDS}"
    r"|(?<![a-z])(?:line(?!\s*bk)|id|facebook|fb|instagram|ig|telegram|whatsapp|wechat|tiktok"
    r"|ref(?:erence)?|order|tracking|invoice|slip|tax|transaction|txn)(?![a-z])"
    r"|(?<!ออน)ไลน์(?!\s*บีเค)|ไอดี|เฟซบุ๊ก|เฟสบุ๊ค|เฟซ|เฟส|เพจ|ไอจี|เทเลแกรม|วีแชท|อ้างอิง|รหัสรายการ|เลขที่รายการ"
    r"|ออเดอร์|คำสั่งซื้อ|พัสดุ|สลิป|ผู้เสียภาษี|เลขบัตร|บัตรประชาชน|หมายเลขบัตร",
    re.IGNORECASE,
)
_SUM_BEFORE: Final = re.compile(
    r"(?:จำนวน|ยอดเงิน|ยอดโอน|ยอด|วันที่|เวลา|฿|(?<![a-z])(?:amount|date|time|thb)(?![a-z]))[^0-9]*$",
    re.IGNORECASE,
)
_SUM_BEHIND: Final = re.compile(r"\s*(?:บาท|บ\.|฿|(?:baht|thb)(?![a-z]))", re.IGNORECASE)
_LETTER: Final = re.compile(r"[^\W\d_]")
_SOMETHING: Final = re.compile(r"[^\W_]")
_LIKE_A_PHONE: Final = re.compile("(?:0|66)[689][0-9]{6,9}")


def without_named_phone(text: str) -> str:
    """Return a text without the mobile numbers that it calls so, where another number is left."""
    if _LETTER.search(text) is None:
        return text
    left = _NAMED_PHONE.sub(" ", text)
    if left == text or sum(map(str.isdecimal, left)) < LEAST_LEFT:
        return text
    return left.strip(" ,;/|&+")


def is_named_otherwise(before: str, digits: str, behind: str) -> bool:
    """Say whether words around a number say that it is no bank account's.

    A word for another kind names the number where it stands before it, or is the last behind it;
    one with something behind it names that ("… LINE goldshop"), unless the number looks like a
    phone's.
    """
    if _ANOTHER_KIND.search(before) or _SUM_BEFORE.search(before) or _SUM_BEHIND.match(behind):
        return True
    named = list(_ANOTHER_KIND.finditer(behind))
    if not named:
        return False
    return bool(_LIKE_A_PHONE.fullmatch(digits)) or not _SOMETHING.search(behind[named[-1].end() :])
