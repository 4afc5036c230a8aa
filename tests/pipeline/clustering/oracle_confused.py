"""The definition of a voice that names accounts of two rings, written naively (see `oracle`)."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from math import log2

import networkx as nx  # type: ignore[import-untyped]

from tests.pipeline.clustering.oracle_parties import MONEY, Edge

CONTACTS = ("phone:", "handle:", "url:")


def confused(
    graph: nx.Graph,
    statements: dict[tuple[str, int], list[Edge]],
    edges: Collection[Edge],
    often: Collection[str],
) -> set[Edge]:
    """Return the edges of statements by which one voice alone ties accounts of two rings.

    ``graph`` has a vertex for each statement (voice, place); ``often`` are named by several.
    """
    cut: set[Edge] = set()
    for statement, told in statements.items():
        rest = graph.subgraph(nx.node_connected_component(graph, statement) - {statement})
        ends = {end for edge in told for end in edge[1:3]}
        parts = []
        for found in nx.connected_components(rest):
            part = {n for n in found if isinstance(n, str)}
            # Whom nobody else names hangs on the statement, whatever it is.
            alone = len(part) == 1 and not part & set(often) and len(found) == 1
            if not alone and any(end.startswith(MONEY) for end in part & ends):
                parts.append(part)
        if len(parts) < 2:
            continue
        others = [edge for edge in edges if edge not in told]

        def mentions(part: set[str], among: list[Edge] = others) -> list[tuple[Edge, str]]:
            return [(e, c) for e in among for a, c in _told(e) if a in part]

        def rank(part: set[str], ends: set[str] = ends) -> tuple[int, str]:
            return -sum(len(e[4]) for e, _ in mentions(part)), min(part & ends)

        ring = min(parts, key=rank)
        known = sum(len(e[4]) for e, c in mentions(ring) if c in often)
        once = sum(len(e[4]) for e, c in mentions(ring) if c not in often)
        for part in parts:
            soles = {v for e, _ in mentions(part) if len(e[4]) == 1 for v in e[4]}
            most = max((len(e[4]) for e, _ in mentions(part)), default=0)
            voices = max(len(soles - {statement[0]}), most if most > 1 else 0)
            bits = voices * -log2((once + 2) / (known + once + 4))
            if part is not ring and bits >= 4:
                cut |= {e for e in told if len(part & {*e[1:3]}) == 1}
    return cut


def _told(edge: Edge) -> Iterator[tuple[str, str]]:
    for account, contact in (edge[1:3], edge[2:0:-1]):
        if edge[3] == "T0" and account.startswith(MONEY) and contact.startswith(CONTACTS):
            yield account, contact
