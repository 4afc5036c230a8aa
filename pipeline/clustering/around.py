"""What lies around a number: parts that have nothing to do with one another, as far as is told.

Two identifiers that a number was named with are in one part where a report names them together, and
where they have another number in common (a link): the accounts of one ring seldom are named
together, but a third of its victims name its phone. So what lies one step further away is looked at
too, and no more: which parts there are is a function of the pairs up to there alone.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Final, NamedTuple

from pipeline.clustering.bridges import find, unite
from pipeline.clustering.edges import Edges
from pipeline.clustering.hubs import comes_with_strangers
from pipeline.clustering.known import magnitude
from pipeline.clustering.nodes import Node, Nodes
from pipeline.clustering.normalised import StoredReport
from pipeline.clustering.pairs import others_of, pairs_of
from pipeline.clustering.scams import mostly_told
from pipeline.identity.account import is_account, number_of

LINK_NEIGHBOURS: Final = 64
"""A number that was named with more than so many others links nothing: whose parts change when it
begins or ceases to link hangs on all of them."""

_HANDED_ON: Final = ("phone:", "url:")
_LINKS_STRANGERS: Final = 2
"""A phone or page that comes with strangers (`hubs.comes_with_strangers`) may pass by as well, and
would hide another that does. It links no more than so many, as what two victims of one ring name.
Handles and accounts are seldom a courier's."""

_TOLD_OFTEN: Final = 2
"""So many reports about an identifier, at least, say more than that they name it."""


class Role(NamedTuple):
    """What others' parts hang on: whether an identifier is public, how well it is known (as
    `magnitude`), of which scam is told beside it, and whether it is a link."""

    public: bool = False
    known: int = 0
    scam: str = ""
    links: bool = False


TOLD_ONCE: Final = Role()
"""Of an identifier that one report names at most."""

PUBLIC: Final = Role(public=True)
"""Of a public number: it is in no part, whatever is told of it."""


def role_of(node: Node) -> Role:
    """Return the role of an identifier in others' parts."""
    if node.hub:
        return PUBLIC
    # So it is with most: all that one report names are in one part already.
    if node.summary.reports < _TOLD_OFTEN:
        return TOLD_ONCE
    return Role(False, magnitude(node), mostly_told(node), _is_link(node))


def _is_link(node: Node) -> bool:
    """Say whether what was named with an identifier, but never together, is one ring's."""
    summary = node.summary
    if not 1 < summary.degree <= LINK_NEIGHBOURS or summary.reports < _TOLD_OFTEN or node.hub:
        return False
    if summary.degree <= _LINKS_STRANGERS or not node.key.startswith(_HANDED_ON):
        return True
    return not comes_with_strangers(summary)


class Around:
    """Finds the parts around numbers, and the numbers whose parts a report changes."""

    def __init__(self, nodes: Nodes, edges: Edges) -> None:
        self._nodes = nodes
        self._edges = edges

    def named_together(self, ends: Iterable[str]) -> list[list[str]]:
        """Group identifiers by the pairs among them that reports name together.

        A number is in one part with itself at another bank, or without one.
        """
        left = set(ends)
        of_number: dict[str, list[str]] = {}
        for end in left:
            if is_account(end):
                of_number.setdefault(number_of(end), []).append(end)
        parts = []
        while left:
            part = [left.pop()]
            for end in part:
                if is_account(end):
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

    def linked(self, number: str, parts: list[list[str]]) -> list[list[str]]:
        """Return the parts around a number, those that have a link in common as one."""
        of = self._nodes.of
        beyond = [set[str]().union(*[self._edges.ties(of(end)) for end in p]) for p in parts]
        once, twice = set[str](), set[str]()
        for found in beyond:
            twice |= once & found
            once |= found
        twice.discard(number)
        links = {key for key in twice if _is_link(of(key))}
        if not links:
            return parts
        head: dict[str, str] = {}
        first: dict[str, str] = {}
        for part, found in zip(parts, beyond, strict=True):
            for link in found & links:
                unite(head, part[0], first.setdefault(link, part[0]))
        united: dict[str, list[str]] = {}
        for part in parts:
            united.setdefault(find(head, part[0]), []).extend(part)
        return list(united.values())

    def around_pairs(self, word: StoredReport, several: Mapping[str, Node]) -> Iterator[str]:
        """Yield whose parts may hang on a pair that no report but this one makes.

        ``several`` are the identifiers that another report names too: whoever no other one names
        is tied to none but those in it, and links nothing.
        """
        for a, b in pairs_of(word):
            if a in several and b in several and not (several[a].hub or several[b].hub):
                ties = self._edges.ties(several[a])
                if b not in ties or ties[b].reports == 1:
                    yield from ties.keys() & self._edges.ties(several[b]).keys()
                    yield from self._across(several[a], several[b], word)
                    yield from self._across(several[b], several[a], word)

    def _across(self, link: Node, end: Node, word: StoredReport) -> Iterator[str]:
        """Yield what is tied to ``end`` and to another that ``link`` ties, or tied, it to.

        What a report that is gone named with the link may have been linked by that report alone.
        """
        if not _is_link(link):
            return
        tied = self._edges.ties(end).keys()
        for other in {*self._edges.ties(link), *others_of(word, link.key)}:
            if other != end.key and not (beyond := self._nodes.of(other)).hub:
                yield from tied & self._edges.ties(beyond).keys()

    def around_link(self, link: Node, gone: StoredReport | None) -> Collection[str]:
        """Return whose parts hang on an identifier that has become a link, or is none any more.

        What only a report that is ``gone`` named with it counts as well.
        """
        ends = set(self._edges.neighbours(link))
        if gone is not None and link.key in gone.identifiers:
            ends.update(others_of(gone, link.key))
        once, twice = set[str](), set[str]()
        for end in ends:
            node = self._nodes.of(end)
            if not node.hub:
                tied = self._edges.ties(node).keys()
                twice |= once & tied
                once |= tied
        return twice
