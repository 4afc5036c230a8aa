"""Numbers that pass through many hands: a courier's phone, a SIM sold on, a victim's own account.

They stay below the hub limit, and where there are several none is a cut vertex, yet each melts
rings together. What tells one from a ring's own phone: around it lie several parts with nothing
else to do with one another, not even one step away (`around`); victims tell of other scams beside
one part than beside another; and of the many who know each part hardly any name it. Of a ring's
victims a third or so name its phone; of those whom a courier served, one in some dozens names him.
It is judged by all parts together, and loses all that are known: of one ring several may have met
the same courier.

Which ties of a number are loose is a function of the identifiers that it was named with, of the
pairs among these and of what links them one step away. So it is kept with the number
(`nodes.Node.loose`) and worked out anew only where one of these changes: a component is never
gathered across a loose tie, and stays as small as the rings are, however many of them a courier
serves.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Final

from pipeline.clustering.around import Around, Role, role_of
from pipeline.clustering.edges import Edges
from pipeline.clustering.hubs import comes_with_strangers
from pipeline.clustering.known import magnitude
from pipeline.clustering.nodes import NO_TIES, Node, Nodes
from pipeline.clustering.normalised import StoredReport
from pipeline.clustering.scams import mostly_told
from pipeline.identity.account import is_account

PASSING_KINDS: Final = ("phone:", "handle:", "url:", "account:")
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

APART_BITS: Final = 1.0
_APART_BITS_OF_TWO: Final = 0.3
"""What each part more says: the accounts of one ring have other numbers in common as well. Of one
that two or three voices know hardly anything is told, so that it lies apart says little. Judgement,
tried on simulated worlds of two makers."""

SCAM_BITS: Final = 2.0
"""What each part says beside which another scam is told than beside most: a ring practises one."""


class Passing:
    """Keeps the loose ties of numbers as the reports make them."""

    def __init__(self, nodes: Nodes, edges: Edges) -> None:
        self._nodes = nodes
        self._edges = edges
        self._around = Around(nodes, edges)

    def concerned(
        self,
        gone: StoredReport | None,
        come: StoredReport | None,
        named: Mapping[str, Node],
        turned: Iterable[tuple[Node, Role]],
    ) -> list[Node]:
        """Return the numbers whose loose ties may be others now that a report came or went.

        They are those that it names (``named`` has them all), those around a pair that it alone
        makes, and those around identifiers that ``turned``: have another role than before.
        """
        keys: set[str] = set()
        for word, told in ((gone, 0), (come, 1)):
            if word is not None:
                keys.update(word.identifiers)
                several = [k for k in word.identifiers if named[k].summary.reports > told]
                if len(several) > 1:
                    keys.update(self._around.around_pairs(word, {k: named[k] for k in several}))
        for node, before in turned:
            now = role_of(node)
            if now._replace(links=before.links) != before:
                keys.add(node.key)
                keys.update(self._edges.neighbours(node))
            if now.links != before.links:
                keys.update(self._around.around_link(node, gone))
        nodes = [named.get(k) or self._nodes.of(k) for k in keys if k.startswith(PASSING_KINDS)]
        return [node for node in nodes if node.loose or node.summary.degree >= PASSING_PARTS]

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
        parts = self._around.named_together(ties)
        if sum([any(magnitude(of(end)) > 0 for end in p) for p in parts]) < PASSING_PARTS:
            # What lies one step away can only make fewer of them.
            return NO_TIES
        bits: list[float] = []
        scams: list[str] = []
        loose: list[str] = []
        for part in self._around.linked(node.key, parts):
            alone = {ties[end].sole for end in part if ties[end].sole}
            naming = max(len(alone), *(ties[end].voices for end in part))
            doublings = max(magnitude(of(end)) for end in part)
            if doublings or naming == 1:
                loose += part
            if doublings and (not node.is_account or any(map(is_account, part))):
                bits.append(passing_bits(naming, max(naming, 1 << doublings)))
                bits.append(APART_BITS if doublings > 1 else _APART_BITS_OF_TWO)
                scams.append(_scam_of(map(of, part)))
        told = Counter(filter(None, scams))
        # Added up so that the order of the parts, which is none, does not matter.
        sure = math.fsum(bits) + SCAM_BITS * (told.total() - max(told.values(), default=0))
        if len(scams) < PASSING_PARTS or sure < PASSING_BITS:
            return NO_TIES
        return frozenset(loose)


def _scam_of(part: Iterable[Node]) -> str:
    """Return the scam that is told beside a part; empty where it is none, or several."""
    scams = set(map(mostly_told, part)) - {""}
    return scams.pop() if len(scams) == 1 else ""


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
