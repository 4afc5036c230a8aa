"""PromptPay proxies and the EMV QR payloads that carry them.

Keys: ``promptpay:phone:+66…``, ``promptpay:nid:<keyed hash>``, ``promptpay:tax:<13>``,
``promptpay:ewallet:<15>``, ``promptpay:biller:<15>``. A national ID in the clear is refused: its
owner's agency hashes it first (`pipeline.identity.national_id`).
"""

from __future__ import annotations

import binascii
import re
from functools import lru_cache
from typing import Final

from pipeline.identity.account import normalise_account
from pipeline.identity.characters import bare_number, strip_invisible
from pipeline.identity.national_id import has_check_digit, is_national_id
from pipeline.identity.normalised import MAX_IDENTIFIER_CHARS, Normalised, distinct, refused
from pipeline.identity.phone import is_thai_mobile, normalise_phone

MAX_QR_CHARS: Final = 512
"""Longest QR payload that is read, in characters (the EMV specification's own limit)."""
_CACHED_PROXIES: Final = 32_768
_CACHED_PAYLOADS: Final = 4_096
_CREDIT_TRANSFER: Final = frozenset({"A000000677010111", "A000000677010114"})
_BILL_PAYMENT: Final = frozenset({"A000000677010112", "A000000677012006"})
_QR_KINDS: Final = {"01": "phone", "02": "13 digits", "03": "ewallet", "04": "account"}
_QR_START: Final = "000201"
_HASH: Final = re.compile(r"[0-9a-f]{64}")
_KIND: Final = re.compile(r"^(?:promptpay:)?(phone|nid|tax|ewallet|biller):", re.IGNORECASE)

BILLER: Final = "promptpay:biller:"
"""How the key of a biller begins. All customers of a utility pay one, and all merchants of a
payment service are paid through one: which of them is meant the references beside it say, to the
biller alone. So two reports that name a biller have nothing in common yet."""


def normalise_promptpay(proxy: str) -> Normalised:
    """Return the key of a PromptPay proxy: a mobile, a hashed national ID, tax, e-wallet or biller.

    The kind may be said before a colon; 15 digits without one are guessed (``kind_guessed``). A QR
    payload is decoded. Problems: empty, no_digits, not_a_proxy, not_a_phone, bad_check_digit,
    raw_national_id, too_long, and those of `decode_qr`.
    """
    if proxy.lstrip().startswith(_QR_START):
        decoded = decode_qr(proxy)
        return Normalised(decoded.key, ("qr_payload", *decoded.changes), decoded.problem)
    if len(proxy) > MAX_IDENTIFIER_CHARS:
        return refused("too_long")
    return _normalise(proxy)


def same_owner(key: str) -> tuple[str, ...]:
    """Return a key with that of the same phone's or person's proxy, or with that of a proxy's."""
    if key.startswith(("phone:", "nid:")):
        return key, f"promptpay:{key}"
    if key.startswith(("promptpay:phone:", "promptpay:nid:")):
        return key, key.removeprefix("promptpay:")
    return (key,)


def decode_qr(payload: str) -> Normalised:
    """Return the key of the proxy, biller or bank account inside a PromptPay QR payload.

    Problems: empty, too_long, not_a_qr, bad_crc, no_promptpay, and those of the proxy inside.
    """
    if len(payload) > MAX_QR_CHARS:
        return refused("too_long")
    return _decode(payload)


def national_id_in(proxy: str) -> str | None:
    """Return the raw national ID that a proxy or QR payload is, for its sender to hash, or None."""
    if len(proxy) > MAX_QR_CHARS:
        return None
    value = proxy.strip()
    if value.startswith(_QR_START):
        found = _qr_proxies(value)
        value = next((text for kind, text in found if kind == "13 digits"), "")
    digits = bare_number(_KIND.sub("", value), [])
    return digits if is_national_id(digits) else None


@lru_cache(maxsize=_CACHED_PROXIES)
def _normalise(proxy: str) -> Normalised:
    changes: list[str] = []
    visible = strip_invisible(proxy).strip()
    if visible != proxy:
        changes.append("invisible_characters")
    said = _KIND.match(visible)
    kind = said.group(1).lower() if said else ""
    value = visible[said.end() :] if said else visible
    if kind in ("", "nid") and _HASH.fullmatch(value.lower()):
        return Normalised(f"promptpay:nid:{value.lower()}", distinct(changes))
    digits = bare_number(value, changes)
    if kind != "phone" and digits.isascii() and digits.isdecimal() and len(digits) in (13, 15):
        return _by_length(kind, digits, changes)
    if kind in ("", "phone"):
        return _phone(value, changes)
    if not digits:
        return refused("empty", distinct(changes))
    return refused("not_a_proxy", distinct(changes))


def _by_length(kind: str, digits: str, changes: list[str]) -> Normalised:
    if len(digits) == 13:
        if kind in ("ewallet", "biller"):
            return refused("not_a_proxy", distinct(changes))
        if kind == "" and digits.startswith("0066"):
            return _phone(digits, changes)
        return _thirteen(digits, changes)
    if kind in ("nid", "tax"):
        return refused("not_a_proxy", distinct(changes))
    if not kind:
        # A biller is a tax number, which begins with 0, and two digits more.
        kind = "biller" if digits[0] == "0" and has_check_digit(digits[:13]) else "ewallet"
        changes.append("kind_guessed")
    if kind == "biller" and is_national_id(digits[:13]):
        return refused("raw_national_id", distinct(changes))
    return Normalised(f"promptpay:{kind}:{digits}", distinct(changes))


def _thirteen(digits: str, changes: list[str]) -> Normalised:
    if digits[0] == "0":
        if not has_check_digit(digits):
            changes.append("check_digit_wrong")
        return Normalised(f"promptpay:tax:{digits}", distinct(changes))
    # A national ID with a slip in it is still nearly someone's: it is not kept either.
    problem = "raw_national_id" if is_national_id(digits) else "bad_check_digit"
    return refused(problem, distinct(changes))


def _phone(value: str, changes: list[str]) -> Normalised:
    phone = normalise_phone(value)
    changes.extend(phone.changes)
    if phone.key is None:
        problem = "not_a_proxy" if phone.problem == "short_code" else phone.problem
        return Normalised(None, distinct(changes), problem)
    if not is_thai_mobile(phone.key.removeprefix("phone:")):
        return refused("not_a_proxy", distinct(changes))
    return Normalised(f"promptpay:{phone.key}", distinct(changes))


@lru_cache(maxsize=_CACHED_PAYLOADS)
def _decode(payload: str) -> Normalised:
    changes: list[str] = []
    text = strip_invisible(payload).strip()
    if text != payload:
        changes.append("invisible_characters")
    if not text:
        return refused("empty", distinct(changes))
    fields = _fields(text)
    if not text.startswith(_QR_START) or fields is None:
        return refused("not_a_qr", distinct(changes))
    if not _crc_holds(text):
        return refused("bad_crc", distinct(changes))
    proxies = _qr_proxies(text)
    if not proxies:
        return refused("no_promptpay", distinct(changes))
    if len(proxies) > 1:
        changes.append("several_proxies")
    inside = _of_kind(*proxies[0])
    return Normalised(inside.key, distinct([*changes, *inside.changes]), inside.problem)


def _of_kind(kind: str, value: str) -> Normalised:
    if kind == "account":
        return normalise_account(value[:3], value[3:])
    if kind == "13 digits":
        return normalise_promptpay(value)
    return normalise_promptpay(f"{kind}:{value}")


def _fields(text: str) -> list[tuple[str, str]] | None:
    """Split EMV data objects (two digits of tag, two of length, the value), or None if broken."""
    fields: list[tuple[str, str]] = []
    place = 0
    while place < len(text):
        head = text[place : place + 4]
        if not (len(head) == 4 and head.isascii() and head.isdecimal()):
            return None
        end = place + 4 + int(head[2:])
        if end > len(text):
            return None
        fields.append((head[:2], text[place + 4 : end]))
        place = end
    return fields


def _crc_holds(text: str) -> bool:
    # CRC-16/CCITT-FALSE over all that comes before its four hex digits, its own tag included.
    body, said = text[:-4], text[-4:]
    if not body.endswith("6304"):
        return False
    crc = binascii.crc_hqx(body.encode("utf-8", "surrogatepass"), 0xFFFF)
    return f"{crc:04X}" == said.upper()


def _qr_proxies(text: str) -> list[tuple[str, str]]:
    """Return (kind, value) of each proxy, biller or account in a payload, in order."""
    proxies: list[tuple[str, str]] = []
    for tag, value in _fields(text) or ():
        inner = _fields(value) if "26" <= tag <= "51" else None
        if not inner:
            continue
        application = dict(inner).get("00", "").upper()
        if application in _CREDIT_TRANSFER:
            proxies.extend((_QR_KINDS[sub], text) for sub, text in inner if sub in _QR_KINDS)
        elif application in _BILL_PAYMENT:
            proxies.extend(("biller", text) for sub, text in inner if sub == "01")
    return proxies
