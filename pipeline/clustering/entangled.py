"""Rings that several passed-on numbers tie to one another: none of these is a cut vertex then.

A SIM that was issued again from ring to ring, another one back: each alone is no bridge, as the way
round is still there. So all numbers of a kind are taken away at once. Parts that are well-supported
without them, and that one such number alone ties together, are parties of their own: the number
stays with the part that it is tied to most. Two or more numbers that tie the same two parts speak
for one party, unless one voice alone ties each of them to one of the two: so do two couriers who
serve both. And a number that ties three parts or more, most of which nothing else ties to one
another, is a courier's and speaks for none.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import NamedTuple

from pipeline.clustering.bridges import NOTHING, Support, Thresholds
from pipeline.clustering.pairs import GraphEdge

ENTANGLING_KINDS = ("phone:", "handle:")
"""Identifiers that change hands: all of them are taken away at once."""


ONE_PARTY = 3
"""So many voices, summed over the numbers that two parts share (of each the part with fewer), make
one party of them: a second voice somewhere beside one for each of two numbers."""


class Tie(NamedTuple):
    """How much ties a number to a part: voices, bits, and the distinct voices (at least)."""

    voices: int
    bits: float
    distinct: int


def entangling_ties(
    keys: Sequence[str],
    supports: Sequence[Support],
    edges: Sequence[GraphEdge],
    thresholds: Thresholds,
) -> set[int]:
    """Return the places in ``edges`` of the ties that such numbers lose (``supports`` as ``keys``).

    All are judged on the same graph, so the result is a function of the edge set.
    """
    head = {key: key for key in keys}
    at: defaultdict[str, list[int]] = defaultdict(list)
    for place, edge in enumerate(edges):
        passing = [end for end in (edge.a, edge.b) if end.startswith(ENTANGLING_KINDS)]
        for end in passing:
            at[end].append(place)
        if not passing:
            _unite(head, edge.a, edge.b)
    known = _well_supported(keys, supports, head, thresholds)
    if len(known) < 2:
        return set()
    strengths = {key: _strengths(key, places, edges, head, known) for key, places in at.items()}
    for one, other in _one_party(strengths):
        _unite(head, one, other)
    of = {key: own for key, parts in strengths.items() if (own := _own_party(parts, head))}
    found: set[int] = set()
    for key, own in of.items():
        for place in at[key] if own.others else ():
            other = _other(edges[place], key)
            party = of[other].party if other in of else _find(head, other)
            if party in own.others:
                found.add(place)
    return found


def _one_party(strengths: Mapping[str, Mapping[str, Tie]]) -> list[tuple[str, str]]:
    """Return the pairs of parts for which several numbers speak: they are one party."""
    pairs = {key: list(combinations(sorted(parts), 2)) for key, parts in strengths.items()}
    tying = Counter(pair for own in pairs.values() for pair in own)
    speaking: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
    for key, own in pairs.items():
        tied_otherwise = sum(tying[pair] > 1 for pair in own)
        if len(own) > 1 and 2 * tied_otherwise < len(own):
            continue
        parts = strengths[key]
        for one, other in own:
            speaking[one, other].append(min(parts[one].distinct, parts[other].distinct))
    return [p for p, told in speaking.items() if len(told) > 1 and sum(told) >= ONE_PARTY]


class _Own(NamedTuple):
    """The party that a number stays with, and those that it is tied to less.

    It loses its ties to these, and to the numbers that stay with them.
    """

    party: str
    others: frozenset[str]


def _own_party(parts: Mapping[str, Tie], head: dict[str, str]) -> _Own | None:
    """Return which party a number is tied to most; None where it is tied to none."""
    tied: dict[str, tuple[int, float]] = {}
    for part, tie in parts.items():
        party = _find(head, part)
        voices, bits = tied.get(party, (0, 0.0))
        tied[party] = voices + tie.voices, bits + tie.bits
    if not tied:
        return None
    own = min(tied, key=lambda p: (-tied[p][0], -round(tied[p][1], 3), p))
    return _Own(own, frozenset(tied.keys() - {own}))


def _well_supported(
    keys: Sequence[str], supports: Sequence[Support], head: dict[str, str], thresholds: Thresholds
) -> set[str]:
    """Return the parts, by their heads, that are well-supported without the numbers."""
    parts: dict[str, Support] = {}
    for key, support in zip(keys, supports, strict=True):
        if not key.startswith(ENTANGLING_KINDS):
            part = _find(head, key)
            parts[part] = thresholds.add(parts.get(part, NOTHING), support)
    return {part for part, whole in parts.items() if thresholds.reached(whole, None)}


def _strengths(
    key: str,
    places: Sequence[int],
    edges: Sequence[GraphEdge],
    head: dict[str, str],
    known: set[str],
) -> dict[str, Tie]:
    """Return how much ties a number to each well-supported part."""
    ties: defaultdict[str, list[GraphEdge]] = defaultdict(list)
    for place in places:
        edge = edges[place]
        part = _find(head, _other(edge, key))
        if part in known:
            ties[part].append(edge)
    return {part: _tie(mine) for part, mine in ties.items()}


def _tie(edges: Sequence[GraphEdge]) -> Tie:
    """Return what edges of one number to one part amount to."""
    alone = {edge.sole for edge in edges if edge.sole}
    return Tie(
        sum(max(edge.voices, 1) for edge in edges),
        sum(edge.bits for edge in edges),
        max(len(alone), *(edge.voices for edge in edges)),
    )


def _unite(head: dict[str, str], one: str, other: str) -> None:
    """Put two parts together, under the smaller key, so that a head is a function of its part."""
    low, high = sorted((_find(head, one), _find(head, other)))
    head[high] = low


def _find(head: dict[str, str], key: str) -> str:
    while head[key] != key:
        head[key] = head[head[key]]
        key = head[key]
    return key


def _other(edge: GraphEdge, end: str) -> str:
    return edge.b if edge.a == end else edge.a
