"""Each key that is made reads back as itself: else nobody could decide about it or erase it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pipeline.identity.banks import BANKS
from pipeline.identity.canonical import is_canonical
from pipeline.identity.handle import normalise_handle
from pipeline.identity.normalised import Normalised
from pipeline.identity.payee import normalise_book, normalise_payee
from pipeline.identity.phone import normalise_phone
from pipeline.identity.promptpay import decode_qr, normalise_promptpay
from pipeline.identity.url import normalise_url
from pipeline.identity.wallet import normalise_wallet

PARTS = (
    "0812345678|081-234-5678|๐๘๑๒๓๔๕๖๗๘|+66|1112223334|004|กสิกร|พร้อมเพย์|TrueMoney|wallet|@|＠|id "
    "|ID: |ไอดี |เพจ |page: |fb |LINE|ไลน์|facebook|Messenger|x|TikTok|Shopee| |:|/|.|-|, |ส|\u200b"
    "|\u0301|ํา|เเ|้้|ß|İ|ı|ﬁ|Å|а|Ｇｏｌｄ|𝐆𝐨𝐥𝐝|Happy|Shop|online|แอดมิน|https://|facebook.com/|x.com/|t.me/"
    "|line.me/ti/p/~|?id=1234567|.0|I|O|ext 5|nid:|tax:|(|)|โทร |1,500.00|บาท|１|．"
)
PIECES = st.sampled_from(PARTS.split("|"))
WRITTEN = st.lists(PIECES, max_size=7).map("".join) | st.text(max_size=20)
NAMED = "LINE|Facebook|fb|ไลน์|Messenger|X|IG|TikTok|Telegram| / | |, |หรือ|online|or"
PLATFORMS = st.lists(st.sampled_from(NAMED.split("|")), min_size=1, max_size=4).map("".join)
BANK = st.none() | st.sampled_from([bank.code for bank in BANKS]) | WRITTEN


def check(found: Normalised) -> None:
    assert (found.key is None) == (found.problem is not None)
    assert found.key is None or is_canonical(found.key)


@pytest.mark.parametrize(
    "read",
    [normalise_phone, normalise_promptpay, normalise_url, decode_qr],
    ids=lambda f: f.__name__,
)
@given(text=WRITTEN)
def test_what_one_text_names(read: Callable[[str], Normalised], text: str) -> None:
    check(read(text))


@given(BANK, WRITTEN)
def test_what_a_bank_and_a_number_name(bank: str | None, number: str) -> None:
    check(normalise_payee(bank, number))
    check(normalise_book(bank, number))


@given(WRITTEN | st.sampled_from(["btc", "tron", "?"]), WRITTEN)
@example("\ufdfa" + "a" * 245, "gold")
def test_a_wallet(network: str, address: str) -> None:
    check(normalise_wallet(network, address))


@given(PLATFORMS | WRITTEN, WRITTEN)
@example("Facebook / LINE", "goldshop")
@example("LINE Messenger", "goldshop")
@example("Line, Facebook", "goldshop")
@example("facebook", "เพจ Ｇｏｌｄ Ｓｈｏｐ")
@example("line", "ไอดี ＠goldshop")
@example("facebook", "@ไอดี gold")
@example("facebook", "i.d gold")
@example("facebook", ".@ａ")
@example("x", "\ufdfa" + "a" * 245)
@example("\ufdfa" + "a" * 245, "gold")
@example("line", "\u0e34ａ\u0e37\u0301\u0e32\u0301\u0e32\u0e49\u0e33\u0e48")
@example("facebook", "@ไอดี @ไอดี @ไอดี @ไอดี @ไอดี @ไอดี @ไอดี @ไอดี @ไอดี gold")
def test_a_handle(platform: str, handle: str) -> None:
    check(normalise_handle(platform, handle))


THAI = st.text(st.sampled_from("กนมเแโะาำิีุู็่้๊์ํฺๅ @.\u0301Ａａ"), max_size=12)


@given(st.sampled_from(["line", "facebook", "x"]), THAI)
def test_a_handle_of_thai_marks_in_any_order(platform: str, handle: str) -> None:
    check(normalise_handle(platform, handle))
