"""Claims at a number that may be a slip are met by the payment into the account that was meant."""

from __future__ import annotations

import itertools
import random
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.contracts.account_log import Posting
from pipeline.policy.policy import load_policy
from tests.pipeline.accounts.desk import (
    MINUTE,
    MULE,
    NINE,
    VICTIM,
    answer,
    claim,
    credit,
    level,
)
from tests.pipeline.accounts.office import Office
from tests.pipeline.accounts.workers import Workers

SLIP = "account:014:1112223343"
OTHER = "account:014:1112223335"
MISTYPED = claim("aoc-1441/1#0", 500_000, account=SLIP, payer=VICTIM)
MAY_BE_A_SLIP = level(account=SLIP, misspelt=True, slip_of=(MULE,))
NAMED = level(reports=4, voices=4, verified_voices=1)
PAID = credit("bank/t1", 500_000, at=NINE + 3 * MINUTE)


def test_the_payment_is_held_where_it_went_and_the_alert_says_what_was_typed():
    office = Office()
    office.lay(NAMED, PAID, MISTYPED)
    assert office.holds() == {}
    office.lay(MAY_BE_A_SLIP)
    assert office.holds() == {MULE: 500_000}
    (held,) = [a for (kind, origin), a in office.standing().items() if origin == "bank/t1"]
    (told,) = [one for one in held["evidence"] if one["kind"] == "claim"]
    assert (told["report"], told["identifier"]) == ("aoc-1441/1", SLIP)


@pytest.mark.parametrize(
    "paid",
    [
        credit("bank/t1", 700_000),
        credit("bank/t1", 500_000, at=NINE + 5 * 60 * MINUTE),
        credit("bank/t1", 500_000, other="account:006:1231231234"),
    ],
    ids=["another amount", "another time", "another payer"],
)
def test_what_does_not_fit_is_not_disputed_by_it(paid: Posting):
    office = Office()
    office.lay(NAMED, paid, MISTYPED, MAY_BE_A_SLIP)
    assert office.holds() == {}
    assert office.standing()["watch", MULE]["disputed_satang"] == 0


def test_a_reference_finds_the_payment_whatever_else_was_said():
    office = Office()
    paid = credit("bank/t1", 700_000, references=("tx:R-77",))
    office.lay(NAMED, paid, msgspec.structs.replace(MISTYPED, reference="R-77"), MAY_BE_A_SLIP)
    assert office.holds() == {MULE: 700_000}


def test_a_payment_that_is_seen_at_the_number_as_typed_is_disputed_there_alone():
    office = Office()
    office.lay(NAMED, PAID, MISTYPED, MAY_BE_A_SLIP)
    assert office.holds() == {MULE: 500_000}
    office.lay(msgspec.structs.replace(PAID, account=SLIP, transaction="bank/t2"))
    assert office.holds() == {SLIP: 500_000}


def test_a_withdrawn_report_lets_go_of_what_was_meant():
    office = Office()
    office.lay(NAMED, PAID, MISTYPED, MAY_BE_A_SLIP)
    office.lay(msgspec.structs.replace(MISTYPED, version=2, withdrawn=True))
    assert office.holds() == {}


def test_a_number_that_is_no_slip_any_more_keeps_its_claims_to_itself():
    office = Office()
    office.lay(NAMED, PAID, MISTYPED, MAY_BE_A_SLIP, level(account=SLIP, version=2))
    assert office.holds() == {}
    assert [each.withdrawn for each in office.told() if each.account == MULE] == [False, True]


def test_a_report_corrected_from_one_slip_to_another_counts_by_the_newer_one():
    office = Office()
    other = level(account=OTHER, misspelt=True, slip_of=(MULE,))
    office.lay(NAMED, PAID, MISTYPED, MAY_BE_A_SLIP, other)
    corrected = claim("aoc-1441/1#0", 500_000, account=OTHER, payer=VICTIM, version=2)
    office.lay(corrected)
    office.lay(claim("aoc-1441/1#0", 500_000, account=SLIP, version=2, withdrawn=True))
    assert office.holds() == {MULE: 500_000}


def test_a_claim_of_this_very_account_is_met_before_one_that_was_typed_elsewhere():
    office = Office()
    own = claim("aoc-1441/9#0", 500_000, paid_at=NINE + 9 * MINUTE)
    typed = msgspec.structs.replace(MISTYPED, payer=None, paid_at=NINE + 3 * MINUTE)
    office.lay(NAMED, PAID, own, typed, MAY_BE_A_SLIP)
    (held,) = [a for (kind, origin), a in office.standing().items() if origin == "bank/t1"]
    assert [one["report"] for one in held["evidence"] if one["kind"] == "claim"] == ["aoc-1441/9"]


LIKE_IT = level(account=SLIP, evidence=(("look_alike", MULE, "4.0 bits"),))
"""The level of a number that no fewer people name than the one that it looks like."""


def test_a_number_that_as_many_name_is_a_slip_where_the_payer_or_a_reference_shows_the_payment():
    office = Office()
    office.lay(NAMED, PAID, MISTYPED, LIKE_IT)
    assert office.holds() == {MULE: 500_000}
    other = Office()
    named = msgspec.structs.replace(PAID, references=("tx:R-77",))
    other.lay(NAMED, named, msgspec.structs.replace(MISTYPED, payer=None, reference="R-77"))
    other.lay(LIKE_IT)
    assert other.holds() == {MULE: 500_000}


@pytest.mark.parametrize("reference", [None, "R-78"])
def test_amount_and_time_alone_do_not_make_a_slip_of_a_number_that_as_many_name(reference):
    office = Office()
    told = msgspec.structs.replace(MISTYPED, payer=None, reference=reference)
    office.lay(NAMED, PAID, told, LIKE_IT)
    assert office.holds() == {}


def test_an_account_of_no_acting_level_is_not_held_for_what_was_typed_elsewhere():
    office = Office()
    office.lay(level("light_brown", voices=3), PAID, MISTYPED, MAY_BE_A_SLIP)
    assert office.holds() == {}


def test_by_a_policy_without_that_rule_claims_stay_where_they_were_typed():
    office = Office(policy=load_policy("th-2026-11.3"))
    office.lay(NAMED, PAID, MISTYPED, MAY_BE_A_SLIP)
    assert office.told() == []


def test_a_bank_that_let_go_is_not_asked_again_for_what_was_typed_elsewhere():
    office = Office()
    office.lay(NAMED, PAID, MISTYPED, MAY_BE_A_SLIP)
    (alert,) = [a for (kind, _), a in office.standing().items() if kind == "hold"]
    office.lay(answer("scb/1", "released", alert_id=alert["alert_id"]))
    assert office.holds() == {}


@settings(deadline=None, max_examples=60)
@given(seed=st.integers(0, 10**9))
def test_any_order_on_any_partitions_gives_the_same_holds(seed: int):
    draw = random.Random(seed)
    numbers = itertools.count()
    events: list[Any] = [NAMED, MAY_BE_A_SLIP]
    events += [level(account=OTHER, misspelt=True, slip_of=(MULE, SLIP))] * draw.randrange(2)
    events += [level(account=SLIP, version=2)] * draw.randrange(2)
    for account in (MULE, SLIP, OTHER):
        for number in itertools.islice(numbers, draw.randrange(3)):
            at = NINE + draw.randrange(9) * MINUTE
            amount = draw.choice((500_000, 500_000, 700_000))
            events.append(credit(f"bank/t{number}", amount, at=at, account=account))
    for number in range(draw.randrange(1, 5)):
        named = {"payer": draw.choice((None, VICTIM)), "paid_at": NINE + draw.randrange(9) * MINUTE}
        first, then = draw.choices((MULE, SLIP, OTHER), k=2)
        told = claim(f"aoc-1441/{number}#0", 500_000, account=first, **named)
        events.append(told)
        if draw.random() < 0.4:
            newer = msgspec.structs.replace(told, version=2)
            events.append(msgspec.structs.replace(newer, withdrawn=True))
            if then != first:
                events.append(msgspec.structs.replace(newer, account=then))
    results = []
    for _ in range(2):
        results.append(Workers(load_policy(), draw).work_at_times(events))
        draw.shuffle(events)
    assert results[0] == results[1]
