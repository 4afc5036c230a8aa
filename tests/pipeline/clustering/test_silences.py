"""What was told of only before or after a silence of a ring, and hangs on one tie, is not its."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

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


def on(day: int, event: dict[str, Any]) -> dict[str, Any]:
    """Return a report that was received on a day of October."""
    return event | {"received_at": f"2026-10-{day:02d}T10:00:00+07:00"}


RING = [on(14 + n % 6, report(f"ring-{n}", [account(MULE), CONTACTS[n % 2]])) for n in range(14)]
OLD = [on(2, report(f"old-{n}", [account(OTHER)])) for n in range(3)]
BOTH = on(16, report("both", [account(MULE), account(OTHER)]))


def is_one(*reports: dict[str, Any], ring: list[dict[str, Any]] = RING) -> bool:
    run = Run()
    run.feed([*ring, *reports])
    return f"account:004:{OTHER}" in run.cluster_of(f"account:004:{MULE}")["members"]


def test_an_account_told_of_only_before_a_silence_stays_out_though_one_voice_names_both() -> None:
    assert not is_one(*OLD, BOTH)
    assert not is_one(BOTH, *OLD)


def test_an_account_told_of_only_after_a_silence_stays_out() -> None:
    assert not is_one(BOTH, *[on(30, event) for event in OLD])


def test_who_is_told_of_while_the_ring_is_stays_in() -> None:
    assert is_one(*[on(15, event) for event in OLD], BOTH)


def test_a_day_without_reports_is_no_silence() -> None:
    assert is_one(*[on(12, event) for event in OLD], BOTH)


def test_of_a_ring_of_few_reports_a_silence_says_nothing() -> None:
    assert is_one(*OLD, BOTH, ring=RING[:4])


def test_a_report_in_between_breaks_the_silence() -> None:
    assert is_one(*OLD, on(8, report("between", [account(MULE)])), BOTH)


def test_a_second_tie_keeps_it_in() -> None:
    assert is_one(*OLD, BOTH, on(17, report("also", [account(OTHER), CONTACTS[0]])))


def test_who_tells_late_and_alone_is_a_late_victim() -> None:
    assert is_one(on(2, report("old", [account(OTHER), CONTACTS[0]])))


def test_a_number_told_of_by_others_at_another_time_was_handed_on() -> None:
    handed = phone("0833333333")
    first = [on(2, report(f"old-{n}", [account(OTHER), handed])) for n in range(2)]
    later = [on(15, report(f"new-{n}", [account(MULE), handed])) for n in range(3)]
    assert not is_one(*first, *later)
    assert is_one(*[on(14, event) for event in first], *later)


def test_who_takes_the_tie_at_the_other_time_back_is_forgotten() -> None:
    late = on(15, report("late", [account(OTHER)]))
    assert is_one(*OLD, BOTH, late)
    assert not is_one(*OLD, BOTH, late, report("late", kind="withdrawn", revision=2))


def test_what_people_say_is_the_same_is_not_parted() -> None:
    run = Run()
    run.feed([*RING, *OLD, BOTH])
    run.feed([decision("1", "same", f"account:004:{MULE}", f"account:004:{OTHER}")])
    assert f"account:004:{OTHER}" in run.cluster_of(f"account:004:{MULE}")["members"]


def test_what_is_parted_is_shown_as_a_relation_of_both() -> None:
    run = Run()
    run.feed([*RING, *OLD, BOTH])
    for end in (MULE, OTHER):
        relations = run.cluster_of(f"account:004:{end}")["relations"]
        (relation,) = [told for told in relations if OTHER in told["a"] + told["b"]]
        assert "silence_between" in relation["reasons"]


tellings = st.builds(
    lambda number, suspects, contacts, day, victim: on(
        day, report(str(number), [*map(account, suspects), *contacts], victim=victim)
    ),
    st.integers(0, 60),
    st.sampled_from([[], [MULE], [OTHER], [OTHER], [THIRD], [MULE, OTHER], [OTHER, THIRD]]),
    st.sampled_from([*[[c] for c in CONTACTS], [phone("0822222222")], [line("@rich")]]),
    st.sampled_from([1, 2, 3, 3, 15, 18, 30]),
    st.sampled_from([None, None, None, "ann"]),
) | st.builds(
    lambda number, suspect, day: on(day, report(f"alone-{number}", [account(suspect)])),
    st.integers(0, 60),
    st.sampled_from([OTHER, OTHER, THIRD, THIRD[:-2] + "17", MULE]),
    st.sampled_from([1, 2, 3, 28, 30]),
)


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(events=st.lists(tellings, min_size=3, max_size=12), seed=st.integers(0, 2**16))
def test_clusters_are_those_of_the_definition(events: list[dict[str, Any]], seed: int) -> None:
    check_definition(load_policy(), [*RING, *events], seed)
