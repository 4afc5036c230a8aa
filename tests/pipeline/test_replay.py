"""The whole pipeline in memory: any order of events gives the same result, and the same bytes."""

from __future__ import annotations

import datetime
import random

import orjson
import pytest

from pipeline.evaluation.grouping import pairwise_score
from pipeline.outcome import Outcome, outcome_of
from pipeline.policy.policy import load_policy
from pipeline.replay import Event, Replay
from pipeline.simulation.scenario import simulate
from pipeline.topics import CLUSTERS, FREEZE_ALERTS, REPORTS, TRANSACTIONS, WATCHLIST

START = datetime.datetime(2026, 11, 2, 8, tzinfo=datetime.UTC)


@pytest.fixture(scope="module")
def scenario():
    return simulate(21, rings=3, reports=40, payments=1200, start=START)


def events_of(scenario):
    streams = {
        "report": (REPORTS, scenario.reports),
        "transaction": (TRANSACTIONS, scenario.transactions),
    }
    return [
        Event(at, streams[stream][0], orjson.dumps(streams[stream][1][index]))
        for at, stream, index in scenario.timeline
    ]


def run(events, partitions=1):
    replay = Replay(load_policy(), account_log_partitions=partitions)
    replay.run(events)
    return replay


def result(replay) -> Outcome:
    return outcome_of(
        replay.values(CLUSTERS), replay.values(FREEZE_ALERTS), replay.values(WATCHLIST)
    )


def in_other_order(events, name):
    """The same events, all published at the end, in another order."""
    last = max(event.at for event in events)
    orders = {
        "reports first": sorted(events, key=lambda event: event.topic != REPORTS),
        "payments first": sorted(events, key=lambda event: event.topic == REPORTS),
        "shuffled": random.Random(3).sample(events, len(events)),
        "everything twice": events + events,
    }
    return [Event(last, event.topic, event.value) for event in orders[name]]


@pytest.mark.parametrize(
    "order", ["reports first", "payments first", "shuffled", "everything twice"]
)
def test_any_order_gives_the_same_result(scenario, order):
    events = events_of(scenario)
    expected = result(run(events))
    assert expected.alerts
    assert result(run(in_other_order(events, order))).differences(expected) == []


def test_more_partitions_give_the_same_result(scenario):
    events = events_of(scenario)
    assert result(run(events, 4)).differences(result(run(events))) == []


def test_the_same_input_gives_the_same_bytes(scenario):
    events = events_of(scenario)
    assert run(events).outputs == run(events).outputs


def test_no_innocent_account_is_held_and_most_stolen_money_is_spoken_of(scenario):
    standing = result(run(events_of(scenario)))
    holds = {alert["account"] for alert in standing.alerts.values() if alert["kind"] == "hold"}
    assert holds
    assert not holds & set(scenario.truth["innocents"]["accounts"])


def test_clusters_keep_the_rings_apart():
    scenario = simulate(1441, payments=0, start=START)
    replay = run(events_of(scenario))
    found = {}
    for value in replay.clusters():
        cluster = orjson.loads(value)
        assert len(cluster["reports"]) == cluster["report_count"]
        found.update(dict.fromkeys(cluster["reports"], cluster["cluster_id"]))
    truth = {entry["report"]: entry["ring"] for entry in scenario.truth["reports"] if entry["ring"]}
    score = pairwise_score(truth, {key: found[key] for key in truth if key in found})
    assert score.precision > 0.95
