"""No contract changes so that yesterday's partners break; `make check` says who would."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline.topics import PARTIES, Topic, load_topics
from tests.contracts.changes import Way, breaking

TOP = Path(__file__).parents[2]
SCHEMAS = TOP / "pipeline" / "contracts" / "schemas"
PUBLISHED = Path(__file__).parent / "published"
"""A folder for each version that was published: schemas and topics.yaml as they were."""
VERSIONS = sorted(path for path in PUBLISHED.iterdir() if path.is_dir())
SHARED = [topic for topic in load_topics().values() if not topic.internal]


def _way(topic: Topic) -> Way:
    return Way.IN if PARTIES & set(topic.producers) else Way.OUT


def _partners(topic: Topic) -> str:
    concerned = topic.producers if _way(topic) is Way.IN else topic.consumers
    return ", ".join(sorted(PARTIES & set(concerned)))


def _schema(folder: Path, contract: str) -> dict[str, Any]:
    return json.loads((folder / f"{contract}.v1.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("version", VERSIONS, ids=lambda path: path.name)
@pytest.mark.parametrize("topic", SHARED, ids=lambda topic: topic.name)
def test_whoever_spoke_a_published_version_is_still_understood(topic: Topic, version: Path) -> None:
    declared = yaml.safe_load((version / "topics.yaml").read_text(encoding="utf-8"))["topics"]
    if topic.name not in declared:
        return
    before = _schema(version, declared[topic.name]["contract"])
    found = breaking(before, _schema(SCHEMAS, topic.contract), _way(topic))
    assert not found, f"{topic.name} since {version.name} breaks {_partners(topic)}: {found}"


@pytest.mark.parametrize("version", VERSIONS, ids=lambda path: path.name)
def test_no_published_topic_is_gone_or_keyed_otherwise(version: Path) -> None:
    declared = yaml.safe_load((version / "topics.yaml").read_text(encoding="utf-8"))["topics"]
    topics = load_topics()
    for name, before in declared.items():
        if before.get("internal"):
            continue
        assert name in topics, f"{name} is gone; {before['consumers']} read it"
        assert topics[name].key == before["key"], f"{name}: consumers rest on its key"
        assert topics[name].encoding == before.get("encoding", "json")
        assert set(before["producers"]) <= set(topics[name].producers), name
        assert set(before["consumers"]) <= set(topics[name].consumers), name


REPORT = _schema(SCHEMAS, "report")
ALERT = _schema(SCHEMAS, "freeze_alert")


def _changed(schema: dict[str, Any], *path: str, **said: Any) -> dict[str, Any]:
    """The schema with words of one place changed; None takes a word away."""
    changed = copy.deepcopy(schema)
    place = changed
    for part in path:
        place = place[part]
    for word, value in said.items():
        if value is None:
            del place[word]
        else:
            place[word] = value
    return changed


def _without_field(schema: dict[str, Any], name: str) -> dict[str, Any]:
    fields = {k: v for k, v in schema["properties"].items() if k != name}
    needed = [field for field in schema["required"] if field != name]
    return {**schema, "properties": fields, "required": needed}


HARMLESS_IN = {
    "a new field that one may leave out": _changed(REPORT, "properties", mood={"type": "string"}),
    "a limit that is wider": _changed(REPORT, "properties", "source", maxLength=10_000),
    "a field that one may leave out now": {**REPORT, "required": REPORT["required"][1:]},
    "another description": {**REPORT, "description": "Something else."},
}
BREAKING_IN = {
    "mandatory": {**REPORT, "required": [*REPORT["required"], "text"]},
    "gone": _without_field(REPORT, "text"),
    "maxLength": _changed(REPORT, "properties", "source", maxLength=3),
    "type": _changed(REPORT, "properties", "source", type="integer"),
    "pattern": _changed(REPORT, "properties", "received_at", pattern="^2$"),
    "no longer ignored": {**REPORT, "additionalProperties": False},
}
HARMLESS_OUT = {
    "a new field": _changed(ALERT, "properties", mood={"type": "string"}),
    "a field that is always there now": {**ALERT, "required": sorted(ALERT["properties"])},
}
BREAKING_OUT = {
    "gone": _without_field(ALERT, "amount_satang"),
    "may be missing": {**ALERT, "required": ALERT["required"][1:]},
    "type": _changed(ALERT, "properties", "version", type="string"),
}


@pytest.mark.parametrize("what", HARMLESS_IN)
def test_senders_do_not_mind(what: str) -> None:
    assert breaking(REPORT, HARMLESS_IN[what], Way.IN) == []


@pytest.mark.parametrize("what", BREAKING_IN)
def test_senders_would_break(what: str) -> None:
    (said,) = breaking(REPORT, BREAKING_IN[what], Way.IN)
    assert what in said


@pytest.mark.parametrize("what", HARMLESS_OUT)
def test_readers_do_not_mind(what: str) -> None:
    assert breaking(ALERT, HARMLESS_OUT[what], Way.OUT) == []


@pytest.mark.parametrize("what", BREAKING_OUT)
def test_readers_would_break(what: str) -> None:
    (said,) = breaking(ALERT, BREAKING_OUT[what], Way.OUT)
    assert what in said


def test_a_value_that_is_no_longer_known_breaks_both_ways() -> None:
    before = {"type": "string", "enum": ["a", "b"]}
    for way in Way:
        assert breaking(before, {"type": "string", "enum": ["a", "b", "c"]}, way) == []
        assert breaking(before, {"type": "string", "enum": ["a"]}, way)


def test_a_published_version_has_every_schema_of_its_topics() -> None:
    assert VERSIONS
    for version in VERSIONS:
        declared = yaml.safe_load((version / "topics.yaml").read_text(encoding="utf-8"))["topics"]
        for topic in declared.values():
            assert topic.get("internal") or _schema(version, topic["contract"])
