"""The AsyncAPI document says what topics.yaml and the schemas say, and nothing dangles."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft7Validator

from pipeline.contracts.asyncapi import build_asyncapi, load_examples, load_schema
from pipeline.contracts.cloudevents import headers_out
from pipeline.topics import AGENTS, load_topics

TOPICS = load_topics()
DOCUMENT = build_asyncapi(TOPICS)


def _nodes(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        yield node
        for key, child in node.items():
            if key not in {"examples", "default"}:
                yield from _nodes(child)
    elif isinstance(node, list):
        for child in node:
            yield from _nodes(child)


def _resolve(reference: str) -> Any:
    assert reference.startswith("#/"), reference
    node: Any = DOCUMENT
    for part in reference[2:].split("/"):
        node = node[part]
    return node


def test_the_document_has_the_parts_of_asyncapi_3_1_and_no_others() -> None:
    assert DOCUMENT["asyncapi"] == "3.1.0"
    allowed = {"asyncapi", "info", "servers", "defaultContentType", "channels", "operations"}
    assert set(DOCUMENT) == allowed | {"components"}
    assert {"title", "version"} <= set(DOCUMENT["info"])
    for name in DOCUMENT["components"]["schemas"]:
        assert re.fullmatch(r"[\w.\-]+", name)


def test_every_reference_leads_somewhere() -> None:
    references = [node["$ref"] for node in _nodes(DOCUMENT) if isinstance(node.get("$ref"), str)]
    assert len(references) > 50
    for reference in references:
        _resolve(reference)


def test_no_keyword_is_left_that_asyncapi_does_not_know() -> None:
    for node in _nodes(DOCUMENT["components"]["schemas"]):
        assert not {"$defs", "$id", "$schema", "prefixItems"} & set(node)


def test_every_topic_is_a_channel_with_its_kafka_binding() -> None:
    assert set(DOCUMENT["channels"]) == set(TOPICS)
    for name, topic in TOPICS.items():
        channel = DOCUMENT["channels"][name]
        assert channel["address"] == name
        assert channel["description"] == topic.purpose
        kafka = channel["bindings"]["kafka"]
        assert (kafka["topic"], kafka["partitions"]) == (name, topic.partitions)
        assert set(kafka["topicConfiguration"]["cleanup.policy"]) <= {"compact", "delete"}
        assert isinstance(kafka["topicConfiguration"]["max.message.bytes"], int)


def test_operations_are_what_our_agents_send_and_receive() -> None:
    wanted = {
        (action, name, agent)
        for name, topic in TOPICS.items()
        for action, parties in (("send", topic.producers), ("receive", topic.consumers))
        for agent in AGENTS.intersection(parties)
    }
    found = set()
    for name, operation in DOCUMENT["operations"].items():
        channel = operation["channel"]["$ref"].removeprefix("#/channels/")
        found.add((operation["action"], channel, name.split("-")[0]))
        (message,) = operation["messages"]
        assert message["$ref"].startswith(f"#/channels/{channel}/messages/")
        if operation["action"] == "receive":
            assert operation["bindings"]["kafka"]["groupId"]["enum"] == [name.split("-")[0]]
    assert found == wanted


def test_freezeline_receives_reports_and_sends_alerts() -> None:
    assert DOCUMENT["operations"]["clustering-receives-reports"]["action"] == "receive"
    assert DOCUMENT["operations"]["accounts-sends-freeze-alerts"]["action"] == "send"


def test_the_headers_of_what_we_send_are_those_that_the_code_writes() -> None:
    headers = dict(headers_out("freeze_alert", "id", "2023-12-04T02:31:05.412Z", 1))
    schema = DOCUMENT["components"]["messages"]["freeze-alerts"]["headers"]
    assert set(schema["properties"]) == set(headers)
    Draft7Validator(schema).validate({name: text.decode() for name, text in headers.items()})


def test_a_producer_without_cloudevents_headers_is_welcome() -> None:
    for name in ("reports", "transactions", "hold-updates"):
        schema = DOCUMENT["components"]["messages"][name]["headers"]
        Draft7Validator(schema).validate({})


def test_a_dead_letter_is_described_by_its_headers() -> None:
    message = DOCUMENT["components"]["messages"]["reports-dead-letters"]
    assert "dlq.reason" in _resolve(message["headers"]["$ref"])["properties"]
    assert message["contentType"] == "application/octet-stream"


def test_partners_log_in_by_scram_or_certificate() -> None:
    schemes = DOCUMENT["components"]["securitySchemes"]
    assert {scheme["type"] for scheme in schemes.values()} == {"scramSha512", "X509"}
    used = {entry["$ref"] for entry in DOCUMENT["servers"]["production"]["security"]}
    assert used == {f"#/components/securitySchemes/{name}" for name in schemes}


@pytest.mark.parametrize("name", TOPICS)
def test_the_examples_fit_the_schemas_as_the_document_has_them(name: str) -> None:
    contract = TOPICS[name].contract
    message = DOCUMENT["components"]["messages"][name]
    if contract == "dead_letter":
        return
    root = {"$ref": message["payload"]["$ref"], "components": DOCUMENT["components"]}
    validator = Draft7Validator(root)
    examples = load_examples(contract)
    assert [example["name"] for example in message["examples"]] == list(examples)
    for example in examples.values():
        validator.validate(example)


def test_the_document_is_json_and_the_same_each_time() -> None:
    again = build_asyncapi(TOPICS)
    assert json.dumps(again, ensure_ascii=False) == json.dumps(DOCUMENT, ensure_ascii=False)
    assert load_schema("report") == load_schema("report")


def test_a_topic_with_an_unknown_contract_is_an_error() -> None:
    topic = TOPICS["reports"].model_copy(update={"contract": "letter"})
    with pytest.raises(ValueError, match="letter"):
        build_asyncapi({"reports": topic})
