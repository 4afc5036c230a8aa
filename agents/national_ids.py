"""Raw national IDs out of events, the partners' keyed hash in: nothing else may be sent."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from pipeline.contracts.invalid import InvalidEvent, Reason
from pipeline.identity.characters import bare_number
from pipeline.identity.national_id import hash_national_id, is_dialled, is_national_id
from pipeline.identity.payee import names_promptpay
from pipeline.identity.promptpay import national_id_in
from pipeline.identity.voices import newest_hash

Event = dict[str, Any]
"""An event as JSON has it."""

# \d takes Thai digits too. What is written in another way is refused, not sent.
_NATIONAL_ID_IN_TEXT = re.compile(r"(?<!\d)\d(?:[\s\-\u2010-\u2015\u2212]{0,3}\d){12}(?!\d)")


def hashed_report(event: Event, key: bytes, later_keys: Sequence[bytes] = ()) -> Event:
    """Return a report with the keyed hash in place of every raw national ID.

    Raises:
        InvalidEvent: where one must stand and something else does; nothing else.
    """
    hashed = dict(event)
    reporter = hashed.get("reporter")
    if isinstance(reporter, dict) and reporter.get("national_id") is not None:
        if reporter.get("person") is not None:
            raise InvalidEvent(Reason.WRONG_FIELD, "$.reporter.national_id")
        kept = {name: said for name, said in reporter.items() if name != "national_id"}
        raw = _digits(reporter["national_id"], "$.reporter.national_id")
        hashed["reporter"] = {**kept, "person": newest_hash(raw, [key, *later_keys])}
        if later_keys:
            hashed["hash_generation"] = 1 + len(later_keys)
    suspects = hashed.get("suspects")
    if isinstance(suspects, list):
        hashed["suspects"] = [
            _hashed_suspect(suspect, key, f"$.suspects[{number}]")
            if isinstance(suspect, dict)
            else suspect
            for number, suspect in enumerate(suspects)
        ]
    payments = hashed.get("payments")
    if isinstance(payments, list):
        hashed["payments"] = [
            _hashed_payment(payment, key) if isinstance(payment, dict) else payment
            for payment in payments
        ]
    if isinstance(hashed.get("text"), str):
        hashed["text"] = _hashed_text(hashed["text"], key)
    return hashed


def _hashed_suspect(suspect: Event, key: bytes, field: str) -> Event:
    kind = suspect.get("kind")
    if kind == "person":
        said = suspect.get("national_id")
        if isinstance(said, str) and not re.fullmatch("[0-9a-f]{64}", said):
            raw = _digits(said, f"{field}.national_id")
            return {**suspect, "national_id": hash_national_id(raw, key)}
    elif kind == "account" and _is_proxy(suspect.get("bank"), suspect.get("number")):
        return {"kind": "promptpay", "proxy": _hashed_proxy(suspect["number"], key)}
    elif kind == "promptpay" and isinstance(suspect.get("proxy"), str):
        return {**suspect, "proxy": _hashed_proxy(suspect["proxy"], key)}
    elif kind == "promptpay_qr" and isinstance(suspect.get("payload"), str):
        raw_id = national_id_in(suspect["payload"])
        if raw_id is not None:
            return {"kind": "promptpay", "proxy": f"nid:{hash_national_id(raw_id, key)}"}
    return suspect


def _hashed_payment(payment: Event, key: bytes) -> Event:
    hashed = dict(payment)
    for side in ("from", "to"):
        hash_party(hashed, side, key)
    return hashed


def hash_party(event: Event, side: str, key: bytes) -> None:
    """Hash the PromptPay proxy of one side of a payment, where it is a national ID.

    Also where it was written as an account, with PromptPay in the place of the bank.
    """
    party = event.get(side)
    if isinstance(party, dict) and _is_proxy(party.get("bank"), party.get("account")):
        rest = {name: said for name, said in party.items() if name not in ("bank", "account")}
        party = event[side] = {"promptpay": party["account"], **rest}
    if isinstance(party, dict) and isinstance(party.get("promptpay"), str):
        event[side] = {**party, "promptpay": _hashed_proxy(party["promptpay"], key)}


def _is_proxy(bank: object, number: object) -> bool:
    """Say whether a bank and an account's number are PromptPay and somebody's national ID."""
    if not (isinstance(bank, str) and isinstance(number, str)):
        return False
    return names_promptpay(bank) and national_id_in(number) is not None


def _hashed_proxy(proxy: str, key: bytes) -> str:
    raw = national_id_in(proxy)
    return proxy if raw is None else f"nid:{hash_national_id(raw, key)}"


def _hashed_text(text: str, key: bytes) -> str:
    def replace(found: re.Match[str]) -> str:
        digits = "".join(str(int(c)) for c in found.group() if c.isdecimal())
        if not is_national_id(digits) or is_dialled(text, found.start(), digits):
            return found.group()
        return f"nid:{hash_national_id(digits, key)}"

    return _NATIONAL_ID_IN_TEXT.sub(replace, text)


def _digits(said: object, field: str) -> str:
    digits = bare_number(said, []) if isinstance(said, str) else ""
    if not is_national_id(digits):
        raise InvalidEvent(Reason.BAD_IDENTIFIER, field)
    return digits
