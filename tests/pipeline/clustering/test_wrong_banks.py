"""A number told with a wrong bank, or without one: what joins it to the account that it means."""

from __future__ import annotations

import pytest

from tests.pipeline.clustering.scenarios import Run, account, phone, report

MULE, NEAR = "1112223330", "1112223331"
PHONE = "0811111111"
HOLDER, OTHER_HOLDER = "กมลวรรณ พิทักษ์ไทย", "ธีรเดช บุญเรือง"


def mule(holder: str | None = None) -> list[dict[str, object]]:
    """Return what two victims tell of a mule account."""
    return [report(f"mule-{n}", [account(MULE, "004", holder)], victim=f"v{n}") for n in range(2)]


def is_joined(*reports: dict[str, object], key: str) -> bool:
    run = Run()
    run.feed([*reports])
    return f"account:004:{MULE}" in run.cluster_of(key)["members"]


def test_the_same_number_at_another_bank_alone_joins_nothing() -> None:
    told = report("wrong", [account(MULE, "014")])
    assert not is_joined(*mule(), told, key=f"account:014:{MULE}")


def test_the_same_number_at_another_bank_with_the_same_holder_is_the_account() -> None:
    told = report("wrong", [account(MULE, "014", HOLDER)])
    assert is_joined(*mule(HOLDER), told, key=f"account:014:{MULE}")


def test_the_same_number_at_another_bank_with_another_holder_is_another_account() -> None:
    told = report("wrong", [account(MULE, "014", OTHER_HOLDER)])
    assert not is_joined(*mule(HOLDER), told, key=f"account:014:{MULE}")


def test_a_victim_who_names_two_banks_for_one_number_means_one_account() -> None:
    told = report("wrong", [account(MULE, "014")], victim="v1", source="bank-004")
    assert is_joined(*mule(), told, key=f"account:014:{MULE}")


def test_a_number_that_several_name_at_each_of_two_banks_is_two_accounts() -> None:
    told = [report(f"wrong-{n}", [account(MULE, "014", HOLDER)]) for n in range(2)]
    assert not is_joined(*mule(HOLDER), *told, key=f"account:014:{MULE}")


@pytest.mark.parametrize(("holder", "joined"), [(HOLDER, True), (None, False)])
def test_a_misspelt_number_without_its_bank_needs_the_holder(
    holder: str | None, joined: bool
) -> None:
    told = report("near", [account(NEAR, None, holder)])
    assert is_joined(*mule(HOLDER), told, key=f"account:?:{NEAR}") == joined
    assert is_joined(told, *mule(HOLDER), key=f"account:?:{NEAR}") == joined


def test_a_number_without_its_bank_joins_the_account_though_that_is_near_a_better_known_one() -> (
    None
):
    near = [report(f"n-{n}", [account(NEAR, "004", HOLDER), phone(PHONE)]) for n in range(3)]
    told = report("no-bank", [account(MULE, None)])
    mules = [report(f"m-{n}", [account(MULE, "004", HOLDER), phone(PHONE)]) for n in range(2)]
    assert is_joined(*near, *mules, told, key=f"account:?:{MULE}")
    assert is_joined(told, *mules, *near, key=f"account:?:{MULE}")


@pytest.mark.parametrize(("voices", "joined"), [(31, False), (32, True)])
def test_of_many_who_name_a_number_several_may_name_a_wrong_bank(voices: int, joined: bool) -> None:
    known = [report(f"known-{n}", [account(MULE, "004", HOLDER)]) for n in range(voices)]
    wrong = [report(f"wrong-{n}", [account(MULE, "014", HOLDER)]) for n in range(2)]
    assert is_joined(*known, *wrong, key=f"account:014:{MULE}") == joined


@pytest.mark.parametrize(("telling", "joined"), [(PHONE, True), ("0822222222", False)])
def test_several_may_name_a_wrong_bank_where_holder_and_phone_are_the_accounts(
    telling: str, joined: bool
) -> None:
    known = [report(f"k-{n}", [account(MULE, "004", HOLDER), phone(PHONE)]) for n in range(3)]
    wrong = [report(f"w-{n}", [account(MULE, "014", HOLDER), phone(telling)]) for n in range(2)]
    assert is_joined(*known, *wrong, key=f"account:014:{MULE}") == joined


@pytest.mark.parametrize(("voices", "joined"), [(3, False), (4, True)])
def test_a_number_that_many_name_is_the_account_at_another_bank_too(
    voices: int, joined: bool
) -> None:
    known = [report(f"known-{n}", [account(MULE, "004")]) for n in range(voices)]
    wrong = report("wrong", [account(MULE, "014")])
    assert is_joined(*known, wrong, key=f"account:014:{MULE}") == joined


def test_a_number_that_many_name_is_another_account_where_its_holder_is_another_one() -> None:
    known = [report(f"known-{n}", [account(MULE, "004", HOLDER)]) for n in range(40)]
    wrong = report("wrong", [account(MULE, "014", OTHER_HOLDER)])
    assert not is_joined(*known, wrong, key=f"account:014:{MULE}")


def test_a_misspelt_number_without_its_bank_that_fits_two_banks_fits_neither() -> None:
    told = report("near", [account(NEAR, None), phone("0811111111")])
    there = [report(f"b{n}", [account(MULE, "014"), phone("0833333333")]) for n in range(2)]
    ours = [report(f"a{n}", [account(MULE, "004"), phone("0822222222")]) for n in range(2)]
    voices = [
        report("near-a", [account(MULE, "014")], victim="near"),
        report("near-b", [account(MULE, "004")], victim="near"),
        report("near-c", [account(NEAR, None)], victim="near"),
    ]
    assert not is_joined(*there, *ours, told, *voices, key=f"account:?:{NEAR}")


def test_who_wrote_the_wrong_bank_stands_apart_again_once_it_is_corrected() -> None:
    wrong = report("wrong", [account(MULE, "014", HOLDER)])
    other = report("wrong", [account("5556667770", "014")], kind="corrected", revision=2)
    run = Run()
    run.feed([*mule(HOLDER), wrong, other])
    cluster = run.cluster_of(f"account:004:{MULE}")
    assert cluster["members"] == [f"account:004:{MULE}"]
    assert not cluster["relations"]


def test_a_bank_that_one_of_many_got_wrong_keeps_nobody_from_the_right_one() -> None:
    wrong = report("wrong", [account(MULE, "014", HOLDER)])
    bare = report("bare", [account(MULE, None, HOLDER)])
    assert is_joined(*mule(HOLDER), wrong, bare, key=f"account:?:{MULE}")
    again = report("again", [account(MULE, "014", HOLDER)])
    assert not is_joined(*mule(HOLDER), wrong, again, bare, key=f"account:?:{MULE}")


def test_a_misspelt_number_without_its_bank_is_the_account_also_where_others_tell_none() -> None:
    bare = report("bare", [account(MULE, None, HOLDER)])
    near = report("near", [account(NEAR, None, HOLDER)])
    assert is_joined(*mule(HOLDER), bare, near, key=f"account:?:{NEAR}")
