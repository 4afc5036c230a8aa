"""Phones and handles that may be one another misspelt: found where they have a text in common.

Mobile numbers lie so far apart that one of which two digits differ at most is hardly ever another
one's by chance; a number that nobody can have is one with a slip. Handles are told apart by their
numbers, but seldom by one letter of a long name. Which texts are one edit from a known one is kept
in memory as bits, so most need no look at all.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
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
"""Characters that a handle's name must have: of shorter ones many are one letter apart. Of longer
ones as many may be one edit from another one as somebody likes to make up."""

_DIGITS: Final = "0123456789"
_MOBILE_DIGITS: Final = 9
"""Digits of a Thai mobile number behind its country's code."""
_ALL_DIGITS: Final = len(_MOBILE) + _MOBILE_DIGITS
_LETTERS: Final = "abcdefghijklmnopqrstuvwxyz._-"
_NAME: Final = re.compile(rf"(handle:[^:]+:@?)[a-z0-9._-]{{{LONG_NAME},{LONGEST_NAME}}}")

PLACES: Final = 1 << 27
"""Bits of the table of texts that were seen, 16 MiB, two a text. With a million contacts in it, one
text in sixty is looked for in vain."""
TABLE_BYTES: Final = PLACES >> 2
"""Behind it is a table as large, with one bit for each text that two contacts have."""

KEPT_TEXTS: Final = 4_096
"""Contacts of which what is left without a character is kept, 2 KB each: those of a batch."""

_MIX: Final = 0x9E3779B97F4A7C15
_SECOND: Final = 24
"""A text's second bit: this factor (2^64 by the golden ratio) brings all 32 bits of its checksum
into those of the product from here on, and the first bit's place is the lower ones alone."""
_CHECKSUM: Final = 0xFFFFFFFF
_APART: Final = 0x9E3779B1
"""What tells texts of phones apart by the place of the digit that they lack: all phones are as
long, and nine times as many have the same digits once another place is left out."""
_OF_PLACE: Final = tuple(place * _APART & _CHECKSUM for place in range(_ALL_DIGITS + 1))


def is_contact_slip(one: str, other: str) -> bool:
    """Say whether two phones or handles may be one, of which somebody misspelt one.

    Two Thai mobile numbers may differ in one digit, or in two that stand side by side and are
    swapped; one that nobody can have (`identity.phone`) may also lack a digit or have one too many.
    Two handles of one platform may differ so in their letters, also by one that is lacking; but
    both have the same digits in the same order, and are long.
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
    """Return how many characters stand before those that may be misspelt, 0 where none may be.

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
    return "".join(character for character in key if character in _DIGITS)


_Texts = list[tuple[int, str, int, int]]
"""What is left of a key: without which place, the text, and the places of its two bits."""
_Swaps = list[tuple[int, int, int]]
"""The first of two digits that may be swapped, and two bits' places."""


class KnownContacts:
    """The contacts that were ever named, as bits of what is left of each without one character."""

    def __init__(self, marks: Marks) -> None:
        """Begin with the contacts that ``marks`` has the bits of; they are as many bytes as a power
        of two."""
        self._marks = marks
        self._several = len(marks) >> 1
        self._mask = (self._several << 3) - 1

    def take_in(self, key: str) -> list[str]:
        """Take in a phone or handle; return what is `near` it, without itself."""
        marks, several = self._marks, self._several
        left, swapped = left_of(key, self._mask)
        near = self._seen(key, swapped)
        lacking: list[int] = []
        for place, rest, one, second in left:
            if marks[one >> 3] >> (one & 7) & 1 and marks[second >> 3] >> (second & 7) & 1:
                near += _with_one_more(key, place, rest)
                marks[several + (one >> 3)] |= 1 << (one & 7)
            else:
                lacking += one, second
        # Not while it is looked for: what is left of a key may be the same text twice.
        for place in lacking:
            marks[place >> 3] |= 1 << (place & 7)
        return near

    def near(self, key: str) -> list[str]:
        """Return all contacts taken in that are slips of this one, or it of them, and others.

        ``key`` itself was taken in.
        """
        marks, several = self._marks, self._several
        left, swapped = left_of(key, self._mask)
        near = self._seen(key, swapped)
        for place, rest, one, _ in left:
            if marks[several + (one >> 3)] >> (one & 7) & 1:
                near += _with_one_more(key, place, rest)
        return near

    def _seen(self, phone: str, swapped: _Swaps) -> list[str]:
        """Return what a phone is with two digits swapped, where it may have been taken in."""
        marks = self._marks
        places = [
            place
            for place, one, second in swapped
            if marks[one >> 3] >> (one & 7) & 1 and marks[second >> 3] >> (second & 7) & 1
        ]
        return [_swapped(phone, place) for place in places]

    def prepare(self, key: str) -> None:
        """Work out what hangs on a key alone, for when it is taken in."""
        left_of(key, self._mask)


@lru_cache(maxsize=KEPT_TEXTS)
def left_of(key: str, mask: int) -> tuple[_Texts, _Swaps]:
    """Return what is left of a key without each character.

    And where two digits of a phone may be swapped that stand side by side, with the bits of what it
    and the other one have in common. Kept, as a batch's contacts are asked for twice: see
    `Candidates.prepare`.
    """
    left: _Texts = []
    swapped: _Swaps = []
    text = _long(key)
    is_phone, last = key.startswith(_PHONE), len(text) - 1
    for place, rest in _without_one(key):
        # Not `hash`, which differs with each run of Python: the table may be kept.
        hashed = crc32(rest.encode())
        if is_phone and len(rest) < _ALL_DIGITS:
            if place < last < _ALL_DIGITS and text[place] != text[place + 1]:
                # The other one lacks its next digit where this one lacks this digit.
                other = hashed ^ _OF_PLACE[place + 1]
                swapped.append((place, other & mask, other * _MIX >> _SECOND & mask))
            hashed ^= _OF_PLACE[place]
        left.append((place, rest, hashed & mask, hashed * _MIX >> _SECOND & mask))
    return left, swapped


def _swapped(phone: str, place: int) -> str:
    """Return a phone with two digits swapped that stand side by side, in its `_long` form."""
    text = _long(phone)
    return _short(text[:place] + text[place + 1] + text[place] + text[place + 2 :])


def _without_one(key: str) -> list[tuple[int, str]]:
    """Return a contact without each of its characters in turn, with its place, and the whole (-1).

    The digits of a handle are never left out. A phone that lacks a digit is the whole, at each
    place, and of one with a digit too many that is left out, as hardly anything can be near it.
    """
    start = _beginning(key)
    if not start:
        return []
    key = _long(key)
    if key.startswith(_HANDLE):
        places = [place for place in range(start, len(key)) if key[place] not in _DIGITS]
        return [*((place, key[:place] + key[place + 1 :]) for place in places), (-1, key)]
    if len(key) < _ALL_DIGITS:
        return [(place, key) for place in range(start, _ALL_DIGITS)]
    parts = [(place, key[:place] + key[place + 1 :]) for place in range(start, len(key))]
    return parts if len(key) > _ALL_DIGITS else [*parts, (-1, key)]


def _with_one_more(key: str, place: int, rest: str) -> Iterator[str]:
    """Yield the contacts with one more character than ``rest``: ``key`` without that place.

    Of a phone only those that have it at that place. And ``rest`` itself, which may be one with a
    character too few.
    """
    start, key = _beginning(key), _long(key)
    characters = _LETTERS if key.startswith(_HANDLE) else _DIGITS
    if place < 0:
        for at in range(start, len(key) + 1):
            yield from (_short(rest[:at] + one + rest[at:]) for one in characters)
        return
    yield _short(rest)
    before, after = rest[:place], rest[place:]
    yield from (_short(before + one + after) for one in characters)
    if key.startswith(_HANDLE):
        for at in (place - 1, place + 1):
            if at <= len(rest):
                yield rest[:at] + key[place] + rest[at:]
