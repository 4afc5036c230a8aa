"""In which books the sides of a payment are, as banks name them."""

from __future__ import annotations

import msgspec
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.contracts.invalid import InvalidEvent, Reason
from pipeline.contracts.reports import PaymentParty
from pipeline.contracts.transactions import decode_transaction
from pipeline.identity.account import normalise_account
from pipeline.identity.banks import BANKS
from pipeline.identity.canonical import is_canonical
from pipeline.intake.books import books_of
from pipeline.intake.fold import postings_of

PROXY = "promptpay:phone:+66812345678"
AT = 1_795_500_000_000


def party(**said: object) -> PaymentParty:
    return msgspec.convert(said, PaymentParty)


@pytest.mark.parametrize(
    ("bank", "number", "books"),
    [
        ("004", "1112223334", ["account:004:1112223334"]),
        ("พร้อมเพย์", "0812345678", [PROXY]),
        ("กสิกร พร้อมเพย์", "081-234-5678", [PROXY]),
        ("PromptPay", "1112223334", ["account:?:1112223334"]),
        ("TrueMoney", "0812345678", ["account:?:0812345678"]),
        ("ทรูมันนี่", "081-234-5678", ["account:?:0812345678"]),
    ],
)
def test_the_book_of_a_bank_and_a_number(bank: str, number: str, books: list[str]) -> None:
    assert books_of(party(bank=bank, account=number), "$.payer") == books


def test_a_proxy_that_is_said_twice_has_one_posting() -> None:
    said = {"bank": "พร้อมเพย์", "account": "0812345678", "promptpay": "0066812345678"}
    event = {
        "source": "kbank",
        "transaction_id": "t1",
        "occurred_at": "2026-11-20T09:00:00+07:00",
        "payer": {"bank": "004", "account": "1112223334"},
        "payee": said,
        "amount_satang": 150_000,
    }
    found = postings_of(decode_transaction(orjson.dumps(event)), AT)
    assert [(p.account, p.other) for p in found] == [
        ("account:004:1112223334", PROXY),
        (PROXY, "account:004:1112223334"),
    ]


def test_a_national_id_in_the_place_of_the_account_is_refused_as_one() -> None:
    with pytest.raises(InvalidEvent) as refused:
        books_of(party(bank="พร้อมเพย์", account="1101700207030"), "$.payee")
    assert refused.value.reason is Reason.RAW_NATIONAL_ID


SERVICES = st.sampled_from(["พร้อมเพย์", "PromptPay กสิกร", "TrueMoney", "ทรูมันนี่", "wallet"])
NUMBERS = st.text("0123456789- +", min_size=1, max_size=18)


@given(SERVICES, NUMBERS)
def test_a_service_has_canonical_books_and_never_a_phones(bank: str, number: str) -> None:
    try:
        books = books_of(party(bank=bank, account=number), "$.payee")
    except InvalidEvent:
        return
    assert all(is_canonical(book) and not book.startswith("phone:") for book in books)


@given(st.sampled_from([bank.code for bank in BANKS]), NUMBERS)
def test_at_a_bank_the_book_is_the_accounts(bank: str, number: str) -> None:
    key = normalise_account(bank, number).key
    if key is not None:
        assert books_of(party(bank=bank, account=number), "$.payee") == [key]
