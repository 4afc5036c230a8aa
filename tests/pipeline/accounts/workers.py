"""Several partitions' folds that tell one another what they find, in any order."""

from __future__ import annotations

import copy
import random
from collections import deque
from collections.abc import Iterable

import orjson

from pipeline.accounts.file import AccountFile
from pipeline.accounts.fold import AccountsFold
from pipeline.accounts.parts import BLOCK_ROWS, HEAD_ROWS, newest_files
from pipeline.contracts.account_log import (
    CASH,
    AccountEvents,
    Claim,
    Level,
    Posting,
    Postings,
    decode_log_entry,
    encode_log_entry,
    partition_of,
)
from pipeline.fold import LogRecord, Output
from pipeline.policy.policy import Policy
from pipeline.state import MemoryState, scan_prefix
from tests.pipeline.accounts.desk import NINE

PARTITIONS = 3


class Workers:
    """One fold a partition, each at its own pace; begun anew from its state now and then.

    ``again`` is how often a worker dies after it has told what a batch led to and before it has
    written it: then it folds the batch again and tells all of it once more.
    """

    def __init__(self, policy: Policy, draw: random.Random, again: float = 0) -> None:
        self._policy, self._draw, self._again = policy, draw, again
        self._states = [MemoryState() for _ in range(PARTITIONS)]
        self._folds = [self._begin(partition) for partition in range(PARTITIONS)]
        self._waiting: list[deque[bytes]] = [deque() for _ in range(PARTITIONS)]
        self._offsets = [0] * PARTITIONS
        self.alerts: dict[str, dict] = {}
        self.told: list[Claim] = []
        """The claims that accounts told one another of, without what was told again."""
        self.claims: dict[tuple[str, str], Claim] = {}
        """By account and claim: what an account was told last."""

    def _begin(self, partition: int) -> AccountsFold:
        return AccountsFold(self._states[partition], self._policy, partition, PARTITIONS)

    def lay(self, event: Posting | Claim | Level) -> None:
        entry = Postings([event]) if isinstance(event, Posting) else AccountEvents([event])
        partition = partition_of(event.account, PARTITIONS)
        self._waiting[partition].append(encode_log_entry(entry))

    def work(self, records: int | None = None) -> None:
        """Fold so many records (None: all, until nothing is left)."""
        while any(self._waiting) and records != 0:
            records = None if records is None else records - 1
            partition = self._draw.choice([n for n in range(PARTITIONS) if self._waiting[n]])
            if self._draw.random() < 0.05:
                self._folds[partition] = self._begin(partition)
            value = self._waiting[partition].popleft()
            record = LogRecord(self._offsets[partition], NINE, None, value)
            self._offsets[partition] += 1
            if self._again and self._draw.random() < self._again:
                state = copy.deepcopy(self._states[partition])
                self._send(self._folds[partition].apply([record]).outputs)
                self._states[partition] = state
                self._folds[partition] = self._begin(partition)
            self._send(self._folds[partition].apply([record]).outputs)

    def _send(self, outputs: Iterable[Output]) -> None:
        for output in outputs:
            if output.topic == "account-log":
                self._waiting[output.partition].append(output.value)
                self._note(decode_log_entry(output.value))
            elif output.topic == "freeze-alerts":
                alert = orjson.loads(output.value)
                self.alerts[alert["alert_id"]] = alert

    def _note(self, entry: object) -> None:
        for event in entry.events if isinstance(entry, AccountEvents) else ():
            assert event.account != CASH, "nobody is to be told of anything"
            if isinstance(event, Claim):
                known = self.claims.get((event.account, event.claim_id))
                if known is None or known.version < event.version:
                    self.told.append(event)
                    self.claims[event.account, event.claim_id] = event

    def has_work(self) -> bool:
        """Whether there are records that nobody has folded."""
        return any(self._waiting)

    def work_at_times(self, events: Iterable[Posting | Claim | Level]) -> dict:
        """Lay the events one after the other and fold now and then; return the holds at the end."""
        for event in events:
            self.lay(event)
            self.work(self._draw.randrange(3))
        self.work()
        return self.holds()

    def files(self) -> dict[str, AccountFile]:
        """Return the account files of all partitions, by account."""
        rows = [
            (key[1:], value)
            for state in self._states
            for prefix in (HEAD_ROWS, BLOCK_ROWS)
            for key, value in scan_prefix(state, prefix)
        ]
        return newest_files(rows)

    def holds(self) -> dict:
        standing = [a for a in self.alerts.values() if a["kind"] == "hold"]
        return {(a["account"], a["origin"]): a["amount_satang"] for a in standing}
