"""Bank accounts: ``account:<bank code>:<digits>``. The bank is part of the identity.

Thai account numbers carry no public check digit, and lengths differ by bank and product: an
unusual length is only ever noted. Leading zeros count. Without a bank the key is ``account:?:…``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Final, TypeGuard

from rapidfuzz.distance import OSA

from pipeline.identity.banks import UNKNOWN_BANK, USUAL_LENGTHS, banks_in_words, parse_bank
from pipeline.identity.beside import is_named_otherwise, without_named_phone
from pipeline.identity.characters import (
    ascii_digits,
    bare_number,
    letters_for_digits,
    strip_invisible,
    without_decimals,
)
from pipeline.identity.national_id import NATIONAL_ID_DIGITS, is_national_id
from pipeline.identity.normalised import MAX_IDENTIFIER_CHARS, Normalised, distinct, refused
from pipeline.identity.services import service_in

__all__ = [
    "bank_of",
    "has_usual_length",
    "is_account",
    "is_given_out",
    "is_one_edit",
    "is_two_edits",
    "is_without_zeros",
    "may_be_slip_of",
    "normalise_account",
    "number_of",
    "one_edit_neighbours",
    "parse_bank",
    "plain_account_key",
    "without_or_with_zeros",
]

MIN_DIGITS: Final = 5
"""Fewer digits are a fragment: no bank's account number is so short."""
MAX_DIGITS: Final = 40
"""A bank account inside a PromptPay QR payload has at most 43 characters with its bank code."""
_LENGTHS: Final = dict(USUAL_LENGTHS)
_ALL_LENGTHS: Final = sorted(frozenset[int]().union(*USUAL_LENGTHS.values()))
_CACHED_ACCOUNTS: Final = 16_384
_CACHED_WRITTEN: Final = 1_024
"""As they are written: a report names most accounts twice, as a suspect and as a payee."""
_DIGITS: Final = "0123456789"
_LEAST_DIGITS_BESIDE_LETTERS: Final = 6
_DIGITS_OF_ONE: Final = 9
_DIGIT_BEFORE: Final = re.compile(r"[0-9][\s.\-/]*$")
_DIGIT_BEHIND: Final = re.compile(r"[\s.\-/]*[0-9]")
# One group behind the label, and no way back: several of spaces cost the cube of their number.
_LABEL: Final = re.compile(
    r"^\s*(?:เลขที่บัญชี|เลขบัญชี|หมายเลขบัญชี|บัญชีเลขที่|บัญชี|บช\.?|"
    r"account|acct|acc|a/c)(?:number|no|[\s.:#])*+(?=\d)",
    re.IGNORECASE,
)
_EDGE: Final = r"\s()\[\]'\"‘’“”:,;\u0e00-\u0e7f"
_WITHIN_TEXT: Final = re.compile(rf"(?<![^{_EDGE}])(?:[0-9][-.]?){{8,14}}[0-9](?![^{_EDGE}])")
"""A number of nine to fifteen digits, without spaces, beside whose ends no Latin letter, digit or
mask stands: then it might be another kind of number, or a part of one."""
_SPACED: Final = re.compile(r"(?<=[0-9])\s(?=[0-9])")
"""Between the groups of a number that is written with spaces ("KBANK 406 2 11500 9")."""
_SEVERAL: Final = re.compile(r"[/,;|&+]")
"""What people put between two numbers; within one a slash stands between fewer digits."""
_MASK: Final = re.compile(r"[xX*•●█#]")


def plain_account_key(bank: str | None, number: str) -> str | None:
    """Return the key of an account that is written as banks send it: a listed code, bare digits.

    None means "not so plain", not "no account". The payments' hot path: hardly anything is made.
    """
    lengths = _LENGTHS.get(bank or "")
    if lengths and len(number) in lengths and number.isdecimal() and number.isascii():
        return f"account:{bank}:{number}" if number.strip("0") else None
    return None


@lru_cache(maxsize=_CACHED_WRITTEN)
def normalise_account(bank: str | None, number: str) -> Normalised:
    """Return the key of an account, given its bank as a code or a name (or None) and its number.

    Problems: empty, no_digits, masked, not_an_account, several_numbers, too_short, too_long,
    placeholder (zeros).
    A 13-digit number with a national ID's check digit is noted as ``like_national_id``.
    """
    plain = plain_account_key(bank, number)
    if plain is not None:
        return Normalised(plain)
    if len(number) > MAX_IDENTIFIER_CHARS:
        return refused("too_long")
    if bank is not None and bank in USUAL_LENGTHS and number.isascii() and number.isdecimal():
        # Bare digits at a listed bank: there is nothing to strip, only to look at.
        return _judged(bank, number, [])
    if bank is not None and len(bank) > MAX_IDENTIFIER_CHARS:
        bank = bank[: MAX_IDENTIFIER_CHARS + 1]
    return _normalise(bank, number)


@lru_cache(maxsize=_CACHED_ACCOUNTS)
def _normalise(bank: str | None, number: str) -> Normalised:
    code, bank_changes = parse_bank(bank)
    changes = list(bank_changes)
    alone = without_named_phone(number)
    if alone != number:
        changes.append("phone_beside")
    unlabelled = _LABEL.sub("", alone)
    if unlabelled != alone:
        changes.append("label")
    if len([part for part in _SEVERAL.split(unlabelled) if _has_many_digits(part)]) > 1:
        return refused("several_numbers", distinct(changes))
    digits = bare_number(without_decimals(unlabelled, changes), changes)
    digits = letters_for_digits(digits, _LEAST_DIGITS_BESIDE_LETTERS, changes)
    if _problem(digits) == "not_an_account":
        return _within_text(code, number, unlabelled, changes)
    return _judged(code, digits, changes)


def _has_many_digits(text: str) -> bool:
    return sum(map(str.isdecimal, text)) >= _DIGITS_OF_ONE


def _within_text(code: str, number: str, text: str, changes: list[str]) -> Normalised:
    """Return the account whose number stands alone in a text with a name or a bank beside it.

    So people write it who copy a line, and it may be all that a report says. Where the bank is
    missing, the text may name it. Refused where the text names another bank, where what stands
    beside the number says that it is none of an account, or may be a part of it or another number.
    A number that is called an account's is one, but for PromptPay and wallets, whose numbers are
    called so, too. ``text`` is ``number`` without a label and a phone.
    """
    written = ascii_digits(strip_invisible(text), [])
    found = list(_WITHIN_TEXT.finditer(written))
    if not found:
        written = _SPACED.sub("-", written)
        found = [match for match in _WITHIN_TEXT.finditer(written) if _is_whole(code, match)]
    if len(found) != 1:
        return refused("not_an_account", distinct(changes))
    before, behind = written[: found[0].start()], written[found[0].end() :]
    labelled = "label" in changes and not before
    beside = sum(map(str.isdecimal, before + behind))
    if beside >= (_DIGITS_OF_ONE if labelled else MIN_DIGITS):
        return refused("several_numbers", distinct(changes))
    read = ["phone_beside"] if "phone_beside" in changes else []
    read.append("text_beside")
    digits = bare_number(found[0].group(), read)
    banks = _banks_beside(before, behind)
    # A number stands between the two: no name of a bank goes on behind it.
    told = banks | banks_in_words(f"{before} 0 {behind}") | {code}
    if (
        len(told - {UNKNOWN_BANK}) > 1
        or (_may_go_on(before, behind) and not _is_usual(code, digits))
        or service_in(number)
        or (not labelled and is_named_otherwise(before, digits, behind))
    ):
        return refused("not_an_account", distinct(changes))
    if code == UNKNOWN_BANK and banks:
        code = banks.pop()
        read.append("bank_in_number")
    return _judged(code, digits, read)


def _banks_beside(before: str, behind: str) -> set[str]:
    """Return the banks that nothing but their name or code on one side of a number names."""
    beside = [part.strip(" ()[]'\",:;") for part in (before, behind)]
    # One or two digits are no code that anybody writes beside a number.
    codes = {parse_bank(part)[0] for part in beside if len(part) > 2 or not part.isdecimal()}
    return codes - {UNKNOWN_BANK}


def _may_go_on(before: str, behind: str) -> bool:
    """Say whether nothing but spaces parts a number from other digits: they may be its own."""
    return bool(_DIGIT_BEFORE.search(before) or _DIGIT_BEHIND.match(behind))


def _is_whole(code: str, found: re.Match[str]) -> bool:
    """Say whether a number is as long as its bank's are, and no digit stands beside it."""
    digits = "".join(filter(str.isdecimal, found.group()))
    return _is_usual(code, digits) and sum(map(str.isdecimal, found.string)) == len(digits)


def _is_usual(code: str, digits: str) -> bool:
    return len(digits) in (USUAL_LENGTHS.get(code) or _ALL_LENGTHS)


def _judged(code: str, digits: str, changes: list[str]) -> Normalised:
    """Return the result for what is left of a number, or why that is none."""
    problem = _problem(digits)
    if problem:
        return refused(problem, distinct(changes))
    lengths = USUAL_LENGTHS.get(code)
    if lengths and len(digits) not in lengths:
        if digits.startswith(code) and len(digits) - len(code) in lengths:
            digits = digits.removeprefix(code)
            changes.append("bank_in_number")
            return _judged(code, digits, changes)
        changes.append("length_unusual")
    if len(digits) == NATIONAL_ID_DIGITS and is_national_id(digits):
        changes.append("like_national_id")
    return Normalised(f"account:{code}:{digits}", distinct(changes))


def _problem(digits: str) -> str | None:
    if not digits:
        return "empty"
    if not (digits.isascii() and digits.isdecimal()):
        if not any(character in _DIGITS for character in digits):
            return "no_digits"
        return "masked" if not _MASK.sub("", digits).strip(_DIGITS) else "not_an_account"
    if not digits.strip("0"):
        return "placeholder"
    if len(digits) < MIN_DIGITS:
        return "too_short"
    return "too_long" if len(digits) > MAX_DIGITS else None


def is_account(key: str | None) -> TypeGuard[str]:
    """Whether a canonical key is an account's (and not a proxy's or wallet's)."""
    return key is not None and key.startswith("account:")


def bank_of(key: str) -> str:
    """Return the bank code ("?" when unknown) of an account's key."""
    return key.split(":", 2)[1]


def number_of(key: str) -> str:
    """Return the digits of an account's key."""
    return key.split(":", 2)[2]


def has_usual_length(key: str) -> bool:
    """Whether a number has a length that its bank gives out; so has all that is no account's."""
    lengths = USUAL_LENGTHS.get(bank_of(key)) if is_account(key) else None
    return not lengths or len(number_of(key)) in lengths


def is_without_zeros(a: str, b: str) -> bool:
    """Say whether one of two accounts is the other one without the zeros that it begins with.

    A spreadsheet drops them. What is left has a length that its bank (without one: any bank) does
    not give out; without its bank an account may be one at any.
    """
    short, whole = (a, b) if len(number_of(a)) < len(number_of(b)) else (b, a)
    number, banks = number_of(whole), {bank_of(a), bank_of(b)}
    if number[0] != "0" or number.lstrip("0") != number_of(short):
        return False
    if len(banks) > 1 and UNKNOWN_BANK not in banks:
        return False
    return is_given_out(whole) and not is_given_out(short)


def is_given_out(account: str) -> bool:
    """Say whether an account's number has a length that its bank (without one: any) gives out."""
    bank = bank_of(account)
    lengths = _ALL_LENGTHS if bank == UNKNOWN_BANK else USUAL_LENGTHS.get(bank)
    return not lengths or len(number_of(account)) in lengths


def without_or_with_zeros(number: str) -> list[str]:
    """Return what a number may be with or without two or more zeros before it.

    One more or less is one edit (`one_edit_neighbours`).
    """
    if number.startswith("00"):
        return [number.lstrip("0")]
    return [number.zfill(n) for n in _ALL_LENGTHS if n > len(number) + 1 and number[0] != "0"]


def is_one_edit(a: str, b: str) -> bool:
    """Say whether one substitution, deletion, insertion or adjacent swap makes ``a`` into ``b``."""
    return OSA.distance(a, b, score_cutoff=1) == 1


def is_two_edits(a: str, b: str) -> bool:
    """Say whether it takes two edits to make ``a`` into ``b``, as `is_one_edit` counts them."""
    return OSA.distance(a, b, score_cutoff=2) == 2


def may_be_slip_of(typed: str, payee: str) -> bool:
    """Say whether a key may be an account's with one slip at most, by its number and bank."""
    if not is_account(typed):
        return False
    banks = {bank_of(typed), bank_of(payee)}
    if len(banks - {UNKNOWN_BANK}) > 1:
        return False
    a, b = number_of(typed), number_of(payee)
    return a == b or is_one_edit(a, b)


def one_edit_neighbours(number: str) -> Iterator[str]:
    """Yield every other number one edit away, each once, in a fixed order.

    Edits: a digit substituted, two adjacent ones swapped, one deleted, one inserted. For n digits
    that is about 20 n numbers, so probing an exact index costs the same however large it is.
    """
    seen = {number}
    for neighbour in _edits(number):
        if neighbour not in seen:
            seen.add(neighbour)
            yield neighbour


def _edits(number: str) -> Iterator[str]:
    for place in range(len(number)):
        before, after = number[:place], number[place + 1 :]
        for digit in _DIGITS:
            yield before + digit + after
        yield before + after
        if after:
            yield before + after[0] + number[place] + after[1:]
    for place in range(len(number) + 1):
        for digit in _DIGITS:
            yield number[:place] + digit + number[place:]
