"""A proxy or a wallet in the fields of a bank's account."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.identity.account import normalise_account
from pipeline.identity.banks import BANKS
from pipeline.identity.payee import normalise_payee
from pipeline.identity.services import service_in

MOBILE = "phone:+66812345678"


@pytest.mark.parametrize(
    ("bank", "number", "key"),
    [
        ("พร้อมเพย์", "0812345678", f"promptpay:{MOBILE}"),
        ("PromptPay", "081-234-5678", f"promptpay:{MOBILE}"),
        ("กสิกร พร้อมเพย์", "0812345678", f"promptpay:{MOBILE}"),
        ("Prompt Pay", "nid:" + "ab" * 32, "promptpay:nid:" + "ab" * 32),
        ("พร้อมเพย์", "140000812345678", "promptpay:ewallet:140000812345678"),
        ("พร้อมเพย์", "4041234567", "account:?:4041234567"),
        ("TrueMoney Wallet", "0812345678", MOBILE),
        ("ทรูมันนี่", "+66 81 234 5678", MOBILE),
        ("ทรูมันนี่วอลเล็ท", "4041234567", "account:?:4041234567"),
        ("KBANK", "0812345678", "account:004:0812345678"),
        (None, "0812345678", "account:?:0812345678"),
    ],
)
def test_what_bank_and_number_name(bank: str | None, number: str, key: str) -> None:
    assert normalise_payee(bank, number).key == key


def test_a_national_id_in_the_clear_is_refused() -> None:
    assert normalise_payee("พร้อมเพย์", "1101700207030").problem == "raw_national_id"


@given(st.sampled_from([bank.code for bank in BANKS]) | st.none() | st.text(), st.text())
def test_where_no_service_is_named_the_number_is_an_accounts(bank: str | None, number: str) -> None:
    if not service_in(bank or "") and not service_in(number):
        assert normalise_payee(bank, number) == normalise_account(bank, number)


@pytest.mark.parametrize(
    ("bank", "number", "key"),
    [
        (None, "พร้อมเพย์ 0812345678", f"promptpay:{MOBILE}"),
        ("004", "PromptPay: 081-234-5678 นาย ก", f"promptpay:{MOBILE}"),
        ("กสิกร", "0812345678 (พร้อมเพย์)", f"promptpay:{MOBILE}"),
        (None, "พร้อมเพย์ 140000812345678", "promptpay:ewallet:140000812345678"),
        (None, "TrueMoney wallet 0812345678", MOBILE),
        ("014", "ทรูมันนี่ ๐๘๑๒๓๔๕๖๗๘", MOBILE),
        ("004", "1112223334 Online Payment Co", "account:004:1112223334"),
    ],
)
def test_a_service_that_is_named_beside_the_number_is_what_it_is_of(
    bank: str | None, number: str, key: str
) -> None:
    assert normalise_payee(bank, number).key == key


@pytest.mark.parametrize(
    ("bank", "number", "problem"),
    [
        ("004", "1112223334 พร้อมเพย์ 0812345678", "several_numbers"),
        ("พร้อมเพย์", "0812345678 บัญชี 1112223334", "several_numbers"),
        ("004", "1112223334 พร้อมเพย์", "not_an_account"),
        ("004", "account 1112223334 wallet", "not_an_account"),
        (None, "พร้อมเพย์ 1101700207030", "raw_national_id"),
        ("พร้อมเพย์", "นาย ก 1-1017-00207-03-0", "raw_national_id"),
    ],
)
def test_where_it_is_not_clear_what_a_service_has_to_do_with_it_nothing_is_read(
    bank: str | None, number: str, problem: str
) -> None:
    found = normalise_payee(bank, number)
    assert (found.key, found.problem) == (None, problem)


def test_no_name_of_a_bank_is_a_services() -> None:
    assert not [name for bank in BANKS for name in bank.aliases if service_in(name)]


@pytest.mark.parametrize(
    ("bank", "number", "key"),
    [
        ("TrueMoney", "081234569", "phone:081234569"),
        ("พร้อมเพย์", "08123456799", "phone:08123456799"),
        ("พร้อมเพย์", "081-234-567", "phone:081234567"),
        ("พร้อมเพย์", "081234567 นาย ก", "phone:081234567"),
        (None, "พร้อมเพย์ 081234567", "phone:081234567"),
        ("TrueMoney", "+855 12 345 678", "phone:+85512345678"),
        ("004 พร้อมเพย์", "0812345678", f"promptpay:{MOBILE}"),
        ("014 TrueMoney", "0812345678", MOBILE),
        ("004 พร้อมเพย์", "1112223334", "account:004:1112223334"),
        ("พร้อมเพย์", "3100000000005", None),
    ],
)
def test_a_mistyped_proxy_or_wallet_is_no_strangers_account(
    bank: str | None, number: str, key: str | None
) -> None:
    assert normalise_payee(bank, number).key == key


@given(
    st.sampled_from(["พร้อมเพย์", "PromptPay", "TrueMoney", "ทรูมันนี่", "004 พร้อมเพย์", "wallet"]),
    st.from_regex(r"0[689][0-9]{7,9}", fullmatch=True),
)
def test_at_a_service_nothing_that_looks_like_a_mobile_is_an_account(bank: str, typed: str) -> None:
    key = normalise_payee(bank, typed).key
    # A number of a few digits only is nobody's phone, and not kept as one.
    assert key is None or not key.startswith("account:") or len(set(typed)) < 3
