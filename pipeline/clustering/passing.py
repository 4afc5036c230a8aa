"""Numbers that pass through many hands: a courier's phone, a SIM sold on, a victim's own account.

They stay below the hub limit, and where there are several none is a cut vertex, yet each melts
rings together. What tells one from a ring's own phone: around it lie several parts with nothing
else to do with one another, and of the many who know each part hardly any name it. Of a ring's
victims a third or so name its phone; of those whom a courier served, one in some dozens names him.

Which ties of a number are loose is a function of the identifiers that it was named with and of the
pairs among these alone. So it is kept with the number (`nodes.Node.loose`) and worked out anew
only where one of these changes: a component is never gathered across a loose tie, and stays as
small as the rings are, however many of them a courier serves.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Final

from pipeline.clustering.edges import Edges
from pipeline.clustering.hubs import comes_with_strangers
from pipeline.clustering.known import magnitude
from pipeline.clustering.nodes import NO_TIES, Node, Nodes
from pipeline.clustering.normalised import StoredReport
from pipeline.clustering.pairs import pairs_of
from pipeline.identity.account import is_account, number_of

_ACCOUNT: Final = "account:"

PASSING_KINDS: Final = ("phone:", "handle:", "url:", _ACCOUNT)
"""Identifiers that may change hands or be nobody's in the story. A ring's accounts lie between its
contacts, which seldom are named together: so an account passes by where it is named with accounts
of several rings, as those are of whom victims give their own account too."""

PASSING_PARTS: Final = 3
"""So many known parts. With two it could be the ring's only link."""

PASSING_BITS: Final = 2.0
"""So sure it must be, in bits, that a number is not a ring's own."""

OWN_SHARE: Final = 0.3
PASSING_SHARE: Final = 0.03
"""Which share of a part's voices names a number that is the ring's own, and one that passes by.
Judgement: hotlines ask for the swindler's number, and a ring has several."""

_APART_BITS: Final = 0.3
"""What each part more says: the accounts of one ring have other numbers in common as well."""


class Passing:
    """Keeps the loose ties of numbers as the reports make them."""

    def __init__(self, nodes: Nodes, edges: Edges) -> None:
        self._nodes = nodes
        self._edges = edges

    def concerned(
        self,
        gone: StoredReport | None,
        come: StoredReport | None,
        named: Mapping[str, Node],
        turned: Iterable[Node],
    ) -> list[Node]:
        """Return the numbers whose loose ties may be others now that a report came or went.

        They are those that it names (``named`` has them all), those tied to both ends of a pair
        that it alone makes, and those around identifiers that ``turned``: have become public or of
        another `magnitude`.
        """
        keys: set[str] = set()
        for word, told in ((gone, 0), (come, 1)):
            if word is not None:
                keys.update(word.identifiers)
                several = [k for k in word.identifiers if named[k].summary.reports > told]
                if len(several) > 1:
                    keys.update(self._around_pairs(word, {k: named[k] for k in several}))
        for node in turned:
            keys.add(node.key)
            keys.update(self._edges.neighbours(node))
        nodes = [named.get(k) or self._nodes.of(k) for k in keys if k.startswith(PASSING_KINDS)]
        return [node for node in nodes if node.loose or node.summary.degree >= PASSING_PARTS]

    def _around_pairs(self, word: StoredReport, several: Mapping[str, Node]) -> Iterator[str]:
        """Yield what both ends of a pair are tied to, where no report but this makes the pair.

        ``several`` are the identifiers that another report names too: whoever no other one names
        is tied to none but those in it.
        """
        for a, b in pairs_of(word):
            if a in several and b in several and not (several[a].hub or several[b].hub):
                ties = self._edges.ties(several[a])
                if b not in ties or ties[b].reports == 1:
                    yield from ties.keys() & self._edges.ties(several[b]).keys()

    def renew(self, concerned: Iterable[Node]) -> set[str]:
        """Work out the loose ties of numbers anew; return both ends of those that changed."""
        touched: set[str] = set()
        for node in concerned:
            loose = self._loose_ties(node)
            if loose != node.loose:
                touched.add(node.key)
                touched |= loose ^ node.loose
                node.loose = loose
                self._nodes.change(node)
        return touched

    def _loose_ties(self, node: Node) -> frozenset[str]:
        """Return the other ends of the ties that a number loses."""
        if node.summary.degree < PASSING_PARTS or node.hub:
            return NO_TIES
        if not comes_with_strangers(node.summary):
            return NO_TIES
        of = self._nodes.of
        ties = {o: edge for o, edge in self._edges.ties(node).items() if not of(o).hub}
        if node.is_account and sum(map(is_account, ties)) < PASSING_PARTS:
            # Most are named with no account: so many parts with one cannot be.
            return NO_TIES
        if sum([magnitude(of(end)) > 0 for end in ties]) < PASSING_PARTS:
            # So many known parts cannot be: the parts themselves need not be found.
            return NO_TIES
        known, bits = 0, 0.0
        loose: list[str] = []
        for part in self._parts(ties):
            alone = {ties[end].sole for end in part if ties[end].sole}
            naming = max(len(alone), *(ties[end].voices for end in part))
            doublings = max(magnitude(of(end)) for end in part)
            part_bits = passing_bits(naming, max(naming, 1 << doublings)) if doublings else 0.0
            if doublings and (not node.is_account or any(map(is_account, part))):
                bits += part_bits + _APART_BITS
                known += 1
            if part_bits > 0 if doublings else naming == 1:
                loose += part
        if known < PASSING_PARTS or bits < PASSING_BITS:
            return NO_TIES
        return frozenset(loose)

    def _parts(self, ends: Iterable[str]) -> list[list[str]]:
        """Group identifiers by the pairs among them that reports name together.

        A number is in one part with itself at another bank, or without one.
        """
        left = set(ends)
        of_number: dict[str, list[str]] = {}
        for end in left:
            if end.startswith(_ACCOUNT):
                of_number.setdefault(number_of(end), []).append(end)
        parts = []
        while left:
            part = [left.pop()]
            for end in part:
                if end.startswith(_ACCOUNT):
                    same = left.intersection(of_number[number_of(end)])
                    left -= same
                    part += same
                ties = self._edges.ties(self._nodes.of(end))
                # Of a number that many slips surround most have few ties: then these are fewer.
                few, many = (ties, left) if len(ties) < len(left) else (left, ties)
                tied = [other for other in few if other in many]
                left.difference_update(tied)
                part += tied
            parts.append(part)
        return parts


@lru_cache(maxsize=4_096)
def passing_bits(naming: int, voices: int) -> float:
    """Return how much likelier a number passes by a part than is its own, in bits.

    ``naming`` of the part's ``voices`` name it. Nobody looks at parts in which none does, so both
    chances are those of a binomial draw that is not nothing.
    """

    def chance(share: float) -> float:
        drawn = share**naming * (1 - share) ** (voices - naming)
        return drawn / (1 - (1 - share) ** voices)

    return math.log2(chance(PASSING_SHARE) / chance(OWN_SHARE))
