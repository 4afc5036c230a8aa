"""Every example event fits its schema and is taken; every invalid one is refused by both."""

from __future__ import annotations

import base64
import binascii
import json
import re
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from pipeline.accounts.file import decode_file
from pipeline.contracts import account_log, alerts, clusters
from pipeline.contracts.account_log import decode_log_entry
from pipeline.contracts.asyncapi import load_schema
from pipeline.contracts.cloudevents import event_data
from pipeline.contracts.codec import checked_milliseconds
from pipeline.contracts.decisions import DecisionKind, Verdict, decode_decision
from pipeline.contracts.hold_updates import HoldStatus, decode_hold_update
from pipeline.contracts.invalid import InvalidEvent, Reason
from pipeline.contracts.reports import Report, ReportKind, VerifiedBy, decode_report
from pipeline.contracts.transactions import decode_transaction
from pipeline.fold import LogRecord
from pipeline.identity.national_id import contains_national_id

Decoder = Callable[[bytes | None], Any]

EXAMPLES = Path(__file__).parents[3] / "pipeline" / "contracts" / "examples"
VALID = sorted(EXAMPLES.glob("[!i]*/*.json"))
INVALID = sorted(path for path in EXAMPLES.glob("invalid/*/*") if path.is_file())
BY_SCHEMA = {"wrong_field", "missing_field", "unknown_kind", "bad_time"}
BY_NORMALISING = {"bad_identifier", "raw_national_id"}
BY_FOLD = {"transaction.payee-without-anything.json", "hold_update.account-without-anything.json"}
"""A party of which no identifier is given fits its schema; who needs one refuses it."""
PUBLIC = {
    "report",
    "transaction",
    "hold_update",
    "analyst_decision",
    "freeze_alert",
    "cluster",
    "filed_report",
    "watchlist_entry",
}
"""Elsewhere times are in milliseconds, of which one in ten looks like a national ID."""
RECORDED_AT = 1_704_067_200_000
"""The record's own timestamp in these tests: 1 January 2024, after all examples."""


def _strict(kind: type) -> Decoder:
    return lambda value: msgspec.json.decode(value or b"", type=kind)


def _packed(value: bytes | None) -> Any:
    """Take the JSON form of a log record over MessagePack, as it travels."""
    return decode_log_entry(msgspec.msgpack.encode(json.loads(value or b"")))


def _posting(value: bytes | None) -> Any:
    entry = ["postings", [json.loads(value or b"")]]
    return decode_log_entry(msgspec.msgpack.encode(entry))


DECODERS: dict[str, Decoder] = {
    "report": decode_report,
    "transaction": decode_transaction,
    "hold_update": decode_hold_update,
    "analyst_decision": decode_decision,
    "freeze_alert": _strict(alerts.FreezeAlert),
    "cluster": _strict(clusters.Cluster),
    "filed_report": _strict(clusters.FiledReport),
    "watchlist_entry": _strict(clusters.WatchlistEntry),
    "platform_referral": _strict(clusters.PlatformReferral),
    "posting": _posting,
    "account_event": _packed,
    "account_file": lambda value: decode_file(value or b""),
    "dead_letter": _strict(dict),
}


def _name(path: Path) -> str:
    return path.relative_to(EXAMPLES).as_posix()


def _reports() -> list[Report]:
    return [decode_report(path.read_bytes()) for path in VALID if path.parent.name == "report"]


def _take(contract: str, value: bytes) -> Any:
    """Decode as the folds do, with the check of years that needs the record's timestamp."""
    if contract == "cloudevent":
        headers = (("content-type", b"application/cloudevents+json"),)
        return decode_report(event_data(LogRecord(0, RECORDED_AT, None, value, headers)))
    if contract == "account_event":
        return decode_log_entry(value)
    event = DECODERS[contract](value)
    for field in ("received_at", "occurred_at", "decided_at"):
        if hasattr(event, field):
            checked_milliseconds(getattr(event, field), RECORDED_AT, f"$.{field}")
    for number, payment in enumerate(getattr(event, "payments", ())):
        checked_milliseconds(payment.paid_at, RECORDED_AT, f"$.payments[{number}].paid_at")
    return event


@pytest.mark.parametrize("path", VALID, ids=_name)
def test_an_example_is_taken_by_the_decoder_and_fits_its_schema(path: Path) -> None:
    contract, value = path.parent.name, path.read_bytes()
    Draft202012Validator(load_schema(contract)).validate(json.loads(value))
    DECODERS[contract](value)


@pytest.mark.parametrize("path", [path for path in VALID if path.parent.name in PUBLIC], ids=_name)
def test_an_example_holds_no_national_id(path: Path) -> None:
    assert not contains_national_id(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", INVALID, ids=_name)
def test_an_invalid_example_is_refused_for_the_reason_it_stands_under(path: Path) -> None:
    reason, contract = path.parent.name, path.name.split(".")[0]
    if reason in BY_NORMALISING or path.name in BY_FOLD:
        _take(contract, path.read_bytes())
        return
    with pytest.raises(InvalidEvent) as refused:
        _take(contract, path.read_bytes())
    assert refused.value.reason == reason
    assert re.fullmatch(r"(\$[a-z_.\[\]0-9]*)?", refused.value.field)
    assert "0812345678" not in refused.value.field


@pytest.mark.parametrize(
    "path",
    [path for path in INVALID if path.parent.name in BY_SCHEMA and path.name not in BY_FOLD],
    ids=_name,
)
def test_an_invalid_example_does_not_fit_its_schema(path: Path) -> None:
    schema = load_schema(path.name.split(".")[0])
    assert not Draft202012Validator(schema).is_valid(json.loads(path.read_bytes()))


@pytest.mark.parametrize(
    ("name", "field"),
    [
        ("wrong_field/transaction.float-amount.json", "$.amount_satang"),
        ("wrong_field/transaction.beyond-64-bits.json", "$.amount_satang"),
        ("wrong_field/report.phone-as-number.json", "$.suspects[0].number"),
        ("wrong_field/report.raw-id-as-person.json", "$.reporter.person"),
        ("missing_field/report.no-source.json", "$.source"),
        ("missing_field/report.suspect-without-kind.json", "$.suspects[0].kind"),
        ("missing_field/report.payment-without-payee.json", "$.payments[0].to"),
        ("unknown_kind/report.suspect-kind.json", "$.suspects[0].kind"),
        ("unknown_kind/report.value-that-looks-like-a-path.json", "$.kind"),
        ("bad_time/report.buddhist-year-of-payment.json", "$.payments[0].paid_at"),
        ("bad_time/report.no-offset.json", "$.received_at"),
    ],
)
def test_a_refusal_names_the_field(name: str, field: str) -> None:
    path = EXAMPLES / "invalid" / name
    with pytest.raises(InvalidEvent) as refused:
        _take(path.name.split(".")[0], path.read_bytes())
    assert refused.value.field == field


def test_every_reason_has_an_invalid_example() -> None:
    assert {path.parent.name for path in INVALID} == {reason.value for reason in Reason}


def test_money_with_a_fraction_of_zero_is_refused_though_json_schema_calls_it_an_integer() -> None:
    event = (EXAMPLES / "transaction" / "wallet.json").read_text(encoding="utf-8")
    value = event.replace("80000000", "80000000.0").encode()
    assert Draft202012Validator(load_schema("transaction")).is_valid(json.loads(value))
    with pytest.raises(InvalidEvent) as refused:
        decode_transaction(value)
    assert refused.value.reason is Reason.WRONG_FIELD


def test_every_contract_has_an_example_and_the_index_names_each() -> None:
    index = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    assert {path.parent.name for path in VALID} == set(DECODERS)
    for path in VALID:
        assert f"]({_name(path)})" in index, path
    for target in re.findall(r"\]\(([^)]+)\)", index):
        assert (EXAMPLES / target).exists(), target


@pytest.mark.parametrize(
    "source",
    [
        "aoc-1441",
        "etda-1212",
        "ccib",
        "royal-thai-police",
        "meta",
        "bank-scb",
        "bank-fraud-desk",
        "telco-ais",
        "amlo",
    ],
)
def test_every_system_that_sends_reports_has_an_example(source: str) -> None:
    assert source in {report.source for report in _reports()}


def test_every_kind_that_a_report_can_hold_has_an_example() -> None:
    reports = _reports()
    suspects = {type(suspect) for report in reports for suspect in report.suspects}
    assert {report.kind for report in reports} == set(ReportKind)
    assert {report.reporter.verified_by for report in reports} == set(VerifiedBy)
    assert len(suspects) == len(load_schema("report")["properties"]["suspects"]["items"]["anyOf"])


def test_every_verdict_and_taking_one_back_has_an_example() -> None:
    folder = EXAMPLES / "analyst_decision"
    told = [decode_decision(path.read_bytes()) for path in folder.glob("*.json")]
    assert {one.kind for one in told} == set(DecisionKind)
    assert {one.verdict for one in told} == {None, *Verdict}


def test_every_status_and_every_alert_kind_has_an_example() -> None:
    assert {path.stem for path in VALID if path.parent.name == "hold_update"} == set(HoldStatus)
    kinds = {json.loads(path.read_bytes())["kind"] for path in EXAMPLES.glob("freeze_alert/*")}
    assert kinds == set(alerts.AlertKind)


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("freeze_alert/*.json")), ids=_name)
def test_an_alert_example_has_a_thai_and_an_english_sentence_and_its_own_id(path: Path) -> None:
    alert = msgspec.json.decode(path.read_bytes(), type=alerts.FreezeAlert)
    assert re.search("[\u0e00-\u0e7f]", alert.reason_th)
    assert alert.reason_en.isascii()
    kind = alert.releases or alert.kind
    assert alert.alert_id == alerts.alert_id(kind, alert.account, alert.origin)
    assert alert.amount_satang <= alert.disputed_satang


def test_the_qr_example_has_a_valid_crc() -> None:
    event = json.loads((EXAMPLES / "report" / "promptpay-qr.json").read_bytes())
    payload = event["suspects"][0]["payload"]
    assert payload[-4:] == f"{binascii.crc_hqx(payload[:-4].encode(), 0xFFFF):04X}"


def test_the_identities_of_the_cluster_examples_come_from_what_they_are_about() -> None:
    for path in EXAMPLES.glob("cluster/*.json"):
        cluster = msgspec.json.decode(path.read_bytes(), type=clusters.Cluster)
        if cluster.members:
            assert cluster.cluster_id == clusters.cluster_id(cluster.anchor)
    for path in EXAMPLES.glob("platform_referral/*.json"):
        referral = msgspec.json.decode(path.read_bytes(), type=clusters.PlatformReferral)
        made = clusters.referral_id(referral.cluster_id, referral.platform)
        assert referral.referral_id == made


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("dead_letter/*.json")), ids=_name)
def test_a_dead_letter_example_is_still_refused_for_its_reason(path: Path) -> None:
    letter = json.loads(path.read_bytes())
    contract = letter["headers"]["dlq.original.topic"].removesuffix("s").replace("-", "_")
    value = None if letter["value"] is None else base64.b64decode(letter["value"])
    with pytest.raises(InvalidEvent):
        DECODERS[contract](value)


def test_a_log_record_comes_back_from_its_json_form_unchanged() -> None:
    for path in EXAMPLES.glob("account_event/*.json"):
        entry = _packed(path.read_bytes())
        assert account_log.decode_log_entry(account_log.encode_log_entry(entry)) == entry
        assert json.loads(msgspec.json.encode(entry)) == json.loads(path.read_bytes())


@given(st.sampled_from(alerts.AlertKind), st.text(max_size=40), st.text(max_size=40))
def test_an_alerts_id_is_the_uuid_of_version_5_of_what_it_is_about(kind, account, origin):
    expected = uuid.uuid5(alerts.NAMESPACE, f"{kind.value}|{account}|{origin}")
    assert alerts.alert_id(kind, account, origin) == str(expected)
