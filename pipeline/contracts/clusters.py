"""What clustering says to the world: clusters, the watchlist, and referrals to platforms."""

from __future__ import annotations

import uuid
from typing import ClassVar

import msgspec

from pipeline.contracts.alerts import NAMESPACE


class Edge(msgspec.Struct, frozen=True, omit_defaults=True):
    """Why two identifiers belong together: ``tier`` T0 or T1, evidence and weight in bits."""

    a: str
    b: str
    tier: str
    bits: float
    reasons: list[str]
    reports: int = 0


class Cluster(msgspec.Struct, frozen=True, kw_only=True):
    """Reports and identifiers that speak of the same mule, ring or person.

    ``cluster_id`` comes from the anchor, the identifier that was reported first. A cluster that
    went into another one has no members and names it in ``merged_into``; a part that left one
    names that in ``split_from``. ``reports`` lists at most a limited number of keys.
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


class WatchlistEntry(msgspec.Struct, frozen=True, kw_only=True):
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


class PlatformReferral(msgspec.Struct, frozen=True, kw_only=True):
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
    return str(uuid.uuid5(NAMESPACE, f"cluster|{anchor}"))


def referral_id(cluster: str, platform: str) -> str:
    """Return the referral's id."""
    return str(uuid.uuid5(NAMESPACE, f"referral|{cluster}|{platform}"))
