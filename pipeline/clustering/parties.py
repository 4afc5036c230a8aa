"""Whether two parts that little ties together are two rings, or parts of one.

Each victim of a ring names one of its accounts, and one of its phones, handles or pages beside it.
So the accounts of one ring share its numbers soon, and what hangs together by one number alone, or
by a courier's now and then, while each part has many ties of its own, is two parties.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Final, NamedTuple

from pipeline.clustering.normalised import IMPLYING
from pipeline.clustering.pairs import TOGETHER, GraphEdge

MONEY: Final = ("account:", "promptpay:", "wallet:")
"""Identifiers that money goes to. What nobody was told to pay into is no ring of its own."""

SMALL_GRAPH: Final = 8
"""Up to so many vertices `policy.clustering.bridge_bits` are enough."""

INDEPENDENT_TIES: Final = 3
"""So many ties across, of which no two share an end or a voice, are one ring's. Judgement: between
two rings as many numbers would have been handed on, or people have fallen to both."""

_PHONES: Final = ("phone:", "promptpay:phone:")
_KEPT: Final = 16_384


def counts_for_a_party(edge: GraphEdge) -> bool:
    """Say whether an edge is a tie of an account, told by people, with whatever it may be.

    A proxy that is a phone's is left out: whoever names it names the phone.
    """
    if edge.tier != TOGETHER or edge.a.startswith(IMPLYING) or edge.b.startswith(IMPLYING):
        return False
    return edge.a.startswith(MONEY) or edge.b.startswith(MONEY)


@lru_cache(maxsize=_KEPT)
def apart_bits(one: float, other: float, across: float = 0.0) -> float:
    """Return how sure it is that two parts are two parties, in bits.

    It is log2 of how seldom so few ties are ``across`` by chance, had each of all the ties, with
    its two ends, fallen anywhere in one ring (Fisher's exact test): ``one`` and ``other`` are the
    ties, each voice once, inside the two parts. Both ends of a tie across are half in each part.
    """
    half = across / 2
    ends = 2 * one + across, 2 * other + across
    if min(one, other) <= 0 or across * sum(ends) >= ends[0] * ends[1]:
        return 0.0
    ways = _ways(one + other + across, other + half)
    return ways - _ways(one + half, half) - _ways(other + half, half)


def _ways(all_of: float, chosen: float) -> float:
    """Return log2 of a binomial coefficient."""
    left = math.lgamma(chosen + 1) + math.lgamma(all_of - chosen + 1)
    return (math.lgamma(all_of + 1) - left) / math.log(2)


def may_be_two_parties(edges: Iterable[GraphEdge], least: float) -> bool:
    """Say False only where no ties of all these could be two parties', by so many bits.

    Most graphs are too small for it, and need not be looked at.
    """
    half = sum(edge.voices for edge in edges if counts_for_a_party(edge)) / 2
    return apart_bits(half, half) >= least


def needed_bits(least: float, vertices: int) -> float:
    """Return the bits that two parties need in a graph of so many vertices.

    In one of many there are many places where it may look like two parties by chance; as these
    overlap, four times as many ask for one bit more. ``least`` is for one of `SMALL_GRAPH`.
    """
    return least + math.log2(max(vertices, SMALL_GRAPH) / SMALL_GRAPH) / 2


class TieAcross(NamedTuple):
    """A tie between two parts: its end in the one, its end in the other, and the edge.

    The ends are what these are one with, however they are written.
    """

    one: str
    other: str
    edge: GraphEdge


def tied_independently(across: Sequence[TieAcross]) -> bool:
    """Say whether the ties between two parts are too independent to be two parties'.

    A number that was handed on, a courier's, or a person who fell to two rings puts many ties
    across, but all by that number or person. Parts of one ring, which used its numbers one after
    another, are tied by several. So what counts are ties of which no two share an end or a voice:
    `INDEPENDENT_TIES`, or one fewer where several voices tell one tie. Where all are by phones they
    say nothing: phones are handed on most often, and couriers have some.
    """
    if all(tie.edge.a.startswith(_PHONES) or tie.edge.b.startswith(_PHONES) for tie in across):
        return False
    alone = {tie.edge.sole for tie in across if tie.edge.sole}
    most = max((tie.edge.voices for tie in across), default=0)
    ties = min(_disjoint(across), max(len(alone), most))
    return ties >= INDEPENDENT_TIES - (most > 1)


def _disjoint(across: Iterable[TieAcross]) -> int:
    """Return the most ties that share no end (a largest matching), at most `INDEPENDENT_TIES`."""
    others: dict[str, set[str]] = {}
    for tie in across:
        others.setdefault(tie.one, set()).add(tie.other)
    taken: dict[str, str] = {}

    def take(one: str, asked: set[str]) -> bool:
        for other in others[one] - asked:
            asked.add(other)
            if other not in taken or take(taken[other], asked):
                taken[other] = one
                return True
        return False

    for one in others:
        take(one, set())
        if len(taken) == INDEPENDENT_TIES:
            break
    return len(taken)


class Ties:
    """The ties inside of clusters and between them, while these are joined one after another."""

    def __init__(self) -> None:
        self._inside: dict[str, int] = {}
        self._between: dict[str, dict[str, tuple[int, int]]] = {}

    def add(self, one: str, other: str, edge: GraphEdge, often: bool) -> None:
        """Take in an edge between two clusters, or inside of one.

        ``often`` says that several reports name each of its ends.
        """
        if edge.tier != TOGETHER:
            return
        speaking = edge.voices if often and counts_for_a_party(edge) else 0
        if one == other:
            self._inside[one] = self._inside.get(one, 0) + speaking
        else:
            self._add(one, other, (edge.voices, speaking))

    def _add(self, one: str, other: str, more: tuple[int, int]) -> None:
        for a, b in ((one, other), (other, one)):
            known = self._between.setdefault(a, {}).get(b, (0, 0))
            self._between[a][b] = known[0] + more[0], known[1] + more[1]

    def join(self, large: str, small: str) -> None:
        """Let one cluster be part of another one."""
        mine = self._between.pop(small, {})
        between = mine.pop(large, (0, 0))
        self._between.get(large, {}).pop(small, None)
        self._inside[large] = self._inside.get(large, 0) + self._inside.pop(small, 0) + between[1]
        for other, more in mine.items():
            del self._between[other][small]
            self._add(large, other, more)

    def apart(self, one: str, other: str) -> float:
        """Return how sure it is that two clusters are two parties, in bits."""
        across = self._between.get(one, {}).get(other, (0, 0))[0]
        return apart_bits(self._inside.get(one, 0), self._inside.get(other, 0), across)

    def least(self, one: str, other: str) -> int:
        """Return the ties inside of the cluster that has fewer."""
        return min(self._inside.get(one, 0), self._inside.get(other, 0))
