"""Clusters that joining made, cut where scams, silences or contacts tell two rings apart."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from typing import Final

from pipeline.clustering.bridges import contracted, find
from pipeline.clustering.contact_cuts import contact_cuts, may_be_two_circles
from pipeline.clustering.joining import Grouping, parted
from pipeline.clustering.nodes import Node
from pipeline.clustering.pairs import GraphEdge
from pipeline.clustering.scam_cuts import scam_cuts
from pipeline.clustering.scams import may_tell_of_two_scams
from pipeline.clustering.silences import silence_cuts, silences_of

REASON_SCAM: Final = "other_scam"
REASON_SILENCE: Final = "silence_between"
REASON_CONTACTS: Final = "other_contacts"

_Inside = tuple[Grouping, list[GraphEdge]]
"""A cluster and all edges between its identifiers."""
_CutOff = Callable[[Sequence[str], Mapping[str, Collection[Node]], Sequence[GraphEdge]], set[int]]
"""From identifiers (what is spelt alike is one), what stands behind each, and the edges between
them to the places of the edges to cut."""


def cut_apart(
    nodes: Mapping[str, Node],
    groupings: list[Grouping],
    edges: list[GraphEdge],
    spelt: Callable[[], dict[str, str]],
    bits: float,
) -> list[Grouping]:
    """Return what is left of a component's clusters; ``edges`` are all that were to join them.

    ``spelt`` leads from identifiers to what they are one with, and is asked seldom; ``bits`` are
    what parts two parties (policy.clustering).
    """
    found = _with_edges(groupings, edges)
    head: dict[str, str] | None = None
    for look in (_scam_cuts, _silence_cuts, _contact_cuts):
        parts: list[_Inside] = []
        for grouping, inside in found:
            members = [nodes[member] for member in grouping.members]
            cut_off, reason = look(members, inside, bits)
            if cut_off is None:
                parts.append((grouping, inside))
                continue
            head = spelt() if head is None else head
            parts += _parted(grouping, members, inside, head, cut_off, reason)
        found = parts
    return [grouping for grouping, _ in found]


def _scam_cuts(
    nodes: list[Node], inside: list[GraphEdge], bits: float
) -> tuple[_CutOff | None, str]:
    return partial(scam_cuts, bits=bits) if may_tell_of_two_scams(nodes) else None, REASON_SCAM


def _silence_cuts(
    nodes: list[Node], inside: list[GraphEdge], bits: float
) -> tuple[_CutOff | None, str]:
    silences = silences_of(nodes)
    return partial(silence_cuts, silences=silences) if silences else None, REASON_SILENCE


def _contact_cuts(
    nodes: list[Node], inside: list[GraphEdge], bits: float
) -> tuple[_CutOff | None, str]:
    may = may_be_two_circles(inside, bits)
    return partial(contact_cuts, bits=bits) if may else None, REASON_CONTACTS


def _with_edges(groupings: list[Grouping], edges: list[GraphEdge]) -> list[_Inside]:
    """Return clusters, each with those of the edges that lie between its own identifiers."""
    found: list[_Inside] = [(grouping, []) for grouping in groupings]
    of = {member: inside for grouping, inside in found for member in grouping.members}
    for edge in edges:
        inside = of[edge.a]
        if inside is of[edge.b]:
            inside.append(edge)
    return found


def _parted(
    grouping: Grouping,
    nodes: list[Node],
    inside: list[GraphEdge],
    spelt: dict[str, str],
    cut_off: _CutOff,
    reason: str,
) -> list[_Inside]:
    """Return a cluster without the parts that are to be cut off, and these as clusters."""
    behind: dict[str, list[Node]] = {}
    for node in nodes:
        behind.setdefault(find(spelt, node.key), []).append(node)
    places, between = contracted(inside, spelt)
    cut = {places[place] for place in cut_off(sorted(behind), behind, between)}
    if not cut:
        return [(grouping, inside)]
    return _with_edges(parted(grouping, inside, cut, reason), inside)
