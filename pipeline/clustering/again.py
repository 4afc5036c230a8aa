"""Saying again what a former owner overwrote: the newest content under its own version."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from pipeline.clustering.components import Component, Components
from pipeline.clustering.levels import Levels
from pipeline.clustering.nodes import Nodes
from pipeline.clustering.pairs import GraphEdge
from pipeline.clustering.sayings import Sayings, cluster_identity
from pipeline.fold import Output
from pipeline.topics import CLUSTERS, WATCHLIST


class _Versioned(msgspec.Struct):
    version: int = 0
    anchor: str = ""


_VERSIONED = msgspec.json.Decoder(_Versioned)


class Again:
    """Compares records of the compacted topics with what the state last said."""

    def __init__(
        self, nodes: Nodes, sayings: Sayings, levels: Levels, components: Components
    ) -> None:
        self._nodes = nodes
        self._sayings = sayings
        self._levels = levels
        self._components = components

    def of(self, topic: str, key: str, value: bytes | None) -> Output | None:
        """Return what must be said again for a topic's newest record of a key, if anything."""
        there = _read(value)
        if topic == CLUSTERS:
            return self._cluster(key, there)
        return self._entry(key, there) if topic == WATCHLIST else None

    def _entry(self, key: str, there: _Versioned) -> Output | None:
        node = self._nodes.find(key)
        if node is None or node.level is None or there.version >= node.level.version:
            return None
        components = self._components.gather([key])
        cluster = cluster_identity(node.cluster) if node.cluster is not None else ""
        return self._levels.say_again(node, node.level, cluster, ties_of([key], components)[key])

    def _cluster(self, identity: str, there: _Versioned) -> Output | None:
        # A record that names no anchor speaks of a cluster that had ended, or cannot be read.
        key = there.anchor or self._sayings.anchor_of_ended(identity)
        anchor = self._nodes.find(key) if key else None
        if anchor is None or anchor.said is None or there.version >= anchor.said.version:
            return None
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
        for edge in component.edges:
            for end in (edge.a, edge.b):
                if end in ties:
                    ties[end].append(edge)
    return ties


def _read(value: bytes | None) -> _Versioned:
    """Return a record's version, 0 for one that cannot be read or was deleted, and its anchor."""
    try:
        return _VERSIONED.decode(value or b"")
    except (msgspec.MsgspecError, ValueError):
        return _Versioned()
