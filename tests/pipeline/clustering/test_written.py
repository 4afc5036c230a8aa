"""Whoever was ever written is looked for; of nearly all others nobody asks the store."""

from __future__ import annotations

from pipeline.clustering.written import Written
from pipeline.state import MemoryState

ROWS = [b"nphone:+668%08d" % place for place in range(2_000)]


def test_every_row_that_was_written_may_be_there_before_and_after_a_restart() -> None:
    state = MemoryState()
    written = Written(state)
    for row in ROWS:
        state.put(row, b"")
        written.add(row)
    for known in (written, Written(state)):
        assert all(map(known.may_hold, ROWS))


def test_hardly_any_row_that_was_never_written_is_looked_for() -> None:
    written = Written(MemoryState())
    assert not any(map(written.may_hold, ROWS))
    for row in ROWS:
        written.add(row)
    others = [b"nhandle:line:@%d" % place for place in range(2_000)]
    assert sum(map(written.may_hold, others)) < 10
