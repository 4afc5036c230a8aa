"""The AsyncAPI 3.1 document, made from ``topics.yaml``, the schemas and the examples.

``send`` and ``receive`` are Freezeline's own view, as AsyncAPI 3 has it: Freezeline receives
reports and sends freeze alerts. A bank reads the document the other way round.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from importlib import resources
from typing import Any

from pipeline.topics import AGENTS, Topic

ASYNCAPI_VERSION = "3.1.0"
KAFKA_BINDING = "0.5.0"
DEAD_LETTER = "dead_letter"
SECURITY = ("scram", "x509")

Document = dict[str, Any]

_INFO: Document = {
    "title": "Freezeline",
    "version": "1.0.0",
    "description": (
        "Victims' reports and banks' payments in, freeze alerts out. Unknown fields of events "
        "that come in are ignored; consumers upsert by id and version."
    ),
    "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
}

_CLOUDEVENTS: dict[str, str] = {
    "ce_specversion": "Version of CloudEvents.",
    "ce_id": "The event's id; unique together with ce_source.",
    "ce_type": "The event's type.",
    "ce_source": "Who made the event.",
    "ce_time": "When the event was made: RFC 3339.",
    "content-type": "application/json, or application/cloudevents+json for structured mode.",
}


def load_schema(contract: str) -> Document:
    """Return the JSON Schema (2020-12) of a contract, such as ``report``.

    Raises:
        ValueError: when there is no such contract.
    """
    file = resources.files("pipeline.contracts").joinpath("schemas", f"{contract}.v1.json")
    if not file.is_file():
        message = f"there is no schema of the contract {contract}"
        raise ValueError(message)
    schema: Document = json.loads(file.read_text(encoding="utf-8"))
    return schema


def load_examples(contract: str) -> dict[str, Any]:
    """Return the example events of a contract by name, in the order of their names."""
    folder = resources.files("pipeline.contracts").joinpath("examples", contract)
    files = sorted(folder.iterdir(), key=lambda file: file.name) if folder.is_dir() else []
    return {
        file.name.removesuffix(".json"): json.loads(file.read_text(encoding="utf-8"))
        for file in files
        if file.name.endswith(".json")
    }


def build_asyncapi(topics: Mapping[str, Topic]) -> Document:
    """Return the AsyncAPI document of the declared topics (`pipeline.topics.load_topics`).

    Raises:
        ValueError: when a topic names a contract that has no schema.
    """
    contracts = sorted({topic.contract for topic in topics.values()})
    return {
        "asyncapi": ASYNCAPI_VERSION,
        "info": _INFO,
        "defaultContentType": "application/json",
        "servers": _servers(),
        "channels": {name: _channel(topic) for name, topic in topics.items()},
        "operations": {
            name: operation for topic in topics.values() for name, operation in _operations(topic)
        },
        "components": {
            "messages": {topic.name: _message(topic) for topic in topics.values()},
            "schemas": {
                name: schema
                for contract in contracts
                for name, schema in _flat_schemas(contract).items()
            },
            "securitySchemes": {
                "scram": {"type": "scramSha512", "description": "SASL/SCRAM-SHA-512 over TLS."},
                "x509": {"type": "X509", "description": "Mutual TLS; the subject is the partner."},
            },
        },
    }


def _servers() -> Document:
    return {
        "production": {
            "host": "{bootstrap}",
            "protocol": "kafka-secure",
            "description": "Any Apache Kafka, over TLS.",
            "variables": {"bootstrap": {"description": "Bootstrap servers, host:port."}},
            "security": [{"$ref": f"#/components/securitySchemes/{name}"} for name in SECURITY],
        },
        "local": {
            "host": "127.0.0.1:9092",
            "protocol": "kafka",
            "description": "The single node of `freezeline up`, for development.",
        },
    }


def _channel(topic: Topic) -> Document:
    settings = topic.kafka_configs()
    configuration = {name: _setting(name, value) for name, value in settings.items()}
    channel: Document = {
        "address": topic.name,
        "description": topic.purpose,
        "messages": {topic.contract: {"$ref": f"#/components/messages/{topic.name}"}},
        "bindings": {
            "kafka": {
                "topic": topic.name,
                "partitions": topic.partitions,
                "topicConfiguration": configuration,
                "bindingVersion": KAFKA_BINDING,
            }
        },
        "x-producers": list(topic.producers),
        "x-consumers": list(topic.consumers),
        "x-internal": topic.internal,
    }
    if topic.dead_letters is not None:
        channel["x-dead-letters"] = {"$ref": f"#/channels/{topic.dead_letters}"}
    return channel


def _setting(name: str, value: str) -> str | int | list[str]:
    """Return a topic's setting with the type that the Kafka binding gives it."""
    if name == "cleanup.policy":
        return value.split(",")
    return int(value) if value.removeprefix("-").isdecimal() else value


def _operations(topic: Topic) -> Iterator[tuple[str, Document]]:
    for agent in topic.producers:
        if agent in AGENTS:
            yield f"{agent}-sends-{topic.name}", _operation(topic, "send", agent)
    for agent in topic.consumers:
        if agent in AGENTS:
            operation = _operation(topic, "receive", agent)
            group = {"type": "string", "enum": [agent]}
            operation["bindings"] = {"kafka": {"groupId": group, "bindingVersion": KAFKA_BINDING}}
            yield f"{agent}-receives-{topic.name}", operation


def _operation(topic: Topic, action: str, agent: str) -> Document:
    return {
        "action": action,
        "channel": {"$ref": f"#/channels/{topic.name}"},
        "summary": f"{agent} {action}s: {topic.purpose}",
        "messages": [{"$ref": f"#/channels/{topic.name}/messages/{topic.contract}"}],
    }


def _message(topic: Topic) -> Document:
    schema = load_schema(topic.contract)
    message: Document = {
        "name": topic.contract,
        "title": schema["title"],
        "summary": schema["description"],
        "contentType": "application/json",
        "bindings": {
            "kafka": {
                "key": {"type": "string", "description": topic.key},
                "bindingVersion": KAFKA_BINDING,
            }
        },
    }
    if topic.contract == DEAD_LETTER:
        # The value is whatever the stranger sent: only the headers are ours to describe.
        message["contentType"] = "application/octet-stream"
        message["headers"] = {"$ref": f"#/components/schemas/{DEAD_LETTER}/properties/headers"}
        message["payload"] = {"description": "The original bytes, unchanged."}
        return message
    message["payload"] = {"$ref": f"#/components/schemas/{topic.contract}"}
    examples = load_examples(topic.contract)
    message["examples"] = [{"name": name, "payload": examples[name]} for name in examples]
    if topic.encoding == "msgpack":
        message["contentType"] = "application/vnd.msgpack"
    if not topic.internal:
        message["headers"] = _headers(topic)
    return message


def _headers(topic: Topic) -> Document:
    """CloudEvents headers, binary mode: required of what Freezeline sends, free for others."""
    properties: Document = {
        name: {"type": "string", "description": meaning} for name, meaning in _CLOUDEVENTS.items()
    }
    headers: Document = {"type": "object", "properties": properties}
    if AGENTS.issuperset(topic.producers):
        properties["ce_specversion"]["const"] = "1.0"
        properties["ce_type"]["const"] = f"freezeline.{topic.contract}.v1"
        properties["ce_source"]["const"] = "freezeline"
        properties["content-type"]["const"] = "application/json"
        properties["freezeline_reported_at"] = {
            "type": "string",
            "description": "When the cause entered Kafka, milliseconds since 1970 (UTC), as text.",
        }
        headers["required"] = list(_CLOUDEVENTS)
    return headers


def _flat_schemas(contract: str) -> dict[str, Document]:
    """Return a schema and its definitions, each under a name of its own.

    References inside an AsyncAPI document are resolved from its top, so ``#/$defs/X`` of a schema
    would not be found there.
    """
    schema = load_schema(contract)
    definitions = schema.pop("$defs", {})
    for keyword in ("$schema", "$id", "$comment"):
        schema.pop(keyword, None)
    schemas: dict[str, Document] = {contract: _as_asyncapi(schema, contract)}
    for name, definition in definitions.items():
        schemas[f"{contract}.{name}"] = _as_asyncapi(definition, contract)
    return schemas


def _as_asyncapi(node: Any, contract: str) -> Any:
    """Rewrite a part of a schema: references, and tuples as AsyncAPI (draft-07) writes them."""
    if isinstance(node, list):
        return [_as_asyncapi(item, contract) for item in node]
    if not isinstance(node, dict):
        return node
    rewritten = {key: _as_asyncapi(value, contract) for key, value in node.items()}
    if "prefixItems" in rewritten:
        if "items" in rewritten:
            rewritten["additionalItems"] = rewritten.pop("items")
        rewritten["items"] = rewritten.pop("prefixItems")
    reference = rewritten.get("$ref")
    if isinstance(reference, str):
        name = reference.removeprefix("#/$defs/")
        rewritten["$ref"] = f"#/components/schemas/{contract}.{name}"
    return rewritten
