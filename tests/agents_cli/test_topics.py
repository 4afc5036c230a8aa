"""``freezeline topics`` on a real Kafka: it creates, widens and sets, and never takes away."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from kafka import KafkaAdminClient
from kafka.admin import ConfigResource, ConfigResourceType

from agents.kafka.topic_admin import apply_topics, check_topics, topic_configs
from agents.settings import Settings, load_settings
from pipeline.topics import load_topics, parse_topics
from tests.agents.kafka_records import wait_for

TOP = Path(__file__).parents[2]

TOPICS = """
topics:
  {prefix}-widened:
    purpose: A topic whose partitions may grow later.
    key: none
    contract: report
    partitions: {partitions}
    retention_ms: {retention_ms}
    max_message_bytes: 1048576
    producers: [banks]
    consumers: [intake]
  {prefix}-fixed:
    purpose: A topic whose partitions may not change later.
    key: none
    contract: report
    partitions: {partitions}
    fixed_partitions: true
    compact: true
    max_message_bytes: 1048576
    producers: [intake]
    consumers: [accounts]
  {prefix}-compacted:
    purpose: A topic that keeps the newest record of each key where it is.
    key: none
    contract: report
    partitions: {partitions}
    compact: true
    max_message_bytes: 1048576
    producers: [intake]
    consumers: [accounts]
"""


@pytest.fixture
def settings(bootstrap: str) -> Settings:
    return load_settings(bootstrap=bootstrap)


@pytest.fixture
def admin(bootstrap: str) -> Iterator[KafkaAdminClient]:
    client = KafkaAdminClient(bootstrap_servers=bootstrap)
    yield client
    client.close()


def _freezeline(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "agents.cli", *arguments],
        cwd=TOP,
        capture_output=True,
        text=True,
        check=False,
    )


def _sentences(settings: Settings, text: str) -> list[str]:
    return [difference.sentence for difference in check_topics(settings, parse_topics(text))]


def test_apply_creates_and_applying_again_does_nothing(settings: Settings) -> None:
    text = TOPICS.format(prefix="created", partitions=2, retention_ms=60_000)
    assert _sentences(settings, text) == [
        "created-widened: the topic is missing",
        "created-fixed: the topic is missing",
        "created-compacted: the topic is missing",
    ]
    assert apply_topics(settings, parse_topics(text)) == [
        "created-widened: created",
        "created-fixed: created",
        "created-compacted: created",
    ]
    assert _sentences(settings, text) == []
    assert apply_topics(settings, parse_topics(text)) == []


def test_more_partitions_and_other_limits_are_applied(settings: Settings) -> None:
    apply_topics(
        settings,
        parse_topics(TOPICS.format(prefix="grown", partitions=2, retention_ms=60_000)),
    )
    wanted = TOPICS.format(prefix="grown", partitions=3, retention_ms=90_000)
    fixed = (
        "grown-fixed: 2 partitions instead of 3 or a multiple of it "
        "(an account's history is in its partition: see `freezeline topics grow`)"
    )
    compacted = (
        "grown-compacted: 2 partitions instead of 3 "
        "(what is kept of each key would stay where nothing replaces it any more)"
    )
    assert _sentences(settings, wanted) == [
        "grown-widened: 2 partitions instead of 3",
        "grown-widened: retention.ms is 60000 instead of 90000",
        fixed,
        compacted,
    ]
    assert apply_topics(settings, parse_topics(wanted)) == [
        "grown-widened: partitions raised from 2 to 3",
        "grown-widened: retention.ms set from 60000 to 90000",
    ]
    assert _sentences(settings, wanted) == [fixed, compacted]


def test_nothing_is_shrunk_deleted_or_reset(settings: Settings, admin: KafkaAdminClient) -> None:
    large = TOPICS.format(prefix="kept", partitions=4, retention_ms=60_000)
    apply_topics(settings, parse_topics(large))
    own = ConfigResource(
        ConfigResourceType.TOPIC, "kept-widened", {"file.delete.delay.ms": "3600000"}
    )
    admin.alter_configs([own])
    # A broker that has taken a change may answer from before it for a moment.
    wait_for(lambda: _set_value(admin, "kept-widened", "file.delete.delay.ms") == "3600000")
    small = TOPICS.format(prefix="kept", partitions=2, retention_ms=60_000)
    only_one = small.split("  kept-fixed")[0]
    assert apply_topics(settings, parse_topics(only_one)) == []
    assert _sentences(settings, only_one) == [
        "kept-widened: 4 partitions instead of 2 (Kafka cannot take partitions away)"
    ]
    assert "kept-fixed" in admin.list_topics()
    assert _set_value(admin, "kept-widened", "file.delete.delay.ms") == "3600000"


def test_a_changed_compaction_is_named_and_restored(
    settings: Settings, admin: KafkaAdminClient
) -> None:
    text = TOPICS.format(prefix="compacted", partitions=1, retention_ms=60_000)
    apply_topics(settings, parse_topics(text))
    wrong = {"cleanup.policy": "delete"}
    admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, "compacted-fixed", wrong)])
    assert _sentences(settings, text) == [
        "compacted-fixed: cleanup.policy is delete instead of compact"
    ]
    apply_topics(settings, parse_topics(text))
    assert _sentences(settings, text) == []


def test_replicas_are_checked_and_shared_acknowledgements_asked_for(settings: Settings) -> None:
    text = TOPICS.format(prefix="replicas", partitions=1, retention_ms=60_000)
    apply_topics(settings, parse_topics(text))
    three = settings.model_copy(update={"replication": 3})
    assert (
        "replicas-fixed: 1 replicas instead of 3 (to be changed by reassigning its partitions)"
        in _sentences(three, text)
    )
    topic = parse_topics(text)["replicas-fixed"]
    assert topic_configs(topic, 3)["min.insync.replicas"] == "2"
    assert "min.insync.replicas" not in topic_configs(topic, 1)


def test_the_commands_say_what_they_did(bootstrap: str) -> None:
    first = _freezeline("topics", "apply", "--bootstrap", bootstrap)
    assert first.returncode == 0, first.stderr
    checked = _freezeline("topics", "check", "--bootstrap", bootstrap)
    assert (checked.returncode, checked.stdout) == (0, "Every topic is as declared.\n")


def test_check_fails_and_names_what_differs(bootstrap: str, admin: KafkaAdminClient) -> None:
    assert _freezeline("topics", "apply", "--bootstrap", bootstrap).returncode == 0
    wrong = {"retention.ms": "1000"}
    admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, "transactions", wrong)])
    checked = _freezeline("topics", "check", "--bootstrap", bootstrap)
    assert checked.returncode == 1
    assert checked.stdout == "transactions: retention.ms is 1000 instead of 604800000\n"
    assert _freezeline("topics", "apply", "--bootstrap", bootstrap).returncode == 0


def test_a_kafka_without_access_rules_is_one_sentence(bootstrap: str) -> None:
    checked = _freezeline("topics", "check", "--acls", "--bootstrap", bootstrap)
    assert (checked.returncode, checked.stdout) == (2, "")
    assert checked.stderr.startswith("This Kafka checks nobody's rights")
    assert checked.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("form", "first"), [("strimzi", "---"), ("acls", "#!/bin/sh"), ("asyncapi", "{")]
)
def test_export_prints_for_other_tools(form: str, first: str) -> None:
    exported = _freezeline("topics", "export", "--format", form)
    assert (exported.returncode, exported.stderr) == (0, "")
    assert exported.stdout.splitlines()[0] == first


def test_show_names_every_topic() -> None:
    shown = _freezeline("topics", "show")
    assert shown.returncode == 0
    lines = shown.stdout.splitlines()
    assert [line for line in lines if not line.startswith(" ")] == list(load_topics())


@pytest.mark.parametrize("command", ["check", "apply"])
def test_a_kafka_that_does_not_answer_is_one_sentence(command: str) -> None:
    result = _freezeline("topics", command, "--bootstrap", "127.0.0.1:1")
    assert result.returncode == 2
    assert result.stdout == ""
    assert result.stderr.startswith("Kafka does not answer at 127.0.0.1:1")
    assert result.stderr.count("\n") == 1


def _set_value(admin: KafkaAdminClient, topic: str, name: str) -> str | None:
    asked = ConfigResource(ConfigResourceType.TOPIC, topic)
    found = admin.describe_configs([asked])["topic"][topic].get(name)
    return found["value"] if found else None
