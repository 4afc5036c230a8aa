"""Whether a worker is alive, told from its lanes: also when records lie in Kafka unfetched."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any, cast

import pytest
from faust.types import TP

from agents.runtime.vital_signs import VitalSigns
from agents.runtime.worker_spec import RuntimeSettings

ONE = TP("log", 0)
LIMIT = 30.0


@dataclass
class IdleLane:
    """A lane with nothing in hand, which has answered everything up to an offset."""

    settled_offset: int
    progressed_at: float
    running: bool = True
    restoring: bool = False
    store: Any = None
    fold: Any = None

    def stuck(self, now: float) -> bool:
        return False


class NoStore:
    """The sizes of a store."""

    def sizes(self) -> tuple[int, int]:
        return 0, 0


class NoFold:
    """A fold that has nothing to show."""

    def gauges(self) -> dict[str, float]:
        return {}


def signs_of(lane: IdleLane, end: int, may_take_more: bool = True) -> VitalSigns:
    settings = RuntimeSettings(bootstrap="", state_dir=Path(), progress_timeout_s=LIMIT)
    lanes = cast(Any, {ONE: lane})
    signs = VitalSigns("w", settings, lanes, lambda _: end, lambda: may_take_more)
    signs.assigned()
    return signs


def test_who_is_assigned_again_and_again_says_that_somebody_has_its_name(
    caplog: pytest.LogCaptureFixture,
) -> None:
    signs = signs_of(IdleLane(0, progressed_at=0.0), end=0)
    for _ in range(4):
        signs.assigned()
    assert not caplog.records
    signs.assigned()
    (told,) = caplog.records
    assert told.message == "assigned_again_and_again"


def test_records_that_nobody_fetches_are_a_reason_to_be_restarted() -> None:
    long_ago = monotonic() - 2 * LIMIT
    signs = signs_of(IdleLane(10, progressed_at=long_ago), end=12)
    signs.look(long_ago)
    assert signs.why_not_alive() == "no progress in log-0"


def test_a_record_that_has_just_come_to_a_quiet_partition_is_none() -> None:
    signs = signs_of(IdleLane(10, progressed_at=monotonic() - 2 * LIMIT), end=11)
    signs.look(monotonic())
    assert signs.why_not_alive() is None


def test_a_backlog_that_is_worked_off_is_none() -> None:
    signs = signs_of(IdleLane(10, progressed_at=monotonic()), end=10**6)
    signs.look(monotonic() - 2 * LIMIT)
    assert signs.why_not_alive() is None


def test_a_worker_that_is_told_to_wait_is_well() -> None:
    long_ago = monotonic() - 2 * LIMIT
    signs = signs_of(IdleLane(10, progressed_at=long_ago), end=12, may_take_more=False)
    signs.look(long_ago)
    assert signs.why_not_alive() is None


def test_a_partition_that_was_caught_up_in_between_begins_anew() -> None:
    long_ago = monotonic() - 2 * LIMIT
    lane = IdleLane(10, progressed_at=long_ago)
    signs = signs_of(lane, end=12)
    signs.look(long_ago)
    lane.settled_offset = 12
    signs.look(monotonic())
    lane.settled_offset = 11
    signs.look(monotonic())
    assert signs.why_not_alive() is None


def test_how_full_the_disk_of_a_state_is_can_be_seen(tmp_path: Path) -> None:
    lane = IdleLane(10, progressed_at=monotonic(), store=NoStore(), fold=NoFold())
    settings = RuntimeSettings(bootstrap="", state_dir=tmp_path)
    signs = VitalSigns("w", settings, cast(Any, {ONE: lane}), lambda _: 10, lambda: True)
    figures = signs._figures()
    assert 0 < figures["disk_free_bytes", ("w",)] <= figures["disk_bytes", ("w",)]
    stateless = IdleLane(10, progressed_at=monotonic(), store=None, fold=NoFold())
    signs = VitalSigns("w", settings, cast(Any, {ONE: stateless}), lambda _: 10, lambda: True)
    assert ("disk_bytes", ("w",)) not in signs._figures()
