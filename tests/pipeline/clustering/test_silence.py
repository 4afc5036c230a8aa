"""A silent fold keeps what a speaking one keeps, and makes nothing to be sent."""

from __future__ import annotations

from typing import Any

import orjson
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.clustering.fold import ClusteringFold
from pipeline.fold import LogRecord, Output
from pipeline.state import MemoryState
from tests.pipeline.clustering.scenarios import RECORDED_AT
from tests.pipeline.clustering.test_any_order import BRIDGED, events


def folded(
    told: list[dict[str, Any]], silent_below: int, size: int
) -> tuple[list[Output], dict[bytes, bytes]]:
    """Return what is said of the records from a position on, and what is kept in the end."""
    state = MemoryState()
    fold = ClusteringFold(state, BRIDGED, 2)
    records = [
        LogRecord(place, RECORDED_AT + place, None, orjson.dumps(event))
        for place, event in enumerate(told)
    ]
    said: list[Output] = []
    for start, stop in ((0, silent_below), (silent_below, len(records))):
        for begin in range(start, stop, size):
            silent = begin < silent_below
            outputs = fold.apply(records[begin : min(begin + size, stop)], silent).outputs
            assert not (silent and outputs)
            said += outputs
    return said, dict(state.scan(b"", b"\xff"))


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(events, min_size=1, max_size=16), st.data())
def test_who_folds_silently_goes_on_as_if_it_had_spoken(
    told: list[dict[str, Any]], data: st.DataObject
) -> None:
    silent_below = data.draw(st.integers(0, len(told)))
    size = data.draw(st.integers(1, 5))
    spoken, kept = folded(told, 0, 1)
    said, kept_silently = folded(told, silent_below, size)
    assert kept_silently == kept
    before, _ = folded(told[:silent_below], 0, 1)
    assert said == spoken[len(before) :]
