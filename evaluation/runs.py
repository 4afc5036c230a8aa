"""Running the product's folds over reports and payments, in memory."""

from __future__ import annotations

import datetime
import random
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import orjson

from pipeline.clustering.fold import ClusteringFold
from pipeline.contracts.codec import parse_rfc3339
from pipeline.evaluation.found import Found, gather
from pipeline.evaluation.truth import Truth, decode_truth
from pipeline.filing import with_all_reports
from pipeline.fold import LogRecord
from pipeline.outcome import Outcome, outcome_of
from pipeline.policy.policy import load_policy
from pipeline.replay import Event, Replay
from pipeline.simulation.scenario import Scenario, simulate
from pipeline.state import MemoryState
from pipeline.topics import (
    CLUSTERS,
    FILED_REPORTS,
    FREEZE_ALERTS,
    REPORTS,
    TRANSACTIONS,
    WATCHLIST,
)

START = datetime.datetime.fromisoformat("2026-11-02T08:00:00+07:00")
_BATCH = 500
ORDERS = ("received", "reversed", "shuffled")


@dataclass(frozen=True, slots=True)
class World:
    """A scenario's size and level; ``rings`` and ``payments`` follow from the reports."""

    seed: int
    reports: int
    difficulty: str
    hops: int | None = None
    """Accounts that stolen money goes through at most; None: as the simulation has it."""

    @property
    def rings(self) -> int:
        """Twenty-five reports a ring, as many as a ring of the press releases has victims a day."""
        return max(6, self.reports // 25)

    def scenario(self) -> Scenario:
        """Make the scenario."""
        return simulate(
            self.seed,
            rings=self.rings,
            reports=self.reports,
            payments=max(4_000, 8 * self.reports),
            difficulty=self.difficulty,
            hops=self.hops,
            start=START,
        )


def truth_of(scenario: Scenario) -> Truth:
    """Return a scenario's truth as the evaluation reads it."""
    return decode_truth(orjson.dumps(scenario.truth))


def lines(events: Iterable[dict[str, object]]) -> list[bytes]:
    """Return events as bytes."""
    return [orjson.dumps(event) for event in events]


def replayed(scenario: Scenario) -> tuple[Found, Outcome, float]:
    """Run everything in the scenario's own order; return also the processor's seconds."""
    topics = {
        "report": (REPORTS, lines(scenario.reports)),
        "transaction": (TRANSACTIONS, lines(scenario.transactions)),
    }
    began = time.process_time()
    run = Replay(load_policy())
    run.run(
        Event(at, topics[stream][0], topics[stream][1][index])
        for at, stream, index in scenario.timeline
    )
    spent = time.process_time() - began
    return found_of(run), outcome_of_run(run), spent


def found_of(run: Replay) -> Found:
    """Return what a replay said."""
    return gather(run.clusters(), run.values(FREEZE_ALERTS))


def outcome_of_run(run: Replay) -> Outcome:
    """Return the result of a replay."""
    return outcome_of(run.values(CLUSTERS), run.values(FREEZE_ALERTS), run.values(WATCHLIST))


def clustered(reports: Sequence[bytes]) -> tuple[list[bytes], float]:
    """Fold reports alone, in this order; return the clusters with all their reports, and seconds.

    Clusters do not depend on payments, and folding in batches is much faster than a replay.
    """
    began = time.process_time()
    fold = ClusteringFold(MemoryState(), load_policy(), 1)
    clusters: dict[bytes, bytes] = {}
    filed: dict[bytes, bytes] = {}
    newest = {CLUSTERS: clusters, FILED_REPORTS: filed}
    for records in _batches(reports):
        for output in fold.apply(records).outputs:
            if output.topic in newest and output.value is not None:
                newest[output.topic][output.key or b""] = output.value
    spent = time.process_time() - began
    return with_all_reports(clusters.values(), filed.values()), spent


def _batches(reports: Sequence[bytes]) -> Iterator[list[LogRecord]]:
    for start in range(0, len(reports), _BATCH):
        chosen = reports[start : start + _BATCH]
        yield [
            LogRecord(start + place, _received(value), None, value)
            for place, value in enumerate(chosen)
        ]


def _received(value: bytes) -> int:
    return parse_rfc3339(orjson.loads(value)["received_at"])


def in_order(reports: Sequence[bytes], order: str) -> list[bytes]:
    """Return the reports in an order of `ORDERS`."""
    if order == "reversed":
        return list(reversed(reports))
    if order == "shuffled":
        return random.Random(3).sample(reports, len(reports))
    return list(reports)


def orders_agree(reports: Sequence[bytes]) -> bool:
    """Say whether every arrival order ends with the same clusters, reports and members alike."""
    results = []
    for order in ORDERS:
        clusters, _ = clustered(in_order(reports, order))
        found = gather(clusters, [])
        members = {frozenset(cluster.members) for cluster in found.clusters.values()}
        together: dict[str, set[str]] = {}
        for report, cluster in found.group_of.items():
            together.setdefault(cluster, set()).add(report)
        results.append((members, {frozenset(group) for group in together.values()}))
    return all(result == results[0] for result in results)
