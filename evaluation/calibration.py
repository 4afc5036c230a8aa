"""How sure the model's bits are: of links with so many bits, how many are right, by kind.

Taken from labelled worlds: every link that a cluster lists, whether it joins or is a relation, but
those through public numbers. A cluster lists as many joining links as hold it together. A link is
right when one ring owns both its ends, misspelt ones counted to the ring that was meant.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from evaluation.runs import World, clustered, lines, truth_of
from pipeline.contracts.clusters import Edge
from pipeline.evaluation.found import gather
from pipeline.evaluation.told import identifiers_told, newest_reports
from pipeline.evaluation.truth import Truth
from pipeline.policy.policy import load_policy

Json = dict[str, Any]
BUCKET = 4
"""Bits a row of the calibration."""
MOST = 40
"""Links of more bits are in the last row."""
PUBLIC = frozenset({"public_number", "passing_number"})
FEWEST = 20
"""Kinds of evidence seen less often are left out of the table."""


def calibration_figures(worlds: Iterable[World]) -> Json:
    """Return, by bits and by kind of evidence, how many links there are and how many are right."""
    by_bits: dict[int, Counter[bool]] = defaultdict(Counter)
    by_kind: dict[str, Counter[bool]] = defaultdict(Counter)
    bits: Counter[str] = Counter()
    for world in worlds:
        for edge, right in _judged(world):
            by_bits[min(int(edge.bits) // BUCKET * BUCKET, MOST)][right] += 1
            kind = kind_of_link(edge)
            by_kind[kind][right] += 1
            bits[kind] += edge.bits
    kinds = {
        kind: {**_counted(counts), "bits": round(bits[kind] / counts.total(), 1)}
        for kind, counts in sorted(by_kind.items())
        if counts.total() >= FEWEST
    }
    return {"bits": {str(low): _counted(by_bits[low]) for low in sorted(by_bits)}, "kinds": kinds}


def _counted(counts: Counter[bool]) -> Json:
    """Return links, those that are right, and the odds in bits (half a link added to each)."""
    right, wrong = counts[True], counts[False]
    odds = math.log2((right + 0.5) / (wrong + 0.5))
    return {"links": right + wrong, "right": right, "odds_bits": round(odds, 1)}


def kind_of_link(edge: Edge) -> str:
    """Return what speaks for a link, without its counts: the kinds of its ends, or the fields."""
    if any(reason.startswith("named together") for reason in edge.reasons):
        ends = sorted(end.partition(":")[0] for end in (edge.a, edge.b))
        return f"named together: {' and '.join(ends)}"
    fields = (reason.partition(":")[0] for reason in edge.reasons)
    return ", ".join(field for field in fields if field != "bridge")


def _judged(world: World) -> Iterator[tuple[Edge, bool]]:
    scenario = world.scenario()
    truth, reports = truth_of(scenario), lines(scenario.reports)
    owners = owners_of(truth, identifiers_told(newest_reports(reports, load_policy())))
    for edge in links_of(reports):
        yield edge, bool(owners.get(edge.a, set()) & owners.get(edge.b, set()))


def links_of(reports: Sequence[bytes]) -> list[Edge]:
    """Return every link that the clusters of reports list, but those through public numbers.

    Bits say nothing of numbers that are everybody's: these are found by other rules.
    """
    found = gather(clustered(reports)[0], [])
    seen: dict[tuple[str, str], Edge] = {}
    for cluster in found.clusters.values():
        seen.update(((edge.a, edge.b), edge) for edge in (*cluster.edges, *cluster.relations))
    return [edge for edge in seen.values() if not PUBLIC & set(edge.reasons)]


def owners_of(truth: Truth, told: dict[str, tuple[str, ...]]) -> dict[str, set[str]]:
    """Return the rings that own each identifier; of one in no ring, those whose reports name it.

    An honest customer's account is owned by its holder alone, whoever names it by mistake.
    """
    owners: dict[str, set[str]] = defaultdict(set)
    for ring in truth.rings:
        for identifier in {*ring.identifiers, *ring.guilty}:
            owners[identifier].add(ring.id)
    known = set(owners)
    honest = set(truth.innocents.accounts)
    whose = truth.owners()
    named: dict[str, set[str]] = defaultdict(set)
    for report, identifiers in told.items():
        for identifier in identifiers:
            if report in whose and identifier not in known:
                named[identifier].add(whose[report])
    for identifier, rings in named.items():
        # What reports of several rings name (a courier's phone) is nobody's.
        if identifier in honest or len(rings) > 1:
            owners[identifier] = {identifier}
        else:
            owners[identifier] = rings
    return owners
