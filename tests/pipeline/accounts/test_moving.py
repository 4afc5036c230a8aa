"""Accounts that move to other partitions take along their share of the log, in order."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pipeline.accounts.erased import ErasedAccounts
from pipeline.accounts.file import AccountFile, decode_file, encode_file
from pipeline.accounts.moving import (
    head_version,
    is_for,
    moved_version,
    owner_of_part,
    shares_of_entry,
    with_version,
)
from pipeline.accounts.parts import block_key
from pipeline.contracts.account_log import (
    AccountEvents,
    Answer,
    Erasure,
    Posting,
    Postings,
    Tick,
    decode_log_entry,
    encode_log_entry,
    partition_of,
)
from pipeline.state import MemoryState

ACCOUNTS = st.integers(0, 40).map(lambda number: f"account:004:{number:010}")
COUNTS = st.tuples(st.integers(1, 6), st.integers(2, 4))


def posting(account, number):
    return Posting(account, f"t/{number}", 1_700_000_000_000 + number, 100, "account:002:1")


def answer(account, number):
    return Answer(account=account, update_id=str(number), status="held", at=number)


@given(COUNTS, st.lists(ACCOUNTS, min_size=1, max_size=30), st.booleans())
def test_each_part_of_a_record_goes_to_its_owner_once_and_in_order(counts, accounts, as_events):
    before, factor = counts
    make = answer if as_events else posting
    parts = [make(account, number) for number, account in enumerate(accounts)]
    value = encode_log_entry(AccountEvents(parts) if as_events else Postings(parts))
    everybody = range(before * factor)
    shares = shares_of_entry(value, before * factor, everybody)
    for partition, share in shares.items():
        entry = decode_log_entry(share)
        found = entry.events if as_events else entry.postings
        assert found == [p for p in parts if partition_of(p.account, before * factor) == partition]
        # What is in one of the new partitions was in the old one that it is filled from.
        assert {partition_of(p.account, before) for p in found} == {partition % before}
    assert sum(len(decode_parts(share)) for share in shares.values()) == len(parts)
    # Nothing goes where it is not asked for.
    assert shares_of_entry(value, before * factor, []) == {}


def decode_parts(share):
    entry = decode_log_entry(share)
    return entry.events if isinstance(entry, AccountEvents) else entry.postings


def test_a_tick_and_an_erasure_are_for_everybody_and_what_is_no_record_goes_nowhere():
    for entry in (Tick(5), Erasure(5, ("ab",))):
        value = encode_log_entry(entry)
        assert shares_of_entry(value, 8, [4, 6]) == {4: value, 6: value}
    assert shares_of_entry(b"nothing of ours", 8, [4, 6]) == {}
    assert shares_of_entry(None, 8, [4, 6]) == {}


@given(st.sets(st.integers(0, 60)).map(sorted), st.integers(0, 80), st.integers(1, 9))
def test_a_version_knows_the_same_records_in_the_new_log(taken_from, version, first_offset):
    moved = moved_version(version, taken_from, first_offset)
    copies = dict(enumerate(taken_from, first_offset))
    assert {old for old in taken_from if old < version} == {
        old for new, old in copies.items() if new < moved
    }
    assert moved >= first_offset


def test_a_head_gets_another_version_and_keeps_what_it_says():
    file = AccountFile(account="account:004:1", version=900, blocks=[3, 70], first_block=2)
    head = with_version(b"account:004:1", encode_file(file), 12)
    assert head_version(head) == 12
    assert decode_file(with_version(b"account:004:1", head, 900)) == file


@given(ACCOUNTS, st.integers(1, 16))
def test_a_head_and_its_blocks_have_one_owner(account, partitions):
    owner = partition_of(account, partitions)
    assert owner_of_part(account.encode(), partitions) == owner
    assert owner_of_part(block_key(account, 3, 90), partitions) == owner


def test_an_erasure_goes_along_to_every_partition_and_stays_where_it_stood():
    erased = ErasedAccounts(MemoryState(), [b"a key that hashes identifiers, 32 bytes"])
    ((key, value),) = erased.note(Erasure(1_700_000_000_000, ("ab",)), 41)
    assert [is_for(key, partition, 4) for partition in range(4)] == [True] * 4
    moved = with_version(key, value, 7)
    assert (head_version(value), head_version(moved)) == (42, 7)
    assert with_version(key, moved, 42) == value
