"""Pairs of identifiers that one report names, and edges as the algorithms see them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import combinations
from typing import Final

import msgspec

from pipeline.clustering.normalised import StoredReport

PAIRWISE_IDENTIFIERS = 24
"""A report with more identifiers than this ties each of them to its home only, not all pairs.
Counted ``report_pairs``."""

LISTED_ACCOUNTS = 8
"""A report that names so many accounts, and no payment to any, is a list of accounts, as a bank's
desk or a page of warnings keeps it. It accuses each, and says of no two that they are one party's.
Judgement: who was robbed by so many says what was paid. Counted ``report_lists``."""

TOGETHER = "T0"
LOOK_ALIKE = "T1"
RELATION = "T2"


class Together(msgspec.Struct, array_like=True, gc=False):
    """How many reports, and how many voices, name two identifiers together.

    ``sole`` is the one voice when there is only one (a report may be a bridge), else empty.
    """

    reports: int = 0
    voices: int = 0
    sole: str = ""


class GraphEdge(msgspec.Struct, frozen=True, gc=False):
    """An edge or relation between two identifiers, ``a`` < ``b``, as the algorithms see it."""

    a: str
    b: str
    tier: str
    bits: float
    reports: int = 0
    voices: int = 0
    sole: str = ""
    reasons: tuple[str, ...] = ()
    person: bool = False
    """Whether it is about the accounts' holders, not about numbers that look alike."""


RARE_NAME: Final = "rare_name"
"""The reason of an edge that would be none if the holders' name were not a rare one."""


def person_edge(one: str, other: str, bits: float, reasons: tuple[str, ...]) -> GraphEdge:
    """Return the edge between two accounts that evidence about their holders joins."""
    a, b = (one, other) if one < other else (other, one)
    return GraphEdge(a, b, LOOK_ALIKE, bits, reasons=reasons, person=True)


def order(edge: GraphEdge) -> tuple[float, str, str, str]:
    """Return an edge's place in the one total order: strongest first, then by its ends."""
    return -edge.bits, edge.a, edge.b, edge.tier


def is_list(report: StoredReport) -> bool:
    """Say whether a report is a list of accounts that need have nothing in common."""
    keys = report.identifiers
    if len(keys) < LISTED_ACCOUNTS or report.payments:
        return False
    return sum([key.startswith("account:") for key in keys]) >= LISTED_ACCOUNTS


def pairs_of(report: StoredReport) -> Iterator[tuple[str, str]]:
    """Yield the pairs (a < b) of identifiers that a report names together."""
    keys = report.identifiers
    if is_list(report):
        return
    if len(keys) <= PAIRWISE_IDENTIFIERS:
        yield from combinations(sorted(keys), 2)
        return
    for key in keys[1:]:
        yield (keys[0], key) if keys[0] < key else (key, keys[0])


def others_of(report: StoredReport, node: str) -> Sequence[str]:
    """Return the identifiers that a report pairs with one that it names."""
    keys = report.identifiers
    if is_list(report):
        return ()
    if len(keys) <= PAIRWISE_IDENTIFIERS:
        return [key for key in keys if key != node]
    return keys[1:] if node == keys[0] else keys[:1]


def degree_of(report: StoredReport, node: str) -> int:
    """Return how many `others_of` there are."""
    keys = report.identifiers
    if is_list(report):
        return 0
    return len(keys) - 1 if len(keys) <= PAIRWISE_IDENTIFIERS or node == keys[0] else 1


def all_together(reports: Sequence[StoredReport], node: str) -> Mapping[str, Together]:
    """Return what reports that all name an identifier say of it and each of the others."""
    if len(reports) == 1:
        return dict.fromkeys(others_of(reports[0], node), Together(1, 1, reports[0].voice))
    found: dict[str, Together] = {}
    voices: dict[str, set[str]] = {}
    for report in reports:
        voice = report.voice
        for other in others_of(report, node):
            pair = found.get(other)
            if pair is None:
                found[other] = Together(1, 1, voice)
                continue
            pair.reports += 1
            if pair.voices == 1 and pair.sole == voice:
                continue
            heard = voices.setdefault(other, {pair.sole})
            heard.add(voice)
            pair.voices, pair.sole = len(heard), ""
    return found


def together(reports: Iterable[StoredReport], a: str, b: str) -> Together:
    """Return what reports that all name ``a`` say of ``a`` and ``b``."""
    both = [report.voice for report in reports if b in others_of(report, a)]
    voices = set(both)
    return Together(len(both), len(voices), both[0] if len(voices) == 1 else "")
