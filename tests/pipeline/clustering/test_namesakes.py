"""A rare name alone joins a number told once to the one it fits; two known numbers it does not."""

from __future__ import annotations

from typing import Any

from tests.pipeline.clustering.scenarios import Run, account, report

KNOWN, OTHER, ONCE = "1111222330", "5555666770", "9898765430"
HOLDER = "ภูริวัจน์ ธนกฤตยากร"


def told(number: str, times: int, holder: str = HOLDER) -> list[dict[str, Any]]:
    return [report(f"{number}-{n}", [account(number, holder=holder)]) for n in range(times)]


def clusters(*reports: list[dict[str, Any]]) -> set[frozenset[str]]:
    run = Run()
    for events in reports:
        run.feed(events)
    return run.clusters()


def test_a_number_told_once_is_a_known_number_of_the_same_rare_name() -> None:
    assert len(clusters(told(KNOWN, 3), told(ONCE, 1))) == 1


def test_two_known_numbers_of_one_rare_name_may_be_two_customers() -> None:
    assert len(clusters(told(KNOWN, 3), told(OTHER, 2))) == 2


def test_a_number_told_once_that_fits_two_known_ones_joins_neither() -> None:
    assert len(clusters(told(KNOWN, 3), told(OTHER, 2), told(ONCE, 1))) == 3


def test_a_withdrawal_lets_the_name_join_again() -> None:
    run = Run()
    run.feed([*told(KNOWN, 3), *told(OTHER, 2)])
    run.feed([report(f"{OTHER}-1", kind="withdrawn", revision=2)])
    assert len(run.clusters()) == 1
