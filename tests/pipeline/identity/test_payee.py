"""A proxy or a wallet in the fields of a bank's account."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.identity.account import normalise_account
from pipeline.identity.banks import BANKS
from pipeline.identity.payee import names_promptpay, normalise_payee

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
def test_any_other_bank_is_read_as_before(bank: str | None, number: str) -> None:
    if bank is None or not names_promptpay(bank):
        assert normalise_payee(bank, number) == normalise_account(bank, number)
