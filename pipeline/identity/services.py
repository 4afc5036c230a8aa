"""PromptPay and wallets, by the names that people give them in place of a bank or by a number."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from pipeline.identity.characters import compose, strip_invisible
from pipeline.identity.normalised import MAX_IDENTIFIER_CHARS

PROMPTPAY: Final = "promptpay"
WALLET: Final = "wallet"
_CACHED_TEXTS: Final = 2_048
# As they are written without spaces, or how all ways of writing one begin. "Online payment" holds
# the letters of "linepay", and is none.
_PROMPTPAY_NAME: Final = re.compile("promptpay|พร้อมเพ")
_WALLET_NAME: Final = re.compile(
    "truemoney|truewallet|ทรูมันน|ทรูวอลเล|ทรูวอเล|shopeepay|ช้อปปี้เพย์|(?<!f)airpay"
    "|(?<!on)linepay|(?<!ออน)ไลน์เพย์|wallet|วอลเล็|วอเล็ต|วอเลท"
)
_BETWEEN: Final = str.maketrans("", "", " -_./()")


@lru_cache(maxsize=_CACHED_TEXTS)
def service_in(text: str) -> str:
    """Return `PROMPTPAY` or `WALLET` where a text names one, in whatever words beside it; else "".

    PromptPay where it names both: the number beside it is then a proxy at a wallet.
    """
    written = compose(strip_invisible(text[:MAX_IDENTIFIER_CHARS])).casefold()
    letters = written.translate(_BETWEEN)
    if _PROMPTPAY_NAME.search(letters):
        return PROMPTPAY
    return WALLET if _WALLET_NAME.search(letters) else ""
