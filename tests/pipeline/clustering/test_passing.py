"""Numbers that pass through many hands melt no rings together; a ring's own number joins it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.clustering.passing import passing_bits
from pipeline.policy.policy import load_policy
from tests.pipeline.clustering.scenarios import Run, account, check_definition, line, phone, report

COURIER, SECOND = "0811111111", "0822222222"
ACCOUNTS = ["1112223330", "2223334441", "3334445552", "4445556663"]


def ring(place: int, *more: dict[str, Any]) -> list[dict[str, Any]]:
    """Return four victims of a ring; the last one names more than its account."""
    number = ACCOUNTS[place]
    told = [report(f"{place}-{n}", [account(number)]) for n in range(3)]
    return [*told, report(f"{place}-more", [account(number), *more])]


def test_a_phone_that_one_victim_of_each_of_three_rings_names_joins_none() -> None:
    run = Run()
    run.feed([told for place in range(3) for told in ring(place, phone(COURIER))])
    assert len(run.clusters()) == 4
    cluster = run.cluster_of(f"account:004:{ACCOUNTS[0]}")
    (relation,) = cluster["relations"]
    assert "passing_number" in relation["reasons"]


def test_two_rings_may_be_one_that_shares_a_phone() -> None:
    run = Run()
    run.feed([told for place in range(2) for told in ring(place, phone(COURIER))])
    assert len(run.clusters()) == 1


def test_couriers_that_hide_one_another_are_found_all_the_same() -> None:
    run = Run()
    for place in range(4):
        run.feed(ring(place, phone(COURIER)))
        run.feed([report(f"{place}-other", [account(ACCOUNTS[place]), phone(SECOND)])])
    assert len(run.clusters()) == 6


def test_a_rings_own_phone_joins_its_accounts() -> None:
    run = Run()
    for place in range(4):
        run.feed(ring(place, phone(COURIER)))
        run.feed([report(f"{place}-other", [account(ACCOUNTS[place]), phone(COURIER)])])
    assert len(run.clusters()) == 1


def test_a_phone_that_one_of_two_victims_each_names_may_be_the_rings_own() -> None:
    run = Run()
    run.feed([told for place in range(3) for told in ring(place, phone(COURIER))[2:]])
    assert len(run.clusters()) == 1


@pytest.mark.parametrize("voices", [2, 4, 8, 16, 32])
def test_the_more_who_know_a_part_do_not_name_a_number_the_likelier_it_passes_by(
    voices: int,
) -> None:
    assert passing_bits(1, voices) < passing_bits(1, 2 * voices)
    assert passing_bits(2, 2 * voices) < passing_bits(1, 2 * voices)
    assert passing_bits(voices, voices) < 0


def test_a_phone_is_a_rings_own_where_its_accounts_have_a_handle_in_common() -> None:
    run = Run()
    run.feed([t for place in range(3) for t in ring(place, phone(COURIER), line("@quick"))])
    assert len(run.clusters()) == 1


def test_an_account_of_their_own_that_victims_of_three_rings_give_too_joins_none() -> None:
    run = Run()
    run.feed([told for place in range(3) for told in ring(place, account("7778889990"))])
    assert len(run.clusters()) == 4


def test_an_account_between_contacts_that_nobody_names_together_is_the_rings_own() -> None:
    run = Run()
    for n, contact in enumerate((phone(COURIER), phone(SECOND), line("@quick"))):
        run.feed([report(f"{n}-{more}", [contact]) for more in range(3)])
        run.feed([report(f"{n}-both", [contact, account(ACCOUNTS[0])])])
    assert len(run.clusters()) == 1


def test_a_courier_of_a_large_ring_is_told_from_its_phone() -> None:
    assert passing_bits(5, 256) > 0 > passing_bits(5, 32)


def test_a_bank_that_one_voice_got_wrong_does_not_part_a_ring() -> None:
    run = Run()
    run.feed(ring(0, line("@quick")))
    run.feed([report("wrong", [account(ACCOUNTS[0], "014"), line("@quick")])])
    assert len(run.clusters()) == 1
    run.feed([report("again", [account(ACCOUNTS[0], "014")])])
    assert len(run.clusters()) == 2


def test_a_number_that_brings_few_strangers_is_a_rings_own_whoever_names_it() -> None:
    run = Run()
    run.feed([told for place in range(3) for told in ring(place, phone(COURIER))])
    assert len(run.clusters()) == 4
    run.feed([report(f"only-{n}", [phone(COURIER)]) for n in range(2)])
    assert len(run.clusters()) == 1


def test_a_number_with_its_bank_and_without_is_one_part() -> None:
    run = Run()
    run.feed([told for place in range(2) for told in ring(place, phone(COURIER))])
    bare = [account(ACCOUNTS[0], None)]
    run.feed([report("bare", bare), report("bare-more", [*bare, phone(COURIER)])])
    assert len(run.clusters()) == 1


tellings = st.builds(
    lambda number, place, bank, passing, also, victim: report(
        str(number),
        [account(ACCOUNTS[place], bank), *map(phone, passing), *map(line, also)],
        victim=victim,
    ),
    st.integers(0, 40),
    st.integers(0, 3),
    st.sampled_from(["004", "004", "004", "014"]),
    st.sampled_from([[], [], [COURIER], [SECOND], [COURIER, SECOND]]),
    st.sampled_from([[], [], [], ["@quick"], ["@rich"]]),
    st.sampled_from([None, None, None, "ann"]),
)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(told=st.lists(tellings, min_size=8, max_size=30), seed=st.integers(0, 2**16))
def test_clusters_are_those_of_the_definition(told: list[dict[str, Any]], seed: int) -> None:
    check_definition(load_policy(), told, seed)
