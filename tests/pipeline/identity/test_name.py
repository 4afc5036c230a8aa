"""Names: normal forms, agreement across scripts, blocking keys."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pythainlp.util import normalize

from pipeline.identity.characters import in_thai_order
from pipeline.identity.name import (
    fold_romanised,
    name_keys,
    names_agree,
    normalise_name,
    skeleton,
)
from pipeline.identity.romanised import all_folds, all_skeletons

ANY_TEXT = st.text(st.characters(exclude_categories=()))
THAI_TEXT = st.text(
    st.sampled_from("กขคงจชซดตนบปมยรลวสหอะาำิีึืุูเแโใไ็่้๊๋์ฯๆ .นายนางสาวabCoLtd"), max_size=30
)


ORDERED_THAI = "".join(map(chr, range(0x0E01, 0x0E5C))) + "   \n\t\u200b\u200cab"


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("นางสาวสมหญิง  รักดี", "สมหญิง รักดี"),
        ("น.ส. สมหญิง", "สมหญิง"),
        ("พ.ต.อ.สมชาย ดี", "สมชาย ดี"),
        ("ว่าที่ ร.ต. สมชาย ใจดี", "สมชาย ใจดี"),
        ("คุณากร ใจดี", "คุณากร ใจดี"),
        ("นายิกา", "นายิกา"),
        ("คำสิงห์ น้ำใจ", "คำสิงห์ น้ำใจ"),
        ("สม\u200bชาย", "สมชาย"),
        ("Mr. SOMCHAI Jaidee", "somchai jaidee"),
        ("บริษัท ทองดี จำกัด (มหาชน)", "ทองดี"),
        ("บจก. ทองดี", "ทองดี"),
        ("ABC Co., Ltd.", "abc"),
    ],
)
def test_normal_forms(text: str, form: str) -> None:
    assert normalise_name(text).key == f"name:{form}"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "empty"),
        ("\x00 \ud800", "empty"),
        ("123", "no_letters"),
        ("นาย", "title_only"),
        ("a" * 257, "too_long"),
    ],
)
def test_no_name(text: str, problem: str) -> None:
    assert normalise_name(text).problem == problem


@pytest.mark.parametrize(
    ("a", "b", "agreement"),
    [
        ("สมชาย ใจดี", "Somchai Jaidee", "full"),
        ("นายสมชาย ใจดี", "JAIDEE, Mr. Somchai", "full"),
        ("สมชายใจดี", "สมชาย ใจดี", "full"),
        ("พรพิมล ศรีสุข", "Pornpimol Srisuk", "full"),
        ("อนุชา บุญเลิศ", "Anucha Boonlert", "full"),
        ("วิไลวรรณ วงศ์สวัสดิ์", "Wilaiwan Wongsawat", "full"),
        ("SOMCHAI J.", "สมชาย ใจดี", "given"),
        ("SOMCHAI J.", "Somchai Rakdee", "none"),
        ("สมชาย", "Somchai", "given"),
        ("S. J.", "Somchai Jaidee", "none"),
        ("S. J.", "S. J.", "none"),
        ("Somchai Rakdee", "Somchai Jaidee", "none"),
        ("Somchai Jaidee", "Somsak Jaidee", "none"),
        ("ณัฐพล พิทักษ์ไทย", "นัฐพล พิทักไทย", "full"),
        ("William Dowley", "Willaim Dowlye", "full"),
        ("มาลี ใจดี", "มานี ใจดี", "none"),
        ("Malee Jaidee", "Manee Jaidee", "none"),
        ("", "Somchai", "none"),
    ],
)
def test_agreement(a: str, b: str, agreement: str) -> None:
    assert names_agree(a, b) == agreement
    assert names_agree(b, a) == agreement


def test_keys_meet_across_scripts_and_order() -> None:
    assert set(name_keys("สมชาย ใจดี")) & set(name_keys("Jaidee Somchai")) == {
        "jd", "smj", "jd+smj",
    }  # fmt: skip
    assert fold_romanised("Pornthep") == fold_romanised("phonthep")
    assert skeleton("สมชาย") == skeleton("Somchai") == "smj"


@given(ANY_TEXT | THAI_TEXT)
def test_total_and_idempotent(text: str) -> None:
    result = normalise_name(text)
    assert (result.key is None) == (result.problem is not None)
    if result.key is not None:
        assert normalise_name(result.key.removeprefix("name:")).key == result.key
    assert list(name_keys(text)) == sorted(set(name_keys(text)))
    fold_romanised(text)
    skeleton(text)


@given(THAI_TEXT | ANY_TEXT, THAI_TEXT | ANY_TEXT)
def test_agreement_is_symmetric(a: str, b: str) -> None:
    assert names_agree(a, b) == names_agree(b, a)


@settings(max_examples=1000, deadline=None)
@given(text=st.text(st.sampled_from(ORDERED_THAI), max_size=8))
def test_the_short_cut_leaves_thai_order_to_the_library_where_it_changes_something(
    text: str,
) -> None:
    assert in_thai_order(text) == normalize(text)


@pytest.mark.parametrize(
    ("thai", "romanised"),
    [
        ("สมชาย วงศ์สวัสดิ์", "Somchai Wongsawat"),
        ("วิไลวรรณ โชติโสภณ", "Wilaiwan Chotsophon"),
        ("มาลี ภักดีเมือง", "Malee Phakdimueang"),
    ],
)
def test_a_second_romaniser_knows_what_the_first_one_misreads(thai: str, romanised: str) -> None:
    assert names_agree(thai, romanised) == "full"


@settings(max_examples=200, deadline=None)
@given(THAI_TEXT)
def test_any_thai_has_folds_and_skeletons_of_latin_letters(text: str) -> None:
    for word in text.split():
        for form in (*all_folds(word), *all_skeletons(word)):
            assert form == "" or (form.isascii() and form.isalpha() and form.islower())
