"""Dates of birth and addresses: one form for the ways of writing them, and how far two agree."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.identity.address import addresses_agree, normalise_address, numbers_in
from pipeline.identity.birth_date import birth_dates_agree, normalise_birth_date


@pytest.mark.parametrize(
    "text", ["19900314", "1990-03-14", "14/3/2533", "๑๔/๐๓/๒๕๓๓", "14.03.1990", "14031990"]
)
def test_a_day_has_one_key_however_it_is_written(text: str) -> None:
    assert normalise_birth_date(text).key == "birth:19900314"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "empty"),
        ("spring", "not_a_date"),
        ("1990-13-14", "not_a_date"),
        ("9" * 300, "too_long"),
    ],
)
def test_what_is_no_date_has_no_key(text: str, problem: str) -> None:
    assert normalise_birth_date(text).problem == problem


@given(st.text(max_size=300))
def test_any_text_is_read_or_refused(text: str) -> None:
    assert (normalise_birth_date(text).key is None) == (
        normalise_birth_date(text).problem is not None
    )
    assert (normalise_address(text).key is None) == (normalise_address(text).problem is not None)


@pytest.mark.parametrize(
    ("other", "agreement"),
    [("19900314", "same"), ("19900324", "near"), ("19901403", "near"), ("19710101", "other")],
)
def test_dates_agree_as_far_as_slips_of_the_pen_go(other: str, agreement: str) -> None:
    assert birth_dates_agree("birth:19900314", f"birth:{other}") == agreement


def test_addresses_agree_by_the_words_that_they_share() -> None:
    one = normalise_address("99/1 Sukhumvit Road, Khlong Toei, Bangkok 10110").key or ""
    other = normalise_address("99/1 SUKHUMWIT road Khlong Toei 10110").key or ""
    assert addresses_agree(one, other) > 0.75
    assert addresses_agree(one, one) == 1.0
    assert addresses_agree(one, normalise_address("7 Charoen Krung, Bang Rak").key or "") < 0.2
    assert numbers_in(one) == ["1", "10110", "99"]
