"""The main job on a real Kafka: the outcome of replay, poison set aside, nothing personal told."""

from __future__ import annotations

import datetime
import re
import time
import urllib.request

import orjson
import pytest

from agents.kafka.sending import PREPARE, outgoing
from pipeline.contracts.account_log import Postings, decode_log_entry
from pipeline.fold import Output
from pipeline.replay import Event
from pipeline.topics import ACCOUNT_LOG, ANALYST_DECISIONS, REPORTS, TRANSACTIONS
from tests.integration.stage import (
    outcome,
    publish,
    records_in,
    records_of,
    replayed,
    settle,
    small_scenario,
    stage,
)

POISON = {
    ANALYST_DECISIONS: [b"{}", b"not json"],
    REPORTS: [b"not json", b'{"kind": 1}', b"\xff\xfe", b"\x00\x00\x00\x00\x05{}", b"[" * 5000],
    TRANSACTIONS: [b'{"amount_satang": 1.5}', b"\x00", b'"' + b"x" * 300_000 + b'"', b"{}"],
}

pytestmark = pytest.mark.timeout(300)


def decisions_about(scenario):
    """A pair of one cluster is not the same, two clusters are, and one number is public."""
    clusters = sorted(map(sorted, replayed(scenario).clusters), key=len)
    large, (alone, *_), (other, *_) = clusters[-1], clusters[0], clusters[1]
    verdicts = [
        ("not_same", large[:2]),
        ("same", [alone, other]),
        ("public_number", [next(i for i in clusters[-2] if i.startswith("phone:"))]),
    ]
    for number, (verdict, identifiers) in enumerate(verdicts):
        yield {
            "source": "aoc-1441",
            "decision_id": f"D-{number}",
            "kind": "made",
            "decided_at": datetime.datetime.now(datetime.UTC).isoformat(),
            "analyst": "shift-a",
            "reason": "the bank confirms it",
            "verdict": verdict,
            "identifiers": identifiers,
        }


@pytest.fixture(scope="module")
def played(tmp_path_factory):
    """One scenario and decisions, with poison between its events, played to its end."""
    scenario = small_scenario()
    decisions = list(decisions_about(scenario))
    with stage(tmp_path_factory.mktemp("main-job")) as cluster:
        records = records_of(scenario, cluster.settings.national_id_key())
        for decision in decisions:
            value = PREPARE[ANALYST_DECISIONS](decision, b"")
            records.append(outgoing(ANALYST_DECISIONS, value))
        for place, (topic, value) in enumerate((t, v) for t, vs in POISON.items() for v in vs):
            records.insert(1 + place * len(records) // 10, Output(topic, b"poison", value))
        publish(cluster, records)
        settle(cluster)
        yield cluster, scenario, decisions


def test_kafka_and_replay_agree(played):
    cluster, scenario, decisions = played
    now = time.time_ns() // 1_000_000
    expected = replayed(
        scenario, [Event(now, ANALYST_DECISIONS, orjson.dumps(each)) for each in decisions]
    )
    assert expected.alerts
    assert outcome(cluster).differences(expected) == []


def test_an_analysts_decisions_count(played):
    cluster, _, (apart, joined, _) = played
    groups = outcome(cluster).clusters
    assert not any(set(apart["identifiers"]) <= group for group in groups)
    assert any(set(joined["identifiers"]) <= group for group in groups)


def test_poison_lands_in_dead_letters_with_its_bytes_and_a_closed_reason(played):
    cluster, _, _ = played
    for topic, values in POISON.items():
        letters = records_in(cluster, f"{topic}-dead-letters")
        assert sorted(letter.value for letter in letters) == sorted(values)
        for letter in letters:
            assert re.fullmatch(rb"[a-z_0-9]+", letter.header("dlq.reason"))
            assert letter.header("dlq.original.topic") == topic.encode()
            assert letter.header("dlq.original.offset").isdigit()


def test_nothing_personal_is_in_logs_metrics_headers_or_reasons(played):
    cluster, scenario, _ = played
    told = []
    for worker in cluster.workers:
        told.append(worker.log_file.read_text())
        with urllib.request.urlopen(f"http://127.0.0.1:{worker.http_port}/metrics") as answer:
            told.append(answer.read().decode())
    topics = ["freeze-alerts", "clusters", "watchlist", "account-log", "account-files"]
    for topic in [*topics, "platform-referrals", *(f"{t}-dead-letters" for t in POISON)]:
        for record in records_in(cluster, topic):
            told += [f"{name} {content!r}" for name, content in record.headers]
    text = "\n".join(told)
    for personal in personal_identifiers(scenario):
        assert personal not in text


def personal_identifiers(scenario):
    """Every account number, phone, name, handle and person's hash that the scenario speaks of."""
    found = set()
    for event in [*scenario.reports, *scenario.transactions]:
        parties = [event.get("payer"), event.get("payee")]
        for payment in event.get("payments", []):
            parties += [payment.get("from"), payment["to"]]
        for party in filter(None, parties):
            found |= {party.get("account"), party.get("promptpay"), party.get("wallet")}
        for suspect in event.get("suspects", []):
            found |= {
                v for k, v in suspect.items() if k not in {"kind", "bank", "platform", "network"}
            }
        found.add(event.get("reporter", {}).get("person"))
    return {text for text in found if text and len(text) > 7}


def test_metrics_and_health_answer_and_nothing_else_does(played):
    cluster, _, _ = played
    for worker in cluster.workers:
        base = f"http://127.0.0.1:{worker.http_port}"
        for path in ("/livez", "/readyz"):
            assert urllib.request.urlopen(base + path).status == 200
        assert metric(worker, "freezeline_records_in_total") > 0
        with pytest.raises(urllib.error.HTTPError, match="404"):
            urllib.request.urlopen(base + "/")


def test_the_figures_that_matter_are_measured(played):
    cluster, _, _ = played
    workers = {worker.name.value: worker for worker in cluster.workers}
    assert metric(workers["accounts"], "freezeline_report_to_alert_seconds_count") > 0
    assert metric(workers["accounts"], "freezeline_alerts_total") > 0
    answered = [workers[name] for name in ("accounts", "clustering")]
    assert all(metric(w, "freezeline_report_to_answer_seconds_count") > 0 for w in answered)
    assert metric(workers["clustering"], "freezeline_clusters") > 0
    for name in ("clustering", "intake"):
        assert metric(workers[name], "freezeline_event_delay_seconds_count") > 0
        assert metric(workers[name], "freezeline_dead_letters_total") >= 4


def test_every_posting_of_every_payment_is_counted_as_screened(played):
    cluster, _, _ = played
    (accounts,) = [w for w in cluster.workers if w.name.value == "accounts"]
    entries = [decode_log_entry(record.value) for record in records_in(cluster, ACCOUNT_LOG)]
    posted = sum(len(entry.postings) for entry in entries if isinstance(entry, Postings))
    screened = metric(accounts, "freezeline_payment_to_screening_seconds_count")
    assert screened == posted > 0


def metric(worker, name):
    """The sum of a metric over its labels."""
    text = urllib.request.urlopen(f"http://127.0.0.1:{worker.http_port}/metrics").read().decode()
    found = re.findall(rf"^{name}(?:{{[^}}]*}})? (\S+)$", text, re.MULTILINE)
    return sum(float(value) for value in found)
