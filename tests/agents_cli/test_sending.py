"""The partners' side: national IDs are hashed, everything is validated, headers are CloudEvents."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import orjson
import pytest

from agents.kafka.sending import (
    PREPARE,
    outgoing,
    parse_event,
    prepare_hold_update,
    prepare_report,
    prepare_transaction,
)
from pipeline.contracts.invalid import InvalidEvent, Reason
from pipeline.contracts.reports import decode_report
from pipeline.identity.national_id import check_digit, hash_national_id
from pipeline.identity.voices import newest_hash

EXAMPLES = Path(__file__).parents[2] / "pipeline" / "contracts" / "examples"
KEY = b"k" * 32
NATIONAL_ID = "110370023456" + check_digit("110370023456")
HASH = hash_national_id(NATIONAL_ID, KEY)
REPORT: dict[str, Any] = {
    "source": "aoc-1441",
    "report_id": "AOC-1",
    "revision": 2,
    "kind": "submitted",
    "received_at": "2026-11-01T10:00:00+07:00",
    "suspects": [{"kind": "account", "bank": "SCB", "number": "123-4-56789-0"}],
}
PAYMENT: dict[str, Any] = {
    "source": "bank-scb",
    "transaction_id": "T1",
    "occurred_at": "2026-11-01T09:00:00+07:00",
    "payer": {"bank": "SCB", "account": "456-7-89012-3"},
    "payee": {"promptpay": NATIONAL_ID},
    "amount_satang": 150_000,
}


def report(**more: Any) -> dict[str, Any]:
    return {**copy.deepcopy(REPORT), **more}


def test_reporters_national_id_becomes_the_person() -> None:
    dashed = f"1-1037-00234-56-{NATIONAL_ID[-1]}"
    sent = prepare_report(report(reporter={"national_id": dashed, "verified_by": "thaid"}), KEY)
    assert decode_report(sent).reporter.person == HASH
    assert NATIONAL_ID.encode() not in sent
    assert b"national_id" not in sent


@pytest.mark.parametrize(
    "suspect",
    [
        {"kind": "person", "name": "สมชาย ใจดี", "national_id": NATIONAL_ID},
        {"kind": "promptpay", "proxy": NATIONAL_ID},
        {"kind": "promptpay", "proxy": f"nid:{NATIONAL_ID}"},
        {"kind": "account", "bank": "พร้อมเพย์", "number": NATIONAL_ID},
    ],
)
def test_suspects_national_ids_are_hashed(suspect: dict[str, str]) -> None:
    sent = prepare_report(report(suspects=[suspect]), KEY)
    assert HASH.encode() in sent
    assert NATIONAL_ID.encode() not in sent


def test_national_id_in_the_text_is_hashed_and_other_numbers_stay() -> None:
    thai = NATIONAL_ID.translate(str.maketrans("0123456789", "๐๑๒๓๔๕๖๗๘๙"))
    sent = prepare_report(report(text=f"id {NATIONAL_ID}, {thai}, call 0812345678"), KEY)
    assert decode_report(sent).text == f"id nid:{HASH}, nid:{HASH}, call 0812345678"


def test_a_foreign_phone_behind_its_plus_stays_in_the_text() -> None:
    # One in ten Chinese mobile numbers has a national ID's check digit, as this one.
    text = "โทร +8613510429664, +86 135 1042 9664"
    assert decode_report(prepare_report(report(text=text), KEY)).text == text


def test_payments_parties_are_hashed_in_reports_and_transactions() -> None:
    disputed = {
        "paid_at": "2026-11-01T09:00:00+07:00",
        "amount_satang": 100,
        "to": {"promptpay": NATIONAL_ID},
    }
    written = {**disputed, "to": {"bank": "PromptPay", "account": NATIONAL_ID}}
    for sent in (
        prepare_report(report(payments=[disputed]), KEY),
        prepare_report(report(payments=[written]), KEY),
        prepare_transaction(PAYMENT, KEY),
    ):
        assert f"nid:{HASH}".encode() in sent
        assert NATIONAL_ID.encode() not in sent


@pytest.mark.parametrize(
    ("more", "reason", "field"),
    [
        (
            {"reporter": {"national_id": "1234567890123"}},
            "bad_identifier",
            "$.reporter.national_id",
        ),
        ({"reporter": {"national_id": 12}}, "bad_identifier", "$.reporter.national_id"),
        (
            {"reporter": {"national_id": NATIONAL_ID, "person": HASH}},
            "wrong_field",
            "$.reporter.national_id",
        ),
        (
            {"suspects": [{"kind": "person", "name": f"A {NATIONAL_ID}"}]},
            "raw_national_id",
            "$.suspects[0].name",
        ),
        ({"received_at": "2569-11-01T10:00:00+07:00"}, "bad_time", "$.received_at"),
        ({"received_at": "1999-11-01T10:00:00+07:00"}, "bad_time", "$.received_at"),
        ({"received_at": "yesterday"}, "bad_time", "$.received_at"),
        ({"source": 1}, "wrong_field", "$.source"),
        ({"kind": "whispered"}, "unknown_kind", "$.kind"),
        ({"suspects": []}, "missing_field", "$.suspects"),
        ({"text": "a\0b"}, "nul_character", ""),
        ({"revision": 2**64}, "wrong_field", "$.revision"),
    ],
)
def test_what_is_wrong_is_named(more: dict[str, Any], reason: str, field: str) -> None:
    with pytest.raises(InvalidEvent) as caught:
        prepare_report(report(**more), KEY)
    refused = caught.value
    assert (refused.reason.value, refused.field) == (reason, field)


@pytest.mark.parametrize("amount", [1.5, "100", -1, 0, 2**63, None])
def test_money_is_whole_satang(amount: object) -> None:
    with pytest.raises(InvalidEvent) as caught:
        prepare_transaction({**PAYMENT, "amount_satang": amount}, KEY)
    assert caught.value.field == "$.amount_satang"


def test_a_party_that_names_nothing_is_refused_here_already() -> None:
    with pytest.raises(InvalidEvent) as caught:
        prepare_transaction({**PAYMENT, "payee": {}}, KEY)
    assert caught.value.field == "$.payee.account"


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"{", Reason.NOT_JSON),
        (b"[1]", Reason.WRONG_FIELD),
        (b'{"a":"\xff"}', Reason.NOT_UTF8),
        (b"[" * 5_000, Reason.NOT_JSON),
        (b" " * 300_000, Reason.TOO_LARGE),
    ],
)
def test_lines_that_are_no_object(line: bytes, reason: Reason) -> None:
    with pytest.raises(InvalidEvent) as caught:
        parse_event(line)
    assert caught.value.reason is reason


def test_records_carry_key_and_cloudevents_headers() -> None:
    sent = outgoing("reports", prepare_report(REPORT, KEY))
    headers = dict(sent.headers)
    assert sent.key == b"aoc-1441/AOC-1"
    assert headers == {
        "ce_specversion": b"1.0",
        "ce_id": b"AOC-1.2",
        "ce_source": b"aoc-1441",
        "ce_type": b"freezeline.report.v1",
        "ce_time": b"2026-11-01T03:00:00.000Z",
        "content-type": b"application/json",
    }
    payment = outgoing("transactions", prepare_transaction(PAYMENT, KEY))
    assert payment.key == b"account:014:4567890123"
    assert dict(payment.headers)["ce_id"] == b"T1"


def test_hold_updates_are_keyed_by_their_alert() -> None:
    update = {
        "source": "bank-scb",
        "update_id": "U1",
        "account": {"bank": "014", "account": "4567890123"},
        "status": "held",
        "occurred_at": "2026-11-01T09:00:00+07:00",
    }
    assert (
        outgoing("hold-updates", prepare_hold_update(update, KEY)).key == b"account:014:4567890123"
    )
    update["alert_id"] = "an-alert"
    assert outgoing("hold-updates", prepare_hold_update(update, KEY)).key == b"an-alert"


@pytest.mark.parametrize(
    ("topic", "path"),
    [
        (topic, path)
        for topic, folder in (
            ("reports", "report"),
            ("transactions", "transaction"),
            ("hold-updates", "hold_update"),
        )
        for path in sorted((EXAMPLES / folder).glob("*.json"))
    ],
    ids=lambda value: getattr(value, "stem", value),
)
def test_every_example_can_be_published(topic: str, path: Path) -> None:
    value = PREPARE[topic](orjson.loads(path.read_bytes()), KEY)
    assert PREPARE[topic](orjson.loads(value), KEY) == value
    assert outgoing(topic, value).value == value


def test_with_two_keys_the_reporter_has_a_hash_of_the_second_generation() -> None:
    event = report(
        reporter={"national_id": NATIONAL_ID},
        suspects=[{"kind": "person", "name": "ก", "national_id": NATIONAL_ID}],
    )
    sent = decode_report(prepare_report(event, KEY, [b"2" * 32]))
    assert sent.hash_generation == 2
    assert sent.reporter.person == newest_hash(NATIONAL_ID, [KEY, b"2" * 32])
    assert sent.suspects[0].national_id == HASH, "what suspects are known by stays"


@pytest.mark.parametrize(("cash", "named"), [("payer", "payee"), ("payee", "payer")])
def test_a_payment_in_cash_is_keyed_by_the_account_that_it_has(cash: str, named: str) -> None:
    event = {**PAYMENT, named: PAYMENT["payer"], cash: {"cash": True}}
    record = outgoing("transactions", prepare_transaction(event, KEY))
    assert record.key == b"account:014:4567890123"
