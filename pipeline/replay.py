"""The same folds over files, in memory and without a broker: for audit, evaluation, experiments.

Same input, same outputs, byte for byte. Each step feeds events to their fold and then lets the
account-log run dry, as the workers would.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from pipeline.accounts.fold import AccountsFold
from pipeline.clustering.fold import ClusteringFold
from pipeline.contracts.account_log import Tick, encode_log_entry
from pipeline.filing import with_all_reports
from pipeline.fold import Fold, LogRecord, Output
from pipeline.intake.fold import IntakeFold
from pipeline.policy.policy import Policy
from pipeline.state import MemoryState
from pipeline.topics import (
    ACCOUNT_LOG,
    ANALYST_DECISIONS,
    CLUSTERS,
    FILED_REPORTS,
    HOLD_UPDATES,
    REPORTS,
    TRANSACTIONS,
)

TICK_MS = 10_000
"""Event time between two ticks of the clock in a replay."""

STEP_EVENTS = 500
"""Consecutive payments are posted in batches of at most this many."""


class Event(NamedTuple):
    """One event of a replay: when it was published (ms since 1970), its topic and bytes."""

    at: int
    topic: str
    value: bytes


class Replay:
    """A run of all folds over events in memory."""

    def __init__(
        self, policy: Policy, *, account_log_partitions: int = 1, keys: Sequence[bytes] = ()
    ) -> None:
        """Begin with nothing known; ``keys`` hash identifiers, the oldest first (erasures)."""
        partitions = account_log_partitions
        self.states = {(REPORTS, 0): MemoryState()}
        """By log and partition: what the folds that have a state remember."""
        clustering = ClusteringFold(self.states[REPORTS, 0], policy, partitions, keys)
        self._folds: dict[tuple[str, int], Fold] = {
            (REPORTS, 0): clustering,
            (ANALYST_DECISIONS, 0): clustering,
            (TRANSACTIONS, 0): IntakeFold(TRANSACTIONS, 0, partitions),
            (HOLD_UPDATES, 0): IntakeFold(HOLD_UPDATES, 0, partitions),
        }
        for partition in range(partitions):
            state = self.states[ACCOUNT_LOG, partition] = MemoryState()
            self._folds[ACCOUNT_LOG, partition] = AccountsFold(
                state, policy, partition, partitions, keys
            )
        self._partitions = partitions
        self._offsets: Counter[tuple[str, int]] = Counter()
        self._waiting: deque[Output] = deque()
        self._now = 0
        self.outputs: dict[str, list[Output]] = {}

    def run(self, events: Iterable[Event]) -> None:
        """Feed events in their order, ticking the clock as their time goes on."""
        batch: list[Event] = []
        for event in events:
            together = not batch or (
                event.topic == batch[0].topic
                and event.topic not in (REPORTS, ANALYST_DECISIONS)
                and len(batch) < STEP_EVENTS
                and event.at < self._now + TICK_MS
            )
            if not together:
                self._step(batch)
                batch = []
            if event.at >= self._now + TICK_MS:
                self.tick(event.at)
            batch.append(event)
        self._step(batch)

    def tick(self, at: int) -> None:
        """Let every partition of the account-log know that it is ``at`` (ms)."""
        self._now = at
        value = encode_log_entry(Tick(at))
        for partition in range(self._partitions):
            self._waiting.append(Output(ACCOUNT_LOG, None, value, (), partition))
        self._run_dry()

    def _step(self, batch: Sequence[Event]) -> None:
        if not batch:
            return
        self._feed(batch[0].topic, 0, [(e.at, None, e.value) for e in batch])
        self._run_dry()

    def _run_dry(self) -> None:
        while self._waiting:
            output = self._waiting.popleft()
            entry = [(self._now, output.key, output.value)]
            self._feed(ACCOUNT_LOG, output.partition or 0, entry)

    def _feed(
        self, topic: str, partition: int, entries: list[tuple[int, bytes | None, bytes | None]]
    ) -> None:
        # A decision's place is among the reports (`pipeline.contracts.pointers`).
        log = (REPORTS if topic == ANALYST_DECISIONS else topic), partition
        records = []
        for at, key, value in entries:
            records.append(LogRecord(self._offsets[log], at, key, value, topic=topic))
            self._offsets[log] += 1
        for output in self._folds[topic, partition].apply(records).outputs:
            if output.topic == ACCOUNT_LOG:
                self._waiting.append(output)
            else:
                self.outputs.setdefault(output.topic, []).append(output)

    def values(self, topic: str) -> list[bytes]:
        """Return every value sent to a topic, in order."""
        return [o.value for o in self.outputs.get(topic, []) if o.value is not None]

    def newest(self, topic: str) -> list[bytes]:
        """Return the last value of each key of a compacted topic, in key order."""
        last = {o.key or b"": o.value for o in self.outputs.get(topic, [])}
        return [value for _, value in sorted(last.items()) if value is not None]

    def clusters(self) -> list[bytes]:
        """Return the last value of each cluster, each with all of its reports, by id."""
        return with_all_reports(self.newest(CLUSTERS), self.newest(FILED_REPORTS))
