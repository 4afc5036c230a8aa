"""The definitions of parties and of numbers that pass by, written naively (see `oracle`)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from math import exp, lgamma, log2

import networkx as nx  # type: ignore[import-untyped]

from pipeline.identity.account import number_of

Edge = tuple[float, str, str, str, frozenset[str]]
"""(bits, a, b, tier, voices)"""

MONEY = ("account:", "promptpay:", "wallet:")


def several_ties(edges: Collection[Edge], often: Collection[str]) -> int:
    """Return the voices of the ties of money's identifiers, where both ends are named often."""
    told = [
        e
        for e in edges
        if e[3] == "T0"
        and any(end.startswith(MONEY) for end in e[1:3])
        and not any(end.startswith(("promptpay:phone:", "promptpay:nid:")) for end in e[1:3])
    ]
    return sum(len(e[4]) for e in told if e[1] in often and e[2] in often)


def apart(one: float, other: float, across: float) -> float:
    """Return in bits how seldom so few ties are across two parts of one ring."""
    expected = (2 * one + across) * (2 * other + across) / (2 * (one + other + across) or 1)
    if one <= 0 or other <= 0 or across >= expected:
        return 0.0

    def ways(among: float, chosen: float) -> float:
        return log2(exp(lgamma(among + 1) - lgamma(chosen + 1) - lgamma(among - chosen + 1)))

    half = across / 2
    found = ways(one + other + across, one + half)
    return found - ways(one + half, half) - ways(other + half, half)


def tied_by_several(across: Collection[Edge], one: Collection[str], head: dict[str, str]) -> bool:
    """Say whether ties between two parts share too few ends and voices to be two parties'."""
    told = [e for e in across if e[3] == "T0"]
    if all("phone:" in e[1].split("+")[0] + e[2].split("+")[0] for e in told):
        return False
    pairs: nx.Graph = nx.Graph()
    for _, a, b, _, _ in told:
        near, far = (a, b) if a in one else (b, a)
        pairs.add_edge(("one", head[near]), ("other", head[far]))
    disjoint = len(nx.max_weight_matching(pairs, maxcardinality=True))
    alone = {next(iter(e[4])) for e in told if len(e[4]) == 1}
    several = [len(e[4]) for e in told if len(e[4]) > 1]
    return min(disjoint, max([len(alone), *several])) >= (2 if several else 3)


Part = tuple[set[str], int, int, str]
"""(identifiers, who names a number beside them, voices, the scam told there if it is one)"""


def passes_by(number: str, parts: list[Part]) -> list[set[str]]:
    """Return the parts around a number that it joins with nothing."""
    bits, scams = 0.0, []
    for part, naming, voices, scam in parts:
        is_with_account = any(n.startswith("account:") for n in part)
        if voices < 2 or (number.startswith("account:") and not is_with_account):
            continue
        drawn = max(naming, max(2**n for n in range(1, 11) if 2**n <= voices))
        chance = [
            share**naming * (1 - share) ** (drawn - naming) / (1 - (1 - share) ** drawn)
            for share in (0.03, 0.3)
        ]
        bits += log2(chance[0] / chance[1]) + (1.0 if voices >= 4 else 0.3)
        scams.append(scam)
    told = Counter(scam for scam in scams if scam)
    bits += 2.0 * (told.total() - max(told.values(), default=0))
    if len(scams) < 3 or bits < 2.0:
        return []
    return [part for part, naming, voices, _ in parts if voices >= 2 or naming == 1]


def mostly(tellings: list[str]) -> str:
    """Return the scam that two thirds of two tellings or more are of."""
    told = Counter(scam for scam in tellings if scam != "other")
    own = [scam for scam, many in told.items() if many >= told.total() * 2 / 3]
    return own[0] if own and told.total() >= 2 else ""


def everybodys(neighbours: int, voices: int, limit: int) -> bool:
    """Say whether an identifier is a public number: its neighbours change with its voices."""
    return neighbours > limit and (
        neighbours > max(limit, 320) or comes_with_strangers(neighbours, voices)
    )


def comes_with_strangers(neighbours: int, voices: int) -> bool:
    """Say whether there are more than three neighbours for each four voices."""
    return neighbours / 3 > voices / 4


def parts_around(graph: nx.Graph, node: str, links: set[str]) -> list[set[str]]:
    """Return what is named together around a number, or has a link in common.

    One number at two banks is one.
    """
    around = nx.Graph(graph.subgraph(graph[node]))
    accounts = [end for end in around if end.startswith("account:")]
    same = [(a, b) for a in accounts for b in accounts if number_of(a) == number_of(b)]
    around.add_edges_from(same)
    for link in links - {node}:
        ends = graph[link].keys() & graph[node].keys()
        around.add_edges_from((a, b) for a in ends for b in ends)
    return list(nx.connected_components(around))


def more_often(one: int, other: int) -> int:
    """Return in doublings how much more often one of two numbers is told; five at most."""
    fewer, more = sorted((one, other))
    return max(n for n in range(6) if 2**n <= max(more // max(fewer, 1), 1))
