"""Decoders raise nothing but InvalidEvent, whatever comes, and what they say holds no value."""

from __future__ import annotations

import datetime
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from pipeline.contracts.account_log import (
    Posting,
    Postings,
    decode_log_entry,
    encode_log_entry,
    partition_of,
)
from pipeline.contracts.cloudevents import event_data, headers_out
from pipeline.contracts.codec import (
    FUTURE_TOLERANCE_MS,
    MAX_EVENT_BYTES,
    checked_milliseconds,
    milliseconds,
    parse_rfc3339,
    rfc3339,
)
from pipeline.contracts.dead_letters import dead_letter
from pipeline.contracts.decisions import decode_decision
from pipeline.contracts.hold_updates import decode_hold_update
from pipeline.contracts.invalid import InvalidEvent, Reason
from pipeline.contracts.reports import decode_report
from pipeline.contracts.transactions import decode_transaction
from pipeline.fold import LogRecord
from pipeline.topics import load_topics

EXAMPLES = Path(__file__).parents[3] / "pipeline" / "contracts" / "examples"
DECODERS: dict[str, Callable[[bytes | None], Any]] = {
    "report": decode_report,
    "transaction": decode_transaction,
    "hold_update": decode_hold_update,
    "analyst_decision": decode_decision,
}
EVENTS = {
    contract: [path.read_bytes() for path in sorted(EXAMPLES.glob(f"{contract}/*.json"))]
    for contract in DECODERS
}
CONTRACT_AND_EVENT = st.sampled_from(
    [(contract, event) for contract, events in EVENTS.items() for event in events]
)
UNHURRIED = settings(deadline=None)
"""A busy machine is no reason to fail."""
SECRET = "0812345678"
LOG_RECORDS = [
    msgspec.msgpack.encode(json.loads(path.read_bytes()))
    for path in sorted(EXAMPLES.glob("account_event/*.json"))
]
JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
    | st.sampled_from([f"at `$.{SECRET}`", SECRET, f"datetime `$.{SECRET}`", "\x00", "2566-01-01"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


def _places(node: Any, place: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    children: list[tuple[str | int, Any]] = []
    if isinstance(node, dict):
        children = list(node.items())
    elif isinstance(node, list):
        children = list(enumerate(node))
    found = [place]
    for name, child in children:
        found += _places(child, (*place, name))
    return found


def _with(node: Any, place: tuple[str | int, ...], value: Any) -> Any:
    if not place:
        return value
    copy: Any = dict(node) if isinstance(node, dict) else list(node)
    copy[place[0]] = _with(node[place[0]], place[1:], value)
    return copy


def _refusal(decode: Callable[[], Any]) -> InvalidEvent | None:
    try:
        decode()
    except InvalidEvent as refused:
        return refused
    return None


@UNHURRIED
@given(st.binary(max_size=300))
def test_arbitrary_bytes_raise_nothing_but_invalid_event(value: bytes) -> None:
    for decode in [*DECODERS.values(), decode_log_entry]:
        refused = _refusal(lambda decode=decode: decode(value))  # type: ignore[misc]
        assert refused is not None


@UNHURRIED
@given(CONTRACT_AND_EVENT, st.data())
def test_a_mutated_event_is_taken_or_refused_and_the_refusal_quotes_nothing(
    chosen: tuple[str, bytes], data: st.DataObject
) -> None:
    contract, event = chosen
    tree = json.loads(event)
    place = data.draw(st.sampled_from(_places(tree)))
    value = json.dumps(_with(tree, place, data.draw(JSON_VALUES))).encode()
    refused = _refusal(lambda: DECODERS[contract](value))
    if refused is not None:
        assert SECRET not in str(refused)
        assert refused.field in {"", "$"} or refused.field.startswith("$")


@UNHURRIED
@given(CONTRACT_AND_EVENT, st.data())
def test_an_event_with_a_damaged_byte_is_taken_or_refused(
    chosen: tuple[str, bytes], data: st.DataObject
) -> None:
    contract, event = chosen
    at = data.draw(st.integers(0, len(event) - 1))
    damaged = event[:at] + bytes([data.draw(st.integers(0, 255))]) + event[at + 1 :]
    _refusal(lambda: DECODERS[contract](damaged))
    _refusal(lambda: DECODERS[contract](event[:at]))


@UNHURRIED
@given(st.sampled_from(LOG_RECORDS), st.data())
def test_a_damaged_log_record_is_taken_or_refused(record: bytes, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(record) - 1))
    damaged = record[:at] + bytes([data.draw(st.integers(0, 255))]) + record[at + 1 :]
    for value in (damaged, record[:at]):
        refused = _refusal(lambda value=value: decode_log_entry(value))  # type: ignore[misc]
        assert refused is None or refused.reason in {Reason.NOT_A_LOG_RECORD, Reason.EMPTY}


@UNHURRIED
@given(CONTRACT_AND_EVENT)
def test_an_event_comes_in_as_binary_structured_or_plain(chosen: tuple[str, bytes]) -> None:
    contract, event = chosen
    envelope = {"specversion": "1.0", "id": "1", "source": "s", "type": "t"}
    structured = json.dumps({**envelope, "data": json.loads(event)}).encode()
    content_type = b"application/cloudevents+json; charset=utf-8"
    binary = (("ce_specversion", b"1.0"), ("ce_id", b"1"), ("content-type", b"application/json"))
    records = [
        LogRecord(0, 0, None, event),
        LogRecord(0, 0, None, event, binary),
        LogRecord(0, 0, None, structured, (("content-type", content_type),)),
    ]
    plain, *others = [DECODERS[contract](event_data(record)) for record in records]
    assert others == [plain, plain]


@UNHURRIED
@given(st.binary(max_size=200))
def test_an_arbitrary_structured_envelope_raises_nothing_but_invalid_event(value: bytes) -> None:
    headers = (("content-type", b"application/cloudevents+json"),)
    assert _refusal(lambda: event_data(LogRecord(0, 0, None, value, headers))) is not None


def test_a_tombstone_is_empty_in_every_mode() -> None:
    structured = LogRecord(0, 0, b"k", None, (("content-type", b"application/cloudevents+json"),))
    assert event_data(LogRecord(0, 0, b"k", None)) is None
    for decode in (decode_report, lambda _: event_data(structured), decode_log_entry):
        refused = _refusal(lambda decode=decode: decode(None))  # type: ignore[misc]
        assert refused is not None
        assert refused.reason is Reason.EMPTY


def test_headers_out_are_cloudevents_in_binary_mode() -> None:
    headers = dict(headers_out("freeze_alert", "id-1", "2023-12-04T02:31:05.412Z", 1701657065412))
    assert headers["ce_specversion"] == b"1.0"
    assert headers["ce_type"] == b"freezeline.freeze_alert.v1"
    assert headers["content-type"] == b"application/json"
    assert headers["freezeline_reported_at"] == b"1701657065412"
    assert "freezeline_reported_at" not in dict(headers_out("cluster", "id-1", "t"))


def _strings(node: Any) -> set[str]:
    if isinstance(node, dict):
        return set().union(*(_strings(child) for child in node.values()))
    if isinstance(node, list):
        return set().union(*(_strings(child) for child in node))
    return {node} if isinstance(node, str) else {str(node)}


@UNHURRIED
@given(CONTRACT_AND_EVENT, st.data())
def test_a_dead_letter_keeps_the_bytes_and_its_added_headers_hold_no_value(
    chosen: tuple[str, bytes], data: st.DataObject
) -> None:
    contract, event = chosen
    tree = json.loads(event)
    place = data.draw(st.sampled_from(_places(tree)))
    value = json.dumps(_with(tree, place, data.draw(JSON_VALUES))).encode()
    refused = _refusal(lambda: DECODERS[contract](value))
    if refused is None:
        return
    record = LogRecord(7, 1_701_657_065_412, b"key", value, (("ce_id", b"1"),))
    letter = dead_letter("reports", 3, record, refused)
    assert (letter.topic, letter.key, letter.value) == ("reports-dead-letters", b"key", value)
    added = [content.decode() for name, content in letter.headers if name != "ce_id"]
    assert ("ce_id", b"1") in letter.headers
    told = {text for text in _strings(tree) if len(text) > 7 and re.search("[0-9]", text)}
    assert not any(text in content for text in told | {SECRET} for content in added)


def test_a_dead_letter_of_a_dead_letter_says_only_the_newest_reason() -> None:
    refused = InvalidEvent(Reason.NOT_JSON)
    first = dead_letter("reports", 0, LogRecord(1, 2, b"k", b"{"), refused)
    record = LogRecord(9, 3, first.key, first.value, first.headers)
    second = dead_letter("reports", 0, record, InvalidEvent(Reason.NOT_UTF8))
    names = [name for name, _ in second.headers]
    assert len(names) == len(set(names))
    assert dict(second.headers)["dlq.reason"] == b"not_utf8"


GIANT = 5_000_000


@pytest.mark.parametrize(
    ("record", "cut"),
    [
        (LogRecord(1, 2, b"k", b"v" * GIANT, (("h", b"x"),)), "value"),
        (LogRecord(1, 2, b"k" * GIANT, None), "key"),
        (LogRecord(1, 2, b"k", b"{", (("h", b"x"),) * 500_000), "headers"),
        (LogRecord(1, 2, b"k" * GIANT, b"v" * GIANT, (("dlq.attempt", b"9" * GIANT),)), ""),
    ],
    ids=["value", "key", "headers", "all"],
)
def test_of_a_record_that_no_dead_letter_can_hold_the_beginning_is_kept(
    record: LogRecord, cut: str
) -> None:
    letter = dead_letter("transactions", 0, record, InvalidEvent(Reason.TOO_LARGE))
    whole = sum(len(name) + len(content) + 10 for name, content in letter.headers)
    whole += len(letter.key or b"") + len(letter.value or b"")
    assert whole < load_topics()[letter.topic].max_message_bytes
    said = dict(letter.headers)
    assert said["dlq.cut"].decode() == (cut or "value,key,headers")
    assert said["dlq.original.bytes"].decode() == str(len(record.value or b""))
    assert (record.key or b"").startswith(letter.key or b"")
    assert (record.value or b"").startswith(letter.value or b"")
    assert (said.get("h") == b"x") == (cut == "value")


def test_a_dead_letter_has_a_key_or_a_value_as_no_client_sends_one_without() -> None:
    empty = InvalidEvent(Reason.EMPTY)
    assert dead_letter("reports", 0, LogRecord(1, 2, None, None), empty).value == b""
    assert dead_letter("reports", 0, LogRecord(1, 2, b"k", None), empty).value is None


def test_what_a_dead_letter_can_hold_is_kept_whole() -> None:
    room = load_topics()["transactions-dead-letters"].max_message_bytes
    record = LogRecord(1, 2, b"k", b"v" * (room - 100_000), (("h", b"x"),))
    letter = dead_letter("transactions", 0, record, InvalidEvent(Reason.TOO_LARGE))
    assert (letter.key, letter.value) == (record.key, record.value)
    assert "dlq.cut" not in dict(letter.headers)


def test_an_event_may_have_256_kib_and_no_more() -> None:
    event = EVENTS["transaction"][0].rstrip()
    assert decode_transaction(event + b" " * (MAX_EVENT_BYTES - len(event)))
    with pytest.raises(InvalidEvent) as refused:
        decode_transaction(event + b" " * (MAX_EVENT_BYTES - len(event) + 1))
    assert refused.value.reason is Reason.TOO_LARGE


def test_an_escaped_backslash_before_u0000_is_no_nul() -> None:
    event = json.loads(EVENTS["report"][0])
    report = decode_report(json.dumps({**event, "text": r"C:\u0000"}).encode())
    assert report.text == r"C:\u0000"


@UNHURRIED
@given(st.integers(946_684_800_000, 4_102_444_799_999))
def test_a_moment_comes_back_from_its_text(at: int) -> None:
    assert parse_rfc3339(rfc3339(at)) == at


FIXED_OFFSETS = st.integers(-1439, 1439).map(
    lambda minutes: datetime.timezone(datetime.timedelta(minutes=minutes))
)


@given(st.datetimes(timezones=st.one_of(FIXED_OFFSETS, st.timezones())))
def test_the_milliseconds_of_a_moment_are_the_same_in_every_time_zone(
    moment: datetime.datetime,
) -> None:
    assume(2 <= moment.year <= 9998)  # or the moment in UTC is beyond what Python can say
    since = moment.astimezone(datetime.UTC) - datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
    assert milliseconds(moment) == since // datetime.timedelta(milliseconds=1)


@UNHURRIED
@given(st.datetimes(timezones=st.timezones()), st.integers(0, 4_102_444_800_000))
def test_an_absurd_moment_is_refused_and_no_other(
    moment: datetime.datetime, recorded_at: int
) -> None:
    refused = _refusal(lambda: checked_milliseconds(moment, recorded_at, "$.at"))
    if moment.year < 2000:
        assert refused is not None
    if refused is None:
        assert checked_milliseconds(moment, recorded_at, "$.at") <= (
            recorded_at + FUTURE_TOLERANCE_MS
        )
    else:
        assert (refused.reason, refused.field) == (Reason.BAD_TIME, "$.at")


INT64 = st.integers(-(2**63), 2**63 - 1)
POSTINGS = st.builds(
    Posting,
    account=st.text(),
    transaction=st.text(),
    at=INT64,
    amount=INT64,
    other=st.text(),
    balance=st.none() | INT64,
    references=st.lists(st.text(), max_size=3).map(tuple),
)


@UNHURRIED
@given(st.lists(POSTINGS, max_size=4))
def test_postings_come_back_from_their_bytes(postings: list[Posting]) -> None:
    assert decode_log_entry(encode_log_entry(Postings(postings))) == Postings(postings)


@UNHURRIED
@given(st.text(), st.integers(1, 64))
def test_an_account_has_one_partition(account: str, partitions: int) -> None:
    assert 0 <= partition_of(account, partitions) < partitions
