"""Claims that nobody sees at the account they name are found in the book of who paid."""

from __future__ import annotations

import itertools
import random
from collections import Counter
from typing import Any

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pipeline.accounts.paid import Paid, is_one_edit
from pipeline.contracts.account_log import Posting
from pipeline.policy.policy import HOUR_MS, load_policy
from tests.pipeline.accounts.desk import MINUTE, MULE, NINE, SHOP, VICTIM, claim, credit, level
from tests.pipeline.accounts.office import Office
from tests.pipeline.accounts.workers import Workers

SLIP = "account:014:1112229334"
"""One digit off the mule's number."""
NO_BANK = "account:?:1112223334"
PROXY = "promptpay:phone:+66812345678"


def paid(transaction: str, amount: int, at: int = NINE, to: str = MULE, **more: Any) -> list[Any]:
    """A payment of the victim, in both books."""
    fields = {"at": at, **more}
    return [
        credit(transaction, -amount, account=VICTIM, other=to, **fields),
        credit(transaction, amount, account=to, **fields),
    ]


def told(account: str, **more: Any) -> Any:
    facts = {"account": account, "payer": VICTIM, "paid_at": NINE + MINUTE, **more}
    return claim("aoc-1441/1#0", 500_000, **facts)


@pytest.mark.parametrize("named", [SLIP, NO_BANK, PROXY])
def test_a_payment_is_held_where_the_payers_book_says_that_it_went(named: str):
    office = Office()
    office.lay(*paid("bank/t1", 500_000), level(account=named), told(named))
    assert office.holds() == {MULE: 500_000}
    ((_, origin),) = [key for key in office.standing() if key[0] == "hold"]
    assert origin == "bank/t1"


def test_a_reference_finds_it_whatever_the_number_that_was_named():
    office = Office()
    office.lay(*paid("bank/t1", 480_000), level(account=SHOP), told(SHOP, reference="t1"))
    assert office.holds() == {MULE: 480_000}


def test_without_a_reference_a_payment_to_a_number_that_looks_otherwise_is_not_meant():
    office = Office()
    office.lay(*paid("bank/t1", 500_000), level(account=SHOP), told(SHOP))
    assert office.holds() == {}


@pytest.mark.parametrize("other", [SLIP, MULE])
def test_of_two_payments_that_could_be_meant_none_is(other: str):
    office = Office()
    office.lay(*paid("bank/t1", 500_000), *paid("bank/t2", 500_000, at=NINE + HOUR_MS))
    office.lay(level(account=NO_BANK), told(NO_BANK))
    assert office.holds() == {}


def test_a_payment_whose_time_was_told_wrong_is_known_by_its_payer_and_amount():
    office = Office()
    office.lay(*paid("bank/t1", 500_000), level(), told(MULE, paid_at=NINE + 9 * HOUR_MS))
    assert office.holds() == {MULE: 500_000}
    (held,) = [a for (kind, _), a in office.standing().items() if kind == "hold"]
    assert (held["origin"], held["level"]) == ("bank/t1", "light_grey")
    (word,) = [one for one in held["evidence"] if one["kind"] == "claim"]
    assert "identifier" not in word


def test_nothing_is_held_any_more_at_the_number_that_was_named_once_it_is_known_to_be_wrong():
    office = Office()
    office.lay(level(account=SLIP, reports=2), told(SLIP, reference="t1"))
    assert office.holds() == {SLIP: 500_000}
    office.lay(*paid("bank/t1", 500_000))
    assert office.holds() == {MULE: 500_000}
    (ended,) = [a for a in office.alerts() if a["releases"] == "hold"]
    assert ended["release_reason"] == "payment_not_seen"


def test_a_payment_that_the_payees_bank_says_of_the_account_is_held_there_and_not_at_the_proxy():
    at = NINE + MINUTE
    office = Office()
    office.lay(
        Posting(VICTIM, "uetr/t1", at, -500_000, PROXY, 900_000),
        Posting(PROXY, "uetr/t1", at, 500_000, VICTIM),
        level(account=PROXY, reports=2, voices=2, verified_voices=2),
        told(PROXY),
    )
    assert office.holds() == {PROXY: 500_000}
    office.lay(
        Posting(VICTIM, "uetr/t1", at, -500_000, MULE),
        Posting(MULE, "uetr/t1", at, 500_000, VICTIM, 500_000),
    )
    assert office.holds() == {MULE: 500_000}


def test_who_is_not_verified_lets_nobody_be_held_whom_no_report_names():
    office = Office()
    unverified = level("light_brown", account=SLIP, verified_voices=0)
    office.lay(*paid("bank/t1", 500_000), unverified, told(SLIP, verified=False, reference="t1"))
    assert office.holds() == {}
    office.lay(level())
    assert office.holds() == {MULE: 500_000}


def test_a_withdrawn_report_lets_go_of_what_was_found():
    office = Office()
    office.lay(*paid("bank/t1", 500_000), level(account=SLIP), told(SLIP))
    office.lay(told(SLIP, version=2, withdrawn=True))
    assert office.holds() == {}


def test_two_voices_about_one_payment_do_not_take_it_from_each_other_for_ever():
    office = Office()
    one, other = told(MULE), msgspec.structs.replace(told(MULE), claim_id="ccib/1#0", voice="else")
    office.lay(*paid("bank/t1", 500_000), level(reports=2, voices=2), one, other)
    holds = [origin for kind, origin in office.standing() if kind == "hold"]
    assert "bank/t1" in holds
    assert {each.account for each in office.told()} == set()


def test_what_was_passed_on_before_is_not_passed_on_again_with_each_word():
    office = Office()
    word = told(SLIP, reference="t1", version=1 << 32)
    office.lay(*paid("bank/t1", 500_000), level(account=SLIP), word)
    office.lay(level(account=SLIP, version=2, acting=False), level(account=SLIP, version=3))
    before = len(office.told())
    office.lay(level(account=SLIP, version=4, reports=2), credit("bank/t9", 1_000, account=SLIP))
    assert len(office.told()) == before < 12


def test_what_its_payer_is_told_of_a_claim_is_a_question_only():
    office = Office()
    alike = level(account=SLIP, evidence=(("look_alike", VICTIM, "4.0 bits"),))
    one = told(SLIP)
    other = msgspec.structs.replace(one, claim_id="ccib/1#0", report="ccib/1", voice="else")
    office.lay(alike, *paid("bank/t1", 500_000, to=SLIP), one, other)
    assert office.told() == []


def test_a_payment_out_concerns_the_questions_only_that_it_may_answer():
    asked = [told(VICTIM, typed=name, paid_at=NINE) for name in (SLIP, SHOP, PROXY)]
    asked.append(told(VICTIM, typed=SHOP, reference="t1"))
    asked = [msgspec.structs.replace(each, claim_id=str(n)) for n, each in enumerate(asked)]
    paid_out = Paid({}, load_policy().claims)
    assert [paid_out.ask(each) for each in asked] == [None] * 4
    out, late = paid("bank/t1", 500_000)[0], paid("bank/t2", 500_000, at=NINE + 9 * HOUR_MS)[0]
    assert paid_out.changed("bank/t1-", None, out) == {"0", "2", "3"}
    assert paid_out.changed("bank/t2-", None, late) == {"0"}
    paid_out.forget("0")
    assert paid_out.changed("bank/t2-", late, late) == set()


def test_by_a_policy_without_that_rule_nobody_asks_the_payer():
    office = Office(policy=load_policy("th-2026-11.5"))
    office.lay(*paid("bank/t1", 500_000), level(account=SLIP), told(SLIP))
    assert office.told() == []


@pytest.mark.parametrize(
    ("typed", "alike"),
    [
        ("account:014:1112223334", True),
        ("account:?:1112223334", True),
        ("account:004:1112223334", True),
        ("account:014:1112223394", True),
        ("account:014:1112223343", True),
        ("account:014:111222333", True),
        ("account:014:11122233340", True),
        ("account:014:1112224343", False),
        ("account:014:9112223330", False),
        ("account:014:11122233", False),
        ("promptpay:phone:+66812345678", False),
    ],
)
def test_a_number_that_is_one_slip_away_looks_like_it(typed: str, alike: bool):
    assert is_one_edit(typed, MULE) is alike
    assert is_one_edit(MULE, typed) is alike


@settings(deadline=None, max_examples=60)
@given(seed=st.integers(0, 10**9))
@example(seed=1)
def test_any_order_on_any_partitions_gives_the_same_holds_and_asks_for_no_satang_twice(seed: int):
    draw = random.Random(seed)
    numbers = itertools.count()
    names = (SLIP, NO_BANK, PROXY, MULE)
    events: list[Any] = [level(account=name, reports=draw.randrange(1, 3)) for name in names]
    events = draw.sample(events, draw.randrange(1, 5))
    for number in itertools.islice(numbers, draw.randrange(1, 6)):
        at = NINE + draw.choice((0, MINUTE, 9 * HOUR_MS))
        to, names_of = draw.choice((MULE, MULE, SHOP, PROXY)), draw.choice(((), (MULE,)))
        out, into = paid(f"bank/t{number}", draw.choice((500_000, 70_000)), at=at, to=to)
        if to == PROXY:
            # Its own bank may name the account; then its book has the payment as well.
            into = msgspec.structs.replace(into, references=names_of)
            if names_of:
                events.append(msgspec.structs.replace(into, account=MULE, references=()))
            if draw.random() < 0.5:
                events += [
                    msgspec.structs.replace(out, other=MULE),
                    msgspec.structs.replace(into, account=MULE, references=()),
                ]
        events += [out, into]
    for number in range(draw.randrange(1, 5)):
        facts: dict[str, Any] = {"voice": f"voice-{draw.randrange(3)}"}
        facts["version"] = version = draw.choice((1, 1 << 32))
        facts["payer"] = draw.choice((None, VICTIM, VICTIM, SHOP))
        facts["paid_at"] = NINE + draw.choice((0, 2 * MINUTE, 9 * HOUR_MS))
        facts["verified"] = draw.random() < 0.8
        facts["reference"] = draw.choice((None, None, f"t{draw.randrange(5)}"))
        account = draw.choice((SLIP, NO_BANK, PROXY, MULE))
        if account == PROXY:
            # A proxy's payment that no bank says of the account is asked about by its payer alone.
            facts["payer"] = VICTIM
        word = claim(f"aoc-1441/{number}#0", 500_000, account=account, **facts)
        events.append(word)
        if draw.random() < 0.4:
            changed = {"version": version + 1, "withdrawn": draw.random() < 0.5, "payer": VICTIM}
            events.append(msgspec.structs.replace(word, **changed))
    results = []
    for _ in range(2):
        results.append(Workers(load_policy(), draw).work_at_times(events))
        draw.shuffle(events)
    assert results[0] == results[1]
    paid_in = {e.transaction: e.amount for e in events if isinstance(e, Posting) and e.amount > 0}
    asked = Counter[str]()
    for (_, origin), satang in results[0].items():
        asked[origin] += satang
    assert all(satang <= paid_in.get(origin, 500_000) for origin, satang in asked.items())
