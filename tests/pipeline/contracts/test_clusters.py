"""What clustering says: its ids are UUIDs of version 5, its bytes those of every other event."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.contracts.alerts import NAMESPACE
from pipeline.contracts.asyncapi import load_examples
from pipeline.contracts.clusters import (
    Cluster,
    Edge,
    FiledReport,
    PlatformReferral,
    WatchlistEntry,
    cluster_id,
    encode_said,
)
from pipeline.contracts.codec import encode_json

texts = st.text(st.characters(exclude_categories=["Cs"]))


@settings(deadline=None)
@given(anchor=texts)
def test_a_clusters_id_is_a_uuid_of_its_anchor(anchor: str) -> None:
    assert cluster_id(anchor) == str(uuid.uuid5(NAMESPACE, f"cluster|{anchor}"))


@pytest.mark.parametrize("kind", [Cluster, FiledReport, WatchlistEntry, PlatformReferral])
def test_the_examples_are_written_as_every_other_event_is(kind: Callable[..., Any]) -> None:
    for example in load_examples(kind.SCHEMA).values():
        event = msgspec.convert(example, kind)
        assert encode_said(event) == encode_json(event)


@settings(deadline=None)
@given(a=texts, bits=st.integers(-(10**6), 10**6), reasons=st.lists(texts, max_size=2))
def test_edges_of_any_text_and_weight_are_written_so_too(
    a: str, bits: int, reasons: list[str]
) -> None:
    edge = Edge(a, "b", "T0", bits / 1000, reasons, 3)
    assert encode_said(edge) == encode_json(edge)
