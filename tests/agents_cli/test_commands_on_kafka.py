"""The commands that read and send, on a real Kafka of their own with records written here."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import orjson
import pytest

from agents.kafka.client_settings import BrokerUnreachableError
from agents.kafka.reading import TopicReader
from agents.kafka.sending import connected_producer, publish_records
from agents.kafka.topic_admin import apply_topics
from agents.local.kafka import LocalKafka
from agents.settings import Settings, load_settings
from pipeline.accounts.causes import alert_output
from pipeline.contracts.account_log import (
    partition_of,
)
from pipeline.contracts.alerts import AlertKind
from pipeline.fold import Output
from pipeline.topics import load_topics
from tests.agents_cli.running import Ran, freezeline
from tests.agents_cli.test_publish import lines
from tests.agents_cli.test_sending import NATIONAL_ID, PAYMENT, REPORT
from tests.agents_cli.written import (
    ACCOUNT,
    ALERTS,
    CLUSTER,
    HOLD,
    PAID_AT,
    PROVISIONAL,
    WATCH,
    alert,
    records,
)


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    with LocalKafka(tmp_path_factory.mktemp("kafka")) as kafka:
        found = load_settings(needs_hash_key=False, bootstrap=kafka.bootstrap)
        apply_topics(found, load_topics())
        with connected_producer(found) as producer:
            for record in records():
                # One by one, so that the times of different partitions are in this order.
                publish_records(producer, [record])
                time.sleep(0.002)
        yield found


def run(settings: Settings, *arguments: str, given: bytes = b"") -> Ran:
    return freezeline(*arguments, "--bootstrap", settings.bootstrap, given=given)


def test_alerts_are_newest_first_and_of_each_the_newest_version(settings: Settings) -> None:
    ran = run(settings, "alerts", "--json")
    found = [orjson.loads(line) for line in ran.out.splitlines()]
    # The provisional one was replaced by HOLD, so nobody need read it.
    assert [(one["alert_id"], one["version"]) for one in found] == [(WATCH, 1), (HOLD, 2)]
    every = run(settings, "alerts", "--json", "--all-versions").out.splitlines()
    assert len(every) == len(ALERTS)
    assert len(run(settings, "alerts", "--json", "--limit", "1").out.splitlines()) == 1


def test_alerts_as_a_table(settings: Settings) -> None:
    ran = run(settings, "alerts", "--bank", "ไทยพาณิชย์")
    header, hold = ran.out.splitlines()
    assert header.split()[:3] == ["time", "kind", "bank"]
    every = run(settings, "alerts", "--bank", "ไทยพาณิชย์", "--all-versions").out
    assert "released (hold)" in every
    assert "014 SCB" in hold
    assert "45,000.00" in hold
    assert "2026-11-04 10:00" in hold
    assert hold.rstrip().endswith(HOLD[:8])
    assert "ระงับ" in run(settings, "alerts", "--lang", "th").out
    assert HOLD in run(settings, "alerts", "--wide").out
    unknown = run(settings, "alerts", "--bank", "Gringotts")
    assert (unknown.exit_code, unknown.out) == (2, "")


def test_following_prints_each_alert_as_it_comes(settings: Settings) -> None:
    command = [sys.executable, "-m", "agents.cli", "alerts", "--follow", "--limit", "1"]
    command += ["--bootstrap", settings.bootstrap]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    killer = threading.Timer(60, process.kill)
    killer.start()
    try:
        assert process.stdout is not None
        assert WATCH[:8] in process.stdout.readline()
        new = alert(HOLD, 3, AlertKind.HOLD, amount_satang=777)
        with connected_producer(settings) as producer:
            publish_records(producer, [alert_output(new, PAID_AT)])
        assert "7.77 baht" in process.stdout.readline()
        process.send_signal(2)
        assert process.stdout.read() == ""
        assert process.wait(20) == 0
    finally:
        killer.cancel()
        process.kill()
        process.wait()


def test_account_is_shown_by_bank_and_number(settings: Settings) -> None:
    ran = run(settings, "account", "show", "SCB 123-4-56789-0")
    assert ran.exit_code == 0
    for words in (
        "014 SCB 1234567890",
        "file version 3",
        "light grey, may act",
        "balance  45,100.00 baht",
        "1 hold(s)",
        f"{HOLD} v",
        "aoc-1441/AOC-1",
        "+45,000.00",
        "004 KBANK 4567890123",
    ):
        assert words in ran.out
    assert ran.out == run(settings, "account", "show", ACCOUNT).out
    unknown = run(settings, "account", "show", "014 0000000001")
    assert unknown.exit_code == 1
    assert "There is no file of 014 SCB 0000000001" in unknown.err
    assert run(settings, "account", "show", "nonsense").exit_code == 2


def test_account_log_is_readable(settings: Settings) -> None:
    arguments = ("account-log", "show", "--partition", str(partition_of(ACCOUNT, 4)), "--ticks")
    found = [orjson.loads(line) for line in run(settings, *arguments).out.splitlines()]
    assert [one["kind"] for one in found] == ["events", "postings", "tick", "unreadable"]
    assert [one["event"] for one in found[0]["events"]] == ["claim", "level"]
    assert found[1]["postings"][0]["amount"] == 4_500_000
    assert found[3]["reason"] == "not_a_log_record"
    about = run(settings, "account-log", "show", "--account", ACCOUNT, "--limit", "1").out
    assert [orjson.loads(line)["kind"] for line in about.splitlines()] == ["postings"]
    assert run(settings, "account-log", "show", "--partition", "4").exit_code == 2


def test_explain_tells_the_whole_story(settings: Settings) -> None:
    ran = run(settings, "explain", HOLD[:8])
    assert ran.exit_code == 0
    for words in (
        f"{HOLD}, version",
        "1.00 of 45,000.00 baht",
        "report aoc-1441/AOC-1: 45,000.00 baht",
        "found by the reference that the victim gave",
        "now: light grey, may act; 2 reports, 2 voices, 1 verified",
        "policy th-2026-11: light grey needs at least 1 verified person(s)",
        "014 SCB 1234567890 – phone:+66812345678, T0",
        "21.5  bits in all",
        "etda-1212/E-1",
        "A police complaint makes it last 168 hours instead of 72.",
    ):
        assert words in ran.out
    replaced = run(settings, "explain", PROVISIONAL)
    assert f"Alert {HOLD} now speaks of the same money" in replaced.out
    assert "reporter verified" in replaced.out
    unknown = run(settings, "explain", "ffffffff")
    assert unknown.exit_code == 1
    assert unknown.err.startswith("No alert's id begins with ffffffff")
    assert run(settings, "explain", "xyz").exit_code == 1


def test_trace_shows_what_rests_of_a_stolen_payment(settings: Settings) -> None:
    ran = run(settings, "trace", "T1")
    assert "45,000.00 baht stolen from" in ran.out
    assert "rests here: 45,000.00 baht" in ran.out
    (line,) = run(settings, "trace", "014 1234567890", "--json").out.splitlines()
    assert orjson.loads(line)["origin"] == "bank-scb/T1"
    nothing = run(settings, "trace", "T99")
    assert (nothing.exit_code, nothing.err) == (1, "No stolen money is traced for T99.")


def test_explain_tells_of_an_account_and_of_a_pair(settings: Settings) -> None:
    one = run(settings, "explain", ACCOUNT)
    assert f"cluster {CLUSTER}" in one.out
    pair = run(settings, "explain", ACCOUNT, "phone:+66899999999")
    assert "nothing that reports say of both ties them" in pair.out


def test_explain_tells_of_a_report_in_the_cluster_that_it_belongs_to(settings: Settings) -> None:
    """It is filed under an account of another one."""
    told = run(settings, "explain", "aoc-1441/AOC-1")
    assert f"cluster {CLUSTER}" in told.out
    pair = run(settings, "explain", "aoc-1441/AOC-1", "phone:+66812345678")
    assert f"one cluster, {CLUSTER}" in pair.out


def test_dead_letters_are_counted_shown_and_sent_back(settings: Settings) -> None:
    listed = run(settings, "dead-letters", "list").out.splitlines()[1:]
    assert [line.split()[:4] for line in listed] == [
        ["reports", "bad_time", "2", "reports:2"],
        ["reports", "not_json", "1", "reports:0"],
        ["transactions", "too_large", "1", "transactions:0"],
    ]
    shown = run(settings, "dead-letters", "show", "reports:0")
    assert r'{"broken \x1b[2J\xff' in shown.out
    assert "\x1b" not in shown.out
    assert "personal data" in shown.err
    cut = run(settings, "dead-letters", "show", "transactions:0")
    assert "262,144 bytes:" in cut.out
    assert "value cut" in cut.out
    assert "it stands at 2:7 of transactions" in cut.out
    arguments = ("dead-letters", "replay", "--topic", "transactions", "--force")
    assert run(settings, *arguments).out.endswith("There is nothing to send.\n")
    refused = run(settings, "dead-letters", "replay", "--reason", "not_json")
    assert refused.exit_code == 1
    sent = run(settings, "dead-letters", "replay")
    assert "Left out: 1" in sent.out
    # Two letters hold the same bytes: they are sent once.
    assert "Sent 1 back" in sent.out
    with TopicReader(settings) as reader:
        (back,) = [one for one in reader.forward("reports") if one.value == b'{"later":1}']
    assert back.key == b"key"
    assert dict(back.headers) == {"dlq.attempt": b"1"}
    assert run(settings, "dead-letters", "show", "reports:99").exit_code == 1
    assert run(settings, "dead-letters", "list", "--topic", "nonsense").exit_code == 2
    assert run(settings, "dead-letters", "list", "--reason", "nonsense").exit_code == 2


def test_publishing_puts_hashed_events_into_kafka(settings: Settings) -> None:
    given = lines({**REPORT, "reporter": {"national_id": NATIONAL_ID}}, {"kind": "x"})
    refused = run(settings, "publish", "reports", "-", given=given)
    assert refused.exit_code == 1
    ran = run(settings, "publish", "reports", "-", "--skip-invalid", given=given)
    assert ran.out.startswith("Published 1 event to reports in ")
    assert ran.out.rstrip().endswith("1 invalid line skipped.")
    run(settings, "publish", "transactions", "-", given=lines(PAYMENT))
    with TopicReader(settings) as reader:
        (stored,) = [one for one in reader.forward("reports") if one.key == b"aoc-1441/AOC-1"]
        assert stored.header("ce_type") == b"freezeline.report.v1"
        assert NATIONAL_ID.encode() not in (stored.value or b"")
        assert len(list(reader.forward("transactions"))) == 1


def test_both_directions_read_everything_once(settings: Settings) -> None:
    with connected_producer(settings) as producer:
        publish_records(
            producer,
            (Output("platform-referrals", b"%d" % n, b"x") for n in range(1_200)),
        )
    with TopicReader(settings) as reader:
        forward = [one.key for one in reader.forward("platform-referrals")]
        backward = [one.key for one in reader.newest_first("platform-referrals")]
        assert forward == [b"%d" % n for n in range(1_200)]
        assert sorted(backward) == sorted(forward)
        assert backward[-1] == b"0"
        newest = reader.newest_by_key("platform-referrals", lambda key: key == b"7")
        assert list(newest) == [b"7"]
        with pytest.raises(BrokerUnreachableError, match="has no topic no-such-topic"):
            reader.partitions("no-such-topic")
