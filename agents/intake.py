"""The intake agent: payments and banks' answers in, postings by account out."""

from __future__ import annotations

from agents.runtime.worker_spec import Throttle, WorkerSpec
from pipeline.contracts.account_log import join_log_entries
from pipeline.fold import Fold
from pipeline.intake.fold import IntakeFold
from pipeline.state import State
from pipeline.topics import ACCOUNT_LOG, ANALYST_DECISIONS, HOLD_UPDATES, TRANSACTIONS


def intake_spec(max_lag_records: int) -> WorkerSpec:
    """Return what the intake worker reads, folds and waits for.

    Flow control: it waits while the accounts workers are ``max_lag_records`` behind on the
    account-log, so that a backlog of payments never stands between a report and its alert.
    """

    def make_fold(_: State | None, topic: str, partition: int, account_log_partitions: int) -> Fold:
        return IntakeFold(topic, partition, account_log_partitions)

    return WorkerSpec(
        name="intake",
        topics=(TRANSACTIONS, HOLD_UPDATES, ANALYST_DECISIONS),
        make_fold=make_fold,
        stateful=False,
        join=join_log_entries,
        throttle=Throttle("accounts", ACCOUNT_LOG, max_lag_records),
    )
