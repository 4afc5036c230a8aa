"""Accounts and banks: golden examples, and what holds for every text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.identity.account import (
    bank_of,
    has_usual_length,
    is_one_edit,
    normalise_account,
    number_of,
    one_edit_neighbours,
    parse_bank,
)
from pipeline.identity.banks import BANKS, Bank, banks_in_words

ANY_TEXT = st.text(st.characters(exclude_categories=()))
NUMBERS = st.text("0123456789", min_size=0, max_size=14)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("กสิกร", "004"),
        ("ธ.กสิกรไทย จำกัด (มหาชน)", "004"),
        ("KBank", "004"),
        ("K Bank", "004"),
        ("kasikornbank public company limited", "004"),
        ("KASITHBKXXX", "004"),
        ("004 KBANK", "004"),
        ("ไทยพาณิชย์", "014"),
        ("SCB", "014"),
        ("ธนาคารกรุงเทพ", "002"),
        ("กรุงไทย", "006"),
        ("Bank of Ayudhya PCL", "025"),
        ("ธ.ก.ส.", "034"),
        ("ออมสิน", "030"),
        ("065", "011"),
        ("076", "011"),
        ("TTB", "011"),
        ("4", "004"),
        ("๐๐๔", "004"),
        ("999", "999"),
        ("เป๋าตัง", "006"),
        ("ธ.กรุงไทย (เป๋าตัง)", "006"),
        ("make by kbank", "004"),
        ("LINE BK", "004"),
        ("กสิกร K PLUS", "004"),
        ("กสิกรไทย (K+)", "004"),
        ("กสิกรไทย ออมทรัพย์", "004"),
        ("กรุงไทย NEXT", "006"),
        ("Dime!", "069"),
        ("แม่มณี", "014"),
        ("สหกรณ์ออมทรัพย์ กรุงไทย", "?"),
        ("กสิกร SCB", "?"),
        ("mobile banking", "?"),
        ("004 SCB", "?"),
        ("bank", "?"),
        ("", "?"),
        (None, "?"),
    ],
)
def test_banks_by_every_name(text: str | None, code: str) -> None:
    assert parse_bank(text)[0] == code


def test_every_alias_names_its_bank() -> None:
    for bank in BANKS:
        for name in (bank.code, *bank.merged, *bank.aliases, *bank.said):
            assert parse_bank(name)[0] == bank.code, name


@pytest.mark.parametrize(
    ("bank", "number", "key", "changes"),
    [
        ("004", "1234567890", "account:004:1234567890", ()),
        ("004", "0123456789", "account:004:0123456789", ()),
        (None, "123-4-56789-0", "account:?:1234567890", ("bank_missing", "separators")),
        ("KBank", "๑๒๓๔๕๖๗๘๙๐", "account:004:1234567890", ("bank_alias", "thai_digits")),
        ("065", "1234567890", "account:011:1234567890", ("bank_merged",)),
        ("GSB", "1234567890", "account:030:1234567890", ("bank_alias", "length_unusual")),
        ("004", "เลขที่บัญชี 123-456-7890", "account:004:1234567890", ("label", "separators")),
        ("004", "'1234567890", "account:004:1234567890", ("text_beside",)),
        ("004", "004 406-2-11500-9", "account:004:4062115009", ("separators", "bank_in_number")),
        ("030", "030020965371768", "account:030:020965371768", ("bank_in_number",)),
        ("030", "ธ.ออมสิน 0209 6537 1768", "account:030:020965371768",
         ("text_beside", "separators")),
        (None, "KBANK 406 2 11500 9", "account:004:4062115009",
         ("text_beside", "separators", "bank_in_number")),
        ("ทีเอ็มบีธนชาต", "2234567891", "account:011:2234567891", ("bank_alias",)),
        ("004", "'073007669", "account:004:073007669", ("text_beside", "length_unusual")),
        ("004", "1234567890.0", "account:004:1234567890", ("decimals",)),
        ("004", "123/4/56789/0", "account:004:1234567890", ("separators",)),
        (
            "004",
            "694-3-04795-0 Miss Natchaphon T.",
            "account:004:6943047950",
            ("text_beside", "separators"),
        ),
        ("004", "kbank 655-2-53440-9", "account:004:6552534409", ("text_beside", "separators")),
        (None, "2340022559 (ธ.กรุงไทย)", "account:006:2340022559",
         ("text_beside", "bank_in_number")),
        ("004", "12345678O0", "account:004:1234567800", ("letter_o_for_0",)),
        ("014", "1101700207030", "account:014:1101700207030",
         ("length_unusual", "like_national_id")),
    ],
)  # fmt: skip
def test_accounts(bank: str | None, number: str, key: str, changes: tuple[str, ...]) -> None:
    result = normalise_account(bank, number)
    assert (result.key, result.changes, result.problem) == (key, changes, None)


@pytest.mark.parametrize(
    ("number", "problem"),
    [
        ("", "empty"),
        (" - ", "empty"),
        ("ไม่ทราบ", "no_digits"),
        ("xxx-x-x1234-x", "masked"),
        ("GB29NWBK60161331926819", "not_an_account"),
        ("1234567890-USD", "not_an_account"),
        ("1234567890 / 9876543210", "several_numbers"),
        ("123-4-56789-0, 987-6-54321-0", "several_numbers"),
        ("x1234567890 Mr A", "not_an_account"),
        ("1234567890 หรือ 1234567891", "not_an_account"),
        ("กรุงไทย 1234567890", "not_an_account"),
        ("123456 Mr A", "not_an_account"),
        ("0000000000", "placeholder"),
        ("123", "too_short"),
        ("1" * 41, "too_long"),
        ("1" * 1_000_000, "too_long"),
        ("\x00", "empty"),
    ],
)
def test_no_account(number: str, problem: str) -> None:
    result = normalise_account("004", number)
    assert (result.key, result.problem) == (None, problem)


@given(st.none() | ANY_TEXT, ANY_TEXT | NUMBERS)
def test_total_and_idempotent(bank: str | None, number: str) -> None:
    result = normalise_account(bank, number)
    assert (result.key is None) == (result.problem is not None)
    if result.key is not None:
        again = normalise_account(bank_of(result.key), number_of(result.key))
        assert again.key == result.key


@given(NUMBERS)
def test_neighbours_are_exactly_one_edit_away(number: str) -> None:
    neighbours = list(one_edit_neighbours(number))
    assert len(neighbours) == len(set(neighbours))
    assert all(is_one_edit(number, other) and is_one_edit(other, number) for other in neighbours)


@given(NUMBERS, NUMBERS)
def test_one_edit_is_what_the_neighbours_are(a: str, b: str) -> None:
    assert is_one_edit(a, b) == (b in set(one_edit_neighbours(a)))


def test_a_length_is_unusual_only_where_the_banks_lengths_are_known() -> None:
    assert has_usual_length("account:014:1234567890")
    assert not has_usual_length("account:014:123456789")
    assert has_usual_length("account:?:123456789")
    assert has_usual_length("account:998:123456789")
    assert has_usual_length("phone:+66812345678")


def test_the_key_is_not_in_the_repr() -> None:
    assert "1234567890" not in repr(normalise_account("004", "1234567890"))


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("แบงก์กรุงเทพ", "002"),
        ("แบงก์กรุงศรี", "025"),
        ("Krungthai NEXT", "006"),
        ("KMA", "025"),
        ("กรุงไทย KTB", "006"),
        ("กสิกร (KBank)", "004"),
        ("แอป K PLUS", "004"),
        ("กรุงไทย SCB", "?"),
        ("กรุงไทย something", "?"),
    ],
)
def test_a_bank_is_known_by_its_apps_and_by_two_of_its_names(text: str, code: str) -> None:
    assert parse_bank(text)[0] == code


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("แบงค์ม่วง", "014"),
        ("ธ.สีเขียว", "004"),
        ("เขียว กสิกร", "004"),
        ("กสิก", "004"),
        ("ม่วง กสิกร", "?"),
    ],
)
def test_a_bank_is_known_by_its_colour_where_a_bank_is_asked_for(text: str, code: str) -> None:
    assert parse_bank(text)[0] == code


def test_a_person_called_sky_is_no_bank() -> None:
    assert parse_bank("ฟ้า")[0] == "006"
    assert banks_in_words("ฟ้า ใจดี") == set()
    found = normalise_account("014", "1234567890 ฟ้า ใจดี")
    assert found.key == "account:014:1234567890"


@pytest.mark.parametrize(
    ("number", "problem"),
    [
        ("โทร 0812345678", "not_an_account"),
        ("tel. 0812345678", "not_an_account"),
        ("0812345678 สมชาย (เบอร์โทร)", "not_an_account"),
        ("0812345678 LINE สมชาย", "not_an_account"),
        ("LINE id 1112223334", "not_an_account"),
        ("ไลน์:1112223334", "not_an_account"),
        ("1112223334 (LINE)", "not_an_account"),
        ("Ref 202611201234567", "not_an_account"),
        ("พร้อมเพย์ 0812345678", "not_an_account"),
        ("TrueMoney wallet 0812345678", "not_an_account"),
        ("บัญชี 0812345678 พร้อมเพย์", "not_an_account"),
        ("จำนวน 1000000000 บาท", "not_an_account"),
        ("1000000000 บาท", "not_an_account"),
        ("111 2 22222 3 นาย ก 0812345678", "several_numbers"),
        ("111 2 22222 3 โทร. 0812345678 ต่อ 12", "not_an_account"),
        ("111-2-22222 3 นาย ก", "not_an_account"),
        ("โทร 0812345678 111 2 22222 3", "several_numbers"),
    ],
)
def test_a_number_of_another_kind_is_no_strangers_account(number: str, problem: str) -> None:
    result = normalise_account("004", number)
    assert (result.key, result.problem) == (None, problem)


@pytest.mark.parametrize(
    ("number", "changes"),
    [
        ("111 2 22222 3 โทร 0812345678", ("phone_beside", "separators")),
        ("บัญชี 111-2-22222-3 (เบอร์ 081 234 5678)", ("phone_beside", "label", "separators")),
        ("1112222223, tel. +66 81 234 5678", ("phone_beside",)),
        ("มือถือ ๐๘๑๒๓๔๕๖๗๘ บัญชี 1112222223", ("phone_beside", "label")),
        ("1112222223 สมชาย โทร 0812345678", ("phone_beside", "text_beside")),
        ("กสิกร 1112222223 สาขา 0123", ("text_beside",)),
        ("1112222223 500 บาท", ("text_beside",)),
        ("1112222223 เพจ Happy Shop", ("text_beside",)),
        ("1112222223 ร้านค้าออนไลน์", ("text_beside",)),
        ("เบอร์บัญชี 1112222223 สมชาย", ("text_beside",)),
        ("LINE BK 1112222223", ("text_beside",)),
        ("บัญชี 1112222223 LINE", ("text_beside",)),
        ("บัญชี 1112222223 โอน 1,500.00 บาท", ("text_beside",)),
    ],
)
def test_an_account_that_is_certain_is_read_whatever_stands_beside_it(
    number: str, changes: tuple[str, ...]
) -> None:
    result = normalise_account("004", number)
    assert (result.key, result.changes) == ("account:004:1112222223", changes)


PHONES = st.from_regex(r"0[689][0-9]{8}", fullmatch=True)


@given(st.sampled_from(["โทร", "เบอร์", "Tel:", "LINE", "พร้อมเพย์", "wallet", "ref"]), PHONES,
       st.sampled_from(["", "กสิกร ", "นาย ก "]))  # fmt: skip
def test_what_is_named_a_phone_is_never_an_account(word: str, phone: str, before: str) -> None:
    assert normalise_account("004", f"{before}{word} {phone}").key is None
    assert normalise_account("004", f"{before}{phone} {word}").key is None


@given(st.from_regex(r"[1-9][0-9]{9}", fullmatch=True), PHONES, st.sampled_from("- "))
def test_of_an_account_and_a_phone_that_is_named_the_account_is_read(
    number: str, phone: str, between: str
) -> None:
    parts = between.join((number[:3], number[3], number[4:9], number[9]))
    assert normalise_account("004", f"{parts} โทร {phone}").key == f"account:004:{number}"


@given(st.from_regex(r"[1-9][0-9]{4,13}", fullmatch=True), st.sampled_from([".0", ".0 ", ".00"]))
def test_the_decimals_of_a_spreadsheet_are_no_digits(number: str, decimals: str) -> None:
    result = normalise_account("004", number + decimals)
    assert (result.key, result.changes[0]) == (f"account:004:{number}", "decimals")


@pytest.mark.parametrize(
    ("number", "digits"),
    [
        ("111.2.22222.0", "1112222220"),
        ("111-2-22222.0", "1112222220"),
        ("1112.0", "11120"),
        ("12345678.05", "1234567805"),
    ],
)
def test_a_dot_within_a_number_is_the_writers(number: str, digits: str) -> None:
    assert normalise_account("004", number).key == f"account:004:{digits}"


@pytest.mark.parametrize(
    "number",
    [
        "1112223334 กสิกรไทย นายสมชาย ใจดี",
        "1112223334 (ธ.กสิกรไทย) นาย ก",
        "นายสมชาย K Bank 1112223334",
        "Siam Commercial Bank, Mr A 1112223334",
        "1112223334 กรุงไทย หรือ กสิกร",
    ],
)
def test_where_words_beside_a_number_name_another_bank_it_is_nobodys(number: str) -> None:
    result = normalise_account("กรุงไทย", number)
    assert (result.key, result.problem) == (None, "not_an_account")


@pytest.mark.parametrize(
    ("bank", "number", "key"),
    [
        ("กรุงไทย", "1112223334 กรุงไทย นายสมชาย", "account:006:1112223334"),
        (None, "1112223334 กรุงเทพ นายสมชาย", "account:?:1112223334"),
        (None, "1112223334 (5)", "account:?:1112223334"),
        ("กสิกร", "1112223334 นาย ก สาขา กรุงเทพ", "account:004:1112223334"),
        ("กสิกร", "1112223334 นาย ออมสิน วงศ์ดี", "account:004:1112223334"),
        ("กสิกร", "Mr. Omsin Wongdee, branch: Bangkok 1112223334", "account:004:1112223334"),
    ],
)
def test_words_beside_a_number_may_name_its_own_bank_and_give_it_none(
    bank: str | None, number: str, key: str
) -> None:
    assert normalise_account(bank, number).key == key


@given(st.sampled_from(BANKS), st.sampled_from(BANKS), st.data())
def test_no_two_banks_share_a_number(own: Bank, named: Bank, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(named.aliases))
    key = normalise_account(own.code, f"1112223334 {name} นายสมชาย ใจดี").key
    assert (key is None) or own == named


def test_a_label_is_read_through_all_that_stands_between() -> None:
    for label in ("acc no. ", "Account Number: ", "บัญชี : # ", "acct.  no :", "เลขที่บัญชี"):
        assert normalise_account("004", f"{label}1112223334").changes == ("label",)
