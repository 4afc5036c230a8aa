"""A batch says what its reports would say one by one, and a lone report what the rules would."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.clustering.components import Components
from pipeline.clustering.contributions import Contributions
from pipeline.policy.policy import Policy
from tests.pipeline.clustering.scenarios import (
    Run,
    account,
    decision,
    line,
    pay,
    phone,
    report,
    small_policy,
    somebody,
)

# Between a crowded world and one in which hardly anything is told twice.
NUMBERS = [f"55566677{place:02d}" for place in range(0, 100, 7)]
PHONES = [f"08{place}1111111" for place in range(10)]
NAMES = ["@quicklymoney", "quicklymoney", "@quicklymoney", "@rich77", "@slow"]
HOLDERS = [None, "สมชาย ใจดี", "กมลวรรณ พิทักษ์ไทย", "Kamonwan Pitakthai"]
BANKS = ["004", "004", "014", None]

TIGHT = small_policy(hub=3, bridge_voices=2, bridge_identifiers=1, cluster_limit=4)
STANDARD = small_policy()

suspects = st.one_of(
    st.builds(account, st.sampled_from(NUMBERS), st.sampled_from(BANKS), st.sampled_from(HOLDERS)),
    st.builds(phone, st.sampled_from(PHONES)),
    st.builds(line, st.sampled_from(NAMES)),
    st.builds(somebody, st.just("กมลวรรณ พิทักษ์ไทย"), st.sampled_from([None, "1990-03-14"])),
)
payments = st.builds(
    pay,
    st.sampled_from(NUMBERS),
    st.sampled_from([99_900, 100_000]),
    st.just("2026-11-20T09:00:00+07:00"),
    st.sampled_from(["004", "014"]),
)
reports = st.builds(
    report,
    st.sampled_from([str(number) for number in range(30)]),
    st.lists(suspects, min_size=1, max_size=3),
    kind=st.sampled_from(["submitted", "submitted", "submitted", "corrected", "withdrawn"]),
    source=st.sampled_from(["aoc1441", "aoc1441", "ccib", "amlo"]),
    minute=st.integers(0, 5),
    victim=st.sampled_from(["ann", "bob", None, None]),
    verified=st.booleans(),
    payments=st.lists(payments, max_size=1),
    revision=st.integers(1, 2),
)
decisions = st.builds(
    decision,
    st.sampled_from(["a", "b"]),
    st.sampled_from(["same", "not_same"]),
    st.just(f"account:004:{NUMBERS[0]}"),
    st.sampled_from([f"account:004:{NUMBERS[1]}", "phone:+66801111111"]),
    kind=st.sampled_from(["made", "made", "withdrawn"]),
    revision=st.integers(1, 2),
)
told_in_order = st.lists(st.one_of(reports, reports, reports, reports, decisions), max_size=24)
either_policy = pytest.mark.parametrize("policy", [TIGHT, STANDARD], ids=["tight", "standard"])
examples = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))


def rows(run: Run) -> list[tuple[bytes, bytes]]:
    """Return all that a run keeps."""
    return list(run.state.scan(b"", b"\xff"))


@either_policy
@examples
@given(told=told_in_order)
def test_a_batch_says_what_its_reports_say_one_by_one(
    policy: Policy, told: list[dict[str, Any]]
) -> None:
    together, apart = Run(policy), Run(policy)
    said = together.feed(told).outputs
    assert said == [output for event in told for output in apart.feed([event]).outputs]
    assert rows(together) == rows(apart)
    assert together.fold.gauges() == apart.fold.gauges()


@either_policy
@examples
@given(told=told_in_order)
def test_a_lone_report_says_what_the_rules_would(
    policy: Policy, told: list[dict[str, Any]]
) -> None:
    quick, by_rules = Run(policy), Run(policy)
    said = quick.feed(told).outputs
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Components, "lone_report", lambda *_: None)
        patch.setattr(Contributions, "_is_first_word", lambda *_: False)
        assert by_rules.feed(told).outputs == said
    assert rows(quick) == rows(by_rules)


def test_what_a_look_alike_is_known_by_does_not_wait() -> None:
    told = [
        report("1", [account("5556667700")], victim="ann"),
        report("2", [account("5556667707")], victim="bob"),
        report("3", [account("5556667707")], victim="bob", minute=1),
        report("4", [account("5556667700")], victim="cat"),
    ]
    together, apart = Run(), Run()
    together.feed(told)
    for event in told:
        apart.feed([event])
    levels = [event for event in apart.log() if event.account.endswith("07")]
    assert [level.misspelt for level in levels] == [False, False, True]
    assert together.log() == apart.log()
