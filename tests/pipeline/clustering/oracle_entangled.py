"""The definition of entangled rings, written naively (see `oracle`)."""

from __future__ import annotations

from collections import defaultdict
from itertools import combinations
from typing import TYPE_CHECKING

import networkx as nx  # type: ignore[import-untyped]

if TYPE_CHECKING:
    from tests.pipeline.clustering.oracle import Oracle

Edge = tuple[float, str, str, str, frozenset[str]]
"""(bits, a, b, tier, voices)"""


def distinct_voices(edges: list[Edge]) -> int:
    """Return how many voices edges have between them, at least."""
    alone = set[str]().union(*(e[4] for e in edges if len(e[4]) == 1))
    return max(len(alone), *(len(e[4]) for e in edges))


def is_couriers(number: str, ties: dict[str, dict[int, list[Edge]]]) -> bool:
    """Say whether a number ties three parts or more, most of which no other one ties together."""
    if len(ties[number]) < 3:
        return False
    others = [tied for key, tied in ties.items() if key != number]
    pairs = list(combinations(ties[number], 2))
    tied_otherwise = [p for p in pairs if any(p[0] in tied and p[1] in tied for tied in others)]
    return 2 * len(tied_otherwise) < len(pairs)


def entangled(oracle: Oracle, edges: list[Edge]) -> set[Edge]:
    """Return the ties that phones and handles lose which several rings passed on."""
    numbers = {n for n in oracle.behind if n.startswith(("phone:", "handle:"))}
    graph = nx.Graph()
    graph.add_nodes_from(oracle.behind.keys() - numbers)
    graph.add_edges_from(e[1:3] for e in edges if not numbers & set(e[1:3]))
    parts = [set(p) for p in nx.connected_components(graph) if oracle.supported(set(p), set())]
    ties: dict[str, dict[int, list[Edge]]] = {number: defaultdict(list) for number in numbers}
    for edge in edges:
        for number, end in (edge[1:3], edge[2:0:-1]):
            for place, part in enumerate(parts):
                if number in numbers and end in part:
                    ties[number][place].append(edge)
    shared = nx.Graph()
    shared.add_nodes_from(range(len(parts)))
    for one, other in combinations(range(len(parts)), 2):
        both = [
            tied
            for number, tied in ties.items()
            if one in tied and other in tied and not is_couriers(number, ties)
        ]
        told = [min(distinct_voices(tied[one]), distinct_voices(tied[other])) for tied in both]
        if len(told) > 1 and sum(told) >= 3:
            shared.add_edge(one, other)
    cut: set[Edge] = set()
    own: dict[str, int] = {}
    lost: dict[str, set[int]] = {}
    for number, tied in ties.items():
        parties = []
        for places in nx.connected_components(shared):
            mine = [edge for place in places for edge in tied.get(place, ())]
            if mine:
                voices, bits = sum(max(len(e[4]), 1) for e in mine), sum(e[0] for e in mine)
                name = min(set().union(*(parts[place] for place in places)))
                parties.append((-voices, -round(bits, 3), name, min(places), mine))
        parties.sort(key=lambda party: party[:3])
        for *_, mine in parties[1:]:
            cut |= set(mine)
        lost[number] = {party[3] for party in parties[1:]}
        if parties:
            own[number] = parties[0][3]
    for edge in edges:
        for number, other in (edge[1:3], edge[2:0:-1]):
            if number in own and other in own and own[other] in lost[number]:
                cut.add(edge)
    return cut
