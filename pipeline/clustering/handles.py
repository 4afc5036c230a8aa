"""LINE names told with and without their @: one name, where the one without is the rarer word.

In LINE the @ tells an official account from a person's ID, so the two are two identifiers. But
many who copy a name by hand leave the @ out; a name that several people tell without it, as many
as with it, may well be a person's own.
"""

from __future__ import annotations

from typing import Final

from pipeline.clustering.nodes import Node, Nodes
from pipeline.clustering.pairs import LOOK_ALIKE, GraphEdge

LINE: Final = "handle:line:"
_AT: Final = "@"


def other_form(key: str) -> str | None:
    """Return a LINE name with the @ that it lacks, or without; None for any other identifier."""
    if not key.startswith(LINE):
        return None
    name = key[len(LINE) :]
    return LINE + (name[1:] if name.startswith(_AT) else _AT + name)


class Handles:
    """Finds the other form of a name."""

    def __init__(self, nodes: Nodes, bits: float) -> None:
        self._nodes = nodes
        self._bits = bits

    def told_otherwise(self, key: str) -> str | None:
        """Return the other form of a LINE name where a live report tells it."""
        if not key.startswith(LINE):
            return None
        other = other_form(key)
        if other is None or not self._nodes.may_be_known(other):
            return None
        return other if self._nodes.of(other).living else None

    def edge(self, node: Node) -> tuple[str, GraphEdge] | None:
        """Return the edge to the other form of a name, with that; None where nothing joins them."""
        other = self.told_otherwise(node.key)
        if other is None:
            return None
        plain, official = sorted((node.key, other), key=len)
        told, with_at = (self._nodes.of(key).summary.voices for key in (plain, official))
        if told > 1 and told >= with_at:
            return None
        # By their keys, as every edge: the @ comes before letters, but not before a dash.
        a, b = sorted((plain, official))
        return other, GraphEdge(a, b, LOOK_ALIKE, self._bits, reasons=("without_its_at_sign",))
