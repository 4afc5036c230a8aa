"""What hangs together by too much is looked at without its weakest ties."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.clustering import components
from pipeline.policy.policy import load_policy
from tests.pipeline.clustering.oracle import Oracle
from tests.pipeline.clustering.scenarios import (
    Run,
    account,
    check_begins_again,
    check_definition,
    line,
    phone,
    report,
    tellings,
)

MOST = 6
MINE = [account("1112223330"), line("@quickmoney"), phone("0811111111"), line("@helpdesk")]
THEIRS = [account("5556667770"), line("@richsoon"), phone("0822222222"), line("@winners")]


@pytest.fixture(autouse=True)
def _few_are_too_many() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(components, "MOST_TOGETHER", MOST)
        patch.setattr(Oracle, "most_together", MOST)
        yield


def victims(name: str, ring: list[dict[str, Any]], count: int = 4) -> list[dict[str, Any]]:
    return [
        report(f"{name}-{n}", [ring[0], ring[1 + n % 3], ring[1 + (n + 1) % 3]])
        for n in range(count)
    ]


def run_of(*events: dict[str, Any]) -> Run:
    run = Run()
    run.feed(events)
    return run


BOTH = report("both", [MINE[0], THEIRS[2]])


def test_rings_that_one_victim_ties_are_apart_where_they_are_too_much_together() -> None:
    cluster = run_of(*victims("mine", MINE), *victims("theirs", THEIRS), BOTH).cluster_of(
        "account:004:1112223330"
    )
    assert len(cluster["members"]) == len(MINE)
    reasons = {reason for relation in cluster["relations"] for reason in relation["reasons"]}
    assert "entangled" in reasons


def test_they_are_together_again_when_less_hangs_on_them() -> None:
    theirs = victims("theirs", THEIRS)
    run = run_of(*victims("mine", MINE), *theirs, BOTH)
    assert len(run.cluster_of("account:004:1112223330")["members"]) == len(MINE)
    run.feed([{**told, "kind": "withdrawn", "revision": 2, "suspects": []} for told in theirs])
    assert len(run.cluster_of("account:004:1112223330")["members"]) == len(MINE) + 1


def test_what_the_strongest_ties_hold_together_stays_so_and_is_counted() -> None:
    told = [report(str(n), [MINE[0], line(f"@helper{n}")]) for n in range(MOST)]
    run = Run()
    folded = run.feed(told)
    assert len(run.cluster_of("account:004:1112223330")["members"]) == MOST + 1
    assert folded.counts["limit_hits", "entangled"] == 1


def entangled_rings(seed: int) -> list[dict[str, Any]]:
    """Return reports about eight rings; one in five names what is another ring's beside it."""
    rng = random.Random(seed)
    rings = [
        [account(f"{n}00{n}2341"), phone(f"08{n}{n}0"), line(f"@one{n}"), line(f"@two{n}")]
        for n in range(101, 109)
    ]
    told: list[dict[str, Any]] = []
    for n in range(100):
        ring = rng.choice(rings)
        named = rng.sample(ring, rng.randrange(1, 4))
        if rng.random() < 0.2:
            named.append(rng.choice(rng.choice(rings)))
        told.append(report(str(n), named))
        if rng.random() < 0.1:
            again = rng.choice(told)
            told.append({**again, "revision": 2, "suspects": rng.choice(told)["suspects"]})
        if rng.random() < 0.1:
            told.append({**rng.choice(told), "kind": "withdrawn", "revision": 3, "suspects": []})
    return told


@pytest.mark.parametrize("seed", range(8))
def test_after_each_report_it_is_as_if_all_had_come_at_once_in_another_order(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(components, "MOST_TOGETHER", 10)
    told = entangled_rings(seed)[:60]
    run = Run()
    for place, event in enumerate(told):
        run.feed([event])
        if place % 3 == 0:
            assert run.clusters() == run_of(*told[place::-1]).clusters()


suspects = st.sampled_from(
    [*MINE, *THEIRS, *(account(f"{n}00{n}2341") for n in range(101, 105)), phone("0833333333")]
)


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(told=st.lists(tellings(suspects), max_size=24), seed=st.integers(0, 2**16))
def test_clusters_are_those_of_the_definition(told: list[dict[str, Any]], seed: int) -> None:
    check_definition(load_policy(), told, seed)


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    told=st.lists(tellings(suspects), max_size=24), stops=st.sets(st.integers(1, 24), max_size=3)
)
def test_a_fold_that_begins_again_goes_on_as_before(
    told: list[dict[str, Any]], stops: set[int]
) -> None:
    check_begins_again(load_policy(), told, stops)
