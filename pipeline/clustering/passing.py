"""Numbers that pass through many hands: a courier's phone, a SIM sold on, a victim's own handle.

They stay below the hub limit, and where there are several none is a cut vertex, yet each melts
rings together. What tells one from a ring's own phone: around it lie several parts with nothing
else to do with one another, each well known without it, and one voice alone ties it to each.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, Protocol

from pipeline.clustering.brigades import heard
from pipeline.clustering.pairs import GraphEdge
from pipeline.clustering.rows import NodeSummary

PASSING_KINDS: Final = ("phone:", "handle:", "url:")
"""Identifiers that may change hands or be nobody's in the story; money goes to all others."""

PASSING_PARTS: Final = 3
"""So many parts, each tied by one voice of its own. With two it could be the ring's only link."""

_SUPPORT_VOICES: Final = 2
"""A part counts when one of its identifiers was named by another voice too."""


class _Named(Protocol):
    @property
    def summary(self) -> NodeSummary: ...


def passing_ties(nodes: Mapping[str, _Named], edges: Sequence[GraphEdge]) -> set[int]:
    """Return the places in ``edges`` of the ties that numbers passing through lose.

    Each number is judged by the identifiers that it was named with and the edges between those
    alone, all on the same graph, so the result is a function of the edge set.
    """
    known = [k for k, n in nodes.items() if heard(n.summary) >= _SUPPORT_VOICES]
    if len(known) < PASSING_PARTS:
        return set()
    at: dict[str, list[int]] = {}
    for place, edge in enumerate(edges):
        at.setdefault(edge.a, []).append(place)
        at.setdefault(edge.b, []).append(place)
    cut: set[int] = set()
    for key, places in at.items():
        if len(places) >= PASSING_PARTS and key.startswith(PASSING_KINDS):
            cut |= _ties_of(key, at, nodes, edges)
    return cut


def _ties_of(
    key: str, at: Mapping[str, list[int]], nodes: Mapping[str, _Named], edges: Sequence[GraphEdge]
) -> set[int]:
    ties = {_other(edges[place], key): place for place in at[key]}
    single: list[tuple[str, list[str]]] = []
    parts = _parts(key, ties, at, edges)
    for part in parts:
        voices = {edges[ties[end]].sole for end in part}
        if len(voices) == 1 and "" not in voices:
            single.append((voices.pop(), part))
    passing = {
        voice
        for voice, part in single
        if any(heard(nodes[end].summary) >= _SUPPORT_VOICES for end in part)
    }
    if len(passing) < PASSING_PARTS or 3 * len(single) < 2 * len(parts):
        return set()
    return {ties[end] for _, part in single for end in part}


def _parts(
    key: str, ties: Mapping[str, int], at: Mapping[str, list[int]], edges: Sequence[GraphEdge]
) -> list[list[str]]:
    """Group the neighbours of an identifier by the edges between them."""
    left = set(ties)
    parts = []
    while left:
        part, waiting = [], [left.pop()]
        while waiting:
            end = waiting.pop()
            part.append(end)
            for place in at[end]:
                other = _other(edges[place], end)
                if other in left:
                    left.discard(other)
                    waiting.append(other)
        parts.append(part)
    return parts


def _other(edge: GraphEdge, end: str) -> str:
    return edge.b if edge.a == end else edge.a
