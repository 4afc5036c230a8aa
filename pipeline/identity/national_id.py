"""Thai national identification numbers: the check digit, the keyed hash, and finding raw ones.

A raw number is personal data that never enters the pipeline: senders hash it with the partners'
shared key. Rule: 13 digits, the first 1 to 8, the last = (11 - sum((13 - i) * d_i) mod 11) mod 10
over i = 0..11 (python-stdnum's stdnum.th.pin has the same rule in other words).
"""

from __future__ import annotations

import hashlib
import hmac
import re
from typing import Final

import phonenumbers

NATIONAL_ID_DIGITS: Final = 13
MAX_CANDIDATES: Final = 4_096
"""Runs of 13 digits that are checked in one text; one with more is taken to hold a national ID."""
_FIRST_DIGITS: Final = frozenset("12345678")
# A hash or a UUID holds digits that are no one's number.
_HEX_RUNS: Final = re.compile(
    r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}"
    r"|[0-9a-fA-F]{32,}"
)
_CANDIDATES: Final = re.compile(
    r"(?<![0-9])(?=([1-8](?:[\s\-\u2010-\u2015\u2212]{0,3}[0-9]){12})(?![0-9]))"
)
_DECIMALS: Final = re.compile(r"\d")
"""Decimal digits of every script, as `str.isdecimal` has them."""
_BEGINS_WITH_PLUS: Final = re.compile(r"(?<!\w)\+\Z")
_NOT_DIGITS: Final = re.compile(r"[^0-9]+")
_OTHER_DIGITS: Final = re.compile(r"[^\x00-\x7f]")
_INVISIBLE: Final = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff]")


def check_digit(first_twelve: str) -> str:
    """Return the check digit of twelve ASCII digits (national and tax numbers share the rule)."""
    total = sum((13 - place) * int(digit) for place, digit in enumerate(first_twelve))
    return str((11 - total % 11) % 10)


def has_check_digit(digits: str) -> bool:
    """Say whether these are 13 ASCII digits of which the last is the right check digit."""
    return (
        len(digits) == NATIONAL_ID_DIGITS
        and digits.isascii()
        and digits.isdecimal()
        and check_digit(digits[:-1]) == digits[-1]
    )


def is_national_id(digits: str) -> bool:
    """Say whether the text is a national ID: 13 ASCII digits, first 1 to 8, check digit right."""
    return digits[:1] in _FIRST_DIGITS and has_check_digit(digits)


def hash_national_id(digits: str, key: bytes) -> str:
    """Return the keyed hash (HMAC-SHA256, 64 lower-case hex digits) that stands for a national ID.

    ``digits`` must be the bare 13 digits; the caller checks that with `is_national_id`.
    """
    return hmac.new(key, digits.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()


def contains_national_id(text: str) -> bool:
    """Say whether a raw, check-valid national ID stands alone somewhere in the text.

    Spaces and dashes inside the number, Thai digits and zero-width characters are seen through;
    a longer run of digits, a hash, a UUID or a foreign telephone number behind its + is not a
    national ID. One in ten other 13-digit numbers that stand alone (a time in milliseconds, say)
    has a right check digit by chance.
    """
    # Few texts have so many digits at all; to look closer costs a hundred times as much.
    if len(text) < NATIONAL_ID_DIGITS or len(_DECIMALS.findall(text)) < NATIONAL_ID_DIGITS:
        return False
    if not text.isascii():
        text = _OTHER_DIGITS.sub(_ascii_digit, _INVISIBLE.sub("", text))
    text = _HEX_RUNS.sub(_hidden, text)
    for count, found in enumerate(_CANDIDATES.finditer(text)):
        digits = _NOT_DIGITS.sub("", found.group(1))
        if count == MAX_CANDIDATES or (
            is_national_id(digits) and not is_dialled(text, found.start(), digits)
        ):
            return True
    return False


def is_dialled(text: str, start: int, digits: str) -> bool:
    """Say whether digits at ``start`` are a telephone number: behind a +, and of a country's.

    China's and Indonesia's mobile numbers have 13 digits, and one in ten of them the check digit.
    """
    if not _BEGINS_WITH_PLUS.search(text[max(start - 2, 0) : start]):
        return False
    try:
        return phonenumbers.is_valid_number(phonenumbers.parse(f"+{digits}"))
    except phonenumbers.NumberParseException:
        return False


def _ascii_digit(found: re.Match[str]) -> str:
    character = found.group()
    return str(int(character)) if character.isdecimal() else character


def _hidden(found: re.Match[str]) -> str:
    # A run of digits alone stays, so that it still counts as one long number.
    return found.group() if found.group().isdecimal() else "x"
