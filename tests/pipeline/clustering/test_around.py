"""What lies around a number is one ring's where another number links it, one step further away."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.clustering import around
from pipeline.clustering.documents import decode_document
from pipeline.clustering.pairs import PAIRWISE_IDENTIFIERS
from pipeline.policy.policy import load_policy
from tests.pipeline.clustering.oracle import Oracle
from tests.pipeline.clustering.scenarios import (
    Run,
    account,
    check_definition,
    decision,
    line,
    phone,
    report,
    stored,
)

COURIER, SECOND = "0811111111", "0822222222"
ACCOUNTS = ["1112223330", "2223334441", "3334445552", "4445556663"]
LINKS = ["@quick", "@rich", "@sure"]
SCAMS = ["job", "loan", "romance", "other"]


def ring(place: int, scam: str = "job") -> list[dict[str, Any]]:
    """Return four victims of a ring, of whom the last names the courier's phone as well."""
    number = account(ACCOUNTS[place])
    told = [report(f"{place}-{n}", [number], scam_type=scam) for n in range(3)]
    return [*told, report(f"{place}-more", [number, phone(COURIER)], scam_type=scam)]


def linked(*places: int, link: str = "@quick") -> list[dict[str, Any]]:
    """Return victims who each name the account of one ring, and all of them a handle."""
    return [
        report(f"{place}{link}{n}", [account(ACCOUNTS[place]), line(link)], scam_type="job")
        for place in places
        for n in range(2)
    ]


def loose_ends(run: Run, number: str) -> set[str]:
    """Return the other ends of the loose ties that are kept with a phone."""
    found = run.state.get(f"nphone:+66{number[1:]}".encode())
    return set(decode_document(found).loose) if found else set()


def test_parts_that_another_number_links_are_one_ring_and_it_keeps_its_phone() -> None:
    run = Run()
    run.feed([told for place in range(3) for told in ring(place)])
    assert len(run.clusters()) == 4
    run.feed(linked(0, 1, 2))
    assert len(run.clusters()) == 1


def test_what_links_two_of_four_parts_leaves_three() -> None:
    run = Run()
    run.feed([told for place in range(4) for told in ring(place)])
    run.feed([report(f"{p}+{n}", [account(ACCOUNTS[p])]) for p in (2, 3) for n in range(4)])
    run.feed(linked(0, 1))
    assert len(run.clusters()) == 4


def test_what_a_link_is_named_with_later_is_linked_at_once() -> None:
    run = Run()
    run.feed([told for place in range(4) for told in ring(place)])
    run.feed([report(f"{p}+{n}", [account(ACCOUNTS[p])]) for p in (2, 3) for n in range(4)])
    run.feed(linked(0, 1))
    run.feed(linked(2))
    assert len(run.clusters()) == 1


def test_an_account_links_handles_as_a_handle_links_accounts() -> None:
    handles = [line(name) for name in ("@east", "@west", "@south", "@north")]
    run = Run()
    for place, handle in enumerate(handles):
        run.feed([report(f"{place}-{n}", [handle]) for n in range(7)])
        run.feed([report(f"{place}-more", [handle, phone(COURIER)])])
    assert len(run.clusters()) == 5
    for place, clusters in enumerate((5, 4, 1)):
        ties = [handles[place], account(ACCOUNTS[0])]
        run.feed([report(f"{place}+{n}", ties) for n in range(2)])
        assert len(run.clusters()) == clusters


def test_a_link_that_is_withdrawn_links_no_more() -> None:
    run = Run()
    run.feed([told for place in range(3) for told in ring(place)])
    run.feed(linked(0, 1, 2))
    withdrawn = [{**told, "kind": "withdrawn", "suspects": []} for told in linked(2)]
    run.feed(withdrawn)
    assert len(run.clusters()) == 1
    run.feed([{**told, "kind": "withdrawn", "suspects": []} for told in linked(1)])
    assert len(run.clusters()) == 4


def test_a_link_that_is_public_links_no_more() -> None:
    run = Run()
    run.feed([told for place in range(3) for told in ring(place)])
    run.feed(linked(0, 1, 2))
    run.feed([decision("1", "public_number", "handle:line:@quick")])
    assert len(run.clusters()) == 5


def test_a_tie_to_a_public_number_is_no_loose_one() -> None:
    run = Run()
    run.feed([told for place in range(3) for told in ring(place)])
    run.feed([report("once", [phone(COURIER), line("@once")])])
    known = {f"account:004:{number}" for number in ACCOUNTS[:3]}
    assert loose_ends(run, COURIER) == {*known, "handle:line:@once"}
    run.feed([decision("1", "public_number", "handle:line:@once")])
    assert loose_ends(run, COURIER) == known


def test_a_second_courier_links_nothing() -> None:
    run = Run()
    for place in range(3):
        run.feed(ring(place))
        run.feed([report(f"{place}-other", [account(ACCOUNTS[place]), phone(SECOND)])])
    assert len(run.clusters()) == 5


def test_what_many_were_named_with_links_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(around, "LINK_NEIGHBOURS", 2)
    run = Run()
    run.feed([told for place in range(3) for told in ring(place)])
    run.feed(linked(0, 1, 2))
    cluster = run.cluster_of(f"account:004:{ACCOUNTS[0]}")
    assert f"phone:+66{COURIER[1:]}" not in cluster["members"]


@pytest.mark.parametrize(("scams", "clusters"), [("jjj", 1), ("jjl", 4), ("jlr", 4)])
def test_a_phone_beside_which_several_scams_are_told_passes_by(scams: str, clusters: int) -> None:
    run = Run()
    for place, scam in enumerate(scams):
        kind = {"j": "job", "l": "loan", "r": "romance"}[scam]
        number = account(ACCOUNTS[place])
        run.feed([report(f"{place}", [number], scam_type=kind)])
        run.feed([report(f"{place}-more", [number, phone(COURIER)], scam_type=kind)])
    assert len(run.clusters()) == clusters


def test_a_part_that_others_make_known_later_counts_at_once() -> None:
    run = Run()
    rings = [ring(place, "other") for place in range(3)]
    run.feed([*rings[0], *rings[1], rings[2][-1]])
    assert len(run.clusters()) == 1
    run.feed(rings[2][:-1])
    assert len(run.clusters()) == 4


def test_a_pair_that_comes_later_makes_two_parts_one_while_it_is_told() -> None:
    run = Run()
    run.feed([told for place in range(3) for told in ring(place)])
    assert len(run.clusters()) == 4
    run.feed([report("both", [account(ACCOUNTS[0]), account(ACCOUNTS[1])])])
    assert len(run.clusters()) == 1
    run.feed([report("both", kind="withdrawn", minute=1)])
    assert len(run.clusters()) == 4


def test_a_link_whose_last_other_tie_is_withdrawn_links_no_more() -> None:
    run = Run()
    run.feed([told for place in range(3) for told in ring(place)])
    run.feed([report(f"{p}-link", [account(ACCOUNTS[p]), line("@quick")]) for p in (0, 1)])
    assert len(run.clusters()) == 1
    run.feed([report("1-link", kind="withdrawn", minute=1)])
    assert len(run.clusters()) == 4


def test_another_scam_that_one_voice_tells_later_counts_at_once() -> None:
    run = Run()
    for place in range(3):
        number = account(ACCOUNTS[place])
        run.feed([report(f"{place}", [number], scam_type="job")])
        run.feed([report(f"{place}-more", [number, phone(COURIER)], scam_type="job")])
    assert len(run.clusters()) == 1
    later = [account(ACCOUNTS[2])]
    run.feed([report(f"x{n}", later, victim="ann", scam_type="loan") for n in range(4)])
    assert len(run.clusters()) == 4


def test_what_a_long_report_alone_tied_to_a_link_is_linked_no_more() -> None:
    run = Run()
    run.feed([told for place in range(3) for told in ring(place)])
    # Such a report ties each of its identifiers to its first account alone.
    handles = [line(f"@long{n}") for n in range(PAIRWISE_IDENTIFIERS)]
    home, *more = account("9000000012"), *handles
    run.feed([report("home", [home])])
    run.feed([report("long", [home, *more, *map(account, ACCOUNTS[:2])])])
    third = f"account:004:{ACCOUNTS[2]}"
    assert f"phone:+66{COURIER[1:]}" in run.cluster_of(third)["members"]
    run.feed([report("long", [home, *more], kind="corrected", minute=1)])
    assert run.cluster_of(third)["members"] == [third]


crowd = [told for place in range(4) for told in ring(place, SCAMS[min(place, 1)])]
beside = st.builds(
    lambda number, places, links, scam, kind, minute, voice: report(
        str(number),
        [*(account(ACCOUNTS[place]) for place in places), *map(line, links)],
        scam_type=scam,
        kind=kind,
        minute=minute,
        victim=voice,
    ),
    st.integers(0, 7),
    st.sampled_from([[0], [1], [2], [3], [0], [1], [2], [3], [0, 1], []]),
    st.sampled_from([[], LINKS[:1], LINKS[:1], LINKS[:1], LINKS[1:], LINKS]),
    st.sampled_from(SCAMS),
    st.sampled_from(["submitted", "submitted", "corrected", "withdrawn"]),
    st.integers(0, 5),
    st.sampled_from([None, None, None, "ann"]),
).filter(lambda event: event["suspects"])


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(told=st.lists(beside, min_size=3, max_size=16), seed=st.integers(0, 2**16))
def test_what_is_told_beside_a_phone_that_nobody_names_any_more_counts_as_if_it_came_first(
    told: list[dict[str, Any]], seed: int
) -> None:
    policy = load_policy()
    oracle = Oracle([stored(event, policy) for event in [*crowd, *told]], policy)
    shuffled = random.Random(seed).sample(told, len(told))
    run = Run(policy)
    for event in [*crowd, *shuffled]:
        run.feed([event])
    assert run.clusters() == oracle.clusters()
    check_definition(policy, [*crowd, *told], seed)
