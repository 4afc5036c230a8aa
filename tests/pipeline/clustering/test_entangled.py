"""Rings that several passed-on phones tie to one another in a circle stay apart."""

from __future__ import annotations

import random
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.pipeline.clustering.oracle import Oracle
from tests.pipeline.clustering.scenarios import (
    Run,
    account,
    line,
    phone,
    report,
    small_policy,
)
from tests.pipeline.clustering.test_any_order import stored

ACCOUNTS = ["1112223330", "2223334441", "3334445552"]
PHONES = ["0811111111", "0822222222", "0833333333"]
TWO = small_policy(bridge_voices=2, bridge_identifiers=1)


def page(place: int) -> dict[str, Any]:
    return {"kind": "url", "url": f"https://sale{place}.net/buy"}


def ring(place: int, own: int, passed: int) -> list[dict[str, Any]]:
    """Return a ring's reports; most name its own phone, one the phone of another ring."""
    number = ACCOUNTS[place]
    told = [
        report(f"{place}-{n}", [account(number), phone(PHONES[own]), page(place)]) for n in range(5)
    ]
    return [*told, report(f"{place}-passed", [account(number), phone(PHONES[passed])])]


def test_rings_in_a_circle_of_passed_phones_stay_apart() -> None:
    run = Run()
    for place in range(3):
        run.feed(ring(place, place, (place + 1) % 3))
    assert len(run.clusters()) == 3
    cluster = run.cluster_of(f"account:004:{ACCOUNTS[0]}")
    assert f"phone:+66{PHONES[0][1:]}" in cluster["members"]
    assert any("bridge" in relation["reasons"] for relation in cluster["relations"])


def test_two_phones_that_tie_the_same_two_parts_speak_for_one_party() -> None:
    run = Run()
    run.feed(ring(0, 0, 1) + ring(1, 1, 0))
    run.feed([report("another", [account(ACCOUNTS[0]), phone(PHONES[1])])])
    assert len(run.clusters()) == 1


def test_two_couriers_whom_one_victim_of_each_of_two_rings_names_make_no_party_of_them() -> None:
    run = Run()
    for place in (0, 1):
        run.feed(ring(place, place, 2))
        run.feed([report(f"{place}-other", [account(ACCOUNTS[place]), phone("0844444444")])])
    assert len(run.clusters()) == 2


def test_a_courier_of_three_rings_and_a_phone_that_two_of_them_used_make_no_party_of_the_two() -> (
    None
):
    run = Run()
    for place in range(3):
        run.feed(ring(place, place, 0 if place == 1 else place))
        for voice in range(2):
            told = [account(ACCOUNTS[place]), phone("0844444444")]
            run.feed([report(f"{place}-courier-{voice}", told)])
    assert len(run.clusters()) == 3


told = st.lists(
    st.builds(
        lambda number, place, phones, also: report(
            str(number),
            [account(ACCOUNTS[place]), *map(phone, phones), *map(line, also)],
        ),
        st.integers(0, 60),
        st.integers(0, 2),
        st.lists(st.sampled_from(PHONES), max_size=2, unique=True),
        st.lists(st.sampled_from(["@a", "@b"]), max_size=1),
    ),
    min_size=8,
    max_size=40,
    unique_by=lambda r: r["report_id"],
)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(reports=told, seed=st.integers(0, 9))
def test_clusters_are_those_of_the_definition(reports: list[dict[str, Any]], seed: int) -> None:
    run = Run(TWO)
    run.feed(random.Random(seed).sample(reports, len(reports)))
    assert run.clusters() == Oracle([stored(r, TWO) for r in reports], TWO).clusters()
