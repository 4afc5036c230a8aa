"""Clusters and levels are a function of the set of reports: any order, duplicates, corrections."""

from __future__ import annotations

import random
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.clustering.documents import decode_document
from pipeline.clustering.nodes import LISTED_LOOK_ALIKES
from pipeline.clustering.normalised import decode_stored
from pipeline.policy.policy import Policy
from pipeline.state import MemoryState
from tests.pipeline.clustering.oracle import Oracle
from tests.pipeline.clustering.scenarios import (
    Run,
    account,
    check_begins_again,
    line,
    pay,
    phone,
    report,
    small_policy,
    somebody,
    stored,
)

# A small world, so that everything touches everything: numbers one edit apart at two banks.
NUMBERS = ["1112223330", "1112223331", "1112223340", "1112233330", "5556667770", "5556667771"]
BANKS = ["004", "004", "014", None]
HOLDERS = [None, "สมชาย ใจดี", "Somchai Jaidee", "สมหญิง แซ่ตั้ง", "กมลวรรณ พิทักษ์ไทย"]
PHONES = ["0811111111", "0822222222", "0833333333"]
AMOUNTS = [99_900, 50_000, 100_000]
TIMES = ["2026-11-20T09:00:00+07:00", "2026-11-20T09:50:00+07:00", "2026-11-20T11:00:00+07:00"]

TIGHT = small_policy(hub=3, bridge_voices=2, bridge_identifiers=1, cluster_limit=4)
BRIDGED = small_policy(hub=9, bridge_voices=2, bridge_identifiers=1)
STANDARD = small_policy()

suspects = st.one_of(
    st.builds(account, st.sampled_from(NUMBERS), st.sampled_from(BANKS), st.sampled_from(HOLDERS)),
    st.builds(phone, st.sampled_from(PHONES)),
    st.builds(line, st.sampled_from(["@quick", "@rich", "rich"])),
    st.builds(
        somebody,
        st.sampled_from(["Somchai Jaidee", "กมลวรรณ พิทักษ์ไทย"]),
        st.sampled_from([None, "1990-03-14", "1990-03-15"]),
        st.sampled_from([None, "99/1 หมู่ 5 บางนา กรุงเทพ 10260", "12 ถนนสุขุมวิท กรุงเทพ 10110"]),
    ),
)
payments = st.builds(
    pay,
    st.sampled_from(NUMBERS),
    st.sampled_from(AMOUNTS),
    st.sampled_from(TIMES),
    st.sampled_from(["004", "014"]),
)


def usable(event: dict[str, Any]) -> dict[str, Any]:
    """Return a report that names more than a person."""
    named = [suspect for suspect in event["suspects"] if suspect["kind"] != "person"]
    if named or event["payments"]:
        return event
    return event | {"suspects": [*event["suspects"], account(NUMBERS[0])]}


events = st.builds(
    report,
    st.sampled_from([str(number) for number in range(14)]),
    st.lists(suspects, min_size=1, max_size=3),
    kind=st.sampled_from(["submitted", "submitted", "submitted", "corrected", "withdrawn"]),
    source=st.sampled_from(["aoc1441", "aoc1441", "aoc1441", "ccib", "bank-fraud-desk", "amlo"]),
    minute=st.integers(0, 5),
    victim=st.sampled_from(["ann", "bob", "cat", None, None, None]),
    verified=st.booleans(),
    payments=st.lists(payments, max_size=2),
    revision=st.integers(1, 2),
).map(usable)

DERIVED = [bytes([family]) for family in b"vfwghpexotq"]
"""Families of rows that are a function of the live reports; of documents a part is (below)."""


def derived_rows(state: MemoryState) -> dict[bytes, bytes]:
    """Return every row, or part of it, that must be a function of the live reports alone."""
    found = {key: value for key, value in state.scan(b"", b"\xff") if key[:1] in DERIVED}
    for key, value in state.scan(b"n", b"o"):
        document = msgspec.structs.replace(decode_document(value), level=None, said=None)
        if document.reports:
            plain = msgspec.to_builtins(document, str_keys=True, order="sorted")
            found[key] = msgspec.msgpack.encode(plain)
    return found


def result(run: Run) -> tuple[Any, ...]:
    """Return what was said in the end, without versions and history."""
    clusters = []
    for cluster in run.newest("clusters").values():
        if cluster["members"]:
            history = {"version", "split_from", "merged_into"}
            clusters.append(sorted((k, v) for k, v in cluster.items() if k not in history))
    levels = {
        key: msgspec.structs.replace(
            level, version=0, cluster_version=0, published_at=0, caused_by=""
        )
        for key, level in run.levels().items()
        if level.level != "none"
    }
    standing = {
        key: msgspec.structs.replace(claim, version=0, published_at=0)
        for key, claim in run.claims().items()
        if not claim.withdrawn
    }
    return sorted(clusters), levels, standing


@pytest.mark.parametrize("few", [1, 8])
@pytest.mark.parametrize("policy", [TIGHT, BRIDGED, STANDARD], ids=["tight", "bridged", "standard"])
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(told=st.lists(events, max_size=22), seed=st.integers(0, 2**16))
def test_final_result_is_a_function_of_the_set(
    policy: Policy, few: int, told: list[dict[str, Any]], seed: int
) -> None:
    # With few = 1 nearly every identifier becomes one of many reports, and goes back.
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pipeline.clustering.contributions.FEW", few)
        check_any_order(policy, told, seed)


def check_any_order(policy: Policy, told: list[dict[str, Any]], seed: int) -> None:
    in_order, shuffled = Run(policy), Run(policy)
    in_order.feed(told)
    other = [*told, *told[:5]]
    random.Random(seed).shuffle(other)
    for event in other:
        shuffled.feed([event])
    oracle = Oracle([stored(event, policy) for event in told], policy)
    assert in_order.clusters() == oracle.clusters()
    assert {k: (v.level, v.acting) for k, v in in_order.levels().items() if v.reports} == (
        oracle.levels()
    )
    assert result(shuffled) == result(in_order)
    assert derived_rows(shuffled.state) == derived_rows(in_order.state)
    assert in_order.fold.gauges() == {
        "clusters": len(oracle.clusters()),
        "reports": len(oracle.live),
    }


@pytest.mark.parametrize("few", [1, 8])
@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(kept=st.lists(events, max_size=8), gone=st.lists(events, min_size=1, max_size=8))
def test_withdrawn_reports_leave_nothing_behind(
    few: int, kept: list[dict[str, Any]], gone: list[dict[str, Any]]
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pipeline.clustering.contributions.FEW", few)
        check_withdrawn(kept, gone)


def check_withdrawn(kept: list[dict[str, Any]], gone: list[dict[str, Any]]) -> None:
    kept = [event | {"report_id": f"kept-{event['report_id']}"} for event in kept]
    without, withdrawn = Run(BRIDGED), Run(BRIDGED)
    without.feed(kept)
    mixed = [*kept, *gone]
    random.Random(len(gone)).shuffle(mixed)
    withdrawn.feed(mixed)
    withdrawn.feed([e | {"kind": "withdrawn", "revision": 9, "suspects": []} for e in gone])
    assert derived_rows(withdrawn.state) == derived_rows(without.state)
    assert result(withdrawn) == result(without)


def test_state_rows_hold_reports_readably() -> None:
    run = Run()
    run.feed([report("1", [phone("0811111111")])])
    found = run.state.get(b"raoc1441/1")
    assert found is not None
    assert decode_stored(found).identifiers == ("phone:+66811111111",)


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(told=st.lists(events, max_size=20), stops=st.sets(st.integers(0, 19)))
def test_a_fold_that_begins_again_from_its_state_says_the_same(
    told: list[dict[str, Any]], stops: set[int]
) -> None:
    check_begins_again(BRIDGED, told, stops)


def test_of_many_look_alikes_the_strongest_are_listed_in_any_order() -> None:
    """Each number has 18 others one edit away; evidence comes, and goes with its reports."""
    numbers = [str(2_000_000_000 + more) for more in range(100)]
    told = [report(number, [account(number)]) for number in numbers]
    for number in numbers[::3]:
        payments = [pay(number, 100_000, TIMES[0])]
        told.append(report(f"paid {number}", [account(number)], payments=payments))
    told += [report(f"paid {number}", kind="withdrawn", revision=2) for number in numbers[::6]]
    expected = None
    for seed in range(3):
        order = list(told)
        if seed:
            random.Random(seed).shuffle(order)
        run = Run(STANDARD)
        for start in range(0, len(order), 40):
            run.feed(order[start : start + 40])
        expected = expected or result(run)
        assert result(run) == expected
    assert max(len(dict(cluster)["relations"]) for cluster in expected[0]) >= LISTED_LOOK_ALIKES
