"""What the normalisers need to know of Unicode: other digits, invisible characters, Thai.

NFKC breaks SARA AM (U+0E33) into two characters, so text with Thai in it only ever gets NFC.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from pythainlp import thai_above_vowels as above_vowels
from pythainlp import thai_below_vowels as below_vowels
from pythainlp import thai_follow_vowels as follow_vowels
from pythainlp import thai_lead_vowels as lead_vowels
from pythainlp import thai_tonemarks as tone_marks
from pythainlp.util import normalize as normalize_thai

# Characters that show nothing: controls, format characters (zero-width, direction marks, soft
# hyphens), lone surrogates, variation selectors. Tab, line feed and carriage return are spaces.
_INVISIBLE_CATEGORIES: Final = frozenset({"Cf", "Cs", "Cc"})
_VARIATION_SELECTORS: Final = re.compile("[\ufe00-\ufe0f\U000e0100-\U000e01ef]")
_DECIMALS: Final = re.compile(r"^(\s*\d{5,})\.00?\s*$|(?<=[0-9]{9})\.0\s*$")
"""Behind nothing but digits, also few: a spreadsheet that adds it drops leading zeros as well.
Behind words only a long number has it; between shorter groups a dot may be the writer's own."""
_SEPARATORS: Final = re.compile(
    r"[\s\-_./,:\u00ad\u00b7\u2010-\u2015\u2022\u2212\uff0d\uff0e\uff0f]+"
)
_OTHER_DECIMALS: Final = re.compile(r"(?![0-9])\d")
_THAI: Final = re.compile("[\u0e00-\u0e7f]")
_MARKS: Final = f"{above_vowels}{below_vowels}{tone_marks}\u0e3a\u0e4c\u0e4d\u0e4e"
# Every text in which pythainlp's normalize changes something has one of these, in its own order:
# spaces, marks without a letter, two Sara E, a tone before a vowel, Nikhahit and Sara Aa, a vowel
# before a tone, Lakkhangyao, zero widths, and what stands twice.
_OUT_OF_ORDER: Final = re.compile(
    rf"\s\s|[^\S ]|^\s|\s$|(?:^| )[{_MARKS}]|\u0e40\u0e40"
    rf"|[{tone_marks}\u0e4c][{above_vowels}{below_vowels}]|\u0e4d[{tone_marks}]*\u0e32"
    rf"|[{follow_vowels}][{tone_marks}]|\u0e45|[\u200b\u200c]|[{tone_marks}]{{2}}"
    rf"|([{follow_vowels}{lead_vowels}{above_vowels}{below_vowels}\u0e3a\u0e4c-\u0e4e]) *\1"
)
_O_BETWEEN_DIGITS: Final = re.compile("[Oo]")
_L_BETWEEN_DIGITS: Final = re.compile("[lI]")


def has_thai(text: str) -> bool:
    """Say whether the text holds a character of the Thai block."""
    return _THAI.search(text) is not None


def in_thai_order(text: str) -> str:
    """Return the text with Thai vowels and tone marks in their order, each once (pythainlp's)."""
    # It tries some forty patterns one by one; hardly any name has one of them.
    return normalize_thai(text) if _OUT_OF_ORDER.search(text) else text


def strip_invisible(text: str) -> str:
    """Return the text without characters that show nothing."""
    # What shows nothing is not printable, but for variation selectors.
    if text.isprintable() and not _VARIATION_SELECTORS.search(text):
        return text
    text = _VARIATION_SELECTORS.sub("", text)
    return "".join(
        character
        for character in text
        if character in "\t\n\r" or unicodedata.category(character) not in _INVISIBLE_CATEGORIES
    )


def compose(text: str) -> str:
    """Return the text in NFKC, or in NFC when it holds Thai."""
    if text.isascii():
        return text
    return unicodedata.normalize("NFC" if has_thai(text) else "NFKC", text)


def ascii_digits(text: str, changes: list[str]) -> str:
    """Return the text with decimal digits of every script as ASCII, noting which there were."""
    if text.isascii() or not _OTHER_DECIMALS.search(text):
        return text
    written = []
    for character in text:
        value = unicodedata.decimal(character, None)
        if value is None or character.isascii():
            written.append(character)
            continue
        changes.append("thai_digits" if has_thai(character) else "foreign_digits")
        written.append(str(value))
    return "".join(written)


def bare_number(text: str, changes: list[str]) -> str:
    """Return the text without what people put into a number to make it readable.

    Invisible characters and separators go, digits become ASCII; letters and signs stay, so the
    caller sees that there are some. Each step that changed something is noted in ``changes``.
    """
    visible = strip_invisible(text)
    if visible != text:
        changes.append("invisible_characters")
    digits = ascii_digits(visible, changes)
    bare = _SEPARATORS.sub("", digits)
    if bare != digits:
        changes.append("separators")
    return bare


def without_decimals(text: str, changes: list[str]) -> str:
    """Return the text without the ".0" or ".00" that a spreadsheet puts behind a number."""
    if "." not in text:
        return text
    bare = _DECIMALS.sub(r"\1", text)
    if bare != text:
        changes.append("decimals")
    return bare


def letters_for_digits(text: str, least_digits: int, changes: list[str]) -> str:
    """Return the text with o for 0 and l or I for 1 put right, where nothing else can be meant.

    That is where all the other characters are digits, at least ``least_digits`` of them; else the
    text comes back as it is. Typed by hand from a picture, ``08l`` is a common slip.
    """
    if text.isdecimal():
        return text
    digits = sum(character.isdecimal() for character in text)
    if digits < least_digits or digits == len(text):
        return text
    righted = _L_BETWEEN_DIGITS.sub("1", _O_BETWEEN_DIGITS.sub("0", text))
    if not (righted.isascii() and righted.isdecimal()):
        return text
    if _O_BETWEEN_DIGITS.search(text):
        changes.append("letter_o_for_0")
    if _L_BETWEEN_DIGITS.search(text):
        changes.append("letter_l_for_1")
    return righted
