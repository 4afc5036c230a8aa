"""Keys of identifiers as they stand in clusters and on the watchlist, read back."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final

from pipeline.identity.account import normalise_account
from pipeline.identity.handle import normalise_handle
from pipeline.identity.normalised import Normalised
from pipeline.identity.phone import normalise_phone
from pipeline.identity.promptpay import normalise_promptpay
from pipeline.identity.url import normalise_url
from pipeline.identity.wallet import normalise_wallet

UNKNOWN_BANK: Final = "?"
_PERSON_HASH: Final = re.compile(r"nid:[0-9a-f]{64}")


def _account(rest: str) -> Normalised:
    bank, _, number = rest.partition(":")
    return normalise_account(None if bank == UNKNOWN_BANK else bank, number)


def _handle(rest: str) -> Normalised:
    platform, _, handle = rest.partition(":")
    return normalise_handle(platform, handle)


def _wallet(rest: str) -> Normalised:
    network, _, address = rest.partition(":")
    return normalise_wallet(network, address)


_READERS: Final[Mapping[str, Callable[[str], Normalised]]] = {
    "account": _account,
    "phone": normalise_phone,
    "promptpay": normalise_promptpay,
    "handle": _handle,
    "url": normalise_url,
    "wallet": _wallet,
}


def is_canonical(key: str) -> bool:
    """Say whether a text is the key of an identifier exactly as the normalisers write it.

    Any other text names nothing: it would never be found among the clusters.
    """
    kind, _, rest = key.partition(":")
    if kind == "nid":
        return _PERSON_HASH.fullmatch(key) is not None
    read = _READERS.get(kind)
    return read is not None and read(rest).key == key
