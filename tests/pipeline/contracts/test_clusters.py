"""What clustering says: its ids are UUIDs of version 5, its bytes those of every other event."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.clustering.nodes import LISTED_REPORTS
from pipeline.clustering.sayings import LISTED_EDGES
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
    referral_id,
)
from pipeline.contracts.codec import encode_json
from pipeline.identity.normalised import MAX_KEY_BYTES
from pipeline.policy.policy import load_policy
from pipeline.topics import CLUSTERS, PLATFORM_REFERRALS, load_topics

texts = st.text(st.characters(exclude_categories=["Cs"]))


def test_the_largest_cluster_and_its_referral_fit_into_a_record() -> None:
    limit = load_policy().clustering.cluster_limit
    members = ['"' * (MAX_KEY_BYTES // 2)] * limit
    tie = Edge(members[0], members[0], "T0", 99.99, ["r" * 100] * 6, 10**6)
    report = "ก" * (128 + 1 + 128)
    cluster = Cluster(
        cluster_id=cluster_id("a"),
        version=10**9,
        anchor=members[0],
        members=members,
        reports=[report] * LISTED_REPORTS,
        report_count=10**6,
        voices=10**6,
        edges=[tie] * LISTED_EDGES,
        relations=[tie] * LISTED_EDGES,
        suspicious=members,
    )
    referral = PlatformReferral(
        referral_id=referral_id("a", "x"),
        version=10**9,
        platform="x",
        cluster_id=cluster.cluster_id,
        identifiers=members,
        report_count=10**6,
        scam_types=["other"] * 10,
    )
    for said, topic in ((cluster, CLUSTERS), (referral, PLATFORM_REFERRALS)):
        assert len(encode_said(said)) < load_topics()[topic].max_message_bytes - 10_000


@settings(deadline=None)
@given(anchor=texts)
def test_a_clusters_id_is_a_uuid_of_its_anchor(anchor: str) -> None:
    assert cluster_id(anchor) == str(uuid.uuid5(NAMESPACE, f"cluster|{anchor}"))
    assert referral_id(anchor, "x") == str(uuid.uuid5(NAMESPACE, f"referral|{anchor}|x"))


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
