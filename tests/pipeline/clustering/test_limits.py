"""Each limit that leaves something out is counted, and only then."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from pipeline.clustering.levels import EVIDENCE_EDGES, SLIP_OF
from pipeline.clustering.nodes import (
    COUNTED_VOICES,
    HUB_TIES,
    LISTED_LOOK_ALIKES,
    LISTED_REPORTS,
    NAMES_AN_ACCOUNT,
)
from pipeline.clustering.pairs import LISTED_ACCOUNTS, PAIRWISE_IDENTIFIERS
from pipeline.clustering.sayings import LISTED_EDGES
from pipeline.identity.name import MAX_WORDS
from pipeline.policy.policy import Policy
from tests.pipeline.clustering.scenarios import Run, account, line, phone, report, small_policy


def hits(limit: str, events: Iterable[dict[str, Any]], policy: Policy | None = None) -> int:
    """Return how often a limit was counted at the last of the events."""
    run = Run(policy)
    counted = 0
    for event in events:
        counted = run.feed([event]).counts["limit_hits", limit]
    return counted


def handles(count: int) -> list[dict[str, Any]]:
    return [line(f"@h{place}") for place in range(count)]


def named(*names: str) -> list[dict[str, Any]]:
    """Return reports of two look-alike accounts, the first with these holders."""
    told = [report(n, [account("1234567890", holder=n)]) for n in names]
    return [*told, report("other", [account("1234567891", holder="สมหญิง ใจดี")])]


def some_names(count: int) -> list[str]:
    return [f"Somchai {first}{second}aidee" for first in "abcdefgh" for second in "ijklmno"][:count]


def test_holders_names_that_are_not_compared_are_counted() -> None:
    assert hits("names_an_account", named(*some_names(NAMES_AN_ACCOUNT))) == 0
    assert hits("names_an_account", named(*some_names(NAMES_AN_ACCOUNT + 1))) > 0


def test_words_of_a_name_that_are_not_compared_are_counted() -> None:
    words = ["ab", "cd", "ef", "gh", "ij", "kl", "mn", "op", "qr"]
    for count in (MAX_WORDS, MAX_WORDS + 1):
        event = report("1", [account("1234567890", holder=" ".join(words[:count]))])
        assert hits("name_words", [event]) == count - MAX_WORDS


def test_a_report_with_too_many_identifiers_for_all_pairs_is_counted() -> None:
    assert hits("report_pairs", [report("1", handles(PAIRWISE_IDENTIFIERS))]) == 0
    assert hits("report_pairs", [report("1", handles(PAIRWISE_IDENTIFIERS + 1))]) == 1


def test_a_report_that_is_a_list_of_accounts_is_counted() -> None:
    numbers = [account(f"{place}1234567{place}9") for place in range(1, LISTED_ACCOUNTS + 1)]
    assert hits("report_lists", [report("1", numbers[1:])]) == 0
    assert hits("report_lists", [report("1", numbers)]) == 1


def test_edges_that_a_cluster_does_not_list_are_counted() -> None:
    limit, wide = LISTED_EDGES, small_policy(hub=500)
    star = [report(str(place), [line("@hub"), line(f"@h{place}")]) for place in range(limit + 1)]
    assert hits("listed_edges", star[:limit], wide) == 0
    assert hits("listed_edges", star, wide) == 1


def test_reports_that_a_cluster_does_not_list_are_counted() -> None:
    told = [report(str(place), [phone("0811111111")]) for place in range(LISTED_REPORTS + 1)]
    assert hits("listed_reports", told[:-1]) == 0
    assert hits("listed_reports", told) == 1


def test_look_alikes_that_a_cluster_does_not_list_are_counted() -> None:
    ones = [f"123456780{digit}" for digit in range(1, 10)]
    tens = [f"12345678{digit}0" for digit in range(1, 10)]
    around = [report(number, [account(number)]) for number in ones + tens]
    last = report("x", [account("1234567800")])
    assert hits("listed_look_alikes", [*around[:LISTED_LOOK_ALIKES], last]) == 0
    assert hits("listed_look_alikes", [*around[: LISTED_LOOK_ALIKES + 1], last]) == 1


def test_ties_of_a_public_number_that_its_cluster_does_not_list_are_counted() -> None:
    star = [report(str(place), [line("@hub"), line(f"@h{place}")]) for place in range(HUB_TIES + 1)]
    assert hits("hub_ties", star[:-1]) == 0
    assert hits("hub_ties", star) == 1


def test_voices_that_are_not_counted_exactly_are_counted() -> None:
    told = [report(str(place), handles(2)) for place in range(COUNTED_VOICES // 2 + 1)]
    assert hits("counted_voices", told[:-1]) == 0
    assert hits("counted_voices", told) == 1


def test_edges_that_a_level_does_not_list_are_counted() -> None:
    for more in (0, 1):
        event = report("1", [account("1234567890"), *handles(EVIDENCE_EDGES + more)])
        assert hits("evidence_edges", [event]) == more


def test_accounts_that_a_number_may_be_a_slip_of_are_counted_when_they_are_too_many() -> None:
    for more in (0, 1):
        known = [f"123456789{place}" for place in range(SLIP_OF + more)]
        told = [report(f"{number}.{n}", [account(number)]) for number in known for n in (0, 1)]
        assert hits("slip_of", [*told, report("slip", [account("1234567899")])]) == more


def test_bridges_that_stay_after_the_last_round_are_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    policy = small_policy(bridge_voices=3, bridge_identifiers=2, bridge_bits=2.0)
    named = [account("1234567890"), line("@a"), line("@b"), account("9876543210"), line("@c")]
    told = [(0, 1), (0, 2), (3, 4)] * 3 + [(3, 4), (2, 4)]
    events = [report(str(p), [named[a], named[b]]) for p, (a, b) in enumerate(told)]
    assert hits("bridge_rounds", events, policy) == 0
    monkeypatch.setattr("pipeline.clustering.bridges.MAX_ROUNDS", 0)
    assert hits("bridge_rounds", events, policy) == 1
