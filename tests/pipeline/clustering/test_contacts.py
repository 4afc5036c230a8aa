"""A phone or a handle that stands alone and is one edit from a known one is its slip."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.clustering.contacts import KnownContacts, is_contact_slip
from pipeline.policy.policy import load_policy
from tests.pipeline.clustering.scenarios import (
    Run,
    account,
    check_begins_again,
    check_definition,
    decision,
    line,
    phone,
    report,
)

MULE, PHONE, SLIP, FAR = "1112223330", "0811111111", "0811171111", "0811177111"
LACKING, TOO_LONG, UNUSED = "081111111", "08111711111", "0311111111"
NAME, MISSPELT, OTHER_NAME = "@goldcenter26", "@golcenter26", "@goldcenter27"
RING = [report(f"ring-{n}", [account(MULE), phone(PHONE), line(NAME)]) for n in range(2)]


def key(number: str) -> str:
    return f"phone:+66{number[1:]}"


def is_joined(identifier: str, *events: dict[str, Any]) -> bool:
    run = Run()
    run.feed(events)
    return f"account:004:{MULE}" in run.cluster_of(identifier)["members"]


@pytest.mark.parametrize(("number", "joined"), [(SLIP, True), (FAR, False), ("0888888888", False)])
def test_a_phone_told_alone_is_the_known_one_that_it_is_near(number: str, joined: bool) -> None:
    slip = report("slip", [phone(number)])
    assert is_joined(key(number), *RING, slip) == joined
    assert is_joined(key(number), slip, *RING) == joined


@pytest.mark.parametrize("number", [LACKING, TOO_LONG, UNUSED])
def test_a_number_that_nobody_can_have_is_the_known_one_that_it_is_near(number: str) -> None:
    slip, other = report("slip", [phone(number)]), report("other", [phone("069999191")])
    assert is_joined(f"phone:{number}", *RING, slip)
    assert is_joined(f"phone:{number}", slip, *RING)
    assert not is_joined("phone:069999191", *RING, slip, other)


@pytest.mark.parametrize(("name", "joined"), [(MISSPELT, True), (OTHER_NAME, False)])
def test_a_handle_told_alone_is_the_known_one_but_for_a_letter(name: str, joined: bool) -> None:
    slip = report("slip", [line(name)])
    assert is_joined(f"handle:line:{name}", *RING, slip) == joined
    assert is_joined(f"handle:line:{name}", slip, *RING) == joined


def test_a_second_voice_makes_it_a_contact_of_its_own() -> None:
    slips = [report(f"slip-{n}", [phone(SLIP)]) for n in range(2)]
    assert not is_joined(key(SLIP), *RING, *slips)
    taken_back = report("slip-1", kind="withdrawn", revision=2)
    assert is_joined(key(SLIP), *RING, *slips, taken_back)


def test_what_one_voice_tells_has_no_slips() -> None:
    slip = report("slip", [phone(SLIP)])
    assert not is_joined(key(SLIP), RING[0], slip)
    assert not is_joined(key(SLIP), *RING, slip, report("ring-1", kind="withdrawn", revision=2))


def test_beside_anything_but_a_public_number_it_is_no_slip() -> None:
    slip = report("slip", [phone(SLIP), phone("0822222222")])
    public = decision("hotline", "public_number", key("0822222222"))
    assert not is_joined(key(SLIP), *RING, slip)
    assert is_joined(key(SLIP), *RING, slip, public)
    taken_back = {**public, "kind": "withdrawn", "revision": 2}
    assert not is_joined(key(SLIP), *RING, slip, public, taken_back)


def test_a_public_number_has_no_slips() -> None:
    slip, public = report("slip", [phone(SLIP)]), decision("hotline", "public_number", key(PHONE))
    assert not is_joined(key(SLIP), *RING, slip, public)


def test_what_became_known_as_a_public_number_has_its_slips_once_it_is_one_no_more() -> None:
    named = [account(MULE), phone(PHONE)]
    crowd = [report(f"crowd-{n}", named, verified=False) for n in range(5)]
    slip, public = report("slip", [phone(SLIP)]), decision("hotline", "public_number", key(PHONE))
    taken_back = {**public, "kind": "withdrawn", "revision": 2}
    assert not is_joined(key(SLIP), *crowd, slip, public, taken_back)
    assert is_joined(key(SLIP), *crowd, slip, public, *RING, taken_back)


def test_who_says_that_they_are_two_parts_them() -> None:
    slip, apart = report("slip", [phone(SLIP)]), decision("d", "not_same", key(PHONE), key(SLIP))
    assert not is_joined(key(SLIP), *RING, slip, apart)


def test_of_two_known_ones_it_is_the_one_that_more_people_name() -> None:
    near_too = [report(f"other-{n}", [phone("0811191111"), line("@other-ring")]) for n in range(2)]
    third = report("ring-3", [account(MULE), phone(PHONE)])
    assert is_joined(key(SLIP), *near_too, *RING, third, report("slip", [phone(SLIP)]))


@pytest.mark.parametrize(
    ("one", "other", "found"),
    [
        ("phone:+66811111111", "phone:+66811711111", True),
        ("phone:+66812111111", "phone:+66821111111", True),
        ("phone:+66812111111", "phone:+66811111112", False),
        ("phone:+66811111111", "phone:+66611111111", True),
        ("phone:+6621111111", "phone:+6621111112", False),
        ("phone:+66812345678", "phone:08123456789", True),
        ("phone:+66812345678", "phone:081235678", True),
        ("phone:+66812345678", "phone:0312345678", True),
        ("phone:+66812345678", "phone:081245679", False),
        ("phone:081235678", "phone:08123567", False),
        ("phone:+14155550100", "phone:+14155550101", False),
        ("handle:line:goldcenter", "handle:line:goldcentre", True),
        ("handle:line:goldcenter", "handle:line:goldcente", True),
        ("handle:line:goldcenter", "handle:line:goldcanter", True),
        ("handle:line:goldcenter", "handle:line:@goldcenter", False),
        ("handle:line:goldcenter", "handle:telegram:goldcente", False),
        ("handle:line:golder1", "handle:line:golder2", False),
        ("handle:line:golder1", "handle:line:golder", False),
        ("handle:line:gold12r", "handle:line:gold1r2", True),
        ("handle:line:gold", "handle:line:gild", False),
        ("handle:line:goldcenter", "handle:line:goldcenter", False),
        ("handle:line:" + "gold" * 10, "handle:line:" + "gold" * 9 + "gild", True),
        ("handle:line:" + "gold" * 10, "handle:line:" + "gold" * 10 + "x", False),
        ("phone:+66811111111", "handle:line:goldcenter", False),
        ("url:goldcenter.com", "url:goldcente.com", False),
    ],
)
def test_digits_of_mobiles_and_letters_of_names_are_misspelt(
    one: str, other: str, found: bool
) -> None:
    assert is_contact_slip(one, other) == is_contact_slip(other, one) == found
    known = KnownContacts(bytearray(1 << 14))
    assert other not in known.take_in(other)
    if found and one != other:
        assert other in known.take_in(one)
        assert other in known.near(one)
        assert one in known.near(other)


def edited(key: str, place: int, how: str, sign: str) -> str:
    at = len(key) - 1 - place % 9
    if how == "swap":
        return key[: at - 1] + key[at] + key[at - 1] + key[at + 1 :]
    return key[:at] + (sign if how != "lack" else "") + key[at + (how != "add") :]


@settings(max_examples=300, deadline=None)
@given(
    key=st.sampled_from(
        ["phone:+66812345678", "phone:081234567", "handle:line:@gold-cen7er", "handle:x:abcdefgh12"]
    ),
    place=st.integers(0, 8),
    how=st.sampled_from(["swap", "lack", "add", "other"]),
    sign=st.sampled_from("0123456789abcz._-"),
)
def test_whatever_may_be_a_slip_is_found(key: str, place: int, how: str, sign: str) -> None:
    other = edited(key, place, how, sign)
    known = KnownContacts(bytearray(1 << 14))
    known.take_in(key)
    if is_contact_slip(key, other):
        assert key in known.take_in(other)
        assert key in known.near(other)
        assert other in known.near(key)


def test_a_phone_with_the_same_digits_elsewhere_is_not_looked_at() -> None:
    known = KnownContacts(bytearray(1 << 20))
    known.take_in("phone:+66812345678")
    assert known.take_in("phone:+66823456781") == []


SUSPECTS = [
    *map(phone, [PHONE, PHONE, SLIP, FAR, "0811191111", "0822222222", LACKING, TOO_LONG]),
    *map(line, [NAME, NAME, MISSPELT, NAME[1:], OTHER_NAME]),
    account(MULE),
    account("5556667770"),
]
tellings = st.builds(
    lambda number, suspects, victim: report(str(number), suspects, victim=victim),
    st.integers(0, 12),
    st.lists(st.sampled_from(SUSPECTS), min_size=1, max_size=3),
    st.sampled_from([None, "ann", "bob"]),
)


@settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
@given(told=st.lists(tellings, min_size=3, max_size=16), seed=st.integers(0, 2**16))
def test_clusters_are_those_of_the_definition(told: list[dict[str, Any]], seed: int) -> None:
    check_definition(load_policy(), told, seed)


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(told=st.lists(tellings, min_size=3, max_size=12), stops=st.sets(st.integers(0, 11)))
def test_a_fold_that_begins_again_says_the_same(
    told: list[dict[str, Any]], stops: set[int]
) -> None:
    check_begins_again(load_policy(), told, stops)
