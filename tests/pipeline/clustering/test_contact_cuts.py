"""Two rings that share accounts are told apart by the contacts that their victims name together."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.policy.policy import load_policy
from tests.pipeline.clustering.scenarios import (
    Run,
    account,
    check_definition,
    decision,
    line,
    phone,
    report,
)

SHARED, ANOTHER = "1112223330", "5556667770"
OWN = {"mine": "3334445550", "theirs": "7778889990"}
MINE = [phone("0811111111"), line("@quickmoney"), line("@helpdesk")]
THEIRS = [phone("0822222222"), line("@richsoon"), line("@winners")]
COURIER = phone("0899999999")
EARLY, LATE = "2026-10-01T10:00:00+07:00", "2026-11-01T10:00:00+07:00"


def victims(
    ring: str, contacts: list[dict[str, Any]], count: int = 12, **more: Any
) -> list[dict[str, Any]]:
    """Return reports that each name two contacts of one ring, and the shared account.

    One of them names an account beside it that is the ring's alone.
    """
    told = []
    for n in range(count):
        accounts = [SHARED, OWN[ring]] if n == 1 else [SHARED]
        pair = contacts[n % 3], contacts[(n + 1) % 3]
        told.append(report(f"{ring}-{n}", [*map(account, accounts), *pair], **more))
    return told


def are_one(*events: dict[str, Any]) -> bool:
    run = Run()
    run.feed(events)
    return "handle:line:@richsoon" in run.cluster_of("handle:line:@quickmoney")["members"]


def test_rings_that_share_an_account_are_two_where_no_victim_names_contacts_of_both() -> None:
    assert not are_one(*victims("mine", MINE), *victims("theirs", THEIRS))


def test_rings_that_share_a_second_account_are_one() -> None:
    more = [
        report(f"more-{place}", [account(ANOTHER), *contacts[:2]])
        for place, contacts in enumerate((MINE, THEIRS))
    ]
    assert not are_one(*victims("mine", MINE), *victims("theirs", THEIRS), more[0])
    assert are_one(*victims("mine", MINE), *victims("theirs", THEIRS), *more)


@pytest.mark.parametrize("ring", ["mine", "theirs"])
def test_who_is_paid_into_the_shared_account_alone_is_no_ring_of_its_own(ring: str) -> None:
    told = [*victims("mine", MINE), *victims("theirs", THEIRS)]
    told = [each for each in told if each["report_id"] != f"{ring}-1"]
    assert are_one(*told)


def own_victims(ring: str, contacts: list[dict[str, Any]], count: int) -> list[dict[str, Any]]:
    """Return reports that each name two contacts of a ring, and the account that is its alone."""
    return [
        report(f"{ring}-own-{n}", [account(OWN[ring]), contacts[n % 3], contacts[(n + 1) % 3]])
        for n in range(count)
    ]


def test_who_is_paid_into_the_shared_account_alone_is_a_ring_where_others_are_told_more() -> None:
    mine = [each for each in victims("mine", MINE) if each["report_id"] != "mine-1"]
    theirs = victims("theirs", THEIRS)
    assert are_one(*mine, *theirs, *own_victims("theirs", THEIRS, 2))
    assert not are_one(*mine, *theirs, *own_victims("theirs", THEIRS, 6))


def test_rings_that_share_two_accounts_are_two_where_each_is_mostly_paid_into_its_own() -> None:
    more = [
        report(f"more-{place}", [account(ANOTHER), *contacts[:2]])
        for place, contacts in enumerate((MINE, THEIRS))
    ]
    told = [*victims("mine", MINE), *victims("theirs", THEIRS), *more]
    few = [*own_victims("mine", MINE, 2), *own_victims("theirs", THEIRS, 2)]
    many = [*own_victims("mine", MINE, 9), *own_victims("theirs", THEIRS, 9)]
    assert are_one(*told, *few)
    assert not are_one(*told, *many)


def test_they_are_two_in_whatever_order_their_victims_report() -> None:
    told = [*victims("mine", MINE), *victims("theirs", THEIRS)]
    assert not are_one(*reversed(told))
    assert not are_one(*told[::2], *told[1::2])


def test_a_courier_of_both_makes_them_no_ring() -> None:
    couriers = [
        report(f"courier-{n}", [account(SHARED), COURIER, contacts[n % 2]])
        for n in range(2)
        for contacts in (MINE, THEIRS)
    ]
    assert not are_one(*victims("mine", MINE), *victims("theirs", THEIRS), *couriers)


def test_contacts_that_victims_name_together_are_one_rings() -> None:
    mixed = [
        report(f"mixed-{n}", [account(SHARED), MINE[n % 3], THEIRS[(n + 1) % 3]]) for n in range(12)
    ]
    assert are_one(*victims("mine", MINE), *victims("theirs", THEIRS), *mixed)


# Somebody tells of the account in between, so that no silence lies there.
BETWEEN = [
    report(f"between-{n}", [account(SHARED)], received_at=f"2026-10-{n:02}T10:00:00+07:00")
    for n in range(2, 32)
]


def test_a_ring_that_took_new_contacts_stays_one() -> None:
    before = victims("mine", MINE, received_at=EARLY)
    after = victims("theirs", THEIRS, received_at=LATE)
    assert are_one(*before, *after, *BETWEEN)


def test_who_reports_late_does_not_make_two_rings_of_it() -> None:
    before = victims("mine", MINE, 11, received_at=EARLY)
    after = victims("theirs", THEIRS, 11, received_at=LATE)
    late = report("late", [account(SHARED), *MINE[:2]], received_at=LATE)
    early = report("early", [account(SHARED), *THEIRS[:2]], received_at=EARLY)
    assert are_one(*before, *after, *BETWEEN, late, early)


def test_a_few_victims_say_too_little() -> None:
    assert are_one(*victims("mine", MINE, 5), *victims("theirs", THEIRS, 5))
    assert not are_one(*victims("mine", MINE, 6), *victims("theirs", THEIRS, 6))


def test_two_contacts_that_are_always_told_together_are_no_ring_of_their_own() -> None:
    told = [
        report(f"told-{n}-{place}", [account(SHARED), *contacts[:2]])
        for n in range(16)
        for place, contacts in enumerate((MINE, THEIRS))
    ]
    assert are_one(*told)


def test_where_no_account_is_named_a_courier_makes_no_ring_either() -> None:
    told = [
        report(f"told-{n}-{place}", [contacts[n % 3], contacts[(n + 1) % 3]])
        for n in range(12)
        for place, contacts in enumerate((MINE, THEIRS))
    ]
    couriers = [
        report(f"courier-{n}-{place}", [COURIER, contacts[n % 2]])
        for n in range(2)
        for place, contacts in enumerate((MINE, THEIRS))
    ]
    assert not are_one(*told, *couriers)


def test_the_shared_account_stays_with_the_ring_that_more_name_it_with() -> None:
    run = Run()
    run.feed([*victims("mine", MINE, 18), *victims("theirs", THEIRS)])
    cluster = run.cluster_of(f"account:004:{SHARED}")
    assert "handle:line:@quickmoney" in cluster["members"]
    reasons = {reason for relation in cluster["relations"] for reason in relation["reasons"]}
    assert "other_contacts" in reasons


def test_what_people_say_is_the_same_is_not_parted() -> None:
    run = Run()
    run.feed([*victims("mine", MINE), *victims("theirs", THEIRS)])
    run.feed([decision("1", "same", "handle:line:@richsoon", "handle:line:@quickmoney")])
    assert "handle:line:@richsoon" in run.cluster_of("handle:line:@quickmoney")["members"]


DAYS = [EARLY, "2026-10-02T10:00:00+07:00", "2026-10-03T10:00:00+07:00"]
tellings = st.builds(
    lambda number, numbers, contacts, day: report(
        f"more-{number}", [*map(account, numbers), *contacts], received_at=day
    ),
    st.integers(0, 60),
    st.sampled_from([[], [SHARED], [ANOTHER], [OWN["mine"]], [SHARED, ANOTHER]]),
    st.lists(st.sampled_from([*MINE, *THEIRS, COURIER]), min_size=1, max_size=3, unique_by=str),
    st.sampled_from([*DAYS, LATE]),
)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    events=st.lists(tellings, max_size=10),
    sizes=st.tuples(st.integers(4, 14), st.integers(4, 14)),
    own=st.tuples(st.integers(0, 9), st.integers(0, 9)),
    days=st.tuples(st.sampled_from(DAYS), st.sampled_from(DAYS)),
    seed=st.integers(0, 2**16),
)
def test_clusters_are_those_of_the_definition(
    events: list[dict[str, Any]],
    sizes: tuple[int, int],
    own: tuple[int, int],
    days: tuple[str, str],
    seed: int,
) -> None:
    told = [
        *victims("mine", MINE, sizes[0], received_at=days[0]),
        *victims("theirs", THEIRS, sizes[1], received_at=days[1]),
        *own_victims("mine", MINE, own[0]),
        *own_victims("theirs", THEIRS, own[1]),
    ]
    check_definition(load_policy(), [*told, *events], seed)
