"""What the folds make of each kind, without Kafka: the run on Kafka expects the same."""

from __future__ import annotations

import datetime
import random

import pytest

from pipeline.clustering.fold import ClusteringFold
from pipeline.contracts.invalid import Reason
from pipeline.fold import LogRecord
from pipeline.intake.fold import IntakeFold
from pipeline.policy.policy import load_policy
from pipeline.state import MemoryState
from pipeline.topics import REPORTS
from tests.fuzz.kinds import KINDS, Kind, good_pair

NOW = datetime.datetime.now(datetime.UTC)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
@pytest.mark.parametrize("seed", range(3))
def test_a_kind_is_refused_for_its_reason_or_taken(kind: Kind, seed: int) -> None:
    payment, report = good_pair(seed, NOW)
    event = report if kind.topic == REPORTS else payment
    output = kind.record(random.Random(seed), event)
    record = LogRecord(0, int(NOW.timestamp() * 1000), output.key, output.value, output.headers)
    fold = (
        ClusteringFold(MemoryState(), load_policy(), 1)
        if kind.topic == REPORTS
        else IntakeFold(kind.topic, 0, 1)
    )
    counts = fold.apply([record]).counts
    said = [key[2] for key in counts if key[0] == "dead_letters"]
    assert said == ([] if kind.reason is None else [kind.reason.value])


def test_there_are_many_kinds_and_every_reason_of_strangers_topics() -> None:
    assert len({kind.name for kind in KINDS}) == len(KINDS) >= 20
    ours = {Reason.NOT_A_LOG_RECORD}
    assert {kind.reason for kind in KINDS} == {None, *set(Reason) - ours}
