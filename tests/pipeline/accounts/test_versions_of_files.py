"""Files of the account-files topic: the higher version knows more, whoever wrote it."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.accounts.file import AccountFile, decode_file
from pipeline.accounts.fold import AccountsFold
from pipeline.accounts.parts import BLOCK_ENTRIES
from pipeline.contracts.account_log import AccountEvents, Notice, Postings, Tick, encode_log_entry
from pipeline.fold import LogRecord, Output
from pipeline.policy.policy import HOUR_MS, load_policy
from pipeline.state import MemoryState, scan_prefix
from pipeline.topics import ACCOUNT_FILES
from tests.pipeline.accounts.desk import MINUTE, MULE, NINE, answer, claim, credit, level
from tests.pipeline.read_back import read_back

OTHER = "account:014:2223334445"
POLICY = load_policy()
LOG = [
    encode_log_entry(entry)
    for entry in (
        Postings([credit("bank/t1", 500_000, balance=900_000)]),
        AccountEvents([claim("aoc-1441/1#0", 500_000)]),
        AccountEvents([level(), level(account=OTHER)]),
        Postings([credit("bank/t2", -300_000, at=NINE + MINUTE, balance=400_000)]),
        Tick(NINE + HOUR_MS),
        AccountEvents([answer("scb/1", "held", balance=350_000)]),
        Postings([credit("bank/t3", 70_000, account=OTHER, at=NINE + HOUR_MS)]),
        Postings([credit("bank/t1", 500_000, balance=900_000)]),
        AccountEvents([level("dark_grey", version=2, verified_voices=2)]),
    )
]
RECORDS = [LogRecord(10 + n, NINE + n, None, value) for n, value in enumerate(LOG)]


def new_fold() -> AccountsFold:
    return AccountsFold(MemoryState(), POLICY, 0, 1)


def run(fold: AccountsFold, records: list[LogRecord], cuts: list[int]) -> list[Output]:
    """Feed records as batches that end at the cuts; return the account files, in order."""
    outputs = []
    for start, stop in zip([0, *cuts], [*cuts, len(records)], strict=True):
        outputs += fold.apply(records[start:stop]).outputs
    return [output for output in outputs if output.topic == ACCOUNT_FILES]


def topic(outputs: list[Output]) -> list[LogRecord]:
    return [LogRecord(n, NINE, o.key, o.value) for n, o in enumerate(outputs)]


def kept(records: list[LogRecord]) -> dict[bytes, bytes]:
    """What a reader has in the end, for whom the highest version wins."""
    fold = new_fold()
    fold.restore(records)
    return dict(scan_prefix(fold._state, b"f"))


cuts = st.lists(st.integers(0, len(RECORDS)), max_size=5).map(sorted)


def test_a_files_version_is_the_position_after_the_last_record_that_changed_it():
    files = run(new_fold(), RECORDS, [])
    versions = {o.key: decode_file(o.value).version for o in files}
    assert versions == {MULE.encode(): 19, OTHER.encode(): 17}


@settings(deadline=None)
@given(cuts, cuts)
def test_the_same_version_is_the_same_content_however_the_log_was_fetched(one, other):
    first = {(o.key, decode_file(o.value).version): o.value for o in run(new_fold(), RECORDS, one)}
    for output in run(new_fold(), RECORDS, other):
        known = first.get((output.key, decode_file(output.value).version))
        assert known is None or known == output.value


@settings(deadline=None)
@given(cuts, cuts, st.integers(1, len(RECORDS) - 1))
def test_a_former_owners_file_never_ranks_above_one_that_knows_more(own, zombies, stopped_at):
    owner = run(new_fold(), RECORDS, own)
    zombie = run(new_fold(), RECORDS[:stopped_at], [c for c in zombies if c <= stopped_at])
    assert kept(topic(owner + zombie)) == kept(topic(owner))


def test_a_file_ahead_of_its_log_counts_on_by_ones():
    fold = new_fold()
    file = AccountFile(account=MULE, version=1_000, remembered=True)
    fold.restore([LogRecord(0, NINE, MULE.encode(), msgspec.json.encode(file))])
    files = run(fold, RECORDS[:3], [1, 2])
    assert [decode_file(o.value).version for o in files if o.key == MULE.encode()] == [
        1_001,
        1_002,
        1_003,
    ]


@settings(deadline=None)
@given(cuts, st.integers(0, len(RECORDS)))
def test_what_an_old_file_lacks_comes_back_when_the_log_is_folded_again(own, known):
    owner = run(new_fold(), RECORDS, own)
    old = run(new_fold(), RECORDS[:known], [])
    fold = new_fold()
    fold.restore(topic(old))
    run(fold, RECORDS, [])
    assert dict(scan_prefix(fold._state, b"f")) == kept(topic(owner))


def test_files_read_back_leave_one_clock_an_account():
    fold = new_fold()
    fold.restore(topic(run(new_fold(), RECORDS, list(range(len(RECORDS))))))
    due = {decode_file(value).due for _, value in scan_prefix(fold._state, b"f")} - {None}
    assert [int.from_bytes(k[1:9], "big") for k, _ in scan_prefix(fold._state, b"d")] == list(due)


@settings(deadline=None)
@given(cuts, st.lists(st.sampled_from(range(1, len(RECORDS))), max_size=4), st.randoms())
def test_whatever_older_files_are_mixed_in_saying_again_repairs_the_topic(own, stops, chance):
    fold = new_fold()
    written = run(fold, RECORDS, own)
    older = [o for stop in stops for o in run(new_fold(), RECORDS[:stop], [])]
    mixed = written + older
    chance.shuffle(mixed)
    again = read_back(fold, ACCOUNT_FILES, topic(mixed))
    state = dict(scan_prefix(fold._state, b"f"))
    assert kept(topic(mixed + again)) == state
    # Compaction may drop all but the last record of a key.
    last = {o.key: o for o in mixed + again}
    assert kept(topic(list(last.values()))) == state


def test_a_key_is_said_again_once_with_its_key_partition_and_order():
    fold = new_fold()
    written = run(fold, RECORDS, [3])
    (mule, _), newest = written[:2], written[-2:]
    again = read_back(fold, ACCOUNT_FILES, topic([mule, mule]))
    assert again == [o for o in newest if o.key == mule.key]
    assert (again[0].partition, again[0].last) == (0, True)


@pytest.mark.parametrize("case", ["equal", "newer", "unknown"])
def test_nothing_is_said_again_without_need(case):
    fold = new_fold()
    mule = run(fold, RECORDS, [])[0]
    file = decode_file(mule.value)
    file.version += case == "newer"
    key = b"account:014:9" if case == "unknown" else mule.key
    file.version -= case == "unknown"
    record = LogRecord(0, NINE, key, msgspec.json.encode(file))
    assert read_back(fold, ACCOUNT_FILES, [record]) == []


def test_a_restored_file_is_not_changed_by_the_log_that_it_knows():
    before_its_case = [
        encode_log_entry(Postings([credit(f"bank/b{n}", 1_000 + n, at=NINE + n * MINUTE)]))
        for n in range(2 * BLOCK_ENTRIES)
    ]
    told = Notice(
        account=MULE,
        transaction="bank/x1",
        version=1,
        active=True,
        payee=OTHER,
        amount=70_000,
        at=NINE,
        level="light_grey",
        cluster="c1",
        published_at=NINE,
        caused_by="aoc-1441/9",
    )
    values = [*before_its_case, encode_log_entry(AccountEvents([told]))]
    records = [LogRecord(n, NINE + n, None, value) for n, value in enumerate(values)]
    first = new_fold()
    files = topic(run(first, records, []))
    restored = new_fold()
    restored.restore(files)
    for start, stop in ((0, 7), (7, 50), (50, len(records))):
        folded = restored.apply(records[start:stop], silent=True)
        assert [output for output in folded.outputs if output.topic == ACCOUNT_FILES] == []
    # What came before its case is still remembered when a report comes.
    claimed = encode_log_entry(AccountEvents([claim("aoc-1441/1#0", 1_003, paid_at=NINE), level()]))
    report = [LogRecord(len(records), NINE + HOUR_MS, None, claimed)]
    assert run(restored, report, []) == run(first, report, [])
    assert decode_file(files[-1].value).version == len(records)
