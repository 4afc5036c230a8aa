"""Whose number is it: a ring's that thousands name, or everybody's that comes with strangers."""

from __future__ import annotations

from typing import Any

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.clustering.hubs import MOST_NEIGHBOURS, is_everybodys
from pipeline.clustering.rows import NodeSummary
from tests.pipeline.clustering.scenarios import (
    Run,
    check_definition,
    line,
    phone,
    report,
    small_policy,
)

PHONE = "0811111111"
KEY = f"phone:+66{PHONE[1:]}"
FEW = small_policy(hub=3)
"""Three neighbours are the limit."""


def beside(place: int, names: int, **more: Any) -> dict[str, Any]:
    """Return a report of the phone beside one of so many names."""
    return report(str(place), [phone(PHONE), line(f"@n{place % names}")], **more)


def members(run: Run) -> int:
    return len(run.cluster_of(KEY)["members"])


def test_a_number_that_each_voice_names_beside_a_stranger_is_everybodys() -> None:
    run = Run(FEW)
    run.feed([beside(place, names=9) for place in range(9)])
    assert members(run) == 1


def test_a_number_that_comes_with_the_same_few_over_and_over_stays_its_rings() -> None:
    run = Run(FEW)
    run.feed([beside(place, names=6) for place in range(8)])
    assert members(run) == 7


def test_one_voice_that_repeats_itself_makes_no_public_number_a_rings() -> None:
    run = Run(FEW)
    run.feed([beside(place, names=6, victim="v") for place in range(24)])
    assert members(run) == 1


def test_a_crowd_that_was_sent_makes_no_public_number_a_rings() -> None:
    run = Run(FEW)
    run.feed([beside(place, names=6, verified=False) for place in range(24)])
    assert members(run) == 1


def test_above_the_last_limit_a_number_is_everybodys_however_many_name_it() -> None:
    for limit, most in ((3, MOST_NEIGHBOURS), (2 * MOST_NEIGHBOURS, 2 * MOST_NEIGHBOURS)):
        known = NodeSummary(reports=9_999, voices=9_999, verified_voices=1)
        assert not is_everybodys(msgspec.structs.replace(known, degree=most), limit)
        assert is_everybodys(msgspec.structs.replace(known, degree=most + 1), limit)


def test_withdrawals_and_voices_that_come_late_make_it_what_it_is_from_the_start() -> None:
    run, told = Run(FEW), [beside(place, names=6) for place in range(8)]
    run.feed(told[:6])
    assert members(run) == 1
    run.feed(told[6:])
    assert members(run) == 7
    run.feed([report("7", kind="withdrawn", revision=2)])
    assert members(run) == 1


tellings = st.builds(
    lambda number, name, others, victim: report(
        str(number), [phone(PHONE), line(name), *map(line, others)], victim=victim
    ),
    st.integers(0, 30),
    st.sampled_from(["@a", "@b", "@c", "@d", "@e", "@f"]),
    st.lists(st.sampled_from(["@a", "@g", "@h"]), max_size=1),
    st.sampled_from([None, None, None, "ann"]),
)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(told=st.lists(tellings, min_size=4, max_size=24), seed=st.integers(0, 2**16))
def test_clusters_are_those_of_the_definition(told: list[dict[str, Any]], seed: int) -> None:
    check_definition(FEW, told, seed)
