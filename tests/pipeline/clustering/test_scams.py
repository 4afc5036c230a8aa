"""What tells of another scam than the ring that it hangs on is another ring's."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.clustering.parties import apart_bits
from pipeline.clustering.scams import is_of_one_scam, other_scam_bits
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

MULE, OTHER, THIRD = "1112223330", "5556667770", "9998887770"
CONTACTS = [phone("0811111111"), line("@quick")]
LATER = [phone("0822222222"), line("@rich")]


def of(scam: str, event: dict[str, Any]) -> dict[str, Any]:
    """Return a report that tells of a scam."""
    return event | {"scam_type": scam}


def ring(size: int = 16) -> list[dict[str, Any]]:
    return [
        of("purchase", report(f"ring-{n}", [account(MULE), CONTACTS[n % 2]])) for n in range(size)
    ]


LOANS = [of("loan", report(f"loan-{n}", [account(OTHER)])) for n in range(2)]
BOTH = of("purchase", report("both", [account(MULE), account(OTHER)]))


def is_one(*reports: dict[str, Any]) -> bool:
    run = Run()
    run.feed(reports)
    return f"account:004:{OTHER}" in run.cluster_of(f"account:004:{MULE}")["members"]


def test_an_account_of_another_scam_stays_out_though_one_voice_names_both() -> None:
    assert not is_one(*ring(), *LOANS, BOTH)
    assert not is_one(BOTH, *LOANS, *ring())


def test_an_account_of_the_same_scam_stays_in() -> None:
    assert is_one(*ring(), *[of("purchase", event) for event in LOANS], BOTH)


def test_a_scam_that_nobody_could_name_says_nothing() -> None:
    assert is_one(*ring(), *[of("other", event) for event in LOANS], BOTH)


def test_of_a_ring_of_few_tellings_the_scam_says_nothing() -> None:
    assert is_one(*ring(6), *LOANS, BOTH)


def test_a_ring_that_practises_the_scam_too_keeps_it() -> None:
    too = [of("loan", report(f"too-{n}", [account(MULE), CONTACTS[0]])) for n in range(2)]
    assert is_one(*ring(), *too, *LOANS, BOTH)


def test_where_scams_are_told_at_random_nothing_is_cut() -> None:
    kinds = ["purchase", "loan", "job", "romance"]
    told = [of(kinds[n % 4], event) for n, event in enumerate(ring())]
    assert is_one(*told, *LOANS, BOTH)


def test_one_wrong_word_parts_nothing_from_a_ring_whose_victims_often_use_one() -> None:
    slips = [of("job", event) for event in ring(20)[16:]]
    once = of("loan", report("once", [account(OTHER), CONTACTS[0]]))
    assert not is_one(*ring(), once)
    assert is_one(*ring(), *slips, once)


def test_what_one_voice_tells_of_beside_a_phone_of_the_ring_stays_out() -> None:
    once = of("loan", report("once", [account(OTHER), CONTACTS[0]]))
    assert not is_one(*ring(), once)
    assert is_one(*ring(), of("purchase", once))


def test_a_second_tie_keeps_in_what_few_tell_of() -> None:
    also = of("purchase", report("also", [account(OTHER), CONTACTS[0]]))
    again = of("purchase", report("again", [account(OTHER), CONTACTS[1]]))
    assert is_one(*ring(), *LOANS, BOTH, also, again)


def handed_on(scam: str) -> list[dict[str, Any]]:
    """Return two rings of which the later one uses an account and a phone of the earlier one."""
    shared = [account("7776665550"), phone("0899999999")]
    told = []
    for n in range(24):
        others = (
            [account(MULE), CONTACTS[n % 2]],
            [account(OTHER), line("@rich"), phone("0822222222")],
        )
        mine, theirs = others[0], [others[1][0], others[1][1 + n % 2]]
        told.append(of("purchase", report(f"mine-{n}", mine)))
        told.append(of(scam, report(f"theirs-{n}", theirs)))
    for n, thing in enumerate(shared):
        told += [of("purchase", report(f"m-{n}-{k}", [account(MULE), thing])) for k in range(2)]
        told += [of(scam, report(f"t-{n}-{k}", [account(OTHER), thing])) for k in range(2)]
    return told


def test_rings_of_two_scams_that_share_an_account_and_a_phone_are_two() -> None:
    assert not is_one(*handed_on("romance"))


def couriers(size: int = 12) -> list[dict[str, Any]]:
    """Return three rings, none of them half of all, whose victims name two couriers as well."""
    rings = {
        "purchase": [account(MULE), *CONTACTS],
        "romance": [account(OTHER), *LATER],
        "loan": [account(THIRD), phone("0833333333"), line("@soon")],
    }
    shared = [phone("0899999999"), phone("0888888888")]
    told = []
    for scam, (mule, *contacts) in rings.items():
        for n in range(size):
            named = [mule, contacts[n % 2]] if n % 3 else contacts
            courier = [shared[n // 2 % 2]] if n < 4 else []
            told.append(of(scam, report(f"{scam}-{n}", [*named, *courier])))
    return told


def test_of_several_rings_that_couriers_tie_each_is_one() -> None:
    run = Run()
    run.feed(couriers())
    clusters = {run.cluster_of(f"account:004:{n}")["cluster_id"] for n in (MULE, OTHER, THIRD)}
    assert len(clusters) == 3


def test_where_no_victim_sticks_to_one_scam_couriers_make_one_of_several() -> None:
    kinds = ["purchase", "romance", "loan"]
    run = Run()
    run.feed([of(kinds[n % 3], event) for n, event in enumerate(couriers())])
    assert len(run.cluster_of(f"account:004:{MULE}")["members"]) > 6


def test_what_was_handed_on_may_be_told_of_most_by_the_smaller_rings_victims() -> None:
    mule, proxy = account("7776665550"), phone("0899999999")
    rings = {
        "purchase": ([account(MULE), *CONTACTS], 18, 12),
        "romance": ([account(OTHER), *LATER], 12, 15),
    }
    told = []
    for scam, ((own, *contacts), alone, handed_on) in rings.items():
        told += [of(scam, report(f"{scam}-{n}", [own, contacts[n % 2]])) for n in range(alone)]
        for n in range(handed_on):
            named = [mule, contacts[n % 2]] if n % 4 else [mule, proxy]
            told.append(of(scam, report(f"{scam}-on-{n}", named if n else [proxy, contacts[0]])))
    assert not is_one(*told)


def test_a_few_wrong_words_of_several_kinds_are_no_ring() -> None:
    slips = [
        of(kind, report(f"{kind}-{n}", [account(OTHER), CONTACTS[n % 2]]))
        for kind in ("loan", "job")
        for n in range(3)
    ]
    assert is_one(*ring(30), *slips)


def test_a_ring_whose_scams_share_most_numbers_stays_one() -> None:
    told = [
        of(scam, report(f"{scam}-{n}", [account(number), contact]))
        for scam, number in (("purchase", MULE), ("romance", OTHER))
        for n, contact in enumerate([*CONTACTS, *LATER] * 6)
    ]
    assert is_one(*told)


def test_who_takes_back_what_told_of_the_other_scam_is_forgotten() -> None:
    gone = [report(f"loan-{n}", kind="withdrawn", revision=2) for n in range(2)]
    assert is_one(*ring(), *LOANS, BOTH, *gone[:1]) is False
    run = Run()
    run.feed([*ring(), *LOANS, BOTH, *gone])
    assert f"account:004:{OTHER}" in run.cluster_of(f"account:004:{MULE}")["members"]


def test_who_corrects_the_scam_brings_the_parts_together() -> None:
    corrected = [of("purchase", event | {"kind": "corrected", "revision": 2}) for event in LOANS]
    assert is_one(*ring(), *LOANS, BOTH, *corrected)


def test_what_people_say_is_the_same_is_not_parted() -> None:
    run = Run()
    run.feed([*ring(), *LOANS, BOTH])
    run.feed([decision("1", "same", f"account:004:{MULE}", f"account:004:{OTHER}")])
    assert f"account:004:{OTHER}" in run.cluster_of(f"account:004:{MULE}")["members"]


def test_what_is_parted_is_shown_as_a_relation_of_both() -> None:
    run = Run()
    run.feed([*ring(), *LOANS, BOTH])
    for end in (MULE, OTHER):
        relations = run.cluster_of(f"account:004:{end}")["relations"]
        (relation,) = [told for told in relations if OTHER in told["a"] + told["b"]]
        assert "other_scam" in relation["reasons"]


def test_bits_grow_with_what_both_tell_and_fall_with_slips() -> None:
    # Of a ring of one scam they are the ways to draw so few of all (Fisher's exact test).
    assert other_scam_bits({"loan": 15}, {"job": 1}) == pytest.approx(4)
    assert other_scam_bits({"loan": 4}, {"job": 4}) == pytest.approx(6.129283)
    assert other_scam_bits({"loan": 30, "romance": 5}, {"job": 1}) < 4
    assert other_scam_bits({"loan": 30, "job": 9}, {"job": 3}) < 4
    assert other_scam_bits({"loan": 30}, {"loan": 3}) < 0


def test_a_ring_is_of_one_scam_where_nearly_all_of_many_tell_of_it() -> None:
    assert is_of_one_scam({"loan": 6, "job": 2})
    assert not is_of_one_scam({"loan": 7})
    assert not is_of_one_scam({"loan": 7, "job": 3})


def test_where_more_ties_lie_across_than_by_chance_nothing_is_two_parties() -> None:
    assert apart_bits(10, 10, 2) > 8
    assert apart_bits(3, 3, 20) == 0


kinds = st.sampled_from(["loan", "loan", "loan", "job", "purchase", "other"])
tellings = st.builds(
    lambda number, suspects, contacts, kind, victim: of(
        kind, report(str(number), [*map(account, suspects), *contacts], victim=victim)
    ),
    st.integers(0, 60),
    st.sampled_from([[], [MULE], [OTHER], [OTHER], [THIRD], [MULE, OTHER], [OTHER, THIRD]]),
    st.sampled_from([*[[c] for c in CONTACTS], [phone("0822222222")], [line("@rich")], []]),
    kinds,
    st.sampled_from([None, None, None, "ann"]),
).filter(lambda event: bool(event["suspects"])) | st.builds(
    lambda number, suspect, kind: of(kind, report(f"alone-{number}", [account(suspect)])),
    st.integers(0, 60),
    st.sampled_from([OTHER, OTHER, THIRD, THIRD[:-2] + "17", MULE]),
    kinds,
)


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(events=st.lists(tellings, min_size=3, max_size=14), seed=st.integers(0, 2**16))
def test_clusters_are_those_of_the_definition(events: list[dict[str, Any]], seed: int) -> None:
    check_definition(load_policy(), [*ring(), *events], seed)


@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(events=st.lists(tellings, max_size=6), size=st.integers(30, 64), seed=st.integers(0, 2**16))
def test_rings_that_share_numbers_are_parted_as_the_definition_says(
    events: list[dict[str, Any]], size: int, seed: int
) -> None:
    check_definition(load_policy(), [*handed_on("romance")[-size:], *events], seed)


@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(events=st.lists(tellings, max_size=6), left=st.integers(0, 12), seed=st.integers(0, 2**16))
def test_several_rings_are_parted_as_the_definition_says(
    events: list[dict[str, Any]], left: int, seed: int
) -> None:
    check_definition(load_policy(), [*couriers()[left:], *events], seed)
