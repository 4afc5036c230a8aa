"""Accounts of one holder are joined by what is told of the holder, whatever their numbers are."""

from __future__ import annotations

import random
from typing import Any

import orjson
import pytest

from pipeline.clustering.fold import ClusteringFold
from pipeline.clustering.normalised import normalise_report
from pipeline.contracts.reports import decode_report
from pipeline.policy.policy import load_policy
from tests.pipeline.clustering.oracle import Oracle
from tests.pipeline.clustering.scenarios import RECORDED_AT, Run, account, report, somebody

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


NEAR, FAR = "1112224331", "5550001112"
RARE = "กมลวรรณ พิทักษ์ไทย"


def named(number: str, name: str, bank: str | None = "004") -> dict[str, Any]:
    """Return a report of which the holder's name is all that is told."""
    return report(f"{number}{bank}", [account(number, bank, name)])


@pytest.mark.parametrize(
    ("name", "bank", "is_joined"),
    [
        (RARE, "004", True),
        ("พิทักษ์ไทย กมลวรรณ", "004", True),
        ("กมลวรรณ พิทักษ์ไท", "004", True),
        (RARE, "014", False),
        (RARE, None, False),
        ("กมลวรรณ", "004", False),
        ("กมลวรรณ พ", "004", False),
        ("กมลวรรณ รักไทย", "004", False),
    ],
    ids=["same", "turned", "a slip", "other bank", "no bank", "given", "initial", "other family"],
)
def test_one_rare_name_at_one_bank_is_one_person(name: str, bank: str, is_joined: bool) -> None:
    assert joined(named(ONE, RARE), named(FAR, name, bank)) == is_joined


@pytest.mark.parametrize("name", ["ปิยะ แสงจันทร์", "Somchai Jaidee", "ประเสริฐ ใจดี"])
def test_a_common_name_joins_nobody_at_one_bank(name: str) -> None:
    assert not joined(named(ONE, name), named(FAR, name))


@pytest.mark.parametrize(
    ("number", "name", "is_joined"),
    [
        (NEAR, "ประเสริฐ พิทักษ์ไทย", True),
        (FAR, "ประเสริฐ พิทักษ์ไทย", False),
        (NEAR, "ประเสริฐ รักไทย", False),
        (NEAR, "ประเสริฐ ใจดี", False),
    ],
    ids=["two digits off", "another number", "another family", "two common words"],
)
def test_a_common_given_name_joins_beside_a_number_two_digits_off(
    number: str, name: str, is_joined: bool
) -> None:
    first = "ประเสริฐ ใจดี" if name.endswith("ใจดี") else "ประเสริฐ พิทักษ์ไทย"
    assert joined(named(ONE, first), named(number, name)) == is_joined


def test_a_word_that_many_holders_bear_is_no_rare_one() -> None:
    run = Run()
    run.feed([named(ONE, RARE), named(FAR, "กมลวรรณ พิทักษ์ไท")])
    assert len(run.clusters()) == 1
    # Whoever bears the same family's name, at any bank: with the thirteenth it is a common one.
    given = [
        "จารุวรรณ",
        "ธงชัย",
        "บุษบา",
        "เกษม",
        "ละมัย",
        "มงคล",
        "วาสนา",
        "สำราญ",
        "อุบล",
        "ชูศรี",
        "ไพลิน",
        "ฉลอง",
    ]
    numbers = [str(7654321987 * n)[:10] for n in range(2, 14)]
    kin = [named(x, f"{y} พิทักษ์ไทย", "014") for x, y in zip(numbers, given, strict=True)]
    run.feed(kin)
    assert len(run.clusters()) == 14
    run.feed([{**kin[3], "kind": "withdrawn", "revision": 2, "suspects": []}])
    assert len(run.clusters()) == 12


@pytest.mark.parametrize("seed", range(6))
def test_where_a_word_becomes_common_the_order_does_not_matter(seed: int) -> None:
    rng = random.Random(seed)
    family = ["พิทักษ์ไทย", "พิทักษ์ไท", "พิทักษไทย", "วรโชติกุล"]
    given = ["จารุวรรณ", "ธงชัย", "บุษบา", "เกษม", "ละมัย", "มงคล"]
    given += ["วาสนา", "สำราญ", "อุบล", "ชูศรี", "ไพลิน", "ฉลอง"]
    reports = [
        named(f"{n:02d}12223{n:02d}0", f"{rng.choice(given)} {rng.choice(family)}")
        for n in range(10, 36)
    ]
    changes = [{**each, "kind": "withdrawn", "revision": 2, "suspects": []} for each in reports[:5]]
    found, policy = [], load_policy()
    for is_restarted in (False, True):
        run = Run()
        for each in rng.sample([*reports, *changes], len(reports) + len(changes)):
            run.feed([each])
            if is_restarted:
                # What is known of the accounts is then what was written of them.
                run.fold = ClusteringFold(run.state, policy, 2)
        found.append(run.clusters())
    stored = [
        normalise_report(decode_report(orjson.dumps(each)), RECORDED_AT, policy)
        for each in [*reports, *changes]
    ]
    assert found[0] == found[1] == Oracle(stored, policy).clusters()
