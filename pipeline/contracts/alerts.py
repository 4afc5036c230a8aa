"""The freeze alert: what a bank is asked to do, for which amount, why, and until when."""

from __future__ import annotations

import hashlib
import uuid
from enum import StrEnum
from functools import lru_cache
from typing import ClassVar

import msgspec

NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "https://freezeline.org/ids")

_FINGERPRINT = hashlib.sha1(NAMESPACE.bytes, usedforsecurity=False)
"""To be copied: to begin one takes longer than all the rest."""
_FREE_BITS = ~(0xF << 76 | 0x3 << 62)
_VERSION_5 = 0x5 << 76 | 0x2 << 62


class AlertKind(StrEnum):
    """What is asked. A release ends the hold, watch or warning whose ``alert_id`` it carries."""

    HOLD = "hold"
    WATCH = "watch"
    VICTIM_STILL_PAYING = "victim_still_paying"
    RELEASE = "release"


class Evidence(msgspec.Struct, frozen=True, omit_defaults=True):
    """One reason, for programs: what kind, which event or identifiers, and its figures.

    A payment on the way of stolen money has its ``payer``, how much of it was that money, and the
    payment's further ``references``.
    """

    kind: str
    report: str | None = None
    transaction: str | None = None
    identifier: str | None = None
    detail: str | None = None
    amount_satang: int | None = None
    at: str | None = None
    payer: str | None = None
    share_satang: int | None = None
    references: list[str] = []


class FreezeAlert(msgspec.Struct, frozen=True, kw_only=True):
    """One version of one alert.

    ``alert_id`` is made from what the alert is about (kind, account, origin) and nothing else;
    consumers keep the highest ``version`` for each id. ``amount_satang`` is what to hold,
    ``account_total_satang`` the sum of the account's open holds when this version was made.
    ``method`` is the rule of apportionment by which the amount was found.
    """

    SCHEMA: ClassVar[str] = "freeze_alert"

    alert_id: str
    version: int
    kind: AlertKind
    bank: str
    account: str
    origin: str
    amount_satang: int
    disputed_satang: int
    balance_known: bool
    level: str
    reason_en: str
    reason_th: str
    evidence: list[Evidence]
    cluster_id: str
    cluster_version: int
    policy_version: str
    caused_by: str
    caused_at: str
    held_from: str | None = None
    holds_until: str | None = None
    releases: AlertKind | None = None
    release_reason: str | None = None
    superseded_by: str | None = None
    account_total_satang: int | None = None
    method: str | None = None


@lru_cache(maxsize=65_536)
def alert_id(kind: AlertKind, account: str, origin: str) -> str:
    """Return the alert's id: a function of what it is about, never of when or where.

    It is the UUID of version 5 (RFC 9562, 5.5) of the three in `NAMESPACE`, made as `uuid.uuid5`
    makes it, which takes ten times as long about it.
    """
    fingerprint = _FINGERPRINT.copy()
    fingerprint.update(f"{kind.value}|{account}|{origin}".encode())
    number = int.from_bytes(fingerprint.digest()[:16], "big")
    text = f"{number & _FREE_BITS | _VERSION_5:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
