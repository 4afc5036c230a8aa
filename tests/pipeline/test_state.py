"""The state in memory: ordered, and scanned by prefixes of any bytes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pipeline.state import MemoryState, prefix_end, scan_prefix

KEYS = st.lists(st.binary(min_size=1, max_size=4), max_size=30)
PREFIXES = st.binary(min_size=1, max_size=3).filter(lambda prefix: prefix.strip(b"\xff") != b"")


@given(KEYS, PREFIXES)
def test_a_prefix_finds_exactly_the_keys_that_begin_with_it(keys, prefix):
    state = MemoryState()
    for key in keys:
        state.put(key, key)
    expected = sorted(key for key in set(keys) if key.startswith(prefix))
    assert [key for key, _ in scan_prefix(state, prefix)] == expected


@given(PREFIXES, st.binary(max_size=3))
def test_the_end_of_a_prefix_is_after_every_key_with_it(prefix, rest):
    assert prefix_end(prefix) > prefix + rest
    assert not prefix_end(prefix).startswith(prefix)


def test_what_was_deleted_is_gone_and_deleting_it_again_is_fine():
    state = MemoryState()
    state.put(b"a", b"1")
    state.delete(b"a")
    state.delete(b"a")
    assert state.get(b"a") is None
