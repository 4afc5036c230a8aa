"""Postal addresses as free text: ``address:<words>``, compared word by word.

Spellings, order and what is left out differ from one writer to the next, so two addresses are never
equal or not: they agree by a share.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from rapidfuzz.distance import OSA

from pipeline.identity.characters import ascii_digits, compose, strip_invisible
from pipeline.identity.normalised import MAX_IDENTIFIER_CHARS, Normalised, refused

MAX_ADDRESS_WORDS: Final = 16
"""Words of an address that are compared, the first ones."""
_WORD: Final = re.compile(r"[^\W_]+(?:[\u0e31-\u0e3a\u0e47-\u0e4e][^\W_]*)*")
_CACHED: Final = 32_768
_FUZZY_LETTERS: Final = 4
"""Words of so many letters may differ by one edit; numbers may not."""


def normalise_address(text: str) -> Normalised:
    """Return the key of an address: its words in one case, numbers in ASCII digits.

    Problems: empty, too_long.
    """
    if len(text) > MAX_IDENTIFIER_CHARS:
        return refused("too_long")
    changes: list[str] = []
    plain = compose(ascii_digits(strip_invisible(text), changes)).casefold()
    words = _WORD.findall(plain)[:MAX_ADDRESS_WORDS]
    return Normalised(f"address:{' '.join(words)}") if words else refused("empty")


def numbers_in(address: str) -> list[str]:
    """Return the distinct words of an address that have a digit, by their characters."""
    words = address.removeprefix("address:").split()
    return sorted({word for word in words if any(character.isdigit() for character in word)})


@lru_cache(maxsize=_CACHED)
def addresses_agree(a: str, b: str) -> float:
    """Return the share of words that two keys have in common, from 0 to 1 (Dice's coefficient)."""
    left, right = a.removeprefix("address:").split(), b.removeprefix("address:").split()
    rest = list(right)
    common = 0
    for word in left:
        found = next((other for other in rest if _same(word, other)), None)
        if found is not None:
            rest.remove(found)
            common += 1
    return 2 * common / (len(left) + len(right))


def _same(a: str, b: str) -> bool:
    if a == b:
        return True
    if min(len(a), len(b)) < _FUZZY_LETTERS or a.isdigit() or b.isdigit():
        return False
    return OSA.distance(a, b, score_cutoff=1) <= 1
