"""The accounts agent: the account-log in, freeze alerts and account files out."""

from __future__ import annotations

from collections.abc import Sequence

from agents.runtime.worker_spec import WorkerSpec
from pipeline.accounts.fold import AccountsFold
from pipeline.accounts.moving import is_for
from pipeline.fold import Fold
from pipeline.policy.policy import Policy
from pipeline.state import State
from pipeline.topics import ACCOUNT_FILES, ACCOUNT_LOG

FOLD_RECORDS = 64
"""Records folded in one go: each may hold 500 postings, and the loop must not be held for long."""
APART_FROM_RECORDS = 500
"""As many hold up to 250,000 postings: most of a second, about what a process takes to start."""


def accounts_spec(policy: Policy, keys: Sequence[bytes] = ()) -> WorkerSpec:
    """Return what the accounts worker reads and folds, and what it is restored from.

    ``keys`` are those that hash national IDs and identifiers, the oldest first.
    """

    def make_fold(state: State | None, _: str, partition: int, account_log_partitions: int) -> Fold:
        assert state is not None
        return AccountsFold(
            state, policy, partition, account_log_partitions, keys, files_later=True
        )

    return WorkerSpec(
        name="accounts",
        topics=(ACCOUNT_LOG,),
        make_fold=make_fold,
        stateful=True,
        restore_topic=ACCOUNT_FILES,
        is_for=is_for,
        apart_from_records=APART_FROM_RECORDS,
        own_topics=(ACCOUNT_FILES,),
        fold_records=FOLD_RECORDS,
    )
