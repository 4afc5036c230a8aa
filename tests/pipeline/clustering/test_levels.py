"""Times are written as everywhere."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.clustering.levels import moment
from pipeline.contracts.codec import rfc3339


@settings(deadline=None)
@given(at=st.integers(0, 253_402_300_799_999))
def test_a_moment_is_written_as_the_codec_does(at: int) -> None:
    assert moment(at) == rfc3339(at)
