"""Telephone numbers: ``phone:+66812345678`` (E.164). Thai unless a country code says otherwise.

Numbers are portable: a prefix does not tell the operator. Numbers of up to six digits are short
codes (191, 1441, bank hotlines): public, never anybody's. A number that nobody can have, of a digit
too few or too many, is kept as it was typed (``phone:081234567``): what is known may look like it.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

import phonenumbers

from pipeline.identity.characters import (
    ascii_digits,
    letters_for_digits,
    strip_invisible,
    without_decimals,
)
from pipeline.identity.normalised import MAX_IDENTIFIER_CHARS, Normalised, distinct, refused

SHORT_CODE_MAX_DIGITS: Final = 6
_CACHED_PHONES: Final = 32_768
_LEAST_DIGITS_BESIDE_LETTERS: Final = 7
_LABEL: Final = re.compile(
    r"^(?:tel:|(?:โทรศัพท์|โทร|เบอร์โทร|เบอร์|มือถือ|telephone|tel|phone|mobile|mob)[\s.:#]*+)\s*(?=[+\d(])",
    re.IGNORECASE,
)
_SEPARATORS: Final = re.compile(r"[\s\-_./()\[\]\u00b7\u2010-\u2015\u2212\uff0d]+")
_TRUNK_IN_BRACKETS: Final = re.compile(r"^(\+\s*66)\s*\(0\)")
_CANONICAL: Final = re.compile(r"\+[1-9][0-9]{6,14}")
_PLAIN_MOBILE: Final = re.compile(r"(\+66|0)([689][0-9]{8})")
"""All that mobiles begin with: within it new ranges are opened faster than tables of them follow,
and a report would lose what may be the only thing that it says."""
_TRUNK_PREFIX: Final = ("trunk_prefix",)
_TYPED: Final = re.compile(r"[0-9]{9,11}")
_LEAST_DIGITS_WITHOUT_PLUS: Final = 11
"""A Thai mobile number with its trunk prefix has 10."""
_MADE_UP: Final = "01234567890123456789"
_LEAST_DIGITS_OF_ITS_OWN: Final = 3
_MOST_DIGITS_BESIDE_WORDS: Final = 30
"""More are of several numbers, and the library takes milliseconds for a text of such alone."""
_THAI_MOBILE: Final = re.compile(r"\+66(?:[689][0-9]{8}|14[0-9]{7})")


def normalise_phone(text: str) -> Normalised:
    """Return the key of a telephone number.

    What nobody can have is kept as it is, where it has about the digits of a Thai number
    (``not_given_out``). Problems: empty, no_digits, short_code, not_a_phone, too_long.
    """
    mobile = _PLAIN_MOBILE.fullmatch(text)
    if mobile:
        # Most numbers are written so: nothing of it needs to be looked at more closely.
        return Normalised(f"phone:+66{mobile[2]}", _TRUNK_PREFIX if mobile[1] == "0" else ())
    if len(text) > MAX_IDENTIFIER_CHARS:
        return refused("too_long")
    return _normalise(text)


def is_thai_mobile(number: str) -> bool:
    """Say whether an E.164 number (with its +) is in a Thai mobile range."""
    return _THAI_MOBILE.fullmatch(number) is not None


@lru_cache(maxsize=_CACHED_PHONES)
def _normalise(text: str) -> Normalised:
    changes: list[str] = []
    number = _bare(text, changes)
    problem = _problem(number)
    if problem == "not_a_phone" and (within := _within_text(text)) is not None:
        number, problem = within, None
        changes = ["text_beside"]
    if problem:
        return refused(problem, distinct(changes))
    mobile = _PLAIN_MOBILE.fullmatch(number)
    if mobile:
        # Most numbers need not go through the library.
        if mobile.group(1) == "0":
            changes.append("trunk_prefix")
        return Normalised(f"phone:+66{mobile.group(2)}", distinct(changes))
    parsed = _parse(number, changes)
    if parsed is None:
        return _as_typed(number, changes)
    return Normalised(f"phone:{parsed}", distinct(changes))


def _bare(text: str, changes: list[str]) -> str:
    visible = strip_invisible(text)
    if visible != text:
        changes.append("invisible_characters")
    digits = ascii_digits(visible, changes).strip().replace("\uff0b", "+")
    digits = without_decimals(digits, changes)
    unlabelled = _LABEL.sub("", digits)
    if unlabelled != digits:
        changes.append("label")
    bracketless = _TRUNK_IN_BRACKETS.sub(r"\1", unlabelled)
    if bracketless != unlabelled:
        changes.append("trunk_prefix")
    bare = _SEPARATORS.sub("", bracketless)
    if bare != bracketless:
        changes.append("separators")
    plus = "+" if bare.startswith("+") else ""
    return plus + letters_for_digits(bare[len(plus) :], _LEAST_DIGITS_BESIDE_LETTERS, changes)


def _within_text(text: str) -> str | None:
    """Return the one number (E.164) that a text holds beside other words; None: none or several."""
    written = ascii_digits(strip_invisible(text), [])
    if sum(map(str.isdecimal, written)) > _MOST_DIGITS_BESIDE_WORDS:
        return None
    found = list(phonenumbers.PhoneNumberMatcher(written, "TH"))
    if len(found) != 1 or found[0].number.extension:
        return None
    return phonenumbers.format_number(found[0].number, phonenumbers.PhoneNumberFormat.E164)


def _as_typed(number: str, changes: list[str]) -> Normalised:
    """Return a number that nobody can have with its trunk prefix, where it may be a slip of one."""
    typed = "0" + number[3:].removeprefix("0") if number.startswith("+66") else number
    own = len(set(typed)) >= _LEAST_DIGITS_OF_ITS_OWN and typed not in _MADE_UP
    if not (own and _TYPED.fullmatch(typed)):
        return refused("not_a_phone", distinct(changes))
    changes.append("not_given_out")
    return Normalised(f"phone:{typed}", distinct(changes))


def _problem(number: str) -> str | None:
    digits = number.removeprefix("+")
    if not digits:
        return "empty"
    if not (digits.isascii() and digits.isdecimal()):
        has_digits = any(character in "0123456789" for character in digits)
        return "not_a_phone" if has_digits else "no_digits"
    if len(digits) <= SHORT_CODE_MAX_DIGITS:
        return "short_code"
    return None


def _parse(number: str, changes: list[str]) -> str | None:
    if number.startswith("0066"):
        # Thailand's own international prefix is 00 + carrier: the library would eat "006".
        number = "+" + number[2:]
        changes.append("international_prefix")
    if number.startswith("+660"):
        number = "+66" + number[4:]
        changes.append("trunk_prefix")
    return _read(number, changes) or _read_abroad(number, changes)


def _read(number: str, changes: list[str]) -> str | None:
    """Return a number as somebody in Thailand would dial it."""
    try:
        parsed = phonenumbers.parse(number, "TH")
    except phonenumbers.NumberParseException:
        return None
    written = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)
    if parsed.extension or not _CANONICAL.fullmatch(written):
        return None
    if not (is_thai_mobile(written) or phonenumbers.is_valid_number(parsed)):
        # Foreign ranges change faster than the library's data, too; but a Thai number that is no
        # mobile is well known.
        foreign = number.startswith("+") and parsed.country_code != 66
        if not (foreign and phonenumbers.is_possible_number(parsed)):
            return None
        changes.append("range_unknown")
    if not number.startswith("+"):
        changes.append(_what_was_added(number, written))
    return written


def _read_abroad(number: str, changes: list[str]) -> str | None:
    """Return a foreign number that is written with 00 for its + ("0044 7…"), or without either.

    The library takes Thailand's prefixes for 00 and a carrier's digit. Only what is a number in
    use is read so, and without a 00 only what is too long for a Thai one.
    """
    if number.startswith("00"):
        dialled, change = number[2:], "international_prefix"
    elif len(number) >= _LEAST_DIGITS_WITHOUT_PLUS and not number.startswith(("0", "+")):
        dialled, change = number, "plus_missing"
    else:
        return None
    try:
        parsed = phonenumbers.parse("+" + dialled)
    except phonenumbers.NumberParseException:
        return None
    written = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)
    # Another spelling of the country code or a trunk 0 would be one guess upon another.
    if written != "+" + dialled or not phonenumbers.is_valid_number(parsed):
        return None
    changes.append(change)
    return written


def _what_was_added(number: str, written: str) -> str:
    if written == "+66" + number:
        return "trunk_prefix_missing"
    if written == "+" + number:
        return "plus_missing"
    return "trunk_prefix" if written == "+66" + number[1:] else "international_prefix"
