"""What a bank field and a number together name: a bank's account, a proxy, or a wallet's phone.

People who paid by PromptPay or into a wallet write so in the field for the bank, and the phone into
the one for the account. Read as an account's, a phone is the number of some stranger's account.
A proxy is ``promptpay:…``. A wallet that is known by its owner's phone is ``phone:…``: in which
book its money is, nobody here knows. A bank's event has to name a book (`normalise_book`).
"""

from __future__ import annotations

import re
from typing import Final

from pipeline.identity.account import normalise_account
from pipeline.identity.banks import USUAL_LENGTHS
from pipeline.identity.normalised import MAX_IDENTIFIER_CHARS, Normalised, distinct, refused
from pipeline.identity.phone import is_thai_mobile, normalise_phone
from pipeline.identity.promptpay import normalise_promptpay
from pipeline.identity.services import PROMPTPAY, service_in

_PERSONS_IDS: Final = ("raw_national_id", "bad_check_digit")
_GUESSED: Final = frozenset({"trunk_prefix_missing", "plus_missing"})
"""So a number is changed that may be a phone's, though it does not begin like one."""
_LETTER: Final = re.compile(r"[^\W\d_]")
_NUMBER: Final = re.compile(r"[+(]?\d.*\d", re.DOTALL)
_MOST_DIGITS: Final = 15
"""Digits of a proxy or phone at most; what holds more holds another number."""


def normalise_payee(bank: str | None, number: str) -> Normalised:
    """Return the key of what a bank (or None) and a number name.

    A PromptPay proxy where the field for the bank or the one for the number names PromptPay, and
    the number is such a proxy (``bank_is_promptpay``, ``number_is_promptpay``); a phone where one
    of them names that or a wallet, and the number is or looks like a phone's (``bank_is_wallet``,
    ``number_is_wallet``); else an account. Problems: those of `normalise_account`,
    raw_national_id, bad_check_digit.
    """
    listed = bank is None or bank in USUAL_LENGTHS
    if listed and number.isdecimal():
        return normalise_account(bank, number)
    service = "" if listed or bank is None else service_in(bank)
    change = f"bank_is_{service}"
    if not service and _LETTER.search(number) and len(number) <= MAX_IDENTIFIER_CHARS:
        service = service_in(number)
        change = f"number_is_{service}"
    if service:
        found = _at_service(service, number, change)
        if found is not None:
            return found
    return normalise_account(bank, number)


def normalise_book(bank: str | None, number: str) -> Normalised:
    """Return the key of the book in which a bank's event enters a bank (or None) and a number.

    As `normalise_payee`, but a wallet's phone stays the number without a bank that it is written
    as: money needs a book, and whoever sends the next payment of that wallet means the same one.
    No report names that book by the wallet. Problems: those of `normalise_payee`.
    """
    found = normalise_payee(bank, number)
    if found.key is not None and found.key.startswith("phone:"):
        return normalise_account(bank, number)
    return found


def names_promptpay(bank: str) -> bool:
    """Say whether a text in the field for the bank names PromptPay, also beside a bank."""
    return service_in(bank) == PROMPTPAY


def _at_service(service: str, text: str, change: str) -> Normalised | None:
    """Return what a number, or a text with one, is at PromptPay or a wallet; None: neither."""
    found = _contact(service, text)
    if found is None:
        number = _NUMBER.search(text)
        if number is not None and number.group() != text:
            found = _contact(service, number.group())
    if found is None:
        return None
    phone = found.key is not None and "phone:" in found.key
    if phone and sum(map(str.isdecimal, text)) > _MOST_DIGITS:
        # One number is the service's; which one the other is, nobody said.
        return refused("several_numbers", (change,))
    return Normalised(found.key, distinct([change, *found.changes]), found.problem)


def _contact(service: str, number: str) -> Normalised | None:
    """Return the proxy or phone that a number is, or that it is a person's ID; None: neither.

    A phone with a digit too few or too many is kept as one: as an account's it is a stranger's.
    """
    if service == PROMPTPAY:
        found = normalise_promptpay(number)
        if found.key is not None or found.problem in _PERSONS_IDS:
            return found
    found = normalise_phone(number)
    phone = (found.key or "").removeprefix("phone:")
    as_written = phone.startswith("+") and not _GUESSED.intersection(found.changes)
    return found if is_thai_mobile(phone) or phone.startswith("0") or as_written else None
