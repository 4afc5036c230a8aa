"""Three local Kafka nodes keep taking and giving records while one of them is lost."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer

from agents.local.kafka_cluster import LocalKafkaCluster

pytestmark = pytest.mark.timeout(300)

PARTITIONS = 4


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalKafkaCluster]:
    with LocalKafkaCluster(tmp_path_factory.mktemp("kafka")) as started:
        admin = KafkaAdminClient(bootstrap_servers=started.bootstrap)
        admin.create_topics({"kept": {"num_partitions": PARTITIONS}}, wait_for_metadata=True)
        admin.close()
        yield started


def _write(cluster: LocalKafkaCluster, value: bytes) -> None:
    """Write into every partition, so that the leader of each must take it."""
    # Not asked for its like is the first node: a client waits long for an answer when it is paused.
    servers = [node.bootstrap for node in cluster.nodes[1:]]
    producer = KafkaProducer(bootstrap_servers=servers, acks="all", request_timeout_ms=5000)
    for partition in range(PARTITIONS):
        producer.send("kept", value, partition=partition).get(timeout=60)
    producer.close()


def _read(cluster: LocalKafkaCluster) -> list[bytes]:
    consumer = KafkaConsumer(
        "kept",
        bootstrap_servers=cluster.bootstrap,
        auto_offset_reset="earliest",
        consumer_timeout_ms=5_000,
        group_id="readers",
    )
    values = [record.value for record in consumer]
    consumer.close()
    return values


def test_every_topic_has_three_replicas_of_which_two_must_write(cluster: LocalKafkaCluster) -> None:
    _write(cluster, b"first")
    assert _read(cluster) == [b"first"] * PARTITIONS
    admin = KafkaAdminClient(bootstrap_servers=cluster.bootstrap)
    for described in admin.describe_topics(["kept", "__consumer_offsets"]):
        replicas = [len(partition["replica_nodes"]) for partition in described["partitions"]]
        assert replicas == [3] * PARTITIONS
    admin.close()


def test_a_killed_node_is_done_without_and_comes_back(cluster: LocalKafkaCluster) -> None:
    cluster.nodes[0].kill()
    assert not cluster.running
    _write(cluster, b"while one is away")
    cluster.start()
    assert cluster.running
    _write(cluster, b"while all run")


def test_a_paused_node_is_done_without_and_comes_back(cluster: LocalKafkaCluster) -> None:
    paused = cluster.nodes[0]
    paused.pause()
    _write(cluster, b"while one is paused")
    paused.resume()
    _write(cluster, b"while all run")
