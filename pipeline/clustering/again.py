"""Saying again what a former owner overwrote: the newest content under its own version."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from pipeline.clustering.components import Component, Components
from pipeline.clustering.edges import GraphEdge
from pipeline.clustering.levels import Levels
from pipeline.clustering.sayings import Sayings
from pipeline.fold import Output
from pipeline.topics import CLUSTERS, WATCHLIST


class _Versioned(msgspec.Struct):
    version: int = 0


_VERSIONED = msgspec.json.Decoder(_Versioned)


class Again:
    """Compares records of the compacted topics with what the state last said."""

    def __init__(self, sayings: Sayings, levels: Levels, components: Components) -> None:
        self._sayings = sayings
        self._levels = levels
        self._components = components

    def of(self, topic: str, key: str, value: bytes | None) -> Output | None:
        """Return what must be said again for a topic's newest record of a key, if anything."""
        there = _version_of(value)
        if topic == CLUSTERS:
            return self._cluster(key, there)
        if topic == WATCHLIST and there < self._levels.said_version(key):
            components = self._components.gather([key])
            cluster = self._sayings.assigned(key) or ""
            return self._levels.say_again(key, cluster, ties_of([key], components)[key])
        return None

    def _cluster(self, identity: str, there: int) -> Output | None:
        said = self._sayings.said(identity)
        if there >= said.version:
            return None
        if not said.live:
            return self._sayings.say_empty_again(identity, said)
        for component in self._components.gather([said.anchor]):
            for grouping in self._components.split(component):
                if said.anchor in grouping.members:
                    return self._sayings.say_again(component, grouping, said)
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


def _version_of(value: bytes | None) -> int:
    """Return a record's version; 0 for one that cannot be read or was deleted."""
    try:
        return _VERSIONED.decode(value or b"").version
    except (msgspec.MsgspecError, ValueError):
        return 0
