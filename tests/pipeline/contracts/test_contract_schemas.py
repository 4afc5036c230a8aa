"""The committed schemas are well-formed, described, and agree with the types in code."""

from __future__ import annotations

import inspect
from typing import Any

import msgspec
import pytest
from jsonschema import Draft202012Validator

from pipeline.contracts import (
    account_log,
    alerts,
    clusters,
    decisions,
    hold_updates,
    reports,
    transactions,
)
from pipeline.contracts.asyncapi import load_schema
from pipeline.contracts.codec import encode_json
from pipeline.contracts.invalid import Reason

CONTRACTS: dict[str, type | None] = {
    "report": reports.Report,
    "transaction": transactions.Transaction,
    "hold_update": hold_updates.HoldUpdate,
    "analyst_decision": decisions.AnalystDecision,
    "freeze_alert": alerts.FreezeAlert,
    "cluster": clusters.Cluster,
    "filed_report": clusters.FiledReport,
    "watchlist_entry": clusters.WatchlistEntry,
    "platform_referral": clusters.PlatformReferral,
    "posting": account_log.Posting,
    "account_event": None,
    "account_file": None,
    "dead_letter": None,
}
INBOUND = {"report", "transaction", "hold_update", "analyst_decision"}
WORDS = {"title", "description", "$comment", "discriminator", "additionalProperties", "items"}
# What a schema may say more than the type: a year, an offset, an id's form, a level's name.
STRICTER = {"pattern", "enum", "minimum", "maxLength", "format"}

Node = dict[str, Any]


def _from_types(contract: str) -> tuple[Node, dict[str, Node]]:
    root: Any = CONTRACTS[contract] or account_log.LogEntry
    (top,), definitions = msgspec.json.schema_components([root])
    if "$ref" in top:
        top = definitions.pop(top["$ref"].removeprefix("#/$defs/"))
    return top, definitions


def _plain(node: Any) -> Any:
    """One way of writing: nullable types as a list, a single enum value as const."""
    if isinstance(node, list | tuple):
        return [_plain(item) for item in node]
    if not isinstance(node, dict):
        return node
    plain = {key: _plain(value) for key, value in node.items()}
    choices = plain.get("anyOf", [])
    if len(choices) == 2 and choices[1] == {"type": "null"} and "$ref" not in choices[0]:
        del plain["anyOf"]
        plain |= {**choices[0], "type": [choices[0]["type"], "null"]}
    if len(plain.get("enum", [])) == 1:
        plain["const"] = plain.pop("enum")[0]
    return plain


def _compare(typed: Node, said: Node, place: str) -> None:
    for keyword, value in typed.items():
        if keyword in WORDS - {"items"}:
            continue
        if keyword == "properties":
            assert set(said[keyword]) == set(value), place
            for name, part in value.items():
                _compare(part, said[keyword][name], f"{place}.{name}")
        elif keyword == "prefixItems":
            assert len(said[keyword]) == len(value), place
            for number, part in enumerate(value):
                _compare(part, said[keyword][number], f"{place}[{number}]")
        elif keyword == "items" and isinstance(value, dict):
            _compare(value, said["items"], f"{place}[]")
        elif keyword == "type" and value == "string" and "enum" in typed:
            assert said["type"] == value, place
        else:
            assert said.get(keyword) == value, f"{place}: {keyword}"
    more = set(said) - set(typed) - WORDS - STRICTER
    assert more <= {"$schema", "$id", "$defs", "if", "then", "else", "type"}, f"{place}: {more}"


@pytest.mark.parametrize("contract", [name for name, root in CONTRACTS.items() if root is not None])
def test_a_schema_agrees_with_its_type_in_fields_types_enums_and_limits(contract: str) -> None:
    top, definitions = _from_types(contract)
    schema = load_schema(contract)
    _compare(_plain(top), _plain(schema), contract)
    assert set(schema.get("$defs", {})) == set(definitions)
    for name, definition in definitions.items():
        _compare(_plain(definition), _plain(schema["$defs"][name]), f"{contract}.{name}")


def test_the_schema_of_the_account_log_agrees_with_its_records() -> None:
    top, definitions = _from_types("account_event")
    schema = load_schema("account_event")
    assert {part["$ref"] for part in schema["oneOf"]} == {part["$ref"] for part in top["anyOf"]}
    assert set(schema["$defs"]) == set(definitions)
    for name, definition in definitions.items():
        _compare(_plain(definition), _plain(schema["$defs"][name]), name)


@pytest.mark.parametrize(
    "struct",
    [
        account_log.Posting,
        account_log.Claim,
        account_log.Level,
        account_log.Answer,
        account_log.Notice,
        account_log.Leg,
        account_log.Step,
        account_log.Arrival,
        account_log.Postings,
        account_log.AccountEvents,
        account_log.Tick,
        account_log.Erasure,
    ],
)
def test_the_order_of_an_array_is_documented(struct: type[msgspec.Struct]) -> None:
    said = load_schema("account_event")["$defs"][struct.__name__]
    tag = ["tag"] if struct.__struct_config__.tag else []
    order = [*tag, *struct.__struct_fields__]
    assert [item["title"] for item in said["prefixItems"]] == order
    assert said["description"].endswith(f"in this order: {', '.join(order)}.")
    for place, item in enumerate(said["prefixItems"], start=1):
        assert item["description"].startswith(f"Position {place}: ")


@pytest.mark.parametrize("contract", CONTRACTS)
def test_a_schema_is_well_formed_and_every_field_is_described(contract: str) -> None:
    schema = load_schema(contract)
    Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["$id"] == f"https://freezeline.org/schemas/{contract}.v1.json"
    assert schema["title"]
    for part in [schema, *schema.get("$defs", {}).values()]:
        assert part["description"], part
        for name, field in part.get("properties", {}).items():
            assert len(field["description"]) > 5, f"{contract}: {name}"
            if name.endswith("_satang"):
                assert "satang" in field["description"], f"{contract}: {name} has no unit"


@pytest.mark.parametrize("contract", CONTRACTS)
def test_what_comes_in_is_open_and_what_goes_out_is_closed(contract: str) -> None:
    schema = load_schema(contract)
    parts = [schema, *schema.get("$defs", {}).values()]
    objects = [part["additionalProperties"] for part in parts if "properties" in part]
    if contract != "account_file":
        assert set(objects) <= {contract in INBOUND}


def test_the_dead_letter_schema_lists_every_reason() -> None:
    headers = load_schema("dead_letter")["properties"]["headers"]["properties"]
    assert headers["dlq.reason"]["enum"] == [reason.value for reason in Reason]


def test_a_contract_without_a_schema_is_an_error() -> None:
    with pytest.raises(ValueError, match="no schema"):
        load_schema("nothing")


def test_what_the_codec_writes_fits_the_schema() -> None:
    entry = clusters.WatchlistEntry(
        identifier="account:004:0123456789",
        version=1,
        level="dark_grey",
        acting=True,
        since="2023-12-04T07:20:00.000Z",
        reports=1,
        voices=1,
        cluster_id="c",
        policy_version="p",
    )
    written = encode_json(entry)
    assert written == encode_json(msgspec.json.decode(written, type=clusters.WatchlistEntry))
    Draft202012Validator(load_schema("watchlist_entry")).validate(msgspec.json.decode(written))


def test_every_struct_of_the_contracts_is_in_a_schema() -> None:
    described = {part for name in CONTRACTS for part in load_schema(name).get("$defs", {})}
    described |= {root.__name__ for root in CONTRACTS.values() if root is not None}
    for module in (account_log, alerts, clusters, decisions, hold_updates, reports, transactions):
        for name, struct in inspect.getmembers(module, inspect.isclass):
            if issubclass(struct, msgspec.Struct) and not name.startswith("_"):
                assert name in described, name
