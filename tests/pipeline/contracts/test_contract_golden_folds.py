"""Golden: the folds take every example, what they send fits the schemas, and what is invalid
becomes a dead letter with the reason it stands under."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

import msgspec
import pytest
from jsonschema import Draft202012Validator

from pipeline.clustering.fold import ClusteringFold
from pipeline.contracts.asyncapi import load_schema
from pipeline.fold import Fold, LogRecord, Output
from pipeline.intake.fold import IntakeFold
from pipeline.policy.policy import load_policy
from pipeline.state import MemoryState
from pipeline.topics import ANALYST_DECISIONS, load_topics

EXAMPLES = Path(__file__).parents[3] / "pipeline" / "contracts" / "examples"
RECORDED_AT = 1_704_067_200_000
"""The record's own timestamp in these tests: 1 January 2024, after all examples."""
STRUCTURED = (("content-type", b"application/cloudevents+json"),)
PARTITIONS = 4
TOPICS = load_topics()
INVALID = sorted(
    path
    for event in ("report", "cloudevent", "transaction", "hold_update", "analyst_decision")
    for path in EXAMPLES.glob(f"invalid/*/{event}.*")
)


def _fold(event: str) -> Fold:
    if event == "transaction":
        return IntakeFold("transactions", 0, PARTITIONS)
    if event == "hold_update":
        return IntakeFold("hold-updates", 0, PARTITIONS)
    return ClusteringFold(MemoryState(), load_policy(), PARTITIONS)


def _check(outputs: Iterable[Output]) -> set[str]:
    """Check that outputs fit their topics' schemas; return the topics."""
    outputs = list(outputs)
    for output in outputs:
        topic = TOPICS[output.topic]
        assert topic.contract != "dead_letter", dict(output.headers)
        read = msgspec.msgpack.decode if topic.encoding == "msgpack" else json.loads
        value = read(output.value or b"")
        Draft202012Validator(load_schema(topic.contract)).validate(value)
    return {output.topic for output in outputs}


@pytest.mark.parametrize(
    ("event", "wanted"),
    [
        (
            "report",
            {"clusters", "filed-reports", "watchlist", "platform-referrals", "account-log"},
        ),
        ("transaction", {"account-log"}),
        ("hold_update", {"account-log"}),
    ],
)
def test_the_examples_are_taken_and_what_follows_fits_the_schemas(
    event: str, wanted: set[str]
) -> None:
    paths = sorted(EXAMPLES.glob(f"{event}/*.json"))
    records = [
        LogRecord(offset, RECORDED_AT, None, path.read_bytes()) for offset, path in enumerate(paths)
    ]
    assert _check(_fold(event).apply(records).outputs) == wanted


@pytest.mark.parametrize("path", INVALID, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_an_invalid_event_becomes_a_dead_letter_with_its_reason_and_bytes(path: Path) -> None:
    event = path.name.split(".")[0]
    headers = STRUCTURED if event == "cloudevent" else ()
    topic = ANALYST_DECISIONS if event == "analyst_decision" else ""
    record = LogRecord(5, RECORDED_AT, b"key", path.read_bytes(), headers, topic)
    (letter,) = _fold(event).apply([record]).outputs
    assert TOPICS[letter.topic].contract == "dead_letter"
    assert (letter.key, letter.value) == (record.key, record.value)
    said = {name: content.decode() for name, content in letter.headers}
    assert said["dlq.reason"] == path.parent.name
    form = {"key": None, "value": None, "headers": said}
    Draft202012Validator(load_schema("dead_letter")).validate(form)
