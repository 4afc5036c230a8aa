"""Bridges on sparse worlds, where cut vertices abound, against taking each vertex away."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.clustering.bridges import Cuts, bridge_cuts
from pipeline.policy.policy import Policy
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

TWO = small_policy(bridge_voices=2, bridge_identifiers=1, bridge_bits=1.0)
THREE = small_policy(bridge_voices=3, bridge_identifiers=2, bridge_bits=2.0)


def named(place: int) -> dict[str, Any]:
    """Return one of a dozen identifiers: every third one is an account."""
    return line(f"@n{place}") if place % 3 else account(f"{place + 11}" * 5)


def sparse(ties: list[tuple[int, int, str | None]]) -> list[dict[str, Any]]:
    """Return one report for each tie of two (or one) of a dozen identifiers."""
    return [
        report(str(place), [named(a), named(b)], victim=victim)
        for place, (a, b, victim) in enumerate(ties)
    ]


ties = st.lists(
    st.tuples(st.integers(0, 11), st.integers(0, 11), st.sampled_from(["ann", "bob", None, None])),
    min_size=8,
    max_size=30,
)


@pytest.mark.parametrize("policy", [TWO, THREE], ids=["two", "three"])
@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(told=ties)
def test_clusters_are_those_of_the_definition(
    policy: Policy, told: list[tuple[int, int, str | None]]
) -> None:
    run = Run(policy)
    reports = sparse(told)
    run.feed(reports)
    assert run.clusters() == Oracle([stored(r, policy) for r in reports], policy).clusters()


def test_a_chain_of_supported_parts_is_cut_at_each_bridge(monkeypatch: pytest.MonkeyPatch) -> None:
    cuts: list[int] = []

    def counted(*args: Any) -> Cuts:
        found = bridge_cuts(*args)
        cuts.append(len(found.places))
        return found

    monkeypatch.setattr("pipeline.clustering.components.bridge_cuts", counted)
    told: list[tuple[int, int, str | None]] = []
    for first in (0, 3, 6):
        told += [
            (first, first + 1, None),
            (first + 1, first + 2, None),
            (first, first + 2, None),
        ] * 2
    run = Run(THREE)
    run.feed(sparse([*told, (2, 3, None), (5, 6, None)]))
    assert len(run.clusters()) == 3
    assert max(cuts) > 0


def test_the_clearest_bridge_is_cut_and_what_was_one_only_because_of_it_is_not() -> None:
    ring = [[(a, a + 1, None), (a, a + 2, None)] * 4 for a in (0, 3)]
    courier = [(1, 10, None), (4, 10, None)]
    run = Run(THREE)
    run.feed(sparse([*ring[0], *ring[1], *courier]))
    clusters = run.clusters()
    assert {len(members) for members in clusters} == {3, 4}


def test_what_a_few_name_between_two_rings_is_parted_from_the_one_that_a_phone_ties_it_to() -> None:
    few, courier = account("5556667770"), phone("0833333333")
    rings = []
    for name, number, voices in (("a", "1112223330", 9), ("b", "9998887770", 4)):
        told = [account(number), line(f"@{name}"), phone(f"08111111{voices:02}")]
        rings.append([report(f"{name}-{n}", told) for n in range(voices)])
    between = [
        report("1", [few, line("@a")]),
        report("2", [few, courier]),
        report("3", [account("9998887770"), courier]),
    ]
    run = Run()
    run.feed([*rings[0], *rings[1], *between])
    assert "account:004:1112223330" in run.cluster_of("account:004:5556667770")["members"]
    assert len(run.clusters()) == 2


def test_a_proxy_and_the_phone_that_it_is_made_of_support_no_part_twice() -> None:
    proxy = {"kind": "promptpay", "proxy": "0811111111"}
    ring = [report(f"ring-{n}", [line("@a"), line("@b")]) for n in range(4)]
    paid = [report(f"paid-{n}", [proxy]) for n in range(4)]
    tie = [report(f"tie-{n}", [line("@a"), proxy]) for n in range(2)]
    run = Run()
    run.feed([*ring, *paid, *tie])
    assert len(run.clusters()) == 1
