"""How well an identifier is known: by how many voices, in doublings."""

from __future__ import annotations

from typing import Final

from pipeline.clustering.brigades import heard
from pipeline.clustering.nodes import Node

_SUPPORT_VOICES: Final = 2
"""A part counts when one of its identifiers was named by another voice too."""

_MOST_DOUBLINGS: Final = 10
"""They count by doublings, so that a number is looked at again only now and then as reports about
those around it come. Of a thousand voices too a courier is told from the phone of their ring."""


def magnitude(node: Node) -> int:
    """Return how many voices count for an identifier, in doublings: 0 below two voices."""
    # Most have one voice at most: then nobody needs to ask whether a crowd was sent.
    voices = node.summary.voices
    if voices < _SUPPORT_VOICES:
        return 0
    return min(heard(node.summary).bit_length() - 1, _MOST_DOUBLINGS)


def is_known(node: Node) -> bool:
    """Say whether an identifier makes a part count."""
    return magnitude(node) > 0
