"""A fold that may write its files later says and writes the same."""

from __future__ import annotations

from pipeline.accounts.fold import AccountsFold
from pipeline.contracts.account_log import AccountEvents, Posting, Postings, encode_log_entry
from pipeline.fold import LogRecord
from pipeline.policy.policy import load_policy
from pipeline.state import MemoryState
from tests.pipeline.accounts.desk import MULE, NINE, VICTIM, claim, level

SECOND = "account:006:2223334445"


def test_files_that_may_be_written_later_are_the_same_and_so_is_all_else():
    entries = [
        Postings([Posting(MULE, "bank/in", NINE, 500_000, VICTIM)]),
        AccountEvents([level(), claim("aoc-1441/1#0", 500_000, reference="in")]),
        Postings([Posting(MULE, "bank/out", NINE + 9, -100_000, SECOND)]),
    ]
    states = MemoryState(), MemoryState()
    at_once, later = (
        AccountsFold(state, load_policy(), 0, 1, files_later=state is states[1]) for state in states
    )
    for number, entry in enumerate(entries):
        records = [LogRecord(number, NINE, None, encode_log_entry(entry))]
        whole, begun = at_once.apply(records), later.apply(records)
        assert whole.rest is None
        assert (begun.rest is None) == (number == 0), "there is a file from the first claim on"
        assert not any(output.last for output in begun.outputs)
        assert begun.whole().outputs == whole.outputs
        assert dict(states[0].scan(b"", b"\xff")) == dict(states[1].scan(b"", b"\xff"))
