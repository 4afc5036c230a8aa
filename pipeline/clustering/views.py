"""What is known around an identifier, kept in memory between reports as long as nobody touches it.

The state stays the truth: a view is read from it, and `Views.forget` drops those that a report
touched. So a report costs reads for what it touches, not for its whole component.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice

from pipeline.clustering.candidates import Candidates
from pipeline.clustering.edges import RELATION, Edges, GraphEdge
from pipeline.clustering.nodes import Nodes, NodeSummary

KEPT_VIEWS = 50_000
"""Views in memory (about 2 KiB each); at the limit all go, and are read again when needed."""

HUB_TIES = 50
"""Ties of a public number that its own cluster lists. Counted ``hub_ties``."""

LISTED_REPORTS = 100
"""Report keys that a cluster lists, those received first; `FiledReport` records say where each of
the others is. A record that listed all would be written anew, longer, at each of 100,000 reports
about one account. Counted ``listed_reports``."""


class View:
    """One identifier: its counts, whether it is a public number, and what it is tied to."""

    __slots__ = ("_homes", "_node", "_nodes", "_voices", "hub", "relations", "summary", "ties")

    def __init__(self, nodes: Nodes, node: str, summary: NodeSummary, hub: bool) -> None:
        self._nodes = nodes
        self._node = node
        self.summary = summary
        self.hub = hub
        self.ties: list[tuple[GraphEdge, str]] = []
        self.relations: list[tuple[GraphEdge, str]] = []
        self._voices: dict[int, frozenset[str]] = {}
        self._homes: list[tuple[int, str]] | None = None

    def voices(self, at_most: int) -> frozenset[str]:
        """Return the victims' voices, no more than asked for (the first in a fixed order)."""
        found = self._voices.get(at_most)
        if found is None:
            found = frozenset(islice(self._nodes.voices(self._node), at_most))
            self._voices[at_most] = found
        return found

    def home_reports(self) -> list[tuple[int, str]]:
        """Return (received_at, report key) of the first reports that have their home here."""
        if self._homes is None:
            self._homes = self._nodes.home_reports(self._node, LISTED_REPORTS)
        return self._homes


class Views:
    """Reads views, and keeps them until they are touched."""

    def __init__(self, nodes: Nodes, edges: Edges, candidates: Candidates) -> None:
        self._nodes = nodes
        self._edges = edges
        self._candidates = candidates
        self._kept: dict[str, View | None] = {}

    def forget(self, touched: Iterable[str]) -> None:
        """Drop the views that a report changed."""
        if len(self._kept) > KEPT_VIEWS:
            self._kept.clear()
        for node in touched:
            self._kept.pop(node, None)

    def of(self, node: str) -> View | None:
        """Return the view of an identifier, None when no live report names it."""
        try:
            return self._kept[node]
        except KeyError:
            view = self._kept[node] = self._read(node)
            return view

    def _read(self, node: str) -> View | None:
        summary = self._nodes.summary(node)
        if summary is None:
            return None
        view = View(self._nodes, node, summary, self._edges.is_hub(node, summary))
        for other, pair in self._edges.together(node, HUB_TIES if view.hub else None):
            view.ties.append((self._edges.together_edge(node, other, pair), other))
        if view.hub or not node.startswith("account:"):
            return view
        for other, look_alike in self._candidates.of(node):
            edge = self._edges.look_alike_edge(node, other, look_alike)
            kept = view.relations if edge.tier == RELATION else view.ties
            kept.append((edge, other))
        return view
