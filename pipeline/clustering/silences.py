"""Parts of a cluster that lie beyond a silence: told of before anybody told of the ring, or after.

A ring's victims report for some days or weeks, one ring's in other weeks than another's. So what
one voice, or one number, alone ties to a ring, and what was told of only long before or after
all that was told of it, is another ring's: somebody fell to both, a number was issued again, or a
courier delivered for both. How sure that is comes from the silence: the reports of one ring would
seldom all fall into a part of the time, and leave the rest of it empty.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Final, NamedTuple

from pipeline.clustering.cut_vertices import Search
from pipeline.clustering.nodes import Node
from pipeline.clustering.pairs import GraphEdge
from pipeline.clustering.parts import Around, PartCut, largest_first
from pipeline.clustering.rows import DAY_MS
from pipeline.clustering.statements import Graph

SILENT_BITS: Final = 12.0
"""So sure it must be, in bits, that what lies beyond a silence is not the ring's. In simulated
worlds of two months, of some ninety parts with so many bits two were the ring's own, with eight
bits six of some hundred."""

SHORTEST: Final = 7
"""Days over which a ring's reports are taken to come at least: many of one day are no more sure."""

_VOICES: Final = 2
"""Voices that must tell of a part. One who tells late, and of what nobody else knows, is late."""


class Told(NamedTuple):
    """When a part is told of (first and last day since 1970), by how many reports, and by whom.

    Of the voices two are enough.
    """

    first: int
    last: int
    reports: int
    voices: frozenset[str]


_NEVER = 1 << 31
NEVER: Final = Told(_NEVER, -1, 0, frozenset())


def together(a: Told, b: Told) -> Told:
    """Return when two parts are told of, taken as one."""
    voices = a.voices if len(a.voices) >= _VOICES else a.voices | b.voices
    return Told(min(a.first, b.first), max(a.last, b.last), a.reports + b.reports, voices)


class Silence(NamedTuple):
    """Days on which nobody tells of a cluster: those between ``last`` and ``first``.

    ``before`` and ``after`` are the bits of each report on its one side and on the other: how
    seldom it would fall there, and not into the silence.
    """

    last: int
    first: int
    before: float
    after: float

    def bits(self, ring: Told, part: Told) -> float:
        """Return how sure it is that a part beyond is not the ring's, 0 if it is not beyond."""
        if ring.last <= self.last and part.first >= self.first:
            return ring.reports * self.before
        if ring.first >= self.first and part.last <= self.last:
            return ring.reports * self.after
        return 0.0


def silences_of(nodes: Collection[Node]) -> list[Silence]:
    """Return the silences of a cluster beyond which a part of it may lie."""
    summaries = [node.summary for node in nodes]
    reports = sum([summary.home_reports for summary in summaries])
    if reports < _VOICES or len(nodes) < 2:
        return []
    days = sorted(set().union(*[summary.days for summary in summaries]))
    if days[-1] - days[0] < len(days):
        return []
    found = []
    for last, first in pairwise(days):
        quiet = first - last - 1
        if quiet:
            before = math.log2(1 + quiet / max(last - days[0] + 1, SHORTEST))
            after = math.log2(1 + quiet / max(days[-1] - first + 1, SHORTEST))
            silence = Silence(last, first, before, after)
            if reports * max(before, after) >= SILENT_BITS and _may_part(silence, nodes):
                found.append(silence)
    return found


def _may_part(silence: Silence, nodes: Iterable[Node]) -> bool:
    """Say False only where nothing on the one side has reports enough on the other."""
    earlier = later = 0
    part_earlier = part_later = False
    for node in nodes:
        summary = node.summary
        told = sum([n for day, n in summary.days.items() if day >= silence.first])
        # One voice, which may be all that ties it to others, may tell of it on the other side.
        if told and (told == summary.reports or node.many is None):
            later += summary.home_reports
            part_later = True
        if told < summary.reports and (not told or node.many is None):
            earlier += summary.home_reports
            part_earlier = True
    return (part_later and earlier * silence.before >= SILENT_BITS) or (
        part_earlier and later * silence.after >= SILENT_BITS
    )


def silence_cuts(
    keys: Sequence[str],
    behind: Mapping[str, Collection[Node]],
    edges: Sequence[GraphEdge],
    silences: Sequence[Silence],
) -> set[int]:
    """Return the places in ``edges`` of the ties to parts that lie beyond a silence.

    ``behind`` has the identifiers that each key stands for. All parts are looked for at once, the
    largest first, and what is cut off is not cut further. Linear in the cluster's size.
    """
    often = [sum([node.summary.reports for node in behind[key]]) > 1 for key in keys]
    graph = Graph(keys, edges, [0] * len(edges), set(), often)
    search = Search(graph.neighbours)
    around = Around(search, _told(graph, behind, often), together, NEVER, graph.homes)
    return largest_first(_cuts(graph, search, around, silences), around)


def _told(
    graph: Graph, behind: Mapping[str, Collection[Node]], often: Sequence[bool]
) -> list[Told]:
    """Return when each vertex is told of.

    What a voice whose statement is a vertex tells is told there, and not at what it names: so it
    is gone with the statement. Only of what many name it is told at both.
    """
    size = len(graph.neighbours)
    first, last, reports = [_NEVER] * size, [-1] * size, [0] * size
    voices: list[set[str]] = [set() for _ in range(size)]
    statements = {
        (voice, end): vertex
        for vertex in range(len(graph.nodes), size)
        if (voice := graph.voice_of(vertex))
        for end in graph.neighbours[vertex]
    }
    for place, key in enumerate(graph.nodes):
        if place in graph.homes:
            # The one report that names it names what it hangs on, too.
            continue
        for node in behind[key]:
            reports[place] += node.summary.home_reports if often[place] else 0
            voices[place].update(node.voices(_VOICES))
            if node.many is not None:
                days = node.summary.days
                first[place], last[place] = min(first[place], *days), max(last[place], *days)
                continue
            for report in node.few:
                at = statements.get((report.voice, place), place)
                day = report.received_at // DAY_MS
                first[at], last[at] = min(first[at], day), max(last[at], day)
    firsts = (frozenset(sorted(told)[:_VOICES]) for told in voices)
    return list(map(Told, first, last, reports, firsts))


def _cuts(
    graph: Graph, search: Search, around: Around[Told], silences: Sequence[Silence]
) -> Iterator[PartCut]:
    for vertex in search.separated:
        told = around.parts(vertex)
        if len(told) < 2:
            continue
        ring = min(told, key=lambda part: (-told[part].reports, told[part][:2]))
        for part, when in told.items():
            if part == ring or when.last < 0 or len(when.voices) < _VOICES:
                continue
            bits = max(silence.bits(told[ring], when) for silence in silences)
            if bits < SILENT_BITS:
                continue
            places = around.ties_into(vertex, part, graph)
            if places:
                yield PartCut(vertex, part, when.reports, round(bits, 6), places)
