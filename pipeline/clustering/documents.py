"""The row of an identifier: what is written of it, and what was last said because of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from pipeline.clustering.pairs import GraphEdge, person_edge
from pipeline.clustering.rows import NodeSummary


class SaidLevel(msgspec.Struct, array_like=True, gc=False):
    """The level last said of an identifier, because of a report received and published then."""

    version: int
    content: str
    since: int
    received_at: int
    published_at: int


class SaidCluster(msgspec.Struct, array_like=True, gc=False):
    """What was last said of the cluster that an identifier anchors, and because of a report when.

    ``referred`` is platform → (version, identifiers). It is kept when the cluster is no more, so
    that versions go on.
    """

    version: int = 0
    content: str = ""
    live: bool = False
    split_from: str | None = None
    referred: dict[str, tuple[int, tuple[str, ...]]] = {}
    merged_into: str | None = None
    received_at: int = 0
    published_at: int = 0


class SamePerson(msgspec.Struct, array_like=True, gc=False):
    """Another account of an account's holder: its key, and the bits and reasons of the edge."""

    account: str
    bits: float
    reasons: tuple[str, ...]


class Document(msgspec.Struct, array_like=True, gc=False):
    """An identifier's row. ``many`` is None while ``few`` lists the reports.

    ``alike`` counts its look-alikes. ``cluster``, ``level`` and ``said`` are what was last said:
    the anchor of its cluster, its level, and the cluster that it anchors.
    """

    reports: int
    few: tuple[str, ...]
    many: NodeSummary | None
    alike: int
    cluster: str | None
    level: SaidLevel | None
    said: SaidCluster | None
    loose: tuple[str, ...] = ()
    """The other ends of the ties that a number passing through many hands loses, in order."""
    persons: tuple[SamePerson, ...] = ()
    """The accounts that evidence about the holders joins an account with, in order."""
    step: int = 0
    """In which step it was looked at last (`entangled`)."""


encode_document = msgspec.msgpack.Encoder().encode
"""Write an identifier's row."""

_DOCUMENT = msgspec.msgpack.Decoder(Document)


def decode_document(value: bytes) -> Document:
    """Read an identifier's row."""
    return _DOCUMENT.decode(value)


def kept_persons(edges: Mapping[str, GraphEdge]) -> tuple[SamePerson, ...]:
    """Return what is kept of an account's edges to others of its holder."""
    return tuple(SamePerson(o, edge.bits, edge.reasons) for o, edge in sorted(edges.items()))


def persons_of(account: str, kept: Iterable[SamePerson]) -> dict[str, GraphEdge]:
    """Return an account's edges to others of its holder, by the other end."""
    return {o.account: person_edge(account, o.account, o.bits, o.reasons) for o in kept}
