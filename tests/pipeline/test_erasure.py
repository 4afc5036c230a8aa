"""Erasure through all folds: nothing is left, whatever came first, and nothing comes back."""

from __future__ import annotations

import datetime
import random

import orjson
import pytest

from pipeline.clustering.fold import ClusteringFold
from pipeline.contracts.account_log import MAX_EVENTS_BYTES
from pipeline.contracts.codec import rfc3339
from pipeline.erasure import HASH_PREFIX, Erasures, erasure_hash
from pipeline.outcome import Outcome, outcome_of
from pipeline.policy.policy import load_policy
from pipeline.replay import Event, Replay
from pipeline.simulation.scenario import simulate
from pipeline.topics import (
    ACCOUNT_FILES,
    ACCOUNT_LOG,
    ANALYST_DECISIONS,
    CLUSTERS,
    FILED_REPORTS,
    FREEZE_ALERTS,
    PLATFORM_REFERRALS,
    REPORTS,
    TRANSACTIONS,
    WATCHLIST,
)
from tests.pipeline.clustering.scenarios import RECORDED_AT, Run, account, phone, report

KEY = b"a key that only the tests know, 32 bytes and more"
START = datetime.datetime(2026, 11, 2, 8, tzinfo=datetime.UTC)
COMPACTED = (ACCOUNT_FILES, CLUSTERS, FILED_REPORTS, PLATFORM_REFERRALS, WATCHLIST)
LOOK_BACK = (b"b", b"w", b"l")
"""Rows of payments of the last 72 hours, which go by themselves."""


@pytest.fixture(scope="module")
def told() -> list[Event]:
    scenario = simulate(21, rings=3, reports=40, payments=400, start=START)
    streams = {
        "report": (REPORTS, scenario.reports),
        "transaction": (TRANSACTIONS, scenario.transactions),
    }
    return [
        Event(at, streams[stream][0], orjson.dumps(streams[stream][1][index]))
        for at, stream, index in scenario.timeline
    ]


def test_a_state_without_an_erasure_knows_none_when_it_is_opened_again() -> None:
    clustering = Run()
    # So many reports that rows of every kind are kept of what they name.
    for number in range(20):
        clustering.feed([report(str(number), [account("1112223330"), phone("0811111111")])])
    assert not Erasures(clustering.state, [KEY])


def test_an_erasure_on_which_many_reports_rest_is_told_in_records_of_limited_size() -> None:
    clustering = Run()
    clustering.fold = ClusteringFold(clustering.state, load_policy(), 2, [KEY])
    payment = {
        "paid_at": rfc3339(RECORDED_AT - 86_400_000),
        "amount_satang": 100_000,
        "to": {"bank": "004", "account": "1112223330"},
    }
    named = [account("1112223330")]
    clustering.feed([report(str(number), named, payments=[payment]) for number in range(2_000)])
    at = RECORDED_AT + clustering.offset
    folded = clustering.feed([orjson.loads(erasure(at, "account:004:1112223330").value)])
    sizes = [len(o.value or b"") for o in folded.outputs if o.topic == ACCOUNT_LOG]
    assert sum(sizes) > MAX_EVENTS_BYTES
    assert max(sizes) <= MAX_EVENTS_BYTES + 100


def run(events: list[Event]) -> Replay:
    replay = Replay(load_policy(), account_log_partitions=2, keys=[KEY])
    replay.run(events)
    return replay


def result(replay: Replay) -> Outcome:
    return outcome_of(
        replay.values(CLUSTERS), replay.values(FREEZE_ALERTS), replay.values(WATCHLIST)
    )


def suspects_of(replay: Replay) -> list[str]:
    """Identifiers that alerts and clusters speak of: those held, those paid from, those named."""
    alerts = result(replay).alerts.values()
    held = sorted({alert["account"] for alert in alerts if alert["kind"] == "hold"})
    payers = {
        part["payer"]
        for value in replay.values(FREEZE_ALERTS)
        for part in orjson.loads(value)["evidence"]
        if part.get("payer", "").startswith("account:")
    }
    members = {member for cluster in result(replay).clusters for member in cluster}
    phones = sorted(member for member in members if member.startswith(("phone:", "handle:")))
    named = next(account for account in held if account in result(replay).levels)
    traced = next(account for account in held if account not in result(replay).levels)
    return [named, traced, min(payers - set(held)), phones[0], phones[-1]]


def erasure(at: int, *identifiers: str, number: int = 1, before: int | None = None) -> Event:
    """The event that asks for an erasure."""
    content = {
        "source": "aoc-1441",
        "decision_id": f"E-{number}",
        "kind": "made",
        "decided_at": rfc3339(before or at),
        "analyst": "dpo-2",
        "reason": "The person asked.",
        "verdict": "erase",
        "identifiers": [HASH_PREFIX + erasure_hash(name, KEY) for name in identifiers],
    }
    return Event(at, ANALYST_DECISIONS, orjson.dumps(content))


def remains(replay: Replay, identifiers: list[str]) -> set[tuple[str, str]]:
    """Where the bytes of identifiers still are: rows of states, newest records of topics."""
    needles = [identifier.rpartition(":")[2].encode() for identifier in identifiers]
    found = set()
    for (topic, _), state in replay.states.items():
        for key, value in state.scan(b"", b"\xff"):
            if topic != REPORTS and key.startswith(LOOK_BACK):
                continue
            if any(needle in key or needle in value for needle in needles):
                found.add((topic, repr(key)))
    for topic in COMPACTED:
        last = {output.key or b"": output for output in replay.outputs.get(topic, [])}
        for key, output in last.items():
            if output.value is not None and any(n in key or n in output.value for n in needles):
                found.add((topic, repr(key)))
    return found


def test_nothing_is_left_of_what_is_erased(told: list[Event]) -> None:
    names = suspects_of(run(told))
    end = told[-1].at + 1
    before = run(told)
    assert {topic for topic, _ in remains(before, names)} > {REPORTS, CLUSTERS, WATCHLIST}
    after = run([*told, erasure(end, *names)])
    assert remains(after, names) == set()
    assert result(after).alerts, "only the erased are forgotten"
    standing = {alert["account"] for alert in result(after).alerts.values()}
    assert not standing & set(names)


@pytest.mark.parametrize("seed", range(3))
def test_the_result_does_not_depend_on_when_the_erasure_came(told: list[Event], seed: int) -> None:
    names = suspects_of(run(told))
    end = told[-1].at + 1
    middle = told[len(told) // 2].at
    asked = [
        erasure(end, *names[:2], number=1, before=middle),
        erasure(end, *names[2:], number=2),
    ]
    expected = result(run([*told, *asked]))
    order = [Event(end, event.topic, event.value) for event in [*told, *asked]]
    random.Random(seed).shuffle(order)
    assert result(run(order)).differences(expected) == []


def test_old_events_that_come_again_do_not_bring_it_back(told: list[Event]) -> None:
    names = suspects_of(run(told))
    end = told[-1].at + 1
    again = [Event(end, event.topic, event.value) for event in told]
    once = run([*told, erasure(end, *names)])
    twice = run([*told, erasure(end, *names), *again])
    assert remains(twice, names) == set()
    assert result(twice).differences(result(once)) == []


def test_what_is_reported_after_the_erasure_counts(told: list[Event]) -> None:
    names = suspects_of(run(told))
    end = told[-1].at + 1
    report = orjson.loads(next(e.value for e in told if e.topic == REPORTS))
    bank, number = names[0].split(":")[1:]
    new = {
        **report,
        "report_id": "a new matter",
        "reporter": {"person": "ab" * 32, "verified_by": "thaid"},
        "received_at": rfc3339(end + 60_000),
        "suspects": [{"kind": "account", "bank": bank, "number": number}],
        "payments": [],
    }
    before = run([*told, erasure(end, *names)])
    assert names[0] not in result(before).levels
    after = run([*told, erasure(end, *names), Event(end + 60_000, REPORTS, orjson.dumps(new))])
    assert names[0] in result(after).levels
    versions = [
        orjson.loads(output.value)["version"]
        for output in after.outputs[WATCHLIST]
        if output.key == names[0].encode() and output.value is not None
    ]
    assert versions == sorted(set(versions)), "readers that keep the highest version see the newest"


def test_an_erasure_names_nobody(told: list[Event]) -> None:
    names = suspects_of(run(told))
    asked = erasure(told[-1].at + 1, *names)
    assert not any(name.rpartition(":")[2].encode() in asked.value for name in names)
    assert erasure_hash(names[0], KEY) != erasure_hash(names[0], KEY + b"2")


def test_a_worker_without_the_key_does_not_pass_over_an_erasure(told: list[Event]) -> None:
    replay = Replay(load_policy())
    with pytest.raises(ValueError, match="needs the key"):
        replay.run([*told[:5], erasure(told[-1].at, "phone:+66812345678")])
