"""Parts of a cluster that tell of another scam than the ring that they hang on.

A ring practises one scam, or a few: its victims tell of the same over and over. So what one voice,
or one number, alone ties to a ring, and what tells only of a scam of which the ring's many victims
never tell, is another ring's: somebody fell to both, or a number was handed on. Where the kinds are
told at random, no ring has one scam, and nothing is cut.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Final

from pipeline.clustering.cut_vertices import Search
from pipeline.clustering.nodes import Node
from pipeline.clustering.pairs import GraphEdge
from pipeline.clustering.parts import ALONE, Around, PartCut, largest_first
from pipeline.clustering.statements import Graph

SCAM_BITS: Final = 4.0
"""So sure it must be, in bits, that a part tells of another ring's scam. In worlds of two makers
all of some thirty such parts were another ring's; of victims of whom one in five names a wrong
scam, six in ten with four bits, and nine in ten with five."""

KINDS: Final = 7
"""Scams that a report can tell of. ``other`` is none: nobody knows which."""

RING_SHARE: Final = (3, 4)
"""At least so many of so many tellings of a ring are of its one scam; else it says nothing."""

RING_TELLINGS: Final = 8
"""So many tellings a ring has at least. Fewer are all of one scam by chance now and then."""

_UNKNOWN: Final = "other"

Scams = Mapping[str, int]
"""How often each scam is told of."""
NOTHING_TOLD: Final[Scams] = {}


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


def is_of_one_scam(ring: Scams) -> bool:
    """Say whether nearly all of a ring's tellings are of one scam."""
    least, of = RING_SHARE
    told = sum(ring.values())
    return told >= RING_TELLINGS and max(ring.values()) * of >= told * least


def other_scam_bits(ring: Scams, part: Scams) -> float:
    """Return how sure it is that a part tells of another ring's scam, in bits.

    It is log2 of how much likelier the part's tellings are if they begin anew, than if they go on
    as the ring's: after n tellings the next one is of a kind that was told k times with the chance
    (k + 1/7) / (n + 1) (the Dirichlet-multinomial distribution).
    """
    return (_log_chance({}, part) - _log_chance(ring, part)) / math.log(2)


def _log_chance(before: Scams, told: Scams) -> float:
    lgamma, share = math.lgamma, 1 / KINDS
    total = sum(before.values()) + 1
    found = lgamma(total) - lgamma(total + sum(told.values()))
    for kind, many in told.items():
        known = before.get(kind, 0) + share
        found += lgamma(known + many) - lgamma(known)
    return found


def scams_of(node: Node) -> Scams:
    """Return the scams told of by the reports that have their home at an identifier.

    A voice tells of each kind once. Where many name it, the share that has its home there is taken
    to tell of the same as all.
    """
    summary = node.summary
    if not summary.home_reports:
        return NOTHING_TOLD
    if node.many is None:
        told = {(r.voice, r.scam_type) for r in node.few if r.home == node.key}
        found: dict[str, int] = {}
        for _, kind in told:
            if kind != _UNKNOWN:
                found[kind] = found.get(kind, 0) + 1
        return found
    homes, reports = summary.home_reports, summary.reports
    shares = ((kind, many * homes // reports) for kind, many in summary.scam_types.items())
    return {kind: share for kind, share in shares if share and kind != _UNKNOWN}


def may_tell_of_two_scams(nodes: Collection[Node]) -> bool:
    """Say False only where no part of a cluster can be cut for telling of another scam."""
    kinds: set[str] = set()
    for node in nodes:
        kinds.update(node.summary.scam_types)
    kinds.discard(_UNKNOWN)
    if len(kinds) < 2:
        return False
    told = NOTHING_TOLD
    for node in nodes:
        told = together(told, scams_of(node))
    # A ring has at least as many tellings as a part of it.
    least, of = RING_SHARE
    return len(told) > 1 and max(told.values()) * 2 * of >= sum(told.values()) * least


def scam_cuts(
    keys: Sequence[str], behind: Mapping[str, Collection[Node]], edges: Sequence[GraphEdge]
) -> set[int]:
    """Return the places in ``edges`` of the ties to parts that tell of another scam.

    ``behind`` has the identifiers that each key stands for. All parts are looked for at once, the
    largest first, and what is cut off is not cut further. Linear in the cluster's size.
    """
    often = [sum([node.summary.reports for node in behind[key]]) > 1 for key in keys]
    graph = Graph(keys, edges, [0] * len(edges), set(), often)
    mine = [NOTHING_TOLD] * len(graph.neighbours)
    for place, key in enumerate(keys):
        for node in behind[key]:
            mine[place] = together(mine[place], scams_of(node))
    told = list(mine)
    for leaf, homes in graph.homes.items():
        told[homes[0]], told[leaf] = together(told[homes[0]], mine[leaf]), NOTHING_TOLD
    search = Search(graph.neighbours)
    around = Around(search, told, together, NOTHING_TOLD, graph.homes)
    cuts = [*_cuts(graph, search, around), *_loose_ends(graph, search, around, mine, edges)]
    return largest_first(cuts, around)


def _cuts(graph: Graph, search: Search, around: Around[Scams]) -> Iterator[PartCut]:
    for vertex in search.separated:
        told = {part: scams for part, scams in around.parts(vertex).items() if scams}
        if len(told) < 2:
            continue
        size = {part: sum(scams.values()) for part, scams in told.items()}
        ring = min(told, key=lambda part: (-size[part], sorted(told[part].items())))
        if not is_of_one_scam(told[ring]):
            continue
        for part, scams in told.items():
            if part == ring:
                continue
            bits = round(other_scam_bits(told[ring], scams), 6)
            if bits >= SCAM_BITS:
                places = around.ties_into(vertex, part, graph)
                if places:
                    yield PartCut(vertex, part, size[part], bits, places)


def _loose_ends(
    graph: Graph,
    search: Search,
    around: Around[Scams],
    mine: Sequence[Scams],
    edges: Sequence[GraphEdge],
) -> Iterator[PartCut]:
    """Yield the cuts of what one voice alone tells of beside one identifier of the ring.

    ``mine`` is what is told at each vertex by itself.
    """

    def bits(home: int, scams: Scams) -> float:
        ring = without(around.below[search.root[home]], scams)
        return round(other_scam_bits(ring, scams), 6) if is_of_one_scam(ring) else 0.0

    ends = {
        leaf: homes[0]
        for leaf, homes in graph.homes.items()
        if len(homes) == 1 and homes[0] < len(graph.nodes)
    }
    if not any(mine[leaf] and bits(home, mine[leaf]) >= SCAM_BITS for leaf, home in ends.items()):
        return
    told: dict[tuple[int, str | None], tuple[set[int], list[int]]] = {}
    for place, pair in graph.ends.items():
        for leaf in pair:
            if leaf in ends:
                leaves, ties = told.setdefault((ends[leaf], edges[place].sole), (set(), []))
                leaves.add(leaf)
                if ends[leaf] in pair:
                    ties.append(place)
    for (home, _), (leaves, ties) in told.items():
        scams = NOTHING_TOLD
        for leaf in sorted(leaves):
            scams = together(scams, mine[leaf])
        sure = bits(home, scams)
        if sure >= SCAM_BITS:
            yield PartCut(home, ALONE, sum(scams.values()), sure, tuple(sorted(ties)))
