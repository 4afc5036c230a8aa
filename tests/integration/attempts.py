"""What a user of a Kafka with access rules may do, found out by trying."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType
from kafka.errors import (
    ClusterAuthorizationFailedError,
    GroupAuthorizationFailedError,
    KafkaError,
    TopicAuthorizationFailedError,
    UnknownTopicOrPartitionError,
)
from kafka.structs import OffsetAndMetadata

from agents.kafka.access import ONE_A_ROLE
from agents.kafka.access_rules import apply_access, check_access
from agents.kafka.client_settings import BrokerUnreachableError, kafka_python_settings
from agents.settings import Settings
from pipeline.topics import load_topics, parse_topics

_REFUSED = (
    ClusterAuthorizationFailedError,
    GroupAuthorizationFailedError,
    TopicAuthorizationFailedError,
    # Whom a topic is hidden from is told that there is none.
    UnknownTopicOrPartitionError,
)
_ANOTHER = """
topics:
  another-topic:
    purpose: A topic that no role has anything to do with.
    key: none
    contract: report
    partitions: 1
    retention_ms: -1
    max_message_bytes: 1048576
    producers: [banks]
    consumers: [intake]
"""


def writable(settings: Settings, topics: Iterable[str]) -> set[str]:
    """The topics to which a user of these settings can write a record."""
    # An idempotent producer gives up for good at the first topic that is refused.
    producer = KafkaProducer(**kafka_python_settings(settings), enable_idempotence=False)
    try:
        return {topic for topic in topics if _allowed(partial(_write, producer, topic))}
    finally:
        producer.close()


def readable(settings: Settings, topics: Iterable[str]) -> set[str]:
    """The topics from which a user of these settings can fetch; each must hold a record."""
    consumer = KafkaConsumer(**kafka_python_settings(settings), enable_auto_commit=False)
    try:
        return {topic for topic in topics if _allowed(partial(_read, consumer, topic))}
    finally:
        consumer.close(autocommit=False)


def joinable(settings: Settings, groups: Iterable[str]) -> set[str]:
    """The groups of which a user of these settings can see and move the offsets."""
    admin = KafkaAdminClient(**kafka_python_settings(settings))
    # Topic and partition need not exist: whether the group is the user's is asked first.
    offsets = {TopicPartition("another-topic", 0): OffsetAndMetadata(0, "", -1)}
    try:
        return {group for group in groups if _allowed(partial(_move, admin, group, offsets))}
    finally:
        admin.close()


def administrable(settings: Settings, topic: str) -> set[str]:
    """What a user of these settings can do to ``topic`` and the cluster beside read and write."""
    admin = KafkaAdminClient(**kafka_python_settings(settings))
    one = {"num_partitions": 1, "replication_factor": 1}
    resource = ConfigResource(ConfigResourceType.TOPIC, topic, {"segment.ms": "3600000"})
    attempts: dict[str, Callable[[], object]] = {
        "create it": lambda: admin.create_topics({topic: one}, validate_only=True),
        "create another": lambda: admin.create_topics({"another-topic": one}, validate_only=True),
        "widen it": lambda: admin.create_partitions({topic: 50}, validate_only=True),
        "set it": lambda: _raise(
            *admin.alter_configs([resource], True, raise_on_unknown=False)["topic"].values()
        ),
        "empty it": lambda: admin.delete_records({TopicPartition(topic, 0): 1}),
        "delete it": lambda: admin.delete_topics([topic]),
        "see access rules": lambda: check_access(settings, load_topics(), ONE_A_ROLE),
        "add access rules": lambda: apply_access(settings, parse_topics(_ANOTHER), ONE_A_ROLE),
    }
    try:
        return {name for name, attempt in attempts.items() if _allowed(attempt)}
    finally:
        admin.close()


def _write(producer: KafkaProducer, topic: str) -> None:
    producer.send(topic, b"", key=b"a key").get(20)


def _read(consumer: KafkaConsumer, topic: str) -> None:
    partitions = [TopicPartition(topic, n) for n in consumer.partitions_for_topic(topic) or ()]
    if not partitions:
        raise TopicAuthorizationFailedError(topic)
    consumer.assign(partitions)
    consumer.seek_to_beginning()
    for _attempt in range(40):
        if consumer.poll(timeout_ms=500, max_records=1):
            return
    raise AssertionError(f"{topic} holds no record, or no answer has come")


def _move(
    admin: KafkaAdminClient, group: str, offsets: dict[TopicPartition, OffsetAndMetadata]
) -> None:
    for result in admin.alter_group_offsets(group, offsets).values():
        if result is GroupAuthorizationFailedError:
            raise result


def _raise(*results: object) -> None:
    """Raise what an answer says of each resource: an error's class, or in words."""
    for result in results:
        if isinstance(result, type) and issubclass(result, KafkaError):
            raise result
        if isinstance(result, str) and "uthoriz" in result:
            raise TopicAuthorizationFailedError(result)


def _allowed(attempt: Callable[[], object]) -> bool:
    try:
        attempt()
    except _REFUSED:
        return False
    except BrokerUnreachableError as error:
        if "AuthorizationFailed" in str(error):
            return False
        raise
    except KafkaError:
        # Kafka asks who may before it looks at what is asked: it was allowed, and failed later.
        return True
    return True
