"""What a bank field and a number together name: a bank's account, a proxy, or a wallet's phone.

People who paid by PromptPay or into a wallet write so in the field for the bank, and the phone into
the one for the account. Read as an account's, a phone is the number of some stranger's account.
A proxy is ``promptpay:…``. A wallet that is known by its owner's phone is ``phone:…``: in which
book its money is, nobody here knows.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from pipeline.identity.account import normalise_account
from pipeline.identity.banks import UNKNOWN_BANK, USUAL_LENGTHS, parse_bank
from pipeline.identity.characters import compose, strip_invisible
from pipeline.identity.normalised import MAX_IDENTIFIER_CHARS, Normalised, distinct
from pipeline.identity.phone import is_thai_mobile, normalise_phone
from pipeline.identity.promptpay import normalise_promptpay

_PROXIES: Final = ("promptpay", "พร้อมเพ")
_WALLETS: Final = (
    *("truemoney", "truewallet", "ทรูมันน", "ทรูวอลเล", "ทรูวอเล", "shopeepay", "ช้อปปี้เพย์"),
    *("airpay", "linepay", "ไลน์เพย์", "wallet", "วอลเล็", "วอเล็ต", "วอเลท"),
)
"""As they are written without spaces, or how all ways of writing one begin."""
_CACHED_BANKS: Final = 1_024


def normalise_payee(bank: str | None, number: str) -> Normalised:
    """Return the key of what a bank (or None) and a number name.

    A PromptPay proxy where the field for the bank names PromptPay and no bank, and the number is
    such a proxy (``bank_is_promptpay``); a phone where it names a wallet and the number is a Thai
    mobile (``bank_is_wallet``); else an account. Problems: those of `normalise_account`.
    """
    service = "" if bank is None or bank in USUAL_LENGTHS else _service(bank)
    if service == "bank_is_promptpay":
        found = normalise_promptpay(number)
        if found.key is not None or found.problem == "raw_national_id":
            return Normalised(found.key, distinct([service, *found.changes]), found.problem)
    elif service:
        found = normalise_phone(number)
        if found.key is not None and is_thai_mobile(found.key.removeprefix("phone:")):
            return Normalised(found.key, distinct([service, *found.changes]))
    return normalise_account(bank, number)


def names_promptpay(bank: str) -> bool:
    """Say whether a text in the field for the bank names PromptPay and no bank."""
    return _service(bank) == "bank_is_promptpay"


@lru_cache(maxsize=_CACHED_BANKS)
def _service(bank: str) -> str:
    """Return what a text names in place of a bank, "" where it names a bank, or neither."""
    if parse_bank(bank)[0] != UNKNOWN_BANK:
        return ""
    written = compose(strip_invisible(bank[:MAX_IDENTIFIER_CHARS])).casefold()
    letters = "".join(sign for sign in written if sign not in " -_./()")
    if any(name in letters for name in _PROXIES):
        return "bank_is_promptpay"
    return "bank_is_wallet" if any(name in letters for name in _WALLETS) else ""
