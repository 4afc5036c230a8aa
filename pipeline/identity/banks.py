"""Banks by code and by the names that people give them (data: ``banks.yaml``)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from types import MappingProxyType
from typing import Final

import yaml

from pipeline.identity.characters import ascii_digits, compose, strip_invisible
from pipeline.identity.normalised import MAX_IDENTIFIER_CHARS

UNKNOWN_BANK: Final = "?"
_BIC_CHARS: Final = 11
_LEAST_BARE: Final = 3
_WORDS_OF_A_NAME: Final = 4
_CACHED_NAMES: Final = 8_192

# Words around a bank's name that say nothing about which bank it is.
_FILLER: Final = re.compile(
    r"ธนาคาร|^ธ(?=\.)|จำกัด|มหาชน|บมจ|แบงก์|แบงค์|แอป|แอพ|\bapp\b|\bpublic\b|\bcompany\b|\blimited\b|\bpcl\b|\bplc\b"
    r"|\bltd\b|\bco\b|\bthe\b|\bbank\b|\bmobile\b|\be?banking\b|\bnext\b|\beasy\b|โมบาย|ออมทรัพย์|ฯ"
)
# Not \W: Thai vowel and tone marks are no word characters, and must stay.
_PUNCTUATION: Final = re.compile(r"[\s\-_.,:;/()&'\"\[\]|*#]+")
_BRANCH_OR_PERSON: Final = re.compile(
    r"(?:สาขา|นาย|นางสาว|น\.\s?ส\.|นาง|คุณ|(?<![a-z])(?:branch|mr|mrs|ms|miss)(?![a-z]))[\s.:]+\S+"
)
_CODE: Final = re.compile(r"(?<![0-9A-Za-z])[0-9]{3}(?![0-9A-Za-z])")


@dataclass(frozen=True, slots=True)
class Bank:
    """One bank: its code, usual account lengths in digits (may be none), other codes, names.

    ``said`` are names that are the bank's only where nothing but a bank is asked for.
    """

    code: str
    lengths: frozenset[int]
    merged: tuple[str, ...]
    aliases: tuple[str, ...]
    said: tuple[str, ...]


def _load() -> tuple[Bank, ...]:
    text = resources.files("pipeline.identity").joinpath("banks.yaml").read_text("utf-8")
    return tuple(
        Bank(
            code=str(entry["code"]),
            lengths=frozenset(int(length) for length in entry["lengths"]),
            merged=tuple(str(code) for code in entry.get("merged", ())),
            aliases=tuple(str(alias) for alias in entry["aliases"]),
            said=tuple(str(name) for name in entry.get("said", ())),
        )
        for entry in yaml.safe_load(text)
    )


def _letters(text: str) -> str:
    return _PUNCTUATION.sub("", text)


def _bare(text: str) -> str:
    return _letters(_FILLER.sub(" ", text.casefold()))


BANKS: Final[tuple[Bank, ...]] = _load()
USUAL_LENGTHS: Final[Mapping[str, frozenset[int]]] = MappingProxyType(
    {bank.code: bank.lengths for bank in BANKS}
)
"""Usual numbers of digits of an account by bank code; empty where nothing is known."""
MERGED: Final[Mapping[str, str]] = MappingProxyType(
    {old: bank.code for bank in BANKS for old in bank.merged}
)
"""Codes of banks that were taken over, and second codes, to the code that is used."""


def _alias_codes(also_said: bool) -> Mapping[str, str]:
    codes: dict[str, str] = {}
    for bank in BANKS:
        for alias in (*bank.aliases, *(bank.said if also_said else ())):
            written = compose(alias).casefold()
            bare = _bare(written)
            # "K Bank" without its "bank" would be one letter: too little to name a bank.
            for form in (_letters(written), bare if len(bare) >= _LEAST_BARE else ""):
                if form and codes.setdefault(form, bank.code) != bank.code:
                    raise ValueError(f"banks.yaml: {alias!r} names two banks")
    return MappingProxyType(codes)


_ALIASES: Final = _alias_codes(also_said=False)
_NAMES: Final = _alias_codes(also_said=True)
"""All that may stand where a bank is asked for."""


def parse_bank(text: str | None) -> tuple[str, tuple[str, ...]]:
    """Return the three-digit code of the bank that is meant, or "?", and what was changed.

    A three-digit code that is not in the list is kept (``bank_unlisted``): two such banks stay two.
    Text that holds a code and the name of another bank is nobody's (``bank_conflict``).
    """
    if text is None:
        return UNKNOWN_BANK, ("bank_missing",)
    if text in USUAL_LENGTHS:
        return text, ()
    if len(text) > MAX_IDENTIFIER_CHARS:
        return UNKNOWN_BANK, ("bank_unknown",)
    return _parse(text)


@lru_cache(maxsize=_CACHED_NAMES)
def _parse(text: str) -> tuple[str, tuple[str, ...]]:
    changes: list[str] = []
    written = ascii_digits(compose(strip_invisible(text)), changes).strip()
    if not written:
        return UNKNOWN_BANK, ("bank_missing",)
    if written.isascii() and written.isdecimal() and len(written) <= 3:
        return _by_code(written)
    codes = set(_CODE.findall(written))
    named = _by_name(_CODE.sub(" ", written))
    if len(codes) > 1:
        return UNKNOWN_BANK, ("bank_conflict",)
    if codes and named in (None, _by_code(min(codes))[0]):
        code, _ = _by_code(min(codes))
        # With a name beside it that says nothing, only a listed code is surely a bank's.
        known = code in USUAL_LENGTHS
        return (code, ("bank_alias",)) if known else (UNKNOWN_BANK, ("bank_unknown",))
    if codes:
        return UNKNOWN_BANK, ("bank_conflict",)
    return (named, ("bank_alias",)) if named else (UNKNOWN_BANK, ("bank_unknown",))


def _by_code(digits: str) -> tuple[str, tuple[str, ...]]:
    changes = ["bank_code_padded"] if len(digits) < 3 else []
    code = digits.zfill(3)
    if code == "000":
        return UNKNOWN_BANK, ("bank_unknown",)
    if code in MERGED:
        code = MERGED[code]
        changes.append("bank_merged")
    elif code not in USUAL_LENGTHS:
        changes.append("bank_unlisted")
    return code, tuple(changes)


def _by_name(text: str) -> str | None:
    folded = text.casefold()
    letters = _letters(folded)
    found = _NAMES.get(letters) or _NAMES.get(_bare(folded))
    if found is None and len(letters) == _BIC_CHARS:
        found = _NAMES.get(letters[:8])
    return found or _by_every_word(folded)


def banks_in_words(text: str) -> set[str]:
    """Return the codes of the banks that words of a text name, whatever other words it has.

    A name may be a place's or a person's as well ("กรุงเทพ"): it tells that another bank may be
    meant, never which one it is. Behind the word for a branch or a person it is none. Codes and
    short numbers are none.
    """
    folded = _BRANCH_OR_PERSON.sub(" 0 ", compose(strip_invisible(text)).casefold())
    bare = _FILLER.sub(" ", folded)
    found: set[str] = set()
    for written in (folded,) if bare == folded else (folded, bare):
        words = [word for word in _PUNCTUATION.split(written) if word]
        for start in range(len(words)):
            name = ""
            for word in words[start : start + _WORDS_OF_A_NAME]:
                name += word
                if name in _ALIASES:
                    found.add(_ALIASES[name])
    return found


def _by_every_word(folded: str) -> str | None:
    """Return the bank where all words are names of one and the same, as in "กสิกร K PLUS"."""
    words = [word for word in _PUNCTUATION.split(_FILLER.sub(" ", folded)) if word]
    codes: set[str] = set()
    while words:
        for end in range(min(len(words), _WORDS_OF_A_NAME), 0, -1):
            code = _NAMES.get("".join(words[:end]))
            if code is not None:
                codes.add(code)
                words = words[end:]
                break
        else:
            return None
    return codes.pop() if len(codes) == 1 else None
