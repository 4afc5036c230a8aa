"""What a report names that says nothing about who belongs together: lists, and billers."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.clustering.pairs import LISTED_ACCOUNTS
from pipeline.policy.policy import load_policy
from tests.pipeline.clustering.scenarios import (
    Run,
    account,
    check_begins_again,
    check_definition,
    line,
    pay,
    phone,
    report,
)

MINE, THEIRS = "1112223330", "5556667770"
NUMBERS = [f"{n}00{n}2341{n:02d}"[:10] for n in range(11, 11 + LISTED_ACCOUNTS)]
BILLER = {"kind": "promptpay", "proxy": "biller:010555600000901"}
PAID = pay(MINE, 150_000, "2026-10-01T09:00:00+07:00")


def listed(name: str, others: int, **more: Any) -> dict[str, Any]:
    """Return a report that names an account of either ring, and so many others."""
    return report(name, list(map(account, [MINE, THEIRS, *NUMBERS[:others]])), **more)


def rings() -> list[dict[str, Any]]:
    return [
        report(f"{number}-{n}", [account(number), line(handle)])
        for number, handle in ((MINE, "@quickmoney"), (THEIRS, "@richsoon"))
        for n in range(2)
    ]


def are_one(*events: dict[str, Any]) -> bool:
    run = Run()
    run.feed(events)
    return "handle:line:@richsoon" in run.cluster_of("handle:line:@quickmoney")["members"]


@pytest.mark.parametrize(("others", "joined"), [(5, True), (6, False)])
def test_a_list_of_accounts_says_nothing_of_who_belongs_together(others: int, joined: bool) -> None:
    lists = [listed(f"list-{n}", others) for n in range(2)]
    assert are_one(*rings(), *lists) == joined


def test_who_paid_into_so_many_accounts_was_robbed_by_one_ring() -> None:
    robbed = [listed(f"robbed-{n}", 6, payments=[PAID]) for n in range(2)]
    assert are_one(*rings(), *robbed)


def test_each_account_of_a_list_is_accused() -> None:
    run = Run()
    run.feed([listed("list", 6)])
    assert len(run.clusters()) == LISTED_ACCOUNTS
    for number in (MINE, *NUMBERS[:6]):
        assert run.cluster_of(f"account:004:{number}")["voices"] == 1


def test_a_list_that_grows_shorter_is_a_list_no_more() -> None:
    longer = [*rings(), listed("1", 6), listed("2", 6)]
    shorter = [listed(n, 5, kind="corrected", revision=2, minute=1) for n in ("1", "2")]
    assert are_one(*longer, *shorter)
    back = [listed(n, 6, kind="corrected", revision=3, minute=2) for n in ("1", "2")]
    assert not are_one(*longer, *shorter, *back)


def test_a_biller_is_everybodys_and_still_accused() -> None:
    run = Run()
    run.feed(
        [
            report(f"{handle}-{n}", [BILLER, line(handle)])
            for handle in ("@quickmoney", "@richsoon")
            for n in range(2)
        ]
    )
    key = "promptpay:biller:010555600000901"
    assert run.cluster_of(key)["members"] == [key]
    assert run.cluster_of(key)["public"]
    assert run.cluster_of("handle:line:@richsoon")["members"] == ["handle:line:@richsoon"]
    assert run.cluster_of("handle:line:@richsoon")["report_count"] == 2
    assert run.levels()[key].level != "none"


told = st.builds(
    lambda number, numbers, others, paid: report(
        f"r{number}", [*map(account, numbers), *others], payments=[PAID] if paid else []
    ),
    st.integers(0, 9),
    st.lists(st.sampled_from([MINE, THEIRS, *NUMBERS]), max_size=10, unique=True),
    st.lists(
        st.sampled_from([line("@quickmoney"), phone("0811111111"), BILLER]),
        min_size=1,
        max_size=3,
        unique_by=str,
    ),
    st.booleans(),
)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(events=st.lists(told, max_size=12), seed=st.integers(0, 2**16))
def test_clusters_are_those_of_the_definition(events: list[dict[str, Any]], seed: int) -> None:
    check_definition(load_policy(), events, seed)


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(events=st.lists(told, max_size=12), stops=st.sets(st.integers(1, 12), max_size=3))
def test_a_fold_that_begins_again_goes_on_as_before(
    events: list[dict[str, Any]], stops: set[int]
) -> None:
    check_begins_again(load_policy(), events, stops)
