"""Saying again what a former owner overwrote: the newest content under its own version."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from pipeline.clustering.components import Component, Components
from pipeline.clustering.levels import Levels
from pipeline.clustering.nodes import Node, Nodes
from pipeline.clustering.pairs import GraphEdge
from pipeline.clustering.sayings import Sayings, cluster_identity
from pipeline.fold import Output
from pipeline.topics import CLUSTERS, WATCHLIST


class _Versioned(msgspec.Struct):
    version: int = 0


_VERSIONED = msgspec.json.Decoder(_Versioned)


class Again:
    """What the state last said in the compacted topics, by a record's key."""

    def __init__(
        self, nodes: Nodes, sayings: Sayings, levels: Levels, components: Components
    ) -> None:
        self._nodes = nodes
        self._sayings = sayings
        self._levels = levels
        self._components = components

    def version_of(self, topic: str, key: str) -> int:
        """Return the version that was last said, 0 when nothing was."""
        if topic == WATCHLIST:
            level = self._nodes.said(key)[0]
            return level.version if level is not None else 0
        anchor = self._sayings.anchor_of_said(key) if topic == CLUSTERS else None
        said = self._nodes.said(anchor)[1] if anchor is not None else None
        return said.version if said is not None else 0

    def of(self, topic: str, key: str) -> Output | None:
        """Return what was last said; None when nothing was or the state no longer gives it."""
        if self.version_of(topic, key) == 0:
            return None
        if topic == WATCHLIST:
            return self._entry(self._nodes.of(key))
        anchor = self._sayings.anchor_of_said(key)
        assert anchor is not None, "it has a version"
        return self._cluster(self._nodes.of(anchor))

    def _entry(self, node: Node) -> Output | None:
        components = self._components.gather([node.key])
        cluster = cluster_identity(node.cluster) if node.cluster is not None else ""
        return self._levels.say_again(node, cluster, ties_of([node.key], components)[node.key])

    def _cluster(self, anchor: Node) -> Output | None:
        assert anchor.said is not None, "it has a version"
        if not anchor.said.live:
            return self._sayings.say_empty_again(anchor)
        for component in self._components.gather([anchor.key]):
            for grouping in self._components.split(component):
                if anchor.key in grouping.members:
                    return self._sayings.say_again(component, grouping, anchor)
        return None


def ties_of(nodes: Iterable[str], components: Iterable[Component]) -> dict[str, list[GraphEdge]]:
    """Return the edges at each of the identifiers, strongest first."""
    ties: dict[str, list[GraphEdge]] = {node: [] for node in nodes}
    for component in components:
        said = component.ruling.same if component.ruling else []
        for edge in (*said, *component.edges):
            for end in (edge.a, edge.b):
                if end in ties:
                    ties[end].append(edge)
    return ties


def written_version(value: bytes | None) -> int:
    """Return a record's version; 0 for one that cannot be read or was deleted."""
    try:
        return _VERSIONED.decode(value or b"").version
    except (msgspec.MsgspecError, ValueError):
        return 0
