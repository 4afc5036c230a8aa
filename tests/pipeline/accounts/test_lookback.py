"""The look-back memory: what is added comes back by account, and whole hours go."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.accounts import finished_hours, lookback
from pipeline.accounts.lookback import LookBack
from pipeline.contracts.account_log import (
    Posting,
    Postings,
    encode_log_entry,
    written_parts,
)
from pipeline.policy.policy import HOUR_MS
from pipeline.state import MemoryState, scan_prefix

NOON = 1_790_000_000_000 // HOUR_MS * HOUR_MS


def posting(account: str, number: int, at: int = NOON) -> Posting:
    return Posting(account, f"bank/t{number}", at, 100, "account:004:1")


@given(st.lists(st.integers(0, 2000), min_size=1, max_size=60), st.integers(1, 7))
def test_every_account_gets_its_own_postings_back(numbers, batch):
    state = MemoryState()
    memory = LookBack(state, 72)
    added = [posting(f"account:014:{n}", i) for i, n in enumerate(numbers)]
    for start in range(0, len(added), batch):
        memory.remember(added[start : start + batch])
        memory.flush(start)
    for account in {each.account for each in added}:
        expected = [each for each in added if each.account == account]
        found = sorted(LookBack(state, 72).of(account), key=lambda p: int(p.transaction[6:]))
        assert found == expected


def test_postings_of_accounts_with_a_case_are_left_to_their_files():
    memory = LookBack(MemoryState(), 72)
    ordinary, suspect = posting("account:014:1", 1), posting("account:014:2", 2)
    told = [ordinary, suspect]
    written = written_parts(encode_log_entry(Postings(told)))
    assert memory.take(told, written, {"account:014:2"}) == [suspect]
    memory.flush(0)
    assert list(memory.of("account:014:1")) == [ordinary]
    assert list(memory.of("account:014:2")) == []


def test_every_bucket_can_be_read():
    memory = LookBack(MemoryState(), 72)
    accounts = [f"account:014:{number}" for number in range(5000)]
    memory.remember([posting(account, number) for number, account in enumerate(accounts)])
    memory.flush(0)
    assert all(len(list(memory.of(account))) == 1 for account in accounts)


def test_hours_that_are_over_are_dropped_whole():
    memory = LookBack(MemoryState(), 72)
    memory.remember([posting("account:014:1", n, NOON + (n - 1) * HOUR_MS) for n in (1, 2)])
    memory.flush(0)
    memory.expire(NOON + 73 * HOUR_MS)
    assert [p.transaction for p in memory.of("account:014:1")] == ["bank/t2"]


def test_small_batches_wait_in_one_row_each_until_they_fill_blocks(monkeypatch):
    monkeypatch.setattr(lookback, "BLOCK_POSTINGS", 5)
    state = MemoryState()
    memory = LookBack(state, 72)

    def rows(prefix: bytes) -> int:
        return sum(1 for _ in scan_prefix(state, prefix))

    for number in range(4):
        memory.remember([posting("account:014:1", number)])
        memory.flush(number)
    assert (rows(b"w"), rows(b"b")) == (4, 0)
    memory = LookBack(state, 72)  # as after a restart
    assert len(list(memory.of("account:014:1"))) == 4
    memory.remember([posting("account:014:1", 4)])
    memory.flush(4)
    assert (rows(b"w"), rows(b"b")) == (0, 1)
    assert len(list(memory.of("account:014:1"))) == 5


def test_what_waits_expires_too():
    state = MemoryState()
    memory = LookBack(state, 72)
    memory.remember([posting("account:014:1", 1)])
    memory.flush(0)
    memory.expire(NOON + 74 * HOUR_MS)
    assert list(memory.of("account:014:1")) == []
    assert list(LookBack(state, 72).of("account:014:1")) == []


def remembered(memory: LookBack, account: str) -> list[int]:
    return sorted(int(p.transaction[6:]) for p in memory.of(account))


@given(
    st.lists(st.tuples(st.integers(0, 30), st.integers(-80, 0)), min_size=20, max_size=100),
    st.lists(st.integers(0, 80), min_size=1, max_size=6),
    st.integers(0, 3),
    st.integers(20, 400),
    st.sampled_from([0, 200, 800]),
)
def test_cutting_finished_hours_into_rows_changes_nothing(
    added, ticks, restart_every, row_bytes, cut_bytes
):
    """A memory that cuts soon, or some hours together, against a list of what came lately."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lookback, "CUT_BYTES", cut_bytes)
        patch.setattr(finished_hours, "ROW_BYTES", row_bytes)
        patch.setattr(lookback, "BLOCK_POSTINGS", 7)
        patch.setattr(lookback, "BUCKETS", 2)
        state, now = MemoryState(), 0
        memory, kept = LookBack(state, 72), []
        ticks = sorted(ticks)
        share = len(added) // len(ticks) + 1
        for turn, tick in enumerate(ticks):
            for number in range(turn * share, min((turn + 1) * share, len(added))):
                account, hour = added[number]
                new = posting(f"account:014:{account}", number, NOON + (hour + tick) * HOUR_MS)
                memory.remember([new])
                memory.flush(number)
                kept.append(new)
            now = NOON + tick * HOUR_MS
            memory.expire(now)
            if restart_every and turn % restart_every == 0:
                memory = LookBack(state, 72, now)
            first = now // HOUR_MS - 72
            kept = [each for each in kept if each.at // HOUR_MS >= first]
            for account in {each.account for each in kept} | {"account:014:0"}:
                expected = [int(p.transaction[6:]) for p in kept if p.account == account]
                assert remembered(memory, account) == expected


def test_a_finished_hour_is_cut_between_batches_and_forgotten_when_it_is_old(monkeypatch):
    monkeypatch.setattr(lookback, "CUT_BYTES", 100)
    monkeypatch.setattr(finished_hours, "ROW_BYTES", 100)
    monkeypatch.setattr(lookback, "BLOCK_POSTINGS", 100)
    state = MemoryState()
    memory = LookBack(state, 72)
    accounts = [f"account:014:{number}" for number in range(2_000)]
    memory.remember([posting(account, number) for number, account in enumerate(accounts)])
    memory.flush(1)

    def rows(prefix: bytes) -> int:
        return sum(1 for _ in scan_prefix(state, prefix))

    def work_off(first: int) -> None:
        for sequence in range(first, first + 300):
            memory.remember([posting("account:014:x", sequence, now)])
            memory.flush(sequence)

    now = NOON + 2 * HOUR_MS
    memory.expire(now)
    assert (rows(b"lr"), rows(b"li")) == (0, 0)
    work_off(10)
    assert rows(b"lr") > 256
    assert rows(b"li") == 1
    assert all(remembered(memory, each) == [number] for number, each in enumerate(accounts))
    now = NOON + 73 * HOUR_MS
    memory.expire(now)
    assert list(memory.of("account:014:5")) == []
    work_off(1_000)
    forgotten = (NOON // HOUR_MS).to_bytes(4, "big")
    assert rows(b"b" + forgotten) == rows(b"li" + forgotten) == 0
    assert rows(b"lr") == 1  # of the account whose postings came later
    assert len(remembered(memory, "account:014:x")) == 600


@given(st.sets(st.integers(0, 300), max_size=60), st.integers(1, 60))
def test_an_account_is_found_in_an_hour_that_was_cut_twice(late, few):
    """However different the two cuts are in size: the filter has what either has."""
    state = MemoryState()
    finished = finished_hours.FinishedHours(state)
    added = [posting(f"account:014:{number}", number) for number in range(few)]
    then = [posting(f"account:014:{number}", number) for number in sorted(late)]
    for cut in (added, then):
        finished.add(7, 3, [msgspec.msgpack.encode(cut)])
    for found in (finished, finished_hours.FinishedHours(state)):
        for account in {each.account for each in (*added, *then)}:
            expected = [each for each in (*added, *then) if each.account == account]
            rows = found.rows_with(finished_hours.hash_of(account), 3, 0)
            beginning = finished_hours.beginning_of(account)
            there = [each for row in rows for each in finished_hours.postings_of(beginning, row)]
            assert there == expected


def test_an_account_that_never_paid_costs_hardly_a_look_at_the_rows(monkeypatch):
    monkeypatch.setattr(lookback, "CUT_BYTES", 0)
    monkeypatch.setattr(lookback, "BLOCK_POSTINGS", 1_000)

    class Counted(MemoryState):
        looks = 0

        def get(self, key):
            self.looks += 1
            return super().get(key)

        def scan(self, start, stop):
            self.looks += 1
            return super().scan(start, stop)

    state = Counted()
    memory = LookBack(state, 72)
    accounts = [f"account:014:{number * 387_420_489 % 10**9:010d}" for number in range(2_000)]
    for hour in range(8):
        now = NOON + hour * HOUR_MS
        memory.expire(now)
        for sequence in range(12):
            new = [posting(each, n, now) for n, each in enumerate(accounts[:1_000])]
            memory.remember(new)
            memory.flush(hour * 100 + sequence)
    cut = sum(1 for _ in scan_prefix(state, b"lf")) // lookback.BUCKETS
    assert cut > 4
    state.looks = 0
    assert all(list(memory.of(stranger)) == [] for stranger in accounts[1_000:])
    assert state.looks < 2 * 1_000  # of more than four cuts and twenty-four blocks for each


def test_late_postings_join_the_rows_of_their_hour(monkeypatch):
    monkeypatch.setattr(lookback, "CUT_BYTES", 0)
    monkeypatch.setattr(lookback, "BLOCK_POSTINGS", 1)
    memory = LookBack(MemoryState(), 72)
    for late in range(3):
        memory.remember([posting("account:014:1", late)])
        now = NOON + (2 + late) * HOUR_MS
        memory.flush(late * 1_000)
        memory.expire(now)
        for sequence in range(300):
            memory.remember([posting("account:014:2", sequence, now)])
            memory.flush(late * 1_000 + 1 + sequence)
    assert remembered(memory, "account:014:1") == [0, 1, 2]
