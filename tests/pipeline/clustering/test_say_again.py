"""Saying again: whatever old records land behind the newest, the highest version wins."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.fold import LogRecord, Output
from pipeline.policy.policy import Policy
from pipeline.topics import CLUSTERS, REPORTS, WATCHLIST
from tests.pipeline.clustering.scenarios import Run, account, line, phone, report
from tests.pipeline.clustering.test_any_order import BRIDGED, TIGHT, events

COMPACTED = (CLUSTERS, WATCHLIST)


def said(run: Run, topic: str) -> dict[bytes, list[Output]]:
    """Return every output of a topic by key, oldest version first."""
    found: dict[bytes, list[Output]] = {}
    for folded in run.folded:
        for output in folded.outputs:
            if output.topic == topic:
                assert output.key is not None
                found.setdefault(output.key, []).append(output)
    return found


def again(run: Run, topic: str, kept: list[Output]) -> list[Output]:
    """Return what is said again where these are the newest records of their keys."""
    older = []
    for place, output in enumerate(kept):
        record = LogRecord(place, 0, output.key, output.value, output.headers)
        versions = run.fold.versions(topic, record)
        if versions is not None and versions.written < versions.known:
            older.append(output.key or b"")
    return run.fold.say_again(topic, older)


@pytest.mark.parametrize("policy", [TIGHT, BRIDGED], ids=["tight", "bridged"])
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(told=st.lists(events, min_size=1, max_size=18), seed=st.integers(0, 2**16))
def test_what_an_older_record_overwrote_is_said_again_byte_for_byte(
    policy: Policy, told: list[dict[str, Any]], seed: int
) -> None:
    run, chance = Run(policy), random.Random(seed)
    run.feed(told)
    for topic in COMPACTED:
        versions = said(run, topic)
        # What compaction keeps: of each key one version, the newest or an older one.
        kept = [chance.choice(outputs) for outputs in versions.values()]
        overwritten = [output for output in kept if output != versions[output.key or b""][-1]]
        expected = [versions[output.key or b""][-1] for output in overwritten]
        assert again(run, topic, kept) == expected


def test_the_versions_are_those_that_were_said() -> None:
    run = Run()
    run.feed([report("1", [account("1234567890")]), report("2", [account("1234567890")])])
    for topic in COMPACTED:
        for key, outputs in said(run, topic).items():
            for place, output in enumerate(outputs):
                record = LogRecord(0, 0, key, output.value)
                assert run.fold.versions(topic, record) == (place + 1, len(outputs))


def test_a_newer_record_and_one_of_a_stranger_are_left_alone() -> None:
    run = Run()
    run.feed([report("1", [account("1234567890")])])
    newer = Run()
    newer.feed([report("1", [account("1234567890")]), report("2", [account("1234567890")])])
    for topic in COMPACTED:
        newest = [outputs[-1] for outputs in said(newer, topic).values()]
        assert newest
        assert again(run, topic, newest) == []
        for key in (b"\xff", b"", b"account:004:5556667770", None):
            assert run.fold.versions(topic, LogRecord(0, 0, key, b'{"version": 1}')) is None
            assert run.fold.say_again(topic, [key or b""]) == []


def test_a_record_that_was_deleted_or_cannot_be_read_is_said_again() -> None:
    run = Run()
    run.feed([report("1", [account("1234567890"), line("@x")])])
    for topic in COMPACTED:
        ((key, (newest,)),) = said(run, topic).items()
        for value in (None, b"", b"[]", b'{"version": "x"}', b"\xff"):
            assert again(run, topic, [Output(topic, key, value)]) == [newest]


def test_an_account_that_nobody_names_any_more_is_said_again_as_cleared() -> None:
    run = Run()
    run.feed([report("1", [account("1234567890"), phone("0811111111")])])
    run.feed([report("1", kind="withdrawn", revision=2)])
    for topic in COMPACTED:
        for first, last in said(run, topic).values():
            assert again(run, topic, [first]) == [last]


def test_a_change_of_policy_says_nothing_again_under_the_old_version() -> None:
    run = Run()
    run.feed([report("1", [account("1234567890")]), report("2", [account("1234567890")])])
    old = said(run, WATCHLIST).popitem()[1][0]
    policy = TIGHT.model_copy(update={"levels": TIGHT.levels[-1:]})
    other = Run(policy)
    other.state = run.state
    other.fold = type(run.fold)(run.state, policy, 2)
    assert again(other, WATCHLIST, [old]) == []


def test_other_topics_are_none_of_its_business() -> None:
    run = Run()
    run.feed([report("1", [account("1234567890")])])
    key = b"account:004:1234567890"
    assert run.fold.versions(REPORTS, LogRecord(0, 0, key, b"{}")) is None
    assert run.fold.say_again(REPORTS, [key]) == []
