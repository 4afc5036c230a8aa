"""`freezeline publish` checks everything first and says which line and field is wrong."""

from __future__ import annotations

import codecs
import io
from pathlib import Path

import orjson
import pytest

from agents.cli.publish import check_lines
from tests.agents_cli.running import freezeline
from tests.agents_cli.test_sending import KEY, NATIONAL_ID, PAYMENT, REPORT

NOWHERE = ("--bootstrap", "127.0.0.1:1")


def lines(*events: object) -> bytes:
    return b"\n".join(orjson.dumps(event) for event in events) + b"\n"


def test_names_line_and_field_and_publishes_nothing(tmp_path: Path) -> None:
    file = tmp_path / "transactions.jsonl"
    file.write_bytes(lines(PAYMENT, {**PAYMENT, "amount_satang": 1.5}) + b"\n{oops\n")
    ran = freezeline("publish", "transactions", str(file), *NOWHERE)
    assert ran.exit_code == 1
    assert ran.err.splitlines() == [
        "line 2: $.amount_satang is not valid (wrong_field)",
        "line 4: one JSON object is expected on each line (not_json)",
        "Nothing was published: 2 lines of 3 are not valid (--skip-invalid publishes the others).",
    ]


def test_a_byte_order_mark_at_the_beginning_of_a_file_is_no_part_of_it() -> None:
    line = orjson.dumps(PAYMENT)
    given = io.BytesIO(codecs.BOM_UTF8 + line + b"\r\n" + line)
    checked = check_lines("transactions", given, KEY)
    assert (len(checked.events), checked.problems) == (2, [])


def test_many_bad_lines_are_counted() -> None:
    ran = freezeline("publish", "reports", "-", *NOWHERE, given=b"x\n" * 50)
    assert ran.exit_code == 1
    assert "and 30 more lines" in ran.err
    assert "50 lines of 50 are not valid" in ran.err


def test_lines_beyond_the_limit_are_passed_over_whole() -> None:
    given = b'{"a":"' + b"x" * 700_000 + b'"}\n' + lines(PAYMENT)
    checked = check_lines("transactions", io.BytesIO(given), KEY)
    assert checked.problems == ["line 1: the event is not valid (too_large)"]
    assert len(checked.events) == 1


def test_unknown_fields_are_said_and_not_sent() -> None:
    reporter = {"national_id": NATIONAL_ID, "nickname": "x"}
    given = lines({**REPORT, "reporter": reporter, "polce_case": "1"})
    checked = check_lines("reports", io.BytesIO(given), KEY)
    assert checked.unknown == {"$.reporter.nickname": 1, "$.polce_case": 1}
    assert b"polce_case" not in checked.events[0]
    assert b"nickname" not in checked.events[0]


def test_a_kafka_that_does_not_answer_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agents.kafka.sending.CONNECT_TIMEOUT_MS", 500)
    ran = freezeline("publish", "transactions", "-", *NOWHERE, given=lines(PAYMENT))
    assert ran.exit_code == 2
    assert ran.err.startswith("Kafka does not answer at 127.0.0.1:1 (")
    assert "\n" not in ran.err


def test_no_key_no_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FREEZELINE_HASH_KEY")
    ran = freezeline("publish", "reports", "-", given=lines(REPORT))
    assert ran.exit_code == 2
    assert "FREEZELINE_HASH_KEY_FILE" in ran.err


def test_missing_and_empty_files_are_said(tmp_path: Path) -> None:
    missing = freezeline("publish", "reports", str(tmp_path / "none.jsonl"))
    assert missing.exit_code == 2
    assert "none.jsonl cannot be read: No such file or directory." in missing.err
    empty = freezeline("publish", "reports", "-", given=b"\n\n")
    assert empty.exit_code == 1
    assert "no valid event in stdin" in empty.err
