"""Records of the account-log, joined: the same entries in the same order, in fewer records."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pipeline.contracts.account_log import (
    MAX_EVENTS_BYTES,
    MAX_POSTINGS_A_RECORD,
    AccountEvents,
    Answer,
    Arrival,
    Leg,
    LogEntry,
    Posting,
    Postings,
    Step,
    decode_log_entry,
    encode_account_events,
    encode_log_entry,
    join_log_entries,
)


def _postings(count: int) -> Postings:
    return Postings(
        [Posting("account:004:1", f"b/{n}", n, -n, "account:014:2", n) for n in range(count)],
        [Arrival(count, 1), Arrival(count + 50, count - 1)],
    )


def _answers(count: int) -> AccountEvents:
    return AccountEvents(
        [
            Answer(account="account:004:1", update_id=f"b/{n}", status="held", at=n, held=n)
            for n in range(count)
        ]
    )


def _parts(entries: list[LogEntry]) -> list[object]:
    return [part for e in entries for part in (e.postings if isinstance(e, Postings) else e.events)]


def _arrived(entries: list[LogEntry]) -> list[int]:
    """When the payment of each posting came, in order."""
    postings = [entry for entry in entries if isinstance(entry, Postings)]
    runs = [arrival for entry in postings for arrival in entry.arrived]
    return [arrival.at for arrival in runs for _ in range(arrival.postings)]


entries = st.one_of(
    st.integers(1, MAX_POSTINGS_A_RECORD).map(_postings), st.integers(1, 20).map(_answers)
)


@given(st.lists(entries, min_size=1, max_size=6))
def test_joined_records_hold_the_same_in_the_same_order(given_entries: list[LogEntry]) -> None:
    joined = [
        decode_log_entry(v) for v in join_log_entries(list(map(encode_log_entry, given_entries)))
    ]
    assert _parts(joined) == _parts(given_entries)
    assert _arrived(joined) == _arrived(given_entries)
    assert len(joined) <= len(given_entries)


@given(st.lists(entries, min_size=1, max_size=6))
def test_no_joined_record_is_longer_than_the_limit(given_entries: list[LogEntry]) -> None:
    for value in join_log_entries(list(map(encode_log_entry, given_entries))):
        assert len(_parts([decode_log_entry(value)])) <= MAX_POSTINGS_A_RECORD


@given(st.lists(st.integers(0, 64), max_size=60))
def test_no_joined_record_is_larger_than_the_limit(legs: list[int]) -> None:
    given_records = [encode_log_entry(AccountEvents([_step(*e)])) for e in enumerate(legs)]
    for value in join_log_entries(given_records):
        assert len(value) <= MAX_EVENTS_BYTES + 100


def test_small_records_of_one_kind_become_one() -> None:
    joined = join_log_entries([encode_log_entry(_postings(n)) for n in (3, 40, 1)])
    assert [len(_parts([decode_log_entry(value)])) for value in joined] == [44]


def _step(number: int, legs: int) -> Step:
    leg = Leg(
        2, f"bank/t{number}", "account:004:1", "account:014:2", 1, 100, 50, ("tx:" + "9" * 60,)
    )
    return Step(
        account="account:014:2",
        origin="bank/t0",
        hop=2,
        transaction=f"bank/t{number}",
        sender="account:004:1",
        version=1,
        marks=((0, 50),),
        legs=(leg,) * legs,
        accounts=7,
        stolen=100,
        since=1,
        until=2,
        cluster="",
        published_at=1,
        caused_by="aoc-1441/1",
        by_report=True,
    )


@given(st.lists(st.integers(0, 64), max_size=60), st.integers(0, 600))
def test_account_events_leave_in_order_in_records_within_the_limits(
    legs: list[int], answers: int
) -> None:
    events = [*(_step(*each) for each in enumerate(legs)), *_answers(answers).events]
    records = encode_account_events(events)
    assert _parts([decode_log_entry(value) for value in records]) == events
    for value in records:
        parts = _parts([decode_log_entry(value)])
        assert 0 < len(parts) <= MAX_POSTINGS_A_RECORD
        assert len(value) <= MAX_EVENTS_BYTES + 100


def test_few_account_events_leave_as_one_record_as_it_always_was_written() -> None:
    events = _answers(20)
    assert encode_account_events(events.events) == [encode_log_entry(events)]
