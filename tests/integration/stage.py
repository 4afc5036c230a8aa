"""A stage: a real Kafka with workers, a scenario to play on it, and its outcome to compare."""

from __future__ import annotations

import datetime
import os
import random
import socket
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import cycle
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from agents.kafka.lag import LagReader
from agents.kafka.reading import StoredRecord, TopicReader
from agents.kafka.sending import PREPARE, connected_producer, outgoing, publish_records
from agents.local.cluster import LocalCluster
from agents.worker import WorkerName
from pipeline.fold import Output
from pipeline.outcome import Outcome, outcome_of
from pipeline.policy.policy import load_policy
from pipeline.replay import Event, Replay
from pipeline.simulation.scenario import Scenario, simulate
from pipeline.topics import (
    ACCOUNT_LOG,
    CLUSTERS,
    FREEZE_ALERTS,
    REPORTS,
    TRANSACTIONS,
    WATCHLIST,
    load_topics,
)

SETTLE_SECONDS = 90.0
HOURS_AGO = 54
"""When a scenario's day began: long enough ago that its last events (some are filed more than a day
later) are not from the future, and so that no hold's clock (72 hours) runs out in a test."""


def small_scenario(seed: int = 5, reports: int = 40, payments: int = 3000) -> Scenario:
    """A day that ended some hours ago, so that no clock runs out meanwhile."""
    start = datetime.datetime.now(datetime.UTC) - datetime.timedelta(hours=HOURS_AGO)
    return simulate(seed, rings=4, reports=reports, payments=payments, start=start)


class Told(NamedTuple):
    """An event, its topic and when it happened (ms)."""

    at: int
    topic: str
    event: dict[str, Any]


def events_of(scenario: Scenario) -> list[Told]:
    """The scenario's events in their order."""
    streams = {
        "report": (REPORTS, scenario.reports),
        "transaction": (TRANSACTIONS, scenario.transactions),
    }
    return [Told(at, streams[s][0], streams[s][1][i]) for at, s, i in scenario.timeline]


def records_of(scenario: Scenario, key: bytes) -> list[Output]:
    """The scenario's events as partners send them."""
    return as_sent(events_of(scenario), key)


def as_sent(events: Iterable[Told], key: bytes) -> list[Output]:
    """Events as partners send them."""
    return [outgoing(told.topic, PREPARE[told.topic](told.event, key)) for told in events]


def replay_of(events: Iterable[Told]) -> Replay:
    """Events through the folds alone."""
    run = Replay(load_policy(), account_log_partitions=load_topics()[ACCOUNT_LOG].partitions)
    run.run(Event(told.at, told.topic, orjson.dumps(told.event)) for told in events)
    return run


def replayed(scenario: Scenario, decisions: Sequence[Event] = ()) -> Outcome:
    """The outcome of the same scenario, and decisions after it, through the folds alone."""
    run = replay_of(events_of(scenario))
    run.run(decisions)
    return outcome_of(run.values(CLUSTERS), run.values(FREEZE_ALERTS), run.values(WATCHLIST))


@contextmanager
def stage(
    folder: Path, names: tuple[WorkerName, ...] = tuple(WorkerName)
) -> Iterator[LocalCluster]:
    """A local cluster of its own, with everything ended afterwards."""
    cluster = LocalCluster.start(folder, port=free_port(), http_port=free_ports(8), names=names)
    try:
        yield cluster
    finally:
        cluster.stop()


def publish(cluster: LocalCluster, records: Iterable[Output]) -> None:
    """Publish records and wait for every acknowledgement."""
    with connected_producer(cluster.settings) as producer:
        publish_records(producer, records)


def settle(cluster: LocalCluster) -> None:
    """Wait until everything is answered, twice in a row: one's outputs are another's work."""
    deadline = time.monotonic() + SETTLE_SECONDS
    calm = 0
    with LagReader(cluster.settings) as reader:
        while calm < 2:
            lag = reader.lag()
            calm = 0 if any(lag.values()) else calm + 1
            assert time.monotonic() < deadline, f"the workers are still behind: {lag}"
            time.sleep(0.3)


def records_in(cluster: LocalCluster, topic: str) -> list[StoredRecord]:
    """All that a topic holds."""
    with TopicReader(cluster.settings) as reader:
        return list(reader.forward(topic))


def outcome(cluster: LocalCluster) -> Outcome:
    """The outcome as the topics hold it."""
    return outcome_of(
        *(
            [record.value for record in records_in(cluster, topic) if record.value]
            for topic in (CLUSTERS, FREEZE_ALERTS, WATCHLIST)
        )
    )


PORTS_A_TURN = 10
_TURNS = 125
_FIRST_PORT = 10_000 + PORTS_A_TURN * _TURNS * int(os.getenv("PYTEST_XDIST_WORKER", "gw0")[2:])
"""Some ports are bound long after they are chosen: each process of a test run chooses among its
own, each once, and a local Kafka chooses its others from 20,000 on."""
_turn = cycle(random.sample(range(_TURNS), _TURNS))


def free_port() -> int:
    """A port that nothing listens on."""
    return free_ports(1)


def free_ports(count: int) -> int:
    """The first of ``count`` neighbouring ports that nothing listens on."""
    while True:
        first = next(_turn) * PORTS_A_TURN + _FIRST_PORT
        try:
            for port in range(first, first + count):
                with socket.socket() as probe:
                    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                    probe.bind(("127.0.0.1", port))
        except OSError:
            continue
        return first
