"""Files in parts: read back whole from any state of their topic, and limited without harm."""

from __future__ import annotations

import copy
import itertools
import random

import msgspec
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from pipeline.accounts import fold as fold_module
from pipeline.accounts import open_file, parts
from pipeline.accounts.differences import Cause
from pipeline.accounts.file import AccountFile, decode_file
from pipeline.accounts.fold import AccountsFold
from pipeline.accounts.parts import is_block, whole_file
from pipeline.accounts.versions import bank_behind, differ
from pipeline.contracts.account_log import Posting
from pipeline.fold import LogRecord, Output
from pipeline.policy.policy import load_policy
from pipeline.state import MemoryState, scan_prefix
from pipeline.topics import ACCOUNT_FILES
from tests.pipeline.accounts.desk import MINUTE, MULE, NINE, SHOP, claim, credit, level
from tests.pipeline.accounts.oracle import decide_whole
from tests.pipeline.accounts.test_long_files import leaving, record, steps
from tests.pipeline.read_back import read_back

POLICY = load_policy()
CASES = settings(
    deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture
def small_blocks(monkeypatch):
    monkeypatch.setattr(parts, "BLOCK_ENTRIES", 3)
    monkeypatch.setattr(parts, "LISTED_BLOCKS", 2)


def log_of(seed: int, count: int = 50) -> list[LogRecord]:
    return [record(n, step) for n, step in enumerate(steps(seed, MULE, count, []))]


def run(fold: AccountsFold, log: list[LogRecord], cuts: list[int]) -> list[list[Output]]:
    """Fold the log in batches that end at the cuts; return the outputs of each."""
    return [fold.apply(log[a:b]).outputs for a, b in batches_of(cuts, len(log))]


def batches_of(cuts: list[int], length: int) -> list[tuple[int, int]]:
    return list(itertools.pairwise(sorted({0, *cuts, length})))


def file_records(batches: list[list[Output]]) -> list[Output]:
    return [o for outputs in batches for o in outputs if o.topic == ACCOUNT_FILES]


def topic(outputs: list[Output]) -> list[LogRecord]:
    return [LogRecord(n, NINE, o.key, o.value) for n, o in enumerate(outputs)]


def new_fold(records: list[LogRecord] | None = None) -> AccountsFold:
    fold = AccountsFold(MemoryState(), POLICY, 0, 1)
    fold.restore(records or [])
    return fold


def file_of(fold: AccountsFold) -> AccountFile | None:
    head = fold._state.get(parts.HEAD_ROWS + MULE.encode())
    if head is None:
        return None
    return whole_file(decode_file(head), lambda key: fold._state.get(parts.BLOCK_ROWS + key))


cuts = st.lists(st.integers(0, 50), max_size=20)


@pytest.mark.usefixtures("small_blocks")
@given(seed=st.integers(0, 10**9), one=cuts, other=cuts)
@CASES
def test_one_key_and_version_is_one_content_however_fetched_and_whether_kept_open(
    monkeypatch, seed, one, other
):
    log = log_of(seed)
    written = {}
    for way, files in ((one, 20_000), (other, 0)):
        monkeypatch.setattr(fold_module, "FILES_IN_MEMORY", files)
        fold = new_fold()
        for output in file_records(run(fold, log, way)):
            version = decode_file(output.value).version
            assert written.setdefault((output.key, version), output.value) == output.value


@pytest.mark.usefixtures("small_blocks")
@given(seed=st.integers(0, 10**9), way=cuts, chance=st.randoms(use_true_random=False))
@CASES
def test_heads_and_blocks_are_read_back_in_any_order(seed, way, chance):
    fold = new_fold()
    written = topic(file_records(run(fold, log_of(seed), way)))
    chance.shuffle(written)
    assert file_of(new_fold(written)) == file_of(fold)


@pytest.mark.usefixtures("small_blocks")
@given(seed=st.integers(0, 10**9), way=cuts, data=st.data())
@CASES
def test_a_crash_between_two_parts_of_a_file_says_nothing_twice_and_loses_nothing(seed, way, data):
    log = log_of(seed)
    batches = run(new_fold(), log, way)
    broken = data.draw(st.integers(0, len(batches) - 1))
    torn = file_records(batches[broken : broken + 1])
    arrived = torn[: data.draw(st.integers(0, len(torn)))]
    again = new_fold(topic(file_records(batches[:broken]) + arrived))
    spans = batches_of(way, len(log))
    silent = log[: spans[broken][0]]
    run(again, silent, [cut for cut in data.draw(cuts) if cut < len(silent)])
    rest = [again.apply(log[a:b]).outputs for a, b in spans[broken:]]
    ids = [[o.key, o.value] for outputs in rest for o in leaving(outputs)]
    expected = [[o.key, o.value] for outputs in batches[broken:] for o in leaving(outputs)]
    if len(arrived) == len(torn):
        # The batch had been answered in full: of it nothing has to be said again.
        answered = [[o.key, o.value] for o in leaving(batches[broken])]
        assert ids in (expected, expected[len(answered) :])
    else:
        assert ids == expected


def shop(count: int) -> list[LogRecord]:
    """A case with one disputed payment, then many others, each with the account's balance."""
    draw = random.Random(5)
    disputed = credit("bank/disputed", 77_700, balance=900_000)
    payments = [
        credit(
            f"bank/p{n}",
            draw.randrange(1_000, 60_000),
            at=NINE + n * MINUTE // 10,
            balance=900_000 if n % 3 else None,
        )
        for n in range(count)
    ]
    opened = [[disputed], [claim("aoc-1441/1#0", 77_700)], [level()]]
    return [record(n, step) for n, step in enumerate([*opened, *([p] for p in payments)])]


@pytest.fixture
def low_limit(monkeypatch, small_blocks):
    monkeypatch.setattr(open_file, "MAX_POSTINGS_A_FILE", 32)


@pytest.mark.usefixtures("low_limit")
def test_beyond_the_limit_the_oldest_postings_leave_but_never_the_disputed_one():
    fold = new_fold()
    left_out = 0
    for each in shop(300):
        left_out += fold.apply([each]).counts["limit_hits", "postings_a_file"]
    file = file_of(fold)
    assert len(file.postings) == 301 - left_out <= 32
    assert file.limited
    assert "bank/disputed+" in file.postings
    newest = sorted(file.postings.values(), key=lambda p: p.at)[-20:]
    assert [p.transaction for p in newest] == [f"bank/p{n}" for n in range(280, 300)]


@pytest.mark.usefixtures("low_limit")
def test_beyond_the_limit_a_payment_out_stays_that_another_account_asks_about():
    fold = new_fold()
    paid = credit("bank/paid", -500_000, other=SHOP)
    question = claim("aoc-1441/2#0~", 500_000, payer=MULE, typed=SHOP[:-1] + "9")
    later = credit("bank/p299", -500_000, at=NINE + MINUTE, other=SHOP)
    run(fold, [record(n, step) for n, step in enumerate([[paid], [question]])], [])
    run(fold, shop(300), [])
    assert "bank/paid-" in file_of(fold).postings
    run(fold, [record(400, [later])], [])
    assert all(claim.withdrawn for claim in file_of(fold).passed.values())


@pytest.mark.usefixtures("low_limit")
def test_blocks_that_a_file_gave_up_are_gone_from_the_state_and_ended_in_the_topic():
    fold = new_fold()
    outputs = file_records(run(fold, shop(300), list(range(0, 300, 7))))
    kept = {o.key: o.value for o in outputs}
    blocks = {key for key, value in kept.items() if is_block(key) and value is not None}
    rows = {key[1:] for key, _ in scan_prefix(fold._state, parts.BLOCK_ROWS)}
    file = file_of(fold)
    assert len(file.lists) > 1
    assert blocks == rows == {*parts.block_keys(file), *parts.list_keys(file)}
    assert file_of(new_fold(topic(outputs))) == file_of(fold)


@pytest.mark.usefixtures("low_limit")
def test_what_was_left_out_does_not_come_back_when_the_log_is_folded_again():
    fold = new_fold()
    log = shop(300)
    outputs = file_records(run(fold, log, list(range(0, 300, 7))))
    again = new_fold(topic(outputs))
    assert run(again, log, []) == [[]]
    assert file_of(again) == file_of(fold)


@pytest.mark.usefixtures("low_limit")
@given(seed=st.integers(0, 10**9))
@CASES
@example(seed=13421)
@example(seed=17818)
def test_at_the_limit_too_what_stands_is_what_the_whole_file_says(seed):
    log = log_of(seed, 120)
    fold = new_fold()
    for each in log:
        fold.apply([each])
        file = copy.deepcopy(file_of(fold))
        if file is None or not file.limited or file.version != each.offset + 1:
            continue
        behind = bank_behind(file)
        whole = decide_whole(file, POLICY, fold._now)
        bank = behind[1] if behind else None
        found = differ(file, whole, bank, POLICY, Cause("x", NINE))
        assert (found.alerts, found.notices, found.steps) == ([], [], [])


@pytest.mark.usefixtures("low_limit")
def test_the_end_of_a_block_that_is_still_needed_is_said_again():
    fold = new_fold()
    outputs = file_records(run(fold, shop(20), []))
    block = next(o for o in outputs if is_block(o.key))
    ended = [LogRecord(0, NINE, block.key, None)]
    assert read_back(fold, ACCOUNT_FILES, ended) == [block]
    assert read_back(fold, ACCOUNT_FILES, [*ended, *topic([block])]) == []


def test_a_short_file_is_one_record_under_its_account():
    outputs = file_records(run(new_fold(), shop(20), [5, 10]))
    assert {o.key for o in outputs} == {MULE.encode()}


def test_one_record_of_a_long_file_is_about_as_long_as_of_a_short_one():
    fold = new_fold()
    sizes = [
        sum(len(o.value) for o in file_records([fold.apply([each]).outputs]))
        for each in shop(3_000)
    ]
    blocks = 3_000 // parts.BLOCK_ENTRIES
    assert sum(sizes[-500:]) < 2 * sum(sizes[500:1_000]) + 500 * 15 * blocks


def test_a_file_with_a_block_missing_is_not_taken_for_whole():
    fold = new_fold()
    run(fold, shop(300), [])
    head = decode_file(fold._state.get(parts.HEAD_ROWS + MULE.encode()))
    with pytest.raises(LookupError):
        whole_file(head, lambda key: None)


def test_a_head_carries_only_the_entries_that_no_block_has():
    fold = new_fold()
    run(fold, shop(300), [])
    head = decode_file(fold._state.get(parts.HEAD_ROWS + MULE.encode()))
    assert len(head.blocks) > 1
    assert len(head.postings) + len(head.told) < parts.BLOCK_ENTRIES
    assert len(file_of(fold).postings) == 301
    assert isinstance(next(iter(head.postings.values())), Posting)
    assert msgspec.json.decode(msgspec.json.encode(head), type=AccountFile) == head
