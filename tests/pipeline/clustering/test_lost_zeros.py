"""A number without the zeros that it begins with, as a spreadsheet writes it: the account it is."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.identity.account import is_without_zeros, without_or_with_zeros
from tests.pipeline.clustering.scenarios import (
    Run,
    account,
    check_begins_again,
    check_definition,
    phone,
    report,
    small_policy,
    tellings,
)

WHOLE, SHORT = "0451234567", "451234567"
TWO_ZEROS, SHORTER = "0091234567", "91234567"


@pytest.mark.parametrize(
    ("short", "whole", "expected"),
    [
        ("004:451234567", "004:0451234567", True),
        ("004:91234567", "004:0091234567", True),
        ("?:451234567", "004:0451234567", True),
        ("030:51234567890", "030:051234567890", True),
        ("014:451234567", "004:0451234567", False),
        ("004:451234567", "004:1451234567", False),
        ("004:1451234567", "030:001451234567", False),
        ("?:1451234567", "030:001451234567", False),
        ("018:451234567", "018:0451234567", False),
        ("004:0451234567", "004:0451234567", False),
        ("004:51234567", "004:051234567", False),
    ],
)
def test_what_is_a_number_without_its_zeros(short: str, whole: str, expected: bool) -> None:
    one, other = f"account:{short}", f"account:{whole}"
    assert is_without_zeros(one, other) == is_without_zeros(other, one) == expected


def test_several_zeros_are_looked_for_from_both_sides() -> None:
    assert SHORTER in without_or_with_zeros(TWO_ZEROS)
    assert TWO_ZEROS in without_or_with_zeros(SHORTER)


def test_a_spreadsheet_that_drops_zeros_and_adds_decimals_names_no_strangers_account() -> None:
    run = Run()
    run.feed([report("a", [account("0012345678")]), report("b", [account("0123456780")])])
    run.feed([report("c", [account("12345678.0"), phone("0812345678")])])
    members = run.cluster_of("phone:+66812345678")["members"]
    assert "account:004:0012345678" in members
    assert "account:004:0123456780" not in members


@pytest.mark.parametrize(("whole", "short"), [(WHOLE, SHORT), (TWO_ZEROS, SHORTER)])
@pytest.mark.parametrize("bank", ["004", None])
def test_it_joins_the_account_in_either_order(whole: str, short: str, bank: str | None) -> None:
    told = [report("a", [account(whole)]), report("b", [account(short, bank)])]
    for order in (told, told[::-1]):
        run = Run()
        run.feed(order)
        assert len(run.clusters()) == 1


def test_it_lets_nobody_be_held_who_is_not_named() -> None:
    run = Run()
    run.feed([report(str(n), [account(SHORT)]) for n in range(3)])
    run.feed([report("w", [account(WHOLE)], verified=False)])
    assert run.levels()[f"account:004:{WHOLE}"].level not in POLICY.acting_levels


def test_a_number_that_lacks_another_digit_is_not_taken_for_it() -> None:
    run = Run()
    run.feed([report("a", [account("1451234567")]), report("b", [account(SHORT)])])
    assert len(run.clusters()) == 2


def test_it_joins_an_account_that_is_near_a_better_known_one() -> None:
    run = Run()
    near = "0451234568"
    run.feed([report(str(n), [account(near, holder="กมลวรรณ พิทักษ์ไทย")]) for n in range(3)])
    run.feed([report("w", [account(WHOLE, holder="กมลวรรณ พิทักษ์ไทย")])])
    run.feed([report("s", [account(SHORT)])])
    assert len(run.clusters()) == 1


POLICY = small_policy(hub=9, bridge_voices=2, bridge_identifiers=1)
suspects = st.one_of(
    st.builds(
        account,
        st.sampled_from([WHOLE, SHORT, "0451234568", "451234568", TWO_ZEROS, SHORTER]),
        st.sampled_from(["004", "004", "014", None]),
        st.sampled_from([None, None, "สมชาย ใจดี"]),
    ),
    st.builds(phone, st.sampled_from(["0811111111", "0822222222"])),
)
events = tellings(suspects)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(events, min_size=1, max_size=12), st.integers(0, 9))
def test_the_clusters_are_those_of_the_definition(told: list[dict[str, Any]], seed: int) -> None:
    check_definition(POLICY, told, seed)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(events, min_size=2, max_size=10), st.sets(st.integers(0, 9), max_size=3))
def test_a_fold_that_begins_again_says_the_same(
    told: list[dict[str, Any]], stops: set[int]
) -> None:
    check_begins_again(POLICY, told, stops)
