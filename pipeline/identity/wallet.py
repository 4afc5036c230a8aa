"""Crypto wallets: ``wallet:<network>:<address>``; the network is part of the identity."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Final

from pipeline.identity.characters import compose, strip_invisible
from pipeline.identity.normalised import (
    MAX_IDENTIFIER_CHARS,
    Normalised,
    distinct,
    is_short,
    refused,
)

UNKNOWN_NETWORK: Final = "?"
_CACHED_WALLETS: Final = 8_192
_NETWORK_NAMES: Final[Mapping[str, str]] = MappingProxyType(
    {
        name: network
        for network, names in {
            "bitcoin": "bitcoin btc xbt บิตคอยน์ บิทคอยน์",
            "ethereum": "ethereum eth erc20 ether อีเธอเรียม",
            "tron": "tron trx trc20 usdttrc20 ทรอน",
            "bsc": "bsc bep20 bnb bnbchain bnbsmartchain binancesmartchain",
            "polygon": "polygon matic pol",
            "arbitrum": "arbitrum arb arbitrumone",
            "optimism": "optimism op",
            "base": "base",
            "avalanche": "avalanche avax avalanchec",
            "solana": "solana sol",
            "ton": "ton toncoin",
            "litecoin": "litecoin ltc",
            "dogecoin": "dogecoin doge",
            "ripple": "ripple xrp",
            "bitkub": "bitkub bitkubchain kub",
        }.items()
        for name in names.split()
    }
)
_EVM: Final = frozenset(
    {"ethereum", "bsc", "polygon", "arbitrum", "optimism", "base", "avalanche", "bitkub"}
)
_EVM_ADDRESS: Final = re.compile(r"0[xX][0-9a-fA-F]{40}")
_TRON_ADDRESS: Final = re.compile(r"T[1-9A-HJ-NP-Za-km-z]{33}")
_BITCOIN_OLD: Final = re.compile(r"[13][1-9A-HJ-NP-Za-km-z]{25,34}")
_BITCOIN_NEW: Final = re.compile(r"bc1[02-9ac-hj-np-z]{6,87}", re.IGNORECASE)
_PLAIN: Final = re.compile(r"[A-Za-z0-9_\-.:]+")
_PAY_LINK: Final = re.compile(r"^([a-z]+):(?:pay-)?([A-Za-z0-9]+)(?:[@?].*)?$", re.DOTALL)
_PUNCTUATION: Final = re.compile(r"[\s\-_./()]+")
_BASE58: Final = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


def normalise_wallet(network: str, address: str) -> Normalised:
    """Return the key of a wallet's address on a network ("?" when it is not said or clear).

    Base58 addresses (Tron, older Bitcoin) carry a checksum and are refused when it is wrong.
    Problems: empty, not_an_address, bad_checksum, too_long.
    """
    if len(network) > MAX_IDENTIFIER_CHARS or len(address) > MAX_IDENTIFIER_CHARS:
        return refused("too_long")
    return _normalise(network, address)


@lru_cache(maxsize=_CACHED_WALLETS)
def _normalise(network: str, address: str) -> Normalised:
    changes: list[str] = []
    where = _network(network, changes)
    bare = "".join(strip_invisible(address).split())
    if bare != address:
        changes.append("separators")
    link = _PAY_LINK.match(bare)
    if link and _NETWORK_NAMES.get(link.group(1)) == where != UNKNOWN_NETWORK:
        bare = link.group(2)
        changes.append("pay_link")
    if not bare:
        return refused("empty", distinct(changes))
    if not _PLAIN.fullmatch(bare):
        return refused("not_an_address", distinct(changes))
    if where == UNKNOWN_NETWORK:
        where = _guess(bare, changes)
    problem = _problem(where, bare)
    if problem:
        return refused(problem, distinct(changes))
    written = bare.lower() if _EVM_ADDRESS.fullmatch(bare) or _is_bech32(where, bare) else bare
    if written != bare:
        changes.append("letter_case")
    key = f"wallet:{where}:{written}"
    # Some characters are written as many others; what is then too long could not be read back.
    short = len(where) <= MAX_IDENTIFIER_CHARS and is_short(key)
    return Normalised(key, distinct(changes)) if short else refused("too_long")


def _network(text: str, changes: list[str]) -> str:
    written = compose(strip_invisible(text)).casefold()
    short = _PUNCTUATION.sub("", written).replace(":", "")
    known = _NETWORK_NAMES.get(short)
    if known is not None:
        if known != text:
            changes.append("network_alias")
        return known
    changes.append("network_unknown" if short else "network_missing")
    return compose(short) or UNKNOWN_NETWORK


def _guess(address: str, changes: list[str]) -> str:
    # An 0x address is the same on a dozen networks: only forms of a single network are guessed.
    for network, form in (("tron", _TRON_ADDRESS), ("bitcoin", _BITCOIN_NEW)):
        if form.fullmatch(address):
            changes.append("network_guessed")
            return network
    return UNKNOWN_NETWORK


def _is_bech32(network: str, address: str) -> bool:
    return network == "bitcoin" and _BITCOIN_NEW.fullmatch(address) is not None


def _problem(network: str, address: str) -> str | None:
    if network in _EVM:
        return None if _EVM_ADDRESS.fullmatch(address) else "not_an_address"
    if network == "tron":
        if not _TRON_ADDRESS.fullmatch(address):
            return "not_an_address"
        return None if _base58_checksum_holds(address) else "bad_checksum"
    if network == "bitcoin" and not _is_bech32(network, address):
        if not _BITCOIN_OLD.fullmatch(address):
            return "not_an_address"
        return None if _base58_checksum_holds(address) else "bad_checksum"
    return None


def _base58_checksum_holds(address: str) -> bool:
    number = 0
    for letter in address:
        number = number * 58 + _BASE58.index(letter)
    if number >= 1 << 200:
        return False
    raw = number.to_bytes(25, "big")
    return hashlib.sha256(hashlib.sha256(raw[:-4]).digest()).digest()[:4] == raw[-4:]
