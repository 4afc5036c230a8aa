"""A short run of the recovery harness: every kind of fault, and nothing lost or different."""

from __future__ import annotations

import pytest

from tests.recovery.plan import KILLS, Kind, plan
from tests.recovery.run import recovery_run


@pytest.mark.timeout(900)
def test_kills_and_every_other_fault_lose_nothing_and_change_nothing(tmp_path):
    result = recovery_run(tmp_path, kills=8, seed=3, tell=print)
    assert result["faults"].keys() == set(Kind)
    assert (result["stuck"], result["lag"]) == (None, 0)
    assert (result["lost"], result["differing"]) == (0, 0), result["which"]
    assert result["bad_stops"] == 0
    # There was something to lose.
    assert result["alerts"] > 0
    assert result["reports"] > 0


@pytest.mark.parametrize("kills", [8, 50])
def test_a_plan_is_a_function_of_its_seed_and_kills_as_often_as_asked(kills):
    kinds = [fault.kind for fault in plan(kills, seed=3)]
    assert kinds == [fault.kind for fault in plan(kills, seed=3)]
    assert kinds != [fault.kind for fault in plan(kills, seed=4)]
    assert sum(KILLS.get(kind, 0) for kind in kinds) == kills
    assert set(kinds) == set(Kind)
