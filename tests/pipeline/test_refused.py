"""What a fold refuses leaves nothing behind in memory: many bad events in a row cost nothing."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Iterator

import pytest

from pipeline.accounts.fold import AccountsFold
from pipeline.clustering.fold import ClusteringFold
from pipeline.fold import Fold, LogRecord
from pipeline.intake.fold import IntakeFold
from pipeline.policy.policy import load_policy
from pipeline.state import MemoryState
from pipeline.topics import HOLD_UPDATES, REPORTS, TRANSACTIONS

AT = 1_790_000_000_000

FOLDS: dict[str, Callable[[], Fold]] = {
    REPORTS: lambda: ClusteringFold(MemoryState(), load_policy(), 1),
    TRANSACTIONS: lambda: IntakeFold(TRANSACTIONS, 0, 1),
    HOLD_UPDATES: lambda: IntakeFold(HOLD_UPDATES, 0, 1),
    "account-log": lambda: AccountsFold(MemoryState(), load_policy(), 0, 1),
}


@pytest.fixture
def no_collection_of_cycles() -> Iterator[None]:
    """A worker's collector seldom runs: what it would have to find is as good as a leak."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("no_collection_of_cycles")
@pytest.mark.parametrize("value", [b'{"a"', b"\xff{}", b"{}"], ids=["json", "utf-8", "fields"])
@pytest.mark.parametrize("fold", FOLDS.values(), ids=FOLDS)
def test_a_refused_record_is_let_go_with_its_batch(fold: Callable[[], Fold], value: bytes) -> None:
    its_fold = fold()
    content = b"%b%b" % (value, b" " * 1_000)
    before = sys.getrefcount(content)
    folded = its_fold.apply([LogRecord(0, AT, None, content)])
    assert folded.counts.total() > 0
    del folded
    assert sys.getrefcount(content) == before
