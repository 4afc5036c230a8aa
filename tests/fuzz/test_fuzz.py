"""A short run of the fuzzer on a real Kafka; `make fuzz` makes it as long as one likes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fuzz.kinds import KINDS
from tests.fuzz.run import fuzz

EVENTS = 300


@pytest.mark.timeout(400)
def test_no_worker_ends_every_bad_event_is_refused_and_every_good_one_answered(
    tmp_path: Path,
) -> None:
    verdict = fuzz(tmp_path, EVENTS, seed=11, part=EVENTS)
    assert verdict.faults == []
    assert verdict.pairs == verdict.held > 0
    reasons = {kind.reason for kind in KINDS if kind.reason is not None}
    assert {reason for _, reason in verdict.refused} == {reason.value for reason in reasons}
