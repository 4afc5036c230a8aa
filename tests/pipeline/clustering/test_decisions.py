"""What analysts decide wins, stays, and undoes what it contradicts, in any order."""

from __future__ import annotations

import itertools
import random
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.clustering.decisions import StoredDecision, normalise_decision
from pipeline.contracts.decisions import decode_decision
from pipeline.policy.policy import Policy
from tests.pipeline.clustering.oracle import Oracle
from tests.pipeline.clustering.scenarios import (
    RECORDED_AT,
    Run,
    account,
    check_begins_again,
    decision,
    line,
    phone,
    report,
    stored,
)
from tests.pipeline.clustering.test_any_order import (
    BRIDGED,
    STANDARD,
    TIGHT,
    derived_rows,
    events,
    result,
)

KEYS = [
    "account:004:1112223330",
    "account:004:1112223331",
    "account:014:1112223330",
    "account:?:1112223330",
    "phone:+66811111111",
    "phone:+66822222222",
    "handle:line:@quick",
]
PAIRS = [(a, b) for a in KEYS for b in KEYS if a < b]

pairs = st.builds(
    lambda number, verdict, pair, minute, kind, revision: decision(
        number, verdict, *pair, minute=minute, kind=kind, revision=revision
    ),
    st.sampled_from("abcdefgh"),
    st.sampled_from(["same", "not_same"]),
    st.sampled_from(PAIRS),
    st.integers(0, 5),
    st.sampled_from(["made", "made", "made", "withdrawn"]),
    st.integers(1, 2),
)
publics = st.builds(
    lambda number, key, minute, kind, revision: decision(
        number, "public_number", key, minute=minute, kind=kind, revision=revision
    ),
    st.sampled_from("abcxyz"),
    st.sampled_from(KEYS),
    st.integers(0, 5),
    st.sampled_from(["made", "made", "withdrawn"]),
    st.integers(1, 2),
)


def kept(told: dict[str, Any]) -> StoredDecision:
    return normalise_decision(decode_decision(orjson.dumps(told)), RECORDED_AT)


@pytest.mark.parametrize("few", [1, 8])
@pytest.mark.parametrize("policy", [TIGHT, BRIDGED, STANDARD], ids=["tight", "bridged", "standard"])
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    told=st.lists(events, max_size=16),
    decided=st.lists(st.one_of(pairs, pairs, publics), min_size=1, max_size=7),
    seed=st.integers(0, 2**16),
)
def test_the_result_is_a_function_of_the_sets_of_reports_and_decisions(
    policy: Policy,
    few: int,
    told: list[dict[str, Any]],
    decided: list[dict[str, Any]],
    seed: int,
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pipeline.clustering.contributions.FEW", few)
        check_any_order(policy, told, decided, seed)


def check_any_order(
    policy: Policy, told: list[dict[str, Any]], decided: list[dict[str, Any]], seed: int
) -> None:
    first, last, mixed = Run(policy), Run(policy), Run(policy)
    first.feed([*decided, *told])
    last.feed([*told, *decided])
    other = [*told, *decided, *told[:3], *decided[:3]]
    random.Random(seed).shuffle(other)
    for event in other:
        mixed.feed([event])
    oracle = Oracle([stored(e, policy) for e in told], policy, [kept(d) for d in decided])
    assert first.clusters() == oracle.clusters()
    levels = {k: (v.level, v.acting) for k, v in first.levels().items() if v.reports}
    assert levels == oracle.levels()
    assert result(last) == result(first) == result(mixed)
    assert derived_rows(last.state) == derived_rows(first.state) == derived_rows(mixed.state)
    assert mixed.fold.gauges()["clusters"] == len(oracle.clusters())


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    told=st.lists(events, max_size=12),
    decided=st.lists(st.one_of(pairs, publics), min_size=1, max_size=6),
    seed=st.integers(0, 2**16),
)
def test_decisions_taken_back_leave_nothing_behind(
    told: list[dict[str, Any]], decided: list[dict[str, Any]], seed: int
) -> None:
    without, taken_back = Run(BRIDGED), Run(BRIDGED)
    without.feed(told)
    mixed = [*told, *decided]
    random.Random(seed).shuffle(mixed)
    taken_back.feed(mixed)
    taken_back.feed([d | {"kind": "withdrawn", "revision": 9} for d in decided])
    assert derived_rows(taken_back.state) == derived_rows(without.state)
    assert result(taken_back) == result(without)


@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    told=st.lists(st.one_of(events, pairs, publics), max_size=20),
    stops=st.sets(st.integers(0, 19)),
)
def test_a_fold_that_begins_again_knows_what_was_decided(
    told: list[dict[str, Any]], stops: set[int]
) -> None:
    check_begins_again(BRIDGED, told, stops)


MULE, SHOP, COURIER = "account:004:1112223330", "account:004:5556667770", "phone:+66811111111"


def two_tied_by_a_phone() -> Run:
    run = Run()
    run.feed([report("1", [account("1112223330"), phone("0811111111")])])
    run.feed([report("2", [account("5556667770"), phone("0811111111")])])
    assert run.cluster_of(MULE) == run.cluster_of(SHOP)
    return run


def test_not_the_same_parts_two_accounts_and_says_so() -> None:
    run = two_tied_by_a_phone()
    run.feed([decision("d", "not_same", MULE, SHOP)])
    assert SHOP not in run.cluster_of(MULE)["members"]
    part = run.cluster_of(SHOP)
    assert part["split_from"] == run.cluster_of(MULE)["cluster_id"]
    assert "analyst_not_same" in {r for e in part["relations"] for r in e["reasons"]}
    assert part["review"] is None


def test_not_the_same_is_no_longer_so_when_it_is_taken_back() -> None:
    run = two_tied_by_a_phone()
    before = result(run)
    run.feed([decision("d", "not_same", MULE, SHOP)])
    run.feed([decision("d", "not_same", MULE, SHOP, kind="withdrawn", revision=2)])
    assert result(run) == before


def test_the_same_joins_what_no_report_names_together() -> None:
    run = Run()
    run.feed([report("1", [account("1112223330")]), report("2", [line("@quick")])])
    run.feed([decision("d", "same", MULE, "handle:line:@quick")])
    cluster = run.cluster_of(MULE)
    assert cluster["members"] == [MULE, "handle:line:@quick"]
    assert cluster["edges"][0]["reasons"] == ["analyst_same"]


def test_the_same_waits_until_both_are_reported() -> None:
    run = Run()
    run.feed([decision("d", "same", MULE, "handle:line:@quick")])
    run.feed([report("1", [account("1112223330")])])
    assert run.cluster_of(MULE)["members"] == [MULE]
    run.feed([report("2", [line("@quick")])])
    assert run.cluster_of(MULE)["members"] == [MULE, "handle:line:@quick"]


def test_a_public_number_joins_nothing_and_what_it_joined_is_parted() -> None:
    run = two_tied_by_a_phone()
    run.feed([decision("d", "public_number", COURIER)])
    assert run.clusters() == {frozenset([MULE]), frozenset([SHOP]), frozenset([COURIER])}


def test_an_account_that_is_public_has_no_level_until_that_is_taken_back() -> None:
    run = two_tied_by_a_phone()
    assert run.levels()[SHOP].level == "light_grey"
    run.feed([decision("d", "public_number", SHOP)])
    assert (run.levels()[SHOP].level, run.levels()[SHOP].acting) == ("none", False)
    assert run.newest("watchlist")[SHOP]["level"] == "none"
    assert run.levels()[MULE].level == "light_grey"
    run.feed([decision("d", "public_number", SHOP, kind="withdrawn")])
    assert run.levels()[SHOP].level == "light_grey"


def test_the_newest_decision_about_a_pair_counts_whenever_it_comes() -> None:
    older = decision("a", "same", MULE, SHOP, minute=1)
    newer = decision("b", "not_same", MULE, SHOP, minute=2)
    for told in ([older, newer], [newer, older]):
        run = two_tied_by_a_phone()
        run.feed(told)
        assert SHOP not in run.cluster_of(MULE)["members"]


@pytest.mark.parametrize("reports", list(itertools.permutations(range(3))), ids=str)
def test_a_pair_called_the_same_shows_its_strongest_evidence_whatever_came_last(
    reports: tuple[int, ...],
) -> None:
    first, second = "account:004:1112223330", "account:004:1112223331"
    told = [
        # Named together, alike, and one of them a public number: three ways to find the pair.
        report("1", [account("1112223330"), account("1112223331"), phone("0833333333")]),
        report("2", [account("1112223330"), phone("0811111111"), phone("0822222222")]),
        report("3", [account("1112223331"), phone("0833333333")]),
    ]
    run = Run(TIGHT)
    run.feed([decision("d", "same", first, second, minute=2)])
    for place in reports:
        run.feed([told[place] | {"reporter": told[0]["reporter"]}])
    (edge,) = [e for e in run.cluster_of(first)["edges"] if (e["a"], e["b"]) == (first, second)]
    assert edge["reasons"] == [
        "analyst_same",
        "one_edit",
        "same_voice:+18.5",
        "shared_phone:+8.5",
        "public_number",
    ]


def test_a_decision_told_twice_counts_once() -> None:
    run = two_tied_by_a_phone()
    told = decision("d", "not_same", MULE, SHOP)
    run.feed([told])
    again = run.feed([told])
    assert not again.outputs
    assert again.counts["duplicates", "clustering"] == 1


def test_a_decision_that_cannot_be_taken_goes_to_its_own_dead_letters() -> None:
    run = Run()
    folded = run.feed([decision("d", "public_number", "phone:081-111-1111")])
    (letter,) = folded.outputs
    assert letter.topic == "analyst-decisions-dead-letters"
    assert folded.counts["dead_letters", "analyst-decisions", "bad_identifier"] == 1


def test_nothing_an_analyst_writes_is_repeated_in_what_leaves() -> None:
    run = two_tied_by_a_phone()
    folded = run.feed([decision("d", "not_same", MULE, SHOP)])
    assert folded.outputs
    for output in folded.outputs:
        assert b"A test says so" not in (output.value or b"")
        assert b"shift-b-07" not in (output.value or b"")
