"""Brings the topics of a Kafka cluster in line with ``topics.yaml``, and says where they differ."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from kafka import KafkaAdminClient
from kafka.admin import ConfigResource, ConfigResourceType
from kafka.errors import KafkaError

from agents.kafka.client_settings import (
    CONNECT_TIMEOUT_MS,
    BrokerUnreachableError,
    kafka_python_settings,
    unreachable,
)
from agents.settings import Settings
from pipeline.topics import Topic, Topics

_MIN_REPLICATION_FOR_QUORUM = 3


@dataclass(frozen=True)
class Difference:
    """One way in which the cluster is not as declared."""

    topic: str
    """The topic's name."""
    sentence: str
    """What is different, for people."""


@dataclass(frozen=True)
class _Existing:
    partitions: int
    replication: int
    configs: Mapping[str, str]


def check_topics(settings: Settings, topics: Topics) -> list[Difference]:
    """Return every difference between the cluster and ``topics``, in the order of the file.

    Topics of the cluster that are not declared are no difference. Raises BrokerUnreachableError.
    """
    with admin_client(settings) as admin:
        existing = _existing(admin, topics)
    return [
        Difference(topic.name, f"{topic.name}: {sentence}")
        for topic in topics.values()
        for sentence in _differences(topic, existing.get(topic.name), settings.replication_factor)
    ]


def apply_topics(settings: Settings, topics: Topics) -> list[str]:
    """Create, widen and set what differs, and return what was done, in sentences.

    Compacted topics and the account-log keep their partitions, nothing is ever shrunk or deleted,
    and applying again does nothing. Raises BrokerUnreachableError.
    """
    replication = settings.replication_factor
    done: list[str] = []
    with admin_client(settings) as admin:
        existing = _existing(admin, topics)
        missing = [topic for topic in topics.values() if topic.name not in existing]
        if missing:
            _create(admin, missing, replication)
            done += [f"{topic.name}: created" for topic in missing]
        for name, state in existing.items():
            done += _bring_in_line(admin, topics[name], state, replication)
    return done


def topic_configs(topic: Topic, replication: int) -> dict[str, str]:
    """Return the settings that ``topic`` has in a cluster with ``replication`` replicas."""
    configs = topic.kafka_configs()
    if replication >= _MIN_REPLICATION_FOR_QUORUM:
        # "acks=all" of a producer means little while one replica alone may acknowledge.
        configs["min.insync.replicas"] = "2"
    return configs


def _bring_in_line(
    admin: KafkaAdminClient, topic: Topic, state: _Existing, replication: int
) -> list[str]:
    done: list[str] = []
    # What is compacted is kept by key: its older records would stay in partitions that no newer one
    # of their key reaches, also what was erased.
    may_widen = not (topic.fixed_partitions or topic.compact)
    if state.partitions < topic.partitions and may_widen:
        admin.create_partitions({topic.name: topic.partitions})
        done.append(
            f"{topic.name}: partitions raised from {state.partitions} to {topic.partitions}"
        )
    wanted = topic_configs(topic, replication)
    changed = {key: value for key, value in wanted.items() if state.configs.get(key) != value}
    if changed:
        resource = ConfigResource(ConfigResourceType.TOPIC, topic.name, changed)
        result = admin.alter_configs([resource])["topic"][topic.name]
        if result != "OK":
            raise KafkaError(f"{topic.name}: {result}")
        done += [
            f"{topic.name}: {key} set from {state.configs.get(key)} to {value}"
            for key, value in changed.items()
        ]
    return done


def _create(admin: KafkaAdminClient, missing: list[Topic], replication: int) -> None:
    admin.create_topics(
        {
            topic.name: {
                "num_partitions": topic.partitions,
                "replication_factor": replication,
                "configs": topic_configs(topic, replication),
            }
            for topic in missing
        },
        wait_for_metadata=True,
    )


def _differences(topic: Topic, state: _Existing | None, replication: int) -> Iterator[str]:
    if state is None:
        yield "the topic is missing"
        return
    if topic.fixed_partitions:
        # `freezeline topics grow` gives such topics a multiple of what they began with.
        if state.partitions % topic.partitions:
            yield (
                f"{state.partitions} partitions instead of {topic.partitions} or a multiple of it "
                "(an account's history is in its partition: see `freezeline topics grow`)"
            )
    elif state.partitions != topic.partitions:
        sentence = f"{state.partitions} partitions instead of {topic.partitions}"
        if state.partitions > topic.partitions:
            sentence += " (Kafka cannot take partitions away)"
        elif topic.compact:
            sentence += " (what is kept of each key would stay where nothing replaces it any more)"
        yield sentence
    if state.replication != replication:
        yield (
            f"{state.replication} replicas instead of {replication} "
            "(to be changed by reassigning its partitions)"
        )
    for key, value in topic_configs(topic, replication).items():
        if state.configs.get(key) != value:
            yield f"{key} is {state.configs.get(key)} instead of {value}"


def _existing(admin: KafkaAdminClient, topics: Topics) -> dict[str, _Existing]:
    names = sorted(set(admin.list_topics()) & set(topics))
    if not names:
        return {}
    resources = [ConfigResource(ConfigResourceType.TOPIC, name) for name in names]
    configs = admin.describe_configs(resources, config_filter="all")["topic"]
    return {
        described["name"]: _Existing(
            partitions=len(described["partitions"]),
            replication=min(len(part["replica_nodes"]) for part in described["partitions"]),
            configs={key: entry["value"] for key, entry in configs[described["name"]].items()},
        )
        for described in admin.describe_topics(names)
    }


@contextmanager
def admin_client(settings: Settings) -> Iterator[KafkaAdminClient]:
    """Connect as who administers; raises BrokerUnreachableError when Kafka refuses anything."""
    connection = kafka_python_settings(settings)
    try:
        admin = KafkaAdminClient(
            **connection, client_id="freezeline", bootstrap_timeout_ms=CONNECT_TIMEOUT_MS
        )
    except (KafkaError, OSError) as error:
        raise unreachable(settings, error) from error
    try:
        yield admin
    except (KafkaError, OSError) as error:
        raise BrokerUnreachableError(
            f"Kafka at {settings.bootstrap} refused ({type(error).__name__}: {error})."
        ) from error
    finally:
        admin.close()
