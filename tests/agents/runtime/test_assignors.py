"""Partitions of a group, shared out by Kafka's own rules."""

from __future__ import annotations

from collections import Counter

from aiokafka.cluster import ClusterMetadata
from aiokafka.protocol.metadata import MetadataResponse_v0

from agents.runtime.assignors import partition_assignor

TOPICS = ("hold-updates", "transactions")
PARTITIONS = 4


def _cluster() -> ClusterMetadata:
    cluster = ClusterMetadata()
    topics = [(0, t, [(0, p, 0, [0], [0]) for p in range(PARTITIONS)]) for t in TOPICS]
    cluster.update_metadata(MetadataResponse_v0([(0, "kafka", 9092)], topics))
    return cluster


def test_two_workers_without_state_share_every_topic() -> None:
    assignor = partition_assignor(stateful=False)
    members = {name: assignor.metadata(set(TOPICS)) for name in ("one", "two")}
    shares = assignor.assign(_cluster(), members)
    for share in shares.values():
        counts = Counter({topic: len(numbers) for topic, numbers in share.assignment})
        assert counts == dict.fromkeys(TOPICS, PARTITIONS // 2)
