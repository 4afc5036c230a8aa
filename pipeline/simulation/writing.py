"""How people write what they saw: misspelt numbers, Thai digits, dashes, formats of phones."""

from __future__ import annotations

import datetime
import random
from functools import lru_cache

from pipeline.simulation.banks import BY_CODE

_TO_THAI = str.maketrans("0123456789", "๐๑๒๓๔๕๖๗๘๙")
_DIGITS = "0123456789"
_BANGKOK_MS = 7 * 3600 * 1000
_PLATFORM_NAMES = {
    "line": ("line", "LINE", "Line", "ไลน์"),
    "facebook": ("facebook", "Facebook", "FB", "เฟซบุ๊ก"),
    "telegram": ("telegram", "Telegram"),
    "instagram": ("instagram", "IG"),
}


@lru_cache(maxsize=8192)
def _minute(number: int) -> str:
    """Return date, hour and minute of a minute since 1970: a day's payments share 1,440."""
    moment_ = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
    return f"{moment_ + datetime.timedelta(minutes=number):%Y-%m-%dT%H:%M}"


def moment(at: int, utc: bool = False) -> str:
    """Write milliseconds since 1970 as RFC 3339, at Thai time (+07:00) or in UTC (Z)."""
    local = at if utc else at + _BANGKOK_MS
    milli = local % 60_000
    second = f"{_minute(local // 60_000)}:{milli // 1000:02d}.{milli % 1000:03d}"
    return f"{second}Z" if utc else f"{second}+07:00"


def thai_digits(text: str) -> str:
    """Write digits as Thai digits."""
    return text.translate(_TO_THAI)


def misspelt(rng: random.Random, digits: str) -> str:
    """Return another number: one digit wrong, two swapped, one dropped or one added."""
    while True:
        at = rng.randrange(len(digits))
        kind = rng.random()
        if kind < 0.5:
            wrong = digits[:at] + rng.choice(_DIGITS) + digits[at + 1 :]
        elif kind < 0.75 and at + 1 < len(digits):
            wrong = digits[:at] + digits[at + 1] + digits[at] + digits[at + 2 :]
        elif kind < 0.88:
            wrong = digits[:at] + digits[at + 1 :]
        else:
            wrong = digits[:at] + rng.choice(_DIGITS) + digits[at:]
        if wrong != digits:
            return wrong


def wrong_bank(rng: random.Random, code: str) -> str:
    """Return another bank whose numbers are as long: what somebody writes who mistakes the logo."""
    length = BY_CODE[code].digits
    others = [bank.code for bank in BY_CODE.values() if bank.digits == length and bank.code != code]
    return rng.choice(others) if others else code


def misspelt_handle(rng: random.Random, name: str) -> str:
    """Return a handle with one character left out, doubled or swapped with the next."""
    at = rng.randrange(len(name) - 1)
    wrong = rng.choice(
        (
            name[:at] + name[at + 1 :],
            name[:at] + name[at] + name[at:],
            name[:at] + name[at + 1] + name[at] + name[at + 2 :],
        )
    )
    return wrong if wrong != name else name[:-1]


def written_account(rng: random.Random, digits: str, code: str) -> str:
    """Write an account number: plain, grouped as in the passbook, spaced, or in Thai digits."""
    style = rng.random()
    if style < 0.5:
        return digits
    if style < 0.78:
        parts, at = [], 0
        for size in BY_CODE[code].grouping:
            parts.append(digits[at : at + size])
            at += size
        if at < len(digits):
            parts.append(digits[at:])
        return "-".join(part for part in parts if part)
    if style < 0.88:
        return f"{digits[:3]} {digits[3:6]} {digits[6:]}"
    return thai_digits(digits)


def written_bank(rng: random.Random, code: str, missing: float) -> str | None:
    """Write a bank: its code, one of its names, or (with the chance ``missing``) nothing."""
    if rng.random() < missing:
        return None
    return code if rng.random() < 0.25 else rng.choice(BY_CODE[code].written)


def written_phone(rng: random.Random, phone: str) -> str:
    """Write a Thai phone given as ``+66812345678`` in one of the formats people use."""
    national = phone[3:]
    style = rng.randrange(8)
    if style == 0:
        return phone
    if style == 1:
        return f"0066{national}"
    if style == 2:
        return f"+66 {national[:2]} {national[2:5]} {national[5:]}"
    if style == 3:
        return f"66{national}"
    if style == 4:
        return thai_digits(f"0{national}")
    if style == 5:
        return f"0{national[:2]} {national[2:5]} {national[5:]}"
    if style == 6:
        return f"0{national[:2]}-{national[2:5]}-{national[5:]}"
    return f"0{national}"


def written_handle(rng: random.Random, platform: str, name: str) -> dict[str, str]:
    """Write a handle suspect: the platform's name varies, and so do @ and capitals."""
    typed = name
    # Some forget that an official LINE account's name begins with @.
    if platform == "line" and rng.random() < 0.92:
        typed = f"@{name}"
    if rng.random() < 0.15:
        typed = typed.upper()
    if rng.random() < 0.08:
        typed = f"{typed[:3]}\u200b{typed[3:]}"
    shown = rng.choice(_PLATFORM_NAMES[platform])
    return {"kind": "handle", "platform": shown, "handle": typed}


def written_url(rng: random.Random, address: str) -> str:
    """Write a page's address (``host/path``) as pasted: scheme, tracking, capitals, slash."""
    host, _, path = address.partition("/")
    shown = host.upper() if rng.random() < 0.1 else host
    if host == "facebook.com":
        shown = f"{rng.choice(('www.', 'm.', ''))}{shown}"
    text = f"{rng.choice(('https://', 'https://', 'http://', ''))}{shown}/{path}"
    ending = rng.random()
    if ending < 0.2:
        return f"{text}?fbclid=IwAR{rng.getrandbits(48):012x}"
    return f"{text}/" if ending < 0.35 and path else text
