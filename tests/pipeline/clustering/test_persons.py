"""Accounts of one holder are joined by what is told of the holder, whatever their numbers are."""

from __future__ import annotations

from typing import Any

import pytest

from tests.pipeline.clustering.scenarios import Run, account, report, somebody

ONE, OTHER = "1112223330", "9876543210"
HOME = "99/1 หมู่ 5 ถนนบางนา แขวงบางนา กรุงเทพ 10260"


def told(number: str, bank: str, name: str, birth: str | None, home: str | None) -> dict[str, Any]:
    holder = account(number, bank, name)
    return report(number, [holder, somebody(name, birth, home)])


def joined(*reports: dict[str, Any]) -> bool:
    run = Run()
    run.feed(reports)
    return len(run.clusters()) == 1


def test_name_and_date_of_birth_are_enough_at_any_two_banks() -> None:
    run = Run()
    run.feed([told(ONE, "004", "กมลวรรณ พิทักษ์ไทย", "14/3/2533", None)])
    run.feed([told(OTHER, "014", "Kamonwan Phithakthai", "1990-03-14", None)])
    (cluster,) = (c for c in run.newest("clusters").values() if c["members"])
    (edge,) = cluster["edges"]
    assert edge["tier"] == "T1"
    assert edge["reasons"][0] == "same_person"
    assert "same_birth_date:+13.0" in edge["reasons"]


@pytest.mark.parametrize(
    ("birth", "home", "is_joined"),
    [
        (None, None, False),
        (None, HOME, True),
        ("1971-12-31", None, False),
        ("1990-03-15", HOME, True),
        ("1990-03-14", "12 ถนนสุขุมวิท แขวงคลองเตย กรุงเทพ 10110", True),
    ],
    ids=["name alone", "and address", "another birthday", "a digit off", "and has moved"],
)
def test_a_name_needs_something_beside_it(
    birth: str | None, home: str | None, is_joined: bool
) -> None:
    name = "กมลวรรณ พิทักษ์ไทย"
    first = told(ONE, "004", name, "1990-03-14", HOME)
    assert joined(first, told(OTHER, "014", name, birth, home)) == is_joined


def test_members_of_one_family_are_not_one_person() -> None:
    first = told(ONE, "004", "กมลวรรณ พิทักษ์ไทย", "1990-03-14", None)
    assert not joined(first, told(OTHER, "014", "วิรัช พิทักษ์ไทย", "1988-07-02", None))


def test_a_name_that_is_everybodys_joins_nobody() -> None:
    run = Run()
    name, birth = "กมลวรรณ พิทักษ์ไทย", "1990-03-14"
    reports = [told(str(1234567891 * n)[:10], "004", name, birth, None) for n in range(2, 14)]
    run.feed(reports)
    assert len(run.clusters()) == 1
    folded = run.feed([told("7770001112", "004", name, birth, None)])
    assert len(run.clusters()) == 13
    assert folded.counts["limit_hits", "persons_a_block"] == 1
    run.feed([{**reports[0], "kind": "withdrawn", "revision": 2, "suspects": []}])
    assert len(run.clusters()) == 1
