"""Phones and handles that may be one another misspelt: found once, when one is first named.

Mobile numbers lie so far apart that one of which two digits differ at most is hardly ever another
one's by chance; a number that nobody can have is one with a slip. Handles are told apart by their
numbers, but seldom by one letter of a long name. Which texts are one edit from a known one is kept
in memory as bits, so most need no look at all.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Final
from zlib import crc32

from rapidfuzz.distance import OSA

from pipeline.identity.phone import is_thai_mobile
from pipeline.state import Marks

_PHONE: Final = "phone:"
_MOBILE: Final = "phone:+66"
_TYPED: Final = "phone:0"
_HANDLE: Final = "handle:"
CONTACTS: Final = (_PHONE, _HANDLE)

LONG_NAME: Final = 7
LONGEST_NAME: Final = 40
"""Signs that a handle's name must have: of shorter ones many are one letter apart. Of longer ones
as many may be one edit from another one as somebody likes to make up."""

_DIGITS: Final = "0123456789"
_MOBILE_DIGITS: Final = 9
"""Digits of a Thai mobile number behind its country's code."""
_LETTERS: Final = "abcdefghijklmnopqrstuvwxyz._-"
_NAME: Final = re.compile(rf"(handle:[^:]+:@?)[a-z0-9._-]{{{LONG_NAME},{LONGEST_NAME}}}")

PLACES: Final = 1 << 27
"""Bits of the table, 16 MiB, two a text. With a million contacts in it, one text in sixty is looked
for in vain."""

KEPT_TEXTS: Final = 4_096
"""Contacts of which what is left without each sign is kept, about 2 KB each: those of a batch."""

_MIX: Final = 0x9E3779B97F4A7C15
_SECOND: Final = 24
"""A text's second bit: this factor (2^64 by the golden ratio) brings all 32 bits of its checksum
into those of the product from here on, and the first bit's place is the lower ones alone."""


def is_contact_slip(one: str, other: str) -> bool:
    """Say whether two phones or handles may be one, of which somebody misspelt one.

    Two Thai mobile numbers may differ in one digit, or in two that stand side by side and are
    swapped; one that nobody can have (`identity.phone`) may also lack a digit or have one too many.
    Two handles of one platform may differ so in their letters, also by one that is
    lacking; but both have the same digits in the same order, and are long.
    """
    if one.startswith(_TYPED) or other.startswith(_TYPED):
        mobiles = [key for key in (one, other) if is_thai_mobile(key[len(_PHONE) :])]
        return len(mobiles) == 1 and OSA.distance(_long(one), _long(other), score_cutoff=1) == 1
    start = _beginning(one)
    if start == 0 or one[:start] != other[:start] or _beginning(other) != start:
        return False
    if OSA.distance(one, other, score_cutoff=1) != 1:
        return False
    return len(one) == len(other) if one.startswith(_PHONE) else _digits(one) == _digits(other)


def _beginning(key: str) -> int:
    """Return how many signs stand before those that may be misspelt, 0 where none may be.

    Of a phone in its `_long` form.
    """
    if key.startswith(_PHONE):
        may_be = key.startswith(_TYPED) or is_thai_mobile(key[len(_PHONE) :])
        return len(_MOBILE) if may_be else 0
    name = _NAME.fullmatch(key)
    return len(name[1]) if name else 0


def _long(key: str) -> str:
    """Return a phone that nobody can have as if it could be had, any other contact as it is."""
    return _MOBILE + key[len(_TYPED) :] if key.startswith(_TYPED) else key


def _short(key: str) -> str:
    """Return the contact of which a text is the `_long` form."""
    if key.startswith(_HANDLE) or is_thai_mobile(key[len(_PHONE) :]):
        return key
    return _TYPED + key[len(_MOBILE) :]


def _digits(key: str) -> str:
    return "".join(sign for sign in key if sign in _DIGITS)


class KnownContacts:
    """The contacts that were ever named, as bits of what is left of each without one sign."""

    def __init__(self, seen: Marks) -> None:
        """Begin with the contacts that ``seen`` has the bits of; it is as many bytes as a power
        of two."""
        self._seen = seen
        self._mask = (len(seen) << 3) - 1

    def add(self, key: str) -> None:
        """Take in a phone or handle."""
        seen = self._seen
        for _, _, one, second in left_of(key, self._mask):
            seen[one >> 3] |= 1 << (one & 7)
            seen[second >> 3] |= 1 << (second & 7)

    def take_in(self, key: str) -> list[str]:
        """Take in a phone or handle; return what is `near` it, without itself."""
        near, lacking = self._look(key)
        seen = self._seen
        # Not while it is looked for: what is left of a key may be the same text twice.
        for place in lacking:
            seen[place >> 3] |= 1 << (place & 7)
        return near

    def near(self, key: str) -> list[str]:
        """Return all keys that may be known and that `is_contact_slip` may hold for, and others."""
        return self._look(key)[0]

    def _look(self, key: str) -> tuple[list[str], list[int]]:
        """Return what is near a key, and the bits of it that are not there yet, with others."""
        seen = self._seen
        near: list[str] = []
        lacking: list[int] = []
        for place, rest, one, second in left_of(key, self._mask):
            if seen[one >> 3] >> (one & 7) & 1 and seen[second >> 3] >> (second & 7) & 1:
                near += _with_one_more(key, place, rest)
            else:
                lacking += one, second
        return near, lacking

    def prepare(self, key: str) -> None:
        """Work out what hangs on a key alone, for when it is taken in."""
        left_of(key, self._mask)


@lru_cache(maxsize=KEPT_TEXTS)
def left_of(key: str, mask: int) -> list[tuple[int, str, int, int]]:
    """Return what is left of a key without each sign, with the sign's place and two bits' places.

    Kept, as a batch's contacts are asked for twice: see `Candidates.prepare`.
    """
    found = []
    for place, rest in _without_one(key):
        # Not `hash`, which differs with each run of Python: the table may be kept.
        hashed = crc32(rest.encode())
        found.append((place, rest, hashed & mask, hashed * _MIX >> _SECOND & mask))
    return found


def _without_one(key: str) -> list[tuple[int, str]]:
    """Return a contact without each of its signs in turn, with its place, and the whole (-1).

    The digits of a handle are never left out. Of a phone that lacks a digit the whole is all, and
    of one with a digit too many it is left out, as hardly anything can be near it.
    """
    start = _beginning(key)
    if not start:
        return []
    key = _long(key)
    places: Sequence[int] = range(start, len(key))
    if key.startswith(_HANDLE):
        places = [place for place in places if key[place] not in _DIGITS]
    elif len(places) < _MOBILE_DIGITS:
        return [(-1, key)]
    parts = [(place, key[:place] + key[place + 1 :]) for place in places]
    if key.startswith(_HANDLE) or len(places) == _MOBILE_DIGITS:
        parts.append((-1, key))
    return parts


def _with_one_more(key: str, place: int, rest: str) -> Iterator[str]:
    """Yield the contacts that have one more sign than ``rest``: ``key`` without that place.

    Those of ``rest`` itself too, where ``key`` may have a sign too many.
    """
    start, key = _beginning(key), _long(key)
    signs = _LETTERS if key.startswith(_HANDLE) else _DIGITS
    if place < 0:
        for at in range(start, len(key) + 1):
            yield from (_short(rest[:at] + sign + rest[at:]) for sign in signs)
        return
    sign = key[place]
    for at in (place - 1, place + 1):
        if at <= len(rest):
            yield _short(rest[:at] + sign + rest[at:])
    yield _short(rest)
    yield from (_short(rest[:place] + other + rest[place:]) for other in signs if other != sign)
