"""Which scams are told of, and how sure it is that a part of a cluster tells of another ring's.

A ring practises one scam: its victims tell of the same over and over. So what tells only of a scam
of which a ring's many victims never tell is another ring's. Where the kinds are told at random, no
ring has one scam, and nothing can be said.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Mapping
from typing import Final

from pipeline.clustering.nodes import Node
from pipeline.contracts.reports import ScamType

_UNKNOWN: Final = ScamType.OTHER.value
"""No scam: nobody knows which."""

KINDS: Final = len(ScamType) - 1
"""Scams that a report can tell of."""

RING_SHARE: Final = (3, 4)
"""At least so many of so many tellings of a ring are of its one scam; else it says nothing."""

RING_TELLINGS: Final = 8
"""So many tellings a ring has at least. Fewer are all of one scam by chance now and then."""

MOSTLY: Final = (2, 3)
"""At least so many of so many tellings beside an identifier are of the scam that is its own. Fewer
than of a ring: it may have been told of three times, and once wrongly."""

MOSTLY_TELLINGS: Final = 2
"""So many tellings there must be beside an identifier."""

Scams = Mapping[str, int]
"""How often each scam is told of."""
NOTHING_TOLD: Final[Scams] = {}

_SHARES: Final[Mapping[str, float]] = {}
_SHARES_OF_SLIPS: Final[Mapping[str, float]] = {_UNKNOWN: 1 - 1 / KINDS}


def together(a: Scams, b: Scams) -> Scams:
    """Return how often two parts, taken as one, tell of each scam."""
    if not b:
        return a
    if not a:
        return b
    found = dict(a)
    for kind, told in b.items():
        found[kind] = found.get(kind, 0) + told
    return found


def without(a: Scams, b: Scams) -> Scams:
    """Return how often a part tells of each scam without what is told of another part of it."""
    return {kind: left for kind, told in a.items() if (left := told - b.get(kind, 0))}


def own_scam(told: Scams) -> str:
    """Return the scam that is told of most, of equals the first by name."""
    return min(told, key=lambda kind: (-told[kind], kind))


def is_of_one_scam(ring: Scams, total: int = 0) -> bool:
    """Say whether nearly all of a ring's many tellings are of one scam.

    They must be at least half of the ``total`` of its cluster.
    """
    least, of = RING_SHARE
    told = sum(ring.values())
    if told < RING_TELLINGS or 2 * told < total:
        return False
    return max(ring.values()) * of >= told * least


def tell_apart(ring: Scams, part: Scams, total: int) -> bool:
    """Say whether what a part tells of can tell it from the rest of its cluster, ``ring``.

    It can where either practises one scam: a ring with at least half of the cluster's ``total``
    tellings, or a part of many that are nearly all the same, whatever else hangs together there.
    """
    return bool(ring) and (is_of_one_scam(ring, total) or is_of_one_scam(part))


def other_scam_bits(ring: Scams, part: Scams) -> float:
    """Return how sure it is that a part tells of another ring's scam, in bits.

    It is log2 of how much likelier the part's tellings are if they begin anew than if they go on as
    the ring's. After n tellings the next one is of a kind that was told k times with the chance
    (k + 1/7) / (n + 1) (the Dirichlet-multinomial distribution); or what is not told of the ring's
    own scam are slips, and of any kind: of both the likelier one counts.
    """
    own = own_scam(ring)
    slips = _log_chance(_own_or_not(ring, own), _own_or_not(part, own), _SHARES_OF_SLIPS)
    slips -= (sum(part.values()) - part.get(own, 0)) * math.log(KINDS - 1)
    of_ring = max(_log_chance(ring, part, _SHARES), slips)
    return round((_log_chance(NOTHING_TOLD, part, _SHARES) - of_ring) / math.log(2), 6)


def _own_or_not(told: Scams, own: str) -> Scams:
    its = told.get(own, 0)
    return {own: its, _UNKNOWN: sum(told.values()) - its}


def _log_chance(before: Scams, told: Scams, shares: Mapping[str, float]) -> float:
    lgamma, total = math.lgamma, sum(before.values()) + 1
    found = lgamma(total) - lgamma(total + sum(told.values()))
    for kind, many in told.items():
        known = before.get(kind, 0) + shares.get(kind, 1 / KINDS)
        found += lgamma(known + many) - lgamma(known)
    return found


def scams_named(node: Node) -> Scams:
    """Return the scams told of by all reports that name an identifier."""
    return {kind: n for kind, n in node.summary.scam_types.items() if kind != _UNKNOWN}


def mostly_told(node: Node) -> str:
    """Return the scam that most reports that name an identifier tell of; empty where none is."""
    summary = node.summary
    if summary.reports < MOSTLY_TELLINGS:
        return ""
    told = summary.scam_types
    total = summary.reports - told.get(_UNKNOWN, 0)
    least, of = MOSTLY
    for kind, many in told.items():
        if many * of >= total * least and total >= MOSTLY_TELLINGS and kind != _UNKNOWN:
            return kind
    return ""


def scams_filed(node: Node) -> Scams:
    """Return the scams told of by the reports that have their home at an identifier.

    Where many name it, those that have their home there are taken to tell of the same as all.
    """
    summary = node.summary
    homes, reports = summary.home_reports, summary.reports
    if not homes:
        return NOTHING_TOLD
    told = summary.scam_types
    if homes == reports:
        return scams_named(node) if _UNKNOWN in told else told
    if node.many is None:
        return Counter(
            r.scam_type for r in node.few if r.home == node.key and r.scam_type != _UNKNOWN
        )
    near = {kind: (2 * n * homes + reports) // (2 * reports) for kind, n in told.items()}
    return {kind: n for kind, n in near.items() if n and kind != _UNKNOWN}


def may_tell_of_two_scams(nodes: Collection[Node]) -> bool:
    """Say False only where nothing in a cluster can tell of another scam than a ring in it."""
    kinds = set().union(*[node.summary.scam_types for node in nodes])
    if len(kinds) < (3 if _UNKNOWN in kinds else 2):
        return False
    told: dict[str, int] = {}
    for node in nodes:
        summary = node.summary
        if summary.home_reports:
            # So it is with most: all that name it have their home there.
            all_here = summary.home_reports == summary.reports
            for kind, many in (summary.scam_types if all_here else scams_filed(node)).items():
                told[kind] = told.get(kind, 0) + many
    told.pop(_UNKNOWN, None)
    if len(told) < 2:
        return False
    least, of = RING_SHARE
    return max(told.values()) * of >= RING_TELLINGS * least
