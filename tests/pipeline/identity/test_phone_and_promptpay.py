"""Phones, PromptPay proxies, QR payloads and national IDs."""

from __future__ import annotations

import binascii

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.identity.national_id import (
    check_digit,
    contains_national_id,
    hash_national_id,
    is_national_id,
)
from pipeline.identity.phone import normalise_phone
from pipeline.identity.promptpay import decode_qr, national_id_in, normalise_promptpay

ANY_TEXT = st.text(st.characters(exclude_categories=()))
DIGITS = st.text("0123456789+- ๐๑lO", max_size=20)
NATIONAL_ID = "1101700207030"
MOBILE = "phone:+66812345678"


def field(tag: str, value: str) -> str:
    return f"{tag}{len(value):02}{value}"


def qr(tag: str, application: str, inner: str) -> str:
    body = (
        field("00", "01") + field("01", "12") + field(tag, field("00", application) + inner)
        + field("53", "764") + field("54", "100.00") + field("58", "TH") + "6304"
    )  # fmt: skip
    return body + f"{binascii.crc_hqx(body.encode(), 0xFFFF):04X}"


@pytest.mark.parametrize(
    "text",
    ["081-234-5678", "08l2345678", "0066812345678", "+66 (0)81 234 5678", "๐๘๑๒๓๔๕๖๗๘",
     "812345678", "66812345678", "โทร. 081 234 5678", "tel:+66812345678", "001 66 812345678",
     "081\u200b2345678", "O812345678", "+66 081 234 5678", "0812345678 (แอดมิน)",
     "0812345678.0", "812345678.0", "812345678.00", "โทร 0812345678.0",
     "คุณเอ 081-234-5678", "๐๘๑๒๓๔๕๖๗๘ Line"],
)  # fmt: skip
def test_one_mobile_in_many_spellings(text: str) -> None:
    assert normalise_phone(text).key == MOBILE


@pytest.mark.parametrize(
    ("text", "key", "problem"),
    [
        ("02-123-4567", "phone:+6621234567", None),
        ("+855 12 345 678", "phone:+85512345678", None),
        ("081-234-567", "phone:081234567", None),
        ("+66 8123 45 678 9", "phone:08123456789", None),
        ("0061526798", "phone:0061526798", None),
        ("0044 7447 375615", "phone:+447447375615", None),
        ("00855 12 345 678", "phone:+85512345678", None),
        ("0060 12 453 8397", "phone:+60124538397", None),
        ("855-12345678", "phone:+85512345678", None),
        ("60129898928", "phone:+60129898928", None),
        ("001 44 7447 375615", "phone:+447447375615", None),
        ("0044 07447 375615", None, "not_a_phone"),
        ("99912345678", "phone:99912345678", None),
        ("668123456789", None, "not_a_phone"),
        ("0123456789", None, "not_a_phone"),
        ("0000000000", None, "not_a_phone"),
        ("1441", None, "short_code"),
        ("191", None, "short_code"),
        ("0800-FLOWERS", None, "not_a_phone"),
        ("08123456789012", None, "not_a_phone"),
        ("0812345678 หรือ 0812345679", None, "not_a_phone"),
        ("A0812345678B12", None, "not_a_phone"),
        ("", None, "empty"),
        ("ไม่มี", None, "no_digits"),
        ("0" * 1_000_000, None, "too_long"),
    ],
)
def test_phones(text: str, key: str | None, problem: str | None) -> None:
    result = normalise_phone(text)
    assert (result.key, result.problem) == (key, problem)


@given(st.integers(800_000_000, 999_999_999) | st.integers(610_000_000, 669_999_999))
def test_the_short_cut_agrees_with_the_library(national: int) -> None:
    parsed = phonenumbers.parse(f"0{national}", "TH")
    assert phonenumbers.is_valid_number(parsed)
    assert normalise_phone(f"0{national}").key == f"phone:+66{national}"


@pytest.mark.parametrize("text", ["069-134-4733", "+66 69 134 4733", "0066691344733"])
def test_a_mobile_of_a_range_that_no_table_knows_yet_is_one(text: str) -> None:
    assert normalise_phone(text).key == "phone:+66691344733"


@given(ANY_TEXT | DIGITS)
def test_phone_total_and_idempotent(text: str) -> None:
    result = normalise_phone(text)
    assert (result.key is None) == (result.problem is not None)
    if result.key is not None:
        assert normalise_phone(result.key.removeprefix("phone:")).key == result.key


@pytest.mark.parametrize(
    ("proxy", "key", "problem"),
    [
        ("0066812345678", "promptpay:" + MOBILE, None),
        ("081-234-5678", "promptpay:" + MOBILE, None),
        ("0105556000000", "promptpay:tax:0105556000000", None),
        ("ab" * 32, "promptpay:nid:" + "ab" * 32, None),
        ("nid:" + "AB" * 32, "promptpay:nid:" + "ab" * 32, None),
        ("140000812345678", "promptpay:ewallet:140000812345678", None),
        ("biller:010555600000001", "promptpay:biller:010555600000001", None),
        (NATIONAL_ID, None, "raw_national_id"),
        ("1-1017-00207-03-0", None, "raw_national_id"),
        ("1101700207031", None, "bad_check_digit"),
        (f"biller:{NATIONAL_ID}01", None, "raw_national_id"),
        ("1441", None, "not_a_proxy"),
        ("081-234-567", None, "not_a_proxy"),
        ("", None, "empty"),
        ("1" * 1_000_000, None, "too_long"),
    ],
)
def test_promptpay(proxy: str, key: str | None, problem: str | None) -> None:
    result = normalise_promptpay(proxy)
    assert (result.key, result.problem) == (key, problem)


@given(ANY_TEXT | st.text("0123456789", min_size=9, max_size=16))
def test_promptpay_total_and_idempotent(proxy: str) -> None:
    result = normalise_promptpay(proxy)
    assert (result.key is None) == (result.problem is not None)
    if result.key is not None:
        assert normalise_promptpay(result.key).key == result.key


TRANSFER = "A000000677010111"


@pytest.mark.parametrize(
    ("payload", "key", "problem"),
    [
        (qr("29", TRANSFER, field("01", "0066812345678")), "promptpay:" + MOBILE, None),
        (qr("29", TRANSFER, field("02", "0105556000000")), "promptpay:tax:0105556000000", None),
        (qr("29", TRANSFER, field("02", NATIONAL_ID)), None, "raw_national_id"),
        (qr("29", TRANSFER, field("03", "140000812345678")),
         "promptpay:ewallet:140000812345678", None),
        (qr("29", TRANSFER, field("04", "0041234567890")), "account:004:1234567890", None),
        (qr("30", "A000000677010112", field("01", "010555600000001") + field("02", "REF")),
         "promptpay:biller:010555600000001", None),
        (qr("29", "A000000000000000", field("01", "0066812345678")), None, "no_promptpay"),
        (qr("29", TRANSFER, field("01", "0066812345678"))[:-1] + "!", None, "bad_crc"),
        ("hello", None, "not_a_qr"),
        ("", None, "empty"),
        ("0" * 513, None, "too_long"),
    ],
)  # fmt: skip
def test_qr(payload: str, key: str | None, problem: str | None) -> None:
    result = decode_qr(payload)
    assert (result.key, result.problem) == (key, problem)
    assert decode_qr(f" {payload}\n").key == key


def test_a_known_payload_of_another_program() -> None:
    # From the documentation of keenthekeen/php-promptpay-qr (phone 089-999-9999).
    payload = "00020101021129370016A000000677010111011300668999999995802TH53037646304FE29"
    assert decode_qr(payload).key == "promptpay:phone:+66899999999"


def test_the_national_id_in_a_proxy_is_found_for_hashing() -> None:
    assert national_id_in("1 1017 00207 03 0") == NATIONAL_ID
    assert national_id_in(qr("29", TRANSFER, field("02", NATIONAL_ID))) == NATIONAL_ID
    assert national_id_in("0812345678") is None


@given(ANY_TEXT | st.text("0123456789", max_size=60).map(lambda tail: "000201" + tail))
def test_qr_is_total(payload: str) -> None:
    result = decode_qr(payload)
    assert (result.key is None) == (result.problem is not None)
    national_id_in(payload)


@given(st.integers(100_000_000_000, 899_999_999_999))
def test_national_ids(first_twelve: int) -> None:
    digits = f"{first_twelve}{check_digit(str(first_twelve))}"
    assert is_national_id(digits)
    wrong = digits[:-1] + str((int(digits[-1]) + 1) % 10)
    assert not is_national_id(wrong)
    assert contains_national_id(f"เลข{digits}ครับ")
    assert contains_national_id(
        f"id {digits[0]}-{digits[1:5]}-{digits[5:10]}-{digits[10:12]} - {digits[12]}."
    )
    assert not contains_national_id(f"7{digits}")
    assert not contains_national_id(f"a{digits}b" + "c" * 32)


def test_a_foreign_phone_behind_its_plus_is_no_national_id() -> None:
    chinese = "8613510429664"
    assert is_national_id(chinese)
    assert not contains_national_id(f"+{chinese}")
    assert not contains_national_id("โทร +86 135 1042 9664 ค่ะ")
    assert contains_national_id(chinese)
    assert contains_national_id(f"สมชาย+{chinese}")
    assert contains_national_id(f"+{chinese} {NATIONAL_ID}")
    # No country has such a number.
    assert contains_national_id("+1101700230708")


def test_keyed_hash() -> None:
    digest = hash_national_id(NATIONAL_ID, b"key")
    assert len(digest) == 64
    assert digest != hash_national_id(NATIONAL_ID, b"other")
    assert not contains_national_id(digest)


@given(ANY_TEXT)
def test_finding_is_total(text: str) -> None:
    assert contains_national_id(text) in (True, False)
    assert is_national_id(text) in (True, False)
