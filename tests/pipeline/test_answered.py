"""Every report and every posting counts as answered, with the time at which it entered Kafka."""

from __future__ import annotations

from collections import Counter

import msgspec

from pipeline.contracts.account_log import (
    AccountEvents,
    Arrival,
    Posting,
    Postings,
    decode_log_entry,
    encode_log_entry,
)
from pipeline.fold import Folded, LogRecord
from pipeline.topics import ACCOUNT_LOG
from tests.pipeline.accounts.desk import MULE, NINE, VICTIM, Desk, claim, credit, level
from tests.pipeline.clustering.scenarios import RECORDED_AT, Run, account, pay, report

ANSWER, ALERT = "report_to_answer_seconds", "report_to_alert_seconds"
SCREENING = "payment_to_screening_seconds"


def folded_by_accounts(*entries: Postings | AccountEvents) -> Folded:
    """Records of those entries as one batch, a second apart, the first at nine."""
    records = [
        LogRecord(n, NINE + n * 1_000, None, encode_log_entry(entry))
        for n, entry in enumerate(entries)
    ]
    return Desk().fold.apply(records)


def test_each_posting_counts_with_the_time_at_which_its_payment_came() -> None:
    few = Postings([credit("b/1", 5), credit("b/2", 6)], [Arrival(NINE - 9, 1), Arrival(NINE, 1)])
    many = Postings([credit(f"b/{n}", n + 1) for n in range(3, 60)], [Arrival(NINE, 57)])
    assert folded_by_accounts(few, many).answered == {
        (SCREENING, NINE - 9): 1,
        (SCREENING, NINE): 58,
    }


def test_postings_of_an_older_intake_are_as_old_as_their_record() -> None:
    older = msgspec.msgpack.encode(["postings", [credit("b/1", 5), credit("b/2", 6)]])
    folded = Desk().fold.apply([LogRecord(0, NINE, None, older)])
    assert folded.answered == {(SCREENING, NINE): 2}


def test_a_reports_events_at_one_owner_count_once_and_each_of_its_alerts_for_itself() -> None:
    told = AccountEvents([claim("aoc-1441/1#0", 500), level()])
    at = NINE + 20 * 60_000
    folded = folded_by_accounts(Postings([credit("b/1", 500, at=NINE)]), told)
    alerts = sum(output.topic == "freeze-alerts" for output in folded.outputs)
    assert alerts > 0
    assert folded.answered[ANSWER, at] == 1
    assert folded.answered[ALERT, at] == alerts


def test_a_report_that_changes_nothing_at_an_account_is_answered_too() -> None:
    told = AccountEvents([claim("aoc-1441/1#0", 500), level()])
    folded = folded_by_accounts(told, told)
    assert folded.answered[ANSWER, NINE + 20 * 60_000] == 2


def test_what_an_account_is_told_by_a_payment_is_no_answer_to_a_report() -> None:
    desk = Desk()
    desk.lay(level("dark_grey"), claim("aoc-1441/1#0", 500))
    paid = Postings([Posting(MULE, "b/9", NINE, 700, VICTIM)], [Arrival(NINE, 1)])
    folded = desk.fold.apply([LogRecord(9, NINE, None, encode_log_entry(paid))])
    assert folded.answered == {(SCREENING, NINE): 1}


def test_every_report_counts_once_here_or_once_at_each_owner_that_is_told_of_it() -> None:
    run = Run(partitions=3)
    paid = pay("0123456789", 100, "2026-11-20T09:00:00+07:00")
    folded = run.feed(
        [
            report("r1", [account("0123456789"), account("9876543210")], payments=[paid]),
            report("r2", [{"kind": "phone", "number": "0812345678"}]),
            report("r1", [account("0123456789"), account("9876543210")], payments=[paid]),
            b"not a report",
        ]
    )
    told: Counter[int] = Counter()
    for output in folded.outputs:
        if output.topic == ACCOUNT_LOG:
            entry = decode_log_entry(output.value)
            assert isinstance(entry, AccountEvents)
            told.update({event.published_at for event in entry.events})
    # The report of a phone alone and the repeat say nothing to an account's owner.
    here = {at - RECORDED_AT: n for (name, at), n in folded.answered.items() if name == ANSWER}
    assert here == {1: 1, 2: 1}
    assert {at - RECORDED_AT for at in told} == {0}
