"""Clusters in which no rule has a say: the whole component is one, as its edges join it."""

from __future__ import annotations

from collections.abc import Collection

from pipeline.clustering.joining import Component, Grouping
from pipeline.clustering.nodes import Node
from pipeline.clustering.normalised import StoredReport
from pipeline.clustering.pairs import PAIRWISE_IDENTIFIERS, GraphEdge, order
from pipeline.clustering.parties import MONEY


def lone_report(nodes: Collection[Node]) -> StoredReport | None:
    """Return the report that alone names all of these and nothing else; None where none does.

    Nor where it names several accounts, which might be one number or a confused voice's, or where
    one of these looks like another identifier, has another's holder or is a public number: then
    rules have a say.
    """
    few = next((node.few for node in nodes), ())
    if len(few) != 1:
        return None
    (report,) = few
    if not len(nodes) == len(report.identifiers) <= PAIRWISE_IDENTIFIERS:
        return None
    accounts = 0
    for node in nodes:
        if len(node.few) != 1 or node.few[0] is not report:
            return None
        if node.alike or node.persons or node.hub:
            return None
        accounts += node.key.startswith(MONEY)
    return report if accounts < 2 else None


def whole(component: Component) -> Grouping:
    """Return the one cluster of a component in which nothing can speak against an edge."""
    return Grouping(
        sorted(component.nodes),
        _spanning(component.edges, len(component.nodes)),
        sorted(component.relations.values(), key=order) if component.relations else [],
    )


def _spanning(edges: list[GraphEdge], nodes: int) -> list[GraphEdge]:
    """Return the edges that join a connected graph when they are taken in order (Kruskal's)."""
    if len(edges) < nodes:
        return edges
    if nodes == 3:
        return edges[:2]
    group: dict[str, list[str]] = {}
    joined = []
    for edge in edges:
        a = group.setdefault(edge.a, [edge.a])
        b = group.setdefault(edge.b, [edge.b])
        if a is b:
            continue
        if len(a) < len(b):
            a, b = b, a
        a += b
        for node in b:
            group[node] = a
        joined.append(edge)
        if len(joined) == nodes - 1:
            break
    return joined
