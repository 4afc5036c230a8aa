"""A number that stands alone and differs from a known one as no neighbour's does is its slip."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.clustering.slips import is_no_neighbour
from pipeline.policy.policy import load_policy
from tests.pipeline.clustering.scenarios import (
    Run,
    account,
    check_begins_again,
    check_definition,
    decision,
    line,
    phone,
    report,
)

MULE, BRANCH, NEIGHBOUR, LACKING = "1112223330", "1312223330", "1112223340", "111222333"
HOLDER, OTHER_HOLDER = "กมลวรรณ พิทักษ์ไทย", "ธีรเดช บุญเรือง"
PHONE, OTHER_PHONE = "0811111111", "0822222222"
RING = [report(f"mule-{n}", [account(MULE, holder=HOLDER), phone(PHONE)]) for n in range(2)]


def is_joined(*reports: dict[str, Any], slip: str = BRANCH, bank: str | None = "004") -> bool:
    run = Run()
    run.feed([*RING, *reports])
    return f"account:004:{MULE}" in run.cluster_of(f"account:{bank or '?'}:{slip}")["members"]


@pytest.mark.parametrize(
    ("slip", "joined"),
    [(BRANCH, True), ("1112332330", False), (NEIGHBOUR, False), (LACKING, True)],
)
def test_it_joins_where_no_neighbours_number_differs(slip: str, joined: bool) -> None:
    assert is_joined(report("slip", [account(slip)]), slip=slip) == joined


def test_without_its_bank_it_takes_a_number_that_more_people_name() -> None:
    told = report("slip", [account(BRANCH, None)])
    more = [report(f"more-{n}", [account(MULE)]) for n in range(6)]
    assert not is_joined(told, bank=None)
    assert is_joined(*more, told, bank=None)


def test_a_second_voice_makes_it_an_account_of_its_own() -> None:
    assert not is_joined(*[report(f"slip-{n}", [account(BRANCH)]) for n in range(2)])


def test_another_holder_makes_it_another_account() -> None:
    assert not is_joined(report("slip", [account(BRANCH, holder=OTHER_HOLDER)]))


def test_it_may_be_named_beside_a_contact_that_nobody_else_names() -> None:
    slip = report("slip", [account(BRANCH), phone(OTHER_PHONE)])
    assert is_joined(slip)
    assert not is_joined(slip, report("else", [phone(OTHER_PHONE)]))
    assert not is_joined(report("else", [phone(OTHER_PHONE)]), slip)


@pytest.mark.parametrize("beside", [account("5556667770"), line("@quick")])
def test_what_else_may_be_known_otherwise_does_not_stand_alone(beside: dict[str, Any]) -> None:
    assert not is_joined(report("slip", [account(BRANCH), beside]))


def test_who_takes_the_other_report_back_leaves_it_alone_again() -> None:
    slip = report("slip", [account(BRANCH), phone(OTHER_PHONE)])
    other = report("else", [phone(OTHER_PHONE)])
    assert is_joined(slip, other, report("else", kind="withdrawn", revision=2))


def test_a_public_number_beside_it_says_nothing() -> None:
    slip = report("slip", [account(BRANCH), phone(OTHER_PHONE)])
    public = decision("hotline", "public_number", "phone:+66822222222")
    other = report("else", [phone(OTHER_PHONE)])
    assert is_joined(slip, other, public)
    taken_back = {**public, "kind": "withdrawn", "revision": 2}
    assert not is_joined(slip, other, public, taken_back)


@pytest.mark.parametrize(
    ("slip", "known", "found"),
    [
        ("account:004:1312223330", "account:004:1112223330", True),
        ("account:004:1121223330", "account:004:1112223330", True),
        ("account:004:1112223303", "account:004:1112223330", False),
        ("account:004:1112223331", "account:004:1112223330", False),
        ("account:004:11122233300", "account:004:1112223330", True),
        ("account:030:11122233300", "account:030:111222333000", True),
        ("account:030:1112223330000", "account:030:11122233300", False),
        ("account:?:111222333", "account:004:1112223330", True),
        ("account:020:111222333", "account:020:1112223330", False),
    ],
)
def test_neighbours_differ_in_their_last_digits_and_not_in_length(
    slip: str, known: str, found: bool
) -> None:
    assert is_no_neighbour(slip, known) == found


NUMBERS = [MULE, MULE, BRANCH, NEIGHBOUR, LACKING, "1412223330", "5556667770"]
tellings = st.builds(
    lambda number, suspect, bank, holder, phones, also, victim: report(
        str(number),
        [account(suspect, bank, holder), *map(phone, phones), *map(line, also)],
        victim=victim,
        verified=victim is not None,
    ),
    st.integers(0, 12),
    st.sampled_from(NUMBERS),
    st.sampled_from(["004", "004", "004", "014", None]),
    st.sampled_from([None, None, None, HOLDER, OTHER_HOLDER]),
    st.lists(st.sampled_from([PHONE, OTHER_PHONE, "0833333333"]), max_size=2),
    st.sampled_from([[], [], ["@quick"]]),
    st.sampled_from([None, "ann", "bob"]),
)


@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
@given(told=st.lists(tellings, min_size=3, max_size=16), seed=st.integers(0, 2**16))
def test_clusters_are_those_of_the_definition(told: list[dict[str, Any]], seed: int) -> None:
    check_definition(load_policy(), told, seed)


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(told=st.lists(tellings, min_size=3, max_size=12), stops=st.sets(st.integers(0, 11)))
def test_a_fold_that_begins_again_says_the_same(
    told: list[dict[str, Any]], stops: set[int]
) -> None:
    check_begins_again(load_policy(), told, stops)
