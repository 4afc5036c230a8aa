"""Intake: payments become double entries by account; what is not valid becomes a dead letter."""

from __future__ import annotations

import json

import msgspec
import pytest

from pipeline.contracts.account_log import (
    CASH,
    MAX_EVENTS_BYTES,
    MAX_POSTINGS_A_RECORD,
    AccountEvents,
    Answer,
    Posting,
    Postings,
    decode_log_entry,
    partition_of,
)
from pipeline.contracts.pointers import Pointer, pointed_at
from pipeline.fold import LogRecord
from pipeline.intake.fold import ARRIVAL_GRAIN_MS, ARRIVALS_A_BATCH, IntakeFold

AT = 1_790_000_000_000
PAYMENT = {
    "source": "bank-004",
    "transaction_id": "t1",
    "occurred_at": "2026-09-21T20:53:20+07:00",
    "payer": {"bank": "KBANK", "account": "555-6-66777-8"},
    "payee": {"bank": "ไทยพาณิชย์", "account": "1112223334"},
    "amount_satang": 500000,
    "channel": "mobile",
    "payer_balance_satang": 1000,
}


def record(event, offset=0, at=AT):
    value = event if isinstance(event, bytes) else json.dumps(event).encode()
    return LogRecord(offset, at, b"key", value)


def postings(outputs):
    found = []
    for output in outputs:
        entry = decode_log_entry(output.value)
        assert isinstance(entry, Postings)
        found += [(output.partition, p) for p in entry.postings]
    return found


def test_a_payment_is_posted_to_both_books_in_their_partitions():
    folded = IntakeFold("transactions", 0, 4).apply([record(PAYMENT)])
    found = sorted(postings(folded.outputs), key=lambda pair: pair[1].amount)
    (p_debit, debit), (p_credit, credit) = found
    assert (debit.account, debit.amount, debit.balance) == ("account:004:5556667778", -500000, 1000)
    assert (credit.account, credit.amount) == ("account:014:1112223334", 500000)
    assert credit.other == debit.account
    assert (p_debit, p_credit) == (
        partition_of(debit.account, 4),
        partition_of(credit.account, 4),
    )


def test_a_proxy_has_a_book_of_its_own_that_names_the_account_behind_it():
    payee = {**PAYMENT["payee"], "promptpay": "0066812345678"}
    folded = IntakeFold("transactions", 0, 1).apply([record({**PAYMENT, "payee": payee})])
    books = {p.account: p for _, p in postings(folded.outputs)}
    proxy = books["promptpay:phone:+66812345678"]
    assert proxy.references == ("account:014:1112223334",)
    assert len(books) == 3


@pytest.mark.parametrize(("cash", "amount"), [("payee", -500000), ("payer", 500000)])
def test_of_a_payment_in_cash_the_account_alone_has_a_posting(cash, amount):
    sides = {"payer": PAYMENT["payer"], "payee": PAYMENT["payer"], cash: {"cash": True}}
    balances = {"payer_balance_satang": 1, "payee_balance_satang": 1, f"{cash}_balance_satang": 2}
    event = {**PAYMENT, **sides, **balances, "end_to_end_id": "E1", "return_of": "t0"}
    found = postings(IntakeFold("transactions", 0, 4).apply([record(event)]).outputs)
    account = "account:004:5556667778"
    at, names = 1_789_998_800_000, ("e2e:E1", "returns:t0")
    posting = Posting(account, "bank-004/t1", at, amount, CASH, 1, names)
    assert found == [(partition_of(account, 4), posting)]


def test_cash_that_was_paid_in_to_a_proxy_is_in_its_book_and_in_its_accounts():
    payee = {**PAYMENT["payee"], "promptpay": "0066812345678"}
    event = {**PAYMENT, "payer": {"cash": True}, "payee": payee}
    folded = IntakeFold("transactions", 0, 1).apply([record(event)])
    assert [(p.account, p.other, p.references) for _, p in postings(folded.outputs)] == [
        ("account:014:1112223334", CASH, ()),
        ("promptpay:phone:+66812345678", CASH, ("account:014:1112223334",)),
    ]


def test_both_banks_events_of_one_payment_share_its_uetr():
    uetr = "8a562c67-ca16-48ba-b074-65581be6f001"
    one = {**PAYMENT, "uetr": uetr}
    two = {**PAYMENT, "uetr": uetr, "source": "bank-014", "transaction_id": "x9"}
    folded = IntakeFold("transactions", 0, 1).apply([record(one), record(two, 1)])
    assert {p.transaction for _, p in postings(folded.outputs)} == {f"uetr/{uetr}"}


def test_a_uetr_in_capitals_is_the_same_and_stays_findable_as_it_was_written():
    uetr = "8a562c67-ca16-48ba-b074-65581be6f001"
    one = {**PAYMENT, "uetr": uetr}
    two = {**PAYMENT, "uetr": uetr.upper(), "source": "bank-014", "transaction_id": "x9"}
    back = {**PAYMENT, "return_of": uetr.upper(), "transaction_id": "r1"}
    folded = IntakeFold("transactions", 0, 1).apply([record(one), record(two, 1), record(back, 2)])
    found = {(p.transaction, p.references) for _, p in postings(folded.outputs)}
    assert found == {
        (f"uetr/{uetr}", (f"tx:{PAYMENT['transaction_id']}",)),
        (f"uetr/{uetr}", ("tx:x9", f"tx:{uetr.upper()}")),
        ("bank-004/r1", (f"returns:{uetr}",)),
    }


@pytest.mark.parametrize("digit", ["0", "f", "F"])
def test_a_placeholder_for_a_uetr_makes_no_payments_one(digit: str):
    uetr = "-".join(digit * length for length in (8, 4, 4, 4, 12))
    events = [{**PAYMENT, "uetr": uetr, "transaction_id": name} for name in ("a", "b")]
    folded = IntakeFold("transactions", 0, 1).apply([record(e, n) for n, e in enumerate(events)])
    found = {(p.transaction, p.references) for _, p in postings(folded.outputs)}
    assert found == {("bank-004/a", ()), ("bank-004/b", ())}


def test_what_iso_20022_writes_for_no_reference_is_no_name_of_a_payment():
    event = {**PAYMENT, "end_to_end_id": "NOTPROVIDED", "return_of": "NOTPROVIDED"}
    folded = IntakeFold("transactions", 0, 1).apply([record(event)])
    assert {p.references for _, p in postings(folded.outputs)} == {()}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"amount_satang": 12.5}, "wrong_field"),
        ({"amount_satang": 2**70}, "wrong_field"),
        ({"amount_satang": 0}, "wrong_field"),
        ({"occurred_at": "2566-09-21T20:53:20+07:00"}, "bad_time"),
        ({"occurred_at": "yesterday"}, "bad_time"),
        ({"payee": {}}, "missing_field"),
        ({"payee": {"cash": False}}, "missing_field"),
        ({"payee": {"cash": None}}, "missing_field"),
        ({"payee": {"cash": 1}}, "wrong_field"),
        ({"payee": {"cash": True, "bank": "014"}}, "misplaced_cash"),
        ({"payee": {"cash": True, "promptpay": "0812345678"}}, "misplaced_cash"),
        ({"payer": {**PAYMENT["payer"], "cash": True}}, "misplaced_cash"),
        ({"payer": {"cash": True}, "payee": {"cash": True}}, "misplaced_cash"),
        ({"payee": {"bank": "014", "account": "no digits"}}, "bad_identifier"),
        ({"payee": {"promptpay": "1101700230678"}}, "raw_national_id"),
        ({"channel": "pigeon"}, "unknown_kind"),
        ({"source": 4}, "wrong_field"),
        ({"transaction_id": "a\u0000b"}, "nul_character"),
    ],
)
def test_an_invalid_payment_is_a_dead_letter_with_its_bytes_and_a_closed_reason(change, reason):
    bad = record({**PAYMENT, **change}, 7)
    folded = IntakeFold("transactions", 2, 1).apply([bad, record(PAYMENT, 8)])
    letter = folded.outputs[0]
    assert letter.topic == "transactions-dead-letters"
    assert letter.value == bad.value
    headers = dict(letter.headers)
    assert headers["dlq.reason"] == reason.encode()
    assert (headers["dlq.original.partition"], headers["dlq.original.offset"]) == (b"2", b"7")
    assert len(postings(folded.outputs[1:])) == 2
    assert folded.counts["dead_letters", "transactions", reason] == 1


def test_many_postings_of_one_partition_travel_in_records_of_limited_size():
    events = [record({**PAYMENT, "transaction_id": f"t{i}"}, i) for i in range(600)]
    folded = IntakeFold("transactions", 0, 1).apply(events)
    sizes = [len(decode_log_entry(o.value).postings) for o in folded.outputs]
    assert sizes == [MAX_POSTINGS_A_RECORD, MAX_POSTINGS_A_RECORD, 200]


def test_how_late_a_payment_came_is_told_of_a_payment_that_was_posted():
    late = record(b"not json", offset=1, at=AT + 3_600_000)
    folded = IntakeFold("transactions", 0, 4).apply([record(PAYMENT), late])
    ((name, delay),) = folded.observations
    assert name == ("event_delay_seconds", "intake")
    assert delay == pytest.approx(AT / 1000 - 1_789_998_800)


def test_banks_answers_travel_in_records_of_limited_size():
    updates = [
        {
            "source": "b" * 128,
            "update_id": f"{number:0128d}",
            "alert_id": "a" * 128,
            "account": {"bank": "SCB", "account": "1112223334"},
            "status": "held",
            "occurred_at": "2026-09-21T21:00:00+07:00",
            "police_case": "p" * 128,
        }
        for number in range(MAX_POSTINGS_A_RECORD)
    ]
    folded = IntakeFold("hold-updates", 0, 1).apply([record(update) for update in updates])
    answers = [decode_log_entry(output.value).events for output in folded.outputs]
    assert sum(map(len, answers)) == len(updates)
    assert len(answers) > 1
    assert max(len(output.value) for output in folded.outputs) <= MAX_EVENTS_BYTES + 100


def test_a_banks_answer_about_cash_is_refused():
    update = {
        "source": "bank-014",
        "update_id": "u1",
        "account": {"cash": True},
        "status": "held",
        "occurred_at": "2026-09-21T21:00:00+07:00",
    }
    (letter,) = IntakeFold("hold-updates", 0, 1).apply([record(update)]).outputs
    said = dict(letter.headers)
    assert (said["dlq.reason"], said["dlq.field"]) == (b"misplaced_cash", b"$.account.cash")


def test_a_banks_answer_goes_to_the_accounts_partition():
    update = {
        "source": "bank-014",
        "update_id": "u1",
        "account": {"bank": "SCB", "account": "1112223334"},
        "status": "held",
        "occurred_at": "2026-09-21T21:00:00+07:00",
        "held_satang": 100,
    }
    (output,) = IntakeFold("hold-updates", 0, 4).apply([record(update)]).outputs
    entry = msgspec.msgpack.decode(output.value, type=AccountEvents)
    (answer,) = entry.events
    assert isinstance(answer, Answer)
    assert output.partition == partition_of("account:014:1112223334", 4)
    assert (answer.status, answer.held, answer.update_id) == ("held", 100, "bank-014/u1")


def test_a_decision_gets_its_place_among_the_reports_by_a_pointer():
    decision = {
        "source": "aoc-1441",
        "decision_id": "D-1",
        "kind": "made",
        "decided_at": "2026-09-21T20:53:20+07:00",
        "analyst": "shift-a",
        "reason": "the bank confirms it",
        "verdict": "not_same",
        "identifiers": ["account:004:5556667778", "account:014:1112223334"],
    }
    fold = IntakeFold("analyst-decisions", 0, 4)
    folded = fold.apply([record(decision, 7), record(b"{}", 8), record(decision, 9)])
    letters = [o for o in folded.outputs if o.topic == "analyst-decisions-dead-letters"]
    pointers = [o for o in folded.outputs if o.topic == "reports"]
    assert [o.value for o in letters] == [b"{}"]
    assert [pointed_at(LogRecord(0, AT, o.key, o.value)) for o in pointers] == [
        Pointer("analyst-decisions", 0, 7),
        Pointer("analyst-decisions", 0, 9),
    ]


def arrivals(outputs):
    """The postings and when each of their payments came, by partition, as the records say."""
    found = {}
    for output in outputs:
        entry = decode_log_entry(output.value)
        assert sum(arrival.postings for arrival in entry.arrived) == len(entry.postings)
        times = [arrival.at for arrival in entry.arrived for _ in range(arrival.postings)]
        found.setdefault(output.partition, []).extend(zip(entry.postings, times, strict=True))
    return found


@pytest.mark.parametrize("partitions", [1, 4])
@pytest.mark.parametrize("apart", [0, 7, 400])
def test_every_posting_says_when_its_payment_came(partitions, apart):
    count = MAX_POSTINGS_A_RECORD + 100
    payments = [{**PAYMENT, "transaction_id": f"t{n}"} for n in range(count)]
    records = [record(payment, n, AT + n * apart) for n, payment in enumerate(payments)]
    records.insert(3, record(b"{", 0, AT + 3 * apart))
    folded = IntakeFold("transactions", 0, partitions).apply(records)
    found = arrivals(o for o in folded.outputs if o.topic == "account-log")
    posted = [pair for pairs in found.values() for pair in pairs]
    assert len(posted) == 2 * count
    grain = max(ARRIVAL_GRAIN_MS, count * apart // ARRIVALS_A_BATCH)
    for posting, came in posted:
        at = AT + int(posting.transaction.removeprefix("bank-004/t")) * apart
        assert at - grain <= came <= at
    assert len({came for _, came in posted}) <= ARRIVALS_A_BATCH + 1
