"""Which ties hold where so much hangs together that it cannot be looked at as a whole.

People who fell to two rings, and numbers that were handed on, tie ring to ring; where there are
enough of them, hundreds of rings hang together, and to look anew at each report for what parts them
would cost ever more. So of a component of more than `MOST_TOGETHER` identifiers the ties are left
out that say least: what few reports name holds by one tie alone, that to whom most voices tell it
with, and what few tell of two that many know does not hold. What counts as few grows step by step,
until what is left around an identifier is small. The result is a function of the set of reports.
"""

from __future__ import annotations

import sys
from bisect import bisect_left
from typing import Final

from pipeline.clustering.edges import Edges
from pipeline.clustering.known import magnitude
from pipeline.clustering.nodes import Node, Nodes
from pipeline.clustering.pairs import TOGETHER, GraphEdge

MOST_TOGETHER: Final = 1024
"""So many identifiers are looked at as a whole; the largest rings of simulated worlds have some two
hundred. Judgement: where 512 are, rings with rented accounts are told apart better (pairwise F1 .89
for .76 in a maker's world, .96 for .80 in another), but where victims are robbed again by a second
ring one is torn (.62 for .91). Counted ``entangled`` where more hang together in the last step."""

FEW: Final = (0, 3, 3, 3, 7, 7, 15, 31, sys.maxsize)
"""So many reports are few, by step. Judgement: with shares of voices alone, recall of pairs was .26
to .41 in seven entangled worlds of a maker; with this .46 to .96 (where 512 are too many)."""

DOUBLINGS: Final = (99, 99, 4, 3, 3, 2, 2, 2, 2)
"""And a tie holds where its voices are fewer than those that know the end which fewer know by less
than so many doublings, by step."""


def _few_from(node: Node) -> int:
    """Return the step from which on an identifier's reports are few."""
    return bisect_left(FEW, node.summary.reports)


class Hold:
    """Says which ties hold in a step, by what is known of their ends."""

    def __init__(self, nodes: Nodes, edges: Edges) -> None:
        self._nodes = nodes
        self._edges = edges

    def holds(self, edge: GraphEdge, one: Node, other: Node, step: int) -> bool:
        """Say whether an edge between two identifiers that are not public holds in a step.

        What holds in a step holds in all before it. What is alike always holds, and so do a phone
        (or person) and the proxy that is made of it.
        """
        if step == 0 or edge.tier != TOGETHER or edge.b == f"promptpay:{edge.a}":
            return True
        told = max(edge.voices, 1).bit_length() - 1
        if min(magnitude(one), magnitude(other)) - told >= DOUBLINGS[step]:
            return False
        first, second = _few_from(one), _few_from(other)
        if step < min(first, second):
            return True
        return (first <= second and self._best(one) == other.key) or (
            second <= first and self._best(other) == one.key
        )

    def _best(self, node: Node) -> str:
        """Return whom most voices tell with an identifier; of several the one that most know."""
        best = 0, 0, ""
        for other, edge in self._edges.ties(node).items():
            beyond = self._nodes.of(other)
            if not (beyond.hub or other in node.loose or node.key in beyond.loose):
                best = max(best, (edge.voices, magnitude(beyond), other))
        return best[2]
