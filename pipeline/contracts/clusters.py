"""What clustering says to the world: clusters, the watchlist, and referrals to platforms."""

from __future__ import annotations

import hashlib
from typing import ClassVar

import msgspec

from pipeline.contracts.alerts import NAMESPACE

_NAMESPACE = NAMESPACE.bytes
encode_said = msgspec.json.Encoder(order="sorted").encode
"""Writes what is defined here as `codec.encode_json` does, byte for byte, in less time."""


class Edge(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """Why two identifiers belong together: ``tier`` T0 or T1, evidence and weight in bits."""

    a: str
    b: str
    tier: str
    bits: float
    reasons: list[str]
    reports: int = 0


class Cluster(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Reports and identifiers that speak of the same mule, ring or person.

    ``cluster_id`` comes from the anchor, the identifier that was reported first. A cluster that
    went into another one has no members and names it in ``merged_into``; a part that left one
    names that in ``split_from``. ``reports`` lists the first of ``report_count`` (by the time
    received) that are filed under a member; `FiledReport` says so of each, and `pipeline.filing`
    which cluster a report belongs to that names identifiers of several. ``suspicious`` are members
    that look as if a crowd had been sent to report them. ``scam_tellings`` count, for each kind of
    scam, the reports about each member: one that names three of them counts three times. The one
    member of a ``public`` cluster is a public number: reports that name nothing else have nothing
    in common.
    """

    SCHEMA: ClassVar[str] = "cluster"

    cluster_id: str
    version: int
    anchor: str
    members: list[str]
    reports: list[str]
    report_count: int
    voices: int
    edges: list[Edge]
    relations: list[Edge]
    merged_into: str | None = None
    split_from: str | None = None
    review: str | None = None
    suspicious: list[str] = []
    scam_tellings: dict[str, int] = {}
    public: bool = False


class FiledReport(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Where a report is filed: said when it is taken in, corrected or withdrawn.

    ``identifier`` is the report's home, None when the report says nothing any more. It is filed in
    the cluster whose members hold that identifier; ``cluster_id`` and ``cluster_version`` (None and
    0 without an identifier) are what it was when this was said. ``identifiers`` are all that the
    report names, its home first, and ``scam_type`` is what it tells of: where several clusters hold
    some of them, they say which one it belongs to (`pipeline.filing`). ``version`` is the order of
    the report's words, not a count: the highest is the newest.
    """

    SCHEMA: ClassVar[str] = "filed_report"

    report: str
    version: int
    received_at: str
    identifier: str | None
    cluster_id: str | None
    cluster_version: int
    identifiers: list[str] = []
    scam_type: str | None = None


class WatchlistEntry(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The level of one identifier, for banks' look-ups."""

    SCHEMA: ClassVar[str] = "watchlist_entry"

    identifier: str
    version: int
    level: str
    acting: bool
    since: str
    reports: int
    voices: int
    cluster_id: str
    policy_version: str
    suspicious_reporting: str | None = None


class PlatformReferral(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A cluster's handles, pages and addresses on one platform, for the platform's channel."""

    SCHEMA: ClassVar[str] = "platform_referral"

    referral_id: str
    version: int
    platform: str
    cluster_id: str
    identifiers: list[str]
    report_count: int
    scam_types: list[str]


def cluster_id(anchor: str) -> str:
    """Return the cluster's id, a function of its anchor."""
    return _uuid5(f"cluster|{anchor}")


def referral_id(cluster: str, platform: str) -> str:
    """Return the referral's id."""
    return _uuid5(f"referral|{cluster}|{platform}")


def _uuid5(name: str) -> str:
    # As uuid.uuid5 does it, without the object in between.
    digits = hashlib.sha1(_NAMESPACE + name.encode(), usedforsecurity=False).hexdigest()
    variant = "89ab"[int(digits[16], 16) & 3]
    return f"{digits[:8]}-{digits[8:12]}-5{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:32]}"
