"""Two parties stay two, whatever little ties them; one ring stays one, however little does."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.clustering.parties import apart_bits
from tests.pipeline.clustering.oracle import Oracle
from tests.pipeline.clustering.scenarios import (
    Run,
    account,
    line,
    phone,
    report,
    small_policy,
    stored,
)

ACCOUNTS = ["1112223330", "2223334441", "3334445552"]
PHONES = ["0811111111", "0822222222", "0833333333"]
TWO = small_policy(bridge_voices=2, bridge_identifiers=1, bridge_bits=2.0)


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
    assert any("two_parties" in relation["reasons"] for relation in cluster["relations"])


def test_rings_that_share_a_phone_and_a_courier_stay_apart() -> None:
    run = Run()
    for place in (0, 1):
        run.feed(ring(place, place, 2))
        run.feed([report(f"{place}-other", [account(ACCOUNTS[place]), phone("0844444444")])])
    assert len(run.clusters()) == 2


def test_a_phone_that_is_all_that_two_accounts_have_in_common_joins_them() -> None:
    run = Run()
    for place in range(2):
        told = [account(ACCOUNTS[place])]
        run.feed([report(f"{place}-{n}", told) for n in range(4)])
        run.feed([report(f"{place}-paid-{n}", [*told, phone(PHONES[0])]) for n in range(4)])
    assert len(run.clusters()) == 1


def test_numbers_that_each_go_with_one_account_only_make_two_parties_of_a_phones_neighbours() -> (
    None
):
    run = Run()
    for place in range(2):
        run.feed(ring(place, place, 2))
        told = [account(ACCOUNTS[place]), phone(PHONES[2])]
        run.feed([report(f"{place}-also-{n}", told) for n in range(4)])
    assert len(run.clusters()) == 2


def in_phases(tying: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return reports about accounts that were used one after the other, each with its numbers."""
    told = []
    for place in (0, 1):
        suspects = [account(ACCOUNTS[place]), phone(PHONES[place]), page(place)]
        told += [report(f"{place}-{n}", suspects) for n in range(8)]
    return told + tying


def test_parts_that_several_numbers_of_each_tie_are_one_ring() -> None:
    late = [report(f"late-{n}", [account(ACCOUNTS[0]), page(1)]) for n in range(2)]
    early = report("early", [phone(PHONES[0]), account(ACCOUNTS[1])])
    again = report("again", [page(0), phone(PHONES[1])])
    run = Run()
    run.feed(in_phases([*late, early]))
    assert len(run.clusters()) == 1
    alone = Run()
    alone.feed(in_phases([late[0], early]))
    assert len(alone.clusters()) == 2
    by_three = Run()
    by_three.feed(in_phases([late[0], early, again]))
    assert len(by_three.clusters()) == 1


def test_phones_that_were_handed_on_tie_two_parties_however_many_they_are() -> None:
    late = [report(f"late-{n}", [account(ACCOUNTS[0]), phone(PHONES[1])]) for n in range(2)]
    early = report("early", [phone(PHONES[0]), account(ACCOUNTS[1])])
    run = Run()
    run.feed(in_phases([*late, early]))
    assert len(run.clusters()) == 2


def test_one_who_knows_two_rings_ties_them_by_one_word_whatever_it_names() -> None:
    both = [account(ACCOUNTS[0]), phone(PHONES[0]), page(0)]
    both += [account(ACCOUNTS[1]), phone(PHONES[1]), page(1)]
    courier = [report(f"c-{n}", [account(ACCOUNTS[n]), phone(PHONES[2])]) for n in (0, 1)]
    run = Run()
    run.feed(in_phases([report("both", both), *courier]))
    assert len(run.clusters()) == 2


def test_a_handle_that_was_handed_on_with_its_at_sign_and_without_is_one_number() -> None:
    run = Run()
    run.feed(in_phases([]))
    for n in range(8):
        place = n % 2
        beside = account(ACCOUNTS[place]), line("@shop")
        run.feed([report(f"at-{n}", beside)])
        run.feed([report(f"plain-{n}", [phone(PHONES[place]), line("shop")])])
    assert len(run.clusters()) == 2


def test_a_number_with_its_bank_and_without_supports_no_part_twice() -> None:
    run = Run(small_policy(bridge_bits=7.5))
    for place in range(2):
        run.feed(ring(place, place, place)[: 6 if place else 2])
    run.feed([report(f"bare-{n}", [account(ACCOUNTS[0], None)]) for n in range(4)])
    run.feed([report(f"tie-{n}", [account(ACCOUNTS[0]), phone(PHONES[1])]) for n in range(2)])
    assert len(run.clusters()) == 1


def test_the_forms_of_a_handle_are_one_whatever_stands_between_rings() -> None:
    run = Run()
    for place in range(2):
        official, plain = line(f"@shop{place}"), line(f"shop{place}")
        told = [account(ACCOUNTS[place]), official]
        run.feed([report(f"{place}-{n}", told) for n in range(8)])
        run.feed([report(f"{place}-plain", [account(ACCOUNTS[place], "014"), plain])])
    run.feed([report("tie", [line("shop0"), line("@shop1")])])
    assert run.cluster_of("handle:line:shop0") == run.cluster_of("handle:line:@shop0")
    assert len({run.cluster_of(f"handle:line:@shop{p}")["cluster_id"] for p in range(2)}) == 2


@pytest.mark.parametrize(("one", "other", "across"), [(9, 9, 0), (40, 3, 0), (60, 30, 6)])
def test_more_ties_across_say_less(one: int, other: int, across: int) -> None:
    bits = [apart_bits(one, other, n) for n in range(across, across + 4)]
    assert bits == sorted(bits, reverse=True)
    assert bits[0] > 8 > apart_bits(1, other)
    assert apart_bits(one, other, across) == pytest.approx(apart_bits(other, one, across))


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
