"""Where a cluster is cut because a part of it tells of another scam than the ring.

What one voice, or one number, alone ties to a ring, needs no more: somebody fell to both, or a
number was handed on. Where an account was handed on, its PromptPay number and its holder's phone
were, too, and none of these is alone; nor is one of several couriers between several rings. So
there the identifiers are told apart by the scams that are told beside them, and both must say that
these are two rings, and be sure enough together: the scams, and how seldom ties lie across
(`parties.apart_bits`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Final

from pipeline.clustering.cut_vertices import Search
from pipeline.clustering.nodes import Node
from pipeline.clustering.pairs import TOGETHER, GraphEdge
from pipeline.clustering.parties import apart_bits, counts_for_a_party, needed_bits
from pipeline.clustering.parts import Around, PartCut, largest_first
from pipeline.clustering.scams import (
    NOTHING_TOLD,
    Scams,
    other_scam_bits,
    own_scam,
    scams_filed,
    scams_named,
    tell_apart,
    together,
    without,
)
from pipeline.clustering.statements import Graph

ALONE_BITS: Final = 4.0
"""So sure it must be, in bits, that what one tie holds to a ring tells of another scam. In worlds
of two makers all of some thirty such parts were another ring's. In five worlds of 1,500 reports, of
which every fifth tells of a scam at random, it costs a few reports."""

SEVERAL_BITS: Final = 8.0
"""The same where several ties hold it."""

APART_BITS: Final = 2.0
"""The same of the ties across, at least. What they lack to part two parties alone, the scams may
say: both are added up."""

SEVERAL_TELLINGS: Final = 4
"""So many tellings of another scam there must be where several ties hold a part."""


def scam_cuts(
    keys: Sequence[str],
    behind: Mapping[str, Collection[Node]],
    edges: Sequence[GraphEdge],
    bits: float,
) -> set[int]:
    """Return the places in ``edges`` of the ties to parts that tell of another scam.

    ``behind`` has the identifiers that each key stands for; ``bits`` are what parts two parties
    (policy.clustering). All parts are looked for at once, and those that one tie holds the largest
    first; what is cut off is not cut further. Linear in the cluster's size.
    """
    filed = [NOTHING_TOLD] * len(keys)
    for place, key in enumerate(keys):
        for node in behind[key]:
            filed[place] = together(filed[place], scams_filed(node))
    # What is named once may be told of by another ring's victim as well: none is left out.
    graph = Graph(keys, edges, [0] * len(edges), set(), [True] * len(keys))
    told = filed + [NOTHING_TOLD] * (len(graph.neighbours) - len(keys))
    search = Search(graph.neighbours)
    around = Around(search, told, together, NOTHING_TOLD, {})
    cut = largest_first(_held_by_one(graph, search, around), around)
    return cut | _held_by_several(keys, behind, edges, filed, bits)


def _held_by_one(graph: Graph, search: Search, around: Around[Scams]) -> Iterator[PartCut]:
    total = {root: sum(around.below[root].values()) for root in set(search.root)}
    for vertex in search.separated:
        told = {part: scams for part, scams in around.parts(vertex).items() if scams}
        if len(told) < 2:
            continue
        size = {part: sum(scams.values()) for part, scams in told.items()}
        ring = min(told, key=lambda part: (-size[part], sorted(told[part].items())))
        for part, scams in told.items():
            if part == ring or not tell_apart(told[ring], scams, total[search.root[vertex]]):
                continue
            if (sure := other_scam_bits(told[ring], scams)) >= ALONE_BITS:
                places = around.ties_into(vertex, part, graph)
                if places:
                    yield PartCut(vertex, part, size[part], sure, places)


def _held_by_several(
    keys: Sequence[str],
    behind: Mapping[str, Collection[Node]],
    edges: Sequence[GraphEdge],
    filed: Sequence[Scams],
    bits: float,
) -> set[int]:
    all_filed = NOTHING_TOLD
    for scams in filed:
        all_filed = together(all_filed, scams)
    cut: set[int] = set()
    kinds = [kind for kind, told in all_filed.items() if told >= SEVERAL_TELLINGS]
    if len(kinds) < 2:
        return cut
    place_of = {key: place for place, key in enumerate(keys)}
    ends = [(place_of[edge.a], place_of[edge.b]) for edge in edges]
    beside: list[set[int]] = [set() for _ in keys]
    for a, b in ends:
        beside[a].add(b)
        beside[b].add(a)
    named = []
    often = []
    for key in keys:
        scams = NOTHING_TOLD
        for node in behind[key]:
            scams = together(scams, scams_named(node))
        named.append(scams)
        often.append(sum([node.summary.reports for node in behind[key]]) > 1)
    # What was handed on is in neither part where as many tell of both: so the own scam comes last.
    own = own_scam(all_filed)
    for kind in sorted(kinds, key=lambda kind: (kind == own, kind)):
        if kind == own and cut:
            break
        for part in _parts_of(kind, named, beside):
            scams = NOTHING_TOLD
            for place in sorted(part):
                scams = together(scams, filed[place])
            if not _tell_of_two(kind, scams, all_filed):
                continue
            across, apart = _across(part, edges, ends, often)
            needed = SEVERAL_BITS + needed_bits(bits, len(keys))
            sure = other_scam_bits(without(all_filed, scams), scams)
            if apart >= APART_BITS and round(sure + apart, 6) >= needed:
                cut.update(across)
    return cut


def _tell_of_two(kind: str, part: Scams, all_filed: Scams) -> bool:
    """Say whether a part tells of a scam, and the rest of another, each several times."""
    rest = without(all_filed, part)
    other = max([told for k, told in rest.items() if k != kind], default=0)
    return (
        min(part.get(kind, 0), other) >= SEVERAL_TELLINGS
        and tell_apart(rest, part, sum(all_filed.values()))
        and other_scam_bits(rest, part) >= SEVERAL_BITS
    )


def _parts_of(
    kind: str, named: Sequence[Scams], beside: Sequence[Collection[int]]
) -> Iterator[set[int]]:
    """Yield what hangs together of the identifiers beside which mostly one scam is told.

    Of those beside which none is told, those belong to them that hang on no others.
    """
    mostly = {p for p, told in enumerate(named) if 2 * told.get(kind, 0) > sum(told.values())}
    unknown = {place for place, told in enumerate(named) if not told}
    for part in _connected(unknown, beside):
        others = {other for place in part for other in beside[place]} - part
        if others and others <= mostly:
            mostly |= part
    yield from _connected(mostly, beside)


def _connected(among: Collection[int], beside: Sequence[Collection[int]]) -> Iterator[set[int]]:
    left = set(among)
    for start in sorted(among):
        if start not in left:
            continue
        left.discard(start)
        part, waiting = {start}, [start]
        while waiting:
            new = left.intersection(beside[waiting.pop()])
            left -= new
            part |= new
            waiting += new
        yield part


def _across(
    part: Collection[int],
    edges: Sequence[GraphEdge],
    ends: Sequence[tuple[int, int]],
    often: Sequence[bool],
) -> tuple[list[int], float]:
    """Return the ties between a part and the rest, and how sure these are two parties, in bits."""
    places, inside, across = [], [0, 0], 0
    for place, (a, b) in enumerate(ends):
        edge = edges[place]
        if (a in part) != (b in part):
            places.append(place)
            across += edge.voices if edge.tier == TOGETHER else 0
        elif counts_for_a_party(edge) and often[a] and often[b]:
            inside[a in part] += edge.voices
    return places, apart_bits(*inside, across)
