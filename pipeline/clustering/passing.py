"""Numbers that pass through many hands: a courier's phone, a SIM sold on, a victim's own handle.

They stay below the hub limit, and where there are several none is a cut vertex, yet each melts
rings together. What tells one from a ring's own phone: around it lie several parts with nothing
else to do with one another, each well known without it, and one voice alone ties it to each.

Which ties of a number are loose is a function of the identifiers that it was named with and of the
pairs among these alone. So it is kept with the number (`nodes.Node.loose`) and worked out anew
only where one of these changes: a component is never gathered across a loose tie, and stays as
small as the rings are, however many of them a courier serves.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from pipeline.clustering.brigades import heard
from pipeline.clustering.edges import Edges
from pipeline.clustering.nodes import NO_TIES, Node, Nodes
from pipeline.clustering.normalised import StoredReport
from pipeline.clustering.pairs import pairs_of

PASSING_KINDS: Final = ("phone:", "handle:", "url:")
"""Identifiers that may change hands or be nobody's in the story; money goes to all others."""

PASSING_PARTS: Final = 3
"""So many parts, each tied by one voice of its own. With two it could be the ring's only link."""

_SUPPORT_VOICES: Final = 2
"""A part counts when one of its identifiers was named by another voice too."""


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
        that it alone makes, and those around identifiers that ``turned``: became known or public,
        or are so no longer.
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
        of = self._nodes.of
        ties = {o: edge for o, edge in self._edges.ties(node).items() if not of(o).hub}
        known = {other for other in ties if is_known(of(other))}
        if len(known) < PASSING_PARTS:
            return NO_TIES
        single: list[tuple[str, list[str]]] = []
        parts = self._parts(ties)
        for part in parts:
            voices = {ties[end].sole for end in part}
            if len(voices) == 1 and "" not in voices:
                single.append((voices.pop(), part))
        passing = {voice for voice, part in single if not known.isdisjoint(part)}
        if len(passing) < PASSING_PARTS or 3 * len(single) < 2 * len(parts):
            return NO_TIES
        return frozenset(end for _, part in single for end in part)

    def _parts(self, ends: Iterable[str]) -> list[list[str]]:
        """Group identifiers by the pairs among them that reports name together."""
        left = set(ends)
        parts = []
        while left:
            part = [left.pop()]
            for end in part:
                ties = self._edges.ties(self._nodes.of(end))
                tied = [other for other in left if other in ties]
                left.difference_update(tied)
                part += tied
            parts.append(part)
        return parts


def is_known(node: Node) -> bool:
    """Say whether an identifier makes a part count."""
    # Most have one voice at most: then nobody needs to ask whether a crowd was sent.
    summary = node.summary
    return summary.voices >= _SUPPORT_VOICES and heard(summary) >= _SUPPORT_VOICES
