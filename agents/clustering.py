"""The clustering agent: reports and decisions in; clusters, levels, claims and ticks out."""

from __future__ import annotations

from collections.abc import Sequence

from agents.runtime.worker_spec import WorkerSpec
from pipeline.clustering.fold import ClusteringFold
from pipeline.contracts.account_log import Tick, encode_log_entry
from pipeline.fold import Fold, Output
from pipeline.identity.name import name_keys
from pipeline.policy.policy import Policy
from pipeline.state import State
from pipeline.topics import ACCOUNT_LOG, ANALYST_DECISIONS, CLUSTERS, REPORTS, WATCHLIST

_A_NAME = "สมชาย ใจดี"
TICK_SECONDS = 10.0
"""How fine the clocks are: holds last for hours, so ten seconds more or less harm nobody."""


def clustering_spec(policy: Policy, keys: Sequence[bytes] = ()) -> WorkerSpec:
    """Return what the clustering worker reads and folds; its owner also sends the ticks.

    ``keys`` are those that hash national IDs and identifiers, the oldest first.
    """

    def make_fold(state: State | None, _: str, __: int, partitions: int) -> Fold:
        assert state is not None
        return ClusteringFold(state, policy, partitions, keys)

    def tick(now: int, partitions: int) -> Sequence[Output]:
        value = encode_log_entry(Tick(now))
        return [Output(ACCOUNT_LOG, None, value, (), partition) for partition in range(partitions)]

    return WorkerSpec(
        name="clustering",
        topics=(REPORTS,),
        make_fold=make_fold,
        stateful=True,
        standby=True,
        own_topics=(CLUSTERS, WATCHLIST),
        pointed_topic=ANALYST_DECISIONS,
        tick=tick,
        tick_seconds=TICK_SECONDS,
        # The romaniser loads its dictionary at its first word: most of a second.
        warm_up=lambda: name_keys(_A_NAME),
    )
