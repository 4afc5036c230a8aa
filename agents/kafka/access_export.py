"""Topics and rights for other tools: Strimzi resources, and commands for kafka-acls."""

from __future__ import annotations

import shlex
from collections import defaultdict
from collections.abc import Iterator
from typing import Any, Literal

import yaml

from agents.kafka.access import Kind, Principals, Right
from agents.kafka.topic_admin import topic_configs
from pipeline.topics import Topic, Topics

API_VERSION = "kafka.strimzi.io/v1"
"""Strimzi's API; 1.0 knows no older one."""
Authentication = Literal["scram-sha-512", "tls"]


def strimzi_resources(
    topics: Topics,
    principals: Principals,
    *,
    cluster: str,
    replicas: int,
    authentication: Authentication,
) -> list[dict[str, Any]]:
    """Return a KafkaTopic for every topic and a KafkaUser for every user.

    They belong to the Kafka resource called ``cluster``. With ``tls`` Strimzi writes the access
    rules for ``CN=<user>`` by itself.
    """
    labels = {"strimzi.io/cluster": cluster}
    resources = [_kafka_topic(topic, labels, replicas) for topic in topics.values()]
    for user, owned in principals.rights(topics).items():
        resources.append(
            {
                "apiVersion": API_VERSION,
                "kind": "KafkaUser",
                "metadata": {"name": user, "labels": dict(labels)},
                "spec": {
                    "authentication": {"type": authentication},
                    "authorization": {"type": "simple", "acls": list(_strimzi_rules(owned))},
                },
            }
        )
    return resources


def as_yaml(resources: list[dict[str, Any]]) -> str:
    """Return resources as one YAML stream."""
    return yaml.safe_dump_all(
        resources, sort_keys=False, explicit_start=True, allow_unicode=True, width=200
    )


def acl_commands(topics: Topics, principals: Principals) -> str:
    """Return a shell script of ``kafka-acls.sh`` that adds every rule; it may be run again.

    BOOTSTRAP names the cluster, and COMMAND_CONFIG a file with a superuser's connection.
    """
    lines = [
        "#!/bin/sh",
        "# Access rules of Freezeline, made by `freezeline topics export --format acls`.",
        "# BOOTSTRAP=host:port COMMAND_CONFIG=superuser.properties sh FILE",
        "set -eu",
        ': "${BOOTSTRAP:?}" "${COMMAND_CONFIG:?}" "${KAFKA_ACLS:=kafka-acls.sh}"',
        'add() { "$KAFKA_ACLS" --bootstrap-server "$BOOTSTRAP" '
        '--command-config "$COMMAND_CONFIG" --add "$@"; }',
    ]
    roles = principals.roles()
    for user, owned in principals.rights(topics).items():
        lines.append(f"\n# {user}: {', '.join(roles[user])}")
        for resource, operations, names in _bundles(owned):
            words = ["--allow-principal", principals.principal(user)]
            for operation in operations:
                words += ["--operation", operation]
            for name in names:
                words += [f"--{resource.kind}", name] if resource.kind != Kind.CLUSTER else []
            if resource.kind == Kind.CLUSTER:
                words.append("--cluster")
            if resource.is_prefix:
                words += ["--resource-pattern-type", "prefixed"]
            lines.append("add " + shlex.join(words))
    return "\n".join(lines) + "\n"


def _kafka_topic(topic: Topic, labels: dict[str, str], replicas: int) -> dict[str, Any]:
    configs = topic_configs(topic, replicas)
    return {
        "apiVersion": API_VERSION,
        "kind": "KafkaTopic",
        "metadata": {"name": topic.name, "labels": dict(labels)},
        "spec": {
            "partitions": topic.partitions,
            "replicas": replicas,
            "config": {
                name: int(value) if value.lstrip("-").isdigit() else value
                for name, value in configs.items()
            },
        },
    }


def _strimzi_rules(owned: tuple[Right, ...]) -> Iterator[dict[str, Any]]:
    operations: dict[tuple[Kind, str, bool], list[str]] = defaultdict(list)
    for right in owned:
        operations[right.kind, right.name, right.is_prefix].append(right.operation)
    for (kind, name, is_prefix), words in operations.items():
        resource: dict[str, str] = {"type": kind.value}
        if kind is not Kind.CLUSTER:
            resource["name"] = name
            resource["patternType"] = "prefix" if is_prefix else "literal"
        yield {"resource": resource, "operations": words}


def _bundles(owned: tuple[Right, ...]) -> Iterator[tuple[Right, tuple[str, ...], list[str]]]:
    """Join rights that one command can add: the same operations on several names."""
    operations: dict[tuple[Kind, str, bool], list[Right]] = defaultdict(list)
    for right in owned:
        operations[right.kind, right.name, right.is_prefix].append(right)
    names: dict[tuple[Kind, bool, tuple[str, ...]], list[Right]] = defaultdict(list)
    for (kind, _, is_prefix), found in operations.items():
        words = tuple(right.operation for right in found)
        names[kind, is_prefix, words].append(found[0])
    for (_, _, words), found in names.items():
        yield found[0], words, [right.name for right in found]
