"""Blocks of holders: who stands in one is the same whatever came and went before."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pipeline.clustering.holder_blocks import LISTED, HolderBlocks, block_key
from pipeline.state import MemoryState

BLOCK, OTHER = block_key("wสมชาย"), block_key("wสมช")
ACCOUNTS = [f"account:014:{number:010d}" for number in range(LISTED + 4)]


@given(st.lists(st.tuples(st.sampled_from([BLOCK, OTHER]), st.sampled_from(ACCOUNTS)), max_size=80))
def test_a_block_holds_whom_it_was_given_and_not_those_who_left(moves):
    state = MemoryState()
    blocks = HolderBlocks(state)
    held: dict[bytes, set[str]] = {BLOCK: set(), OTHER: set()}
    for block, account in moves:
        before = held[block]
        if account in before:
            blocks.remove(block, account)
            before.remove(account)
        else:
            assert blocks.add(block, account) == min(len(before), LISTED + 1)
            before.add(account)
        for each in (blocks, HolderBlocks(state)):  # as it is, and after a restart
            if len(before) > 1:
                assert each.size(block) == min(len(before), LISTED + 1)
                listed = sorted(before) if len(before) <= LISTED else []
                assert each.members(block) == listed
            else:
                assert each.size(block) <= len(before)
    for block, accounts in held.items():
        for account in accounts:
            blocks.remove(block, account)
    assert list(state.scan(b"", b"\xff")) == []
