"""Handles, web addresses and wallets."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.identity.handle import normalise_handle
from pipeline.identity.url import normalise_url
from pipeline.identity.wallet import normalise_wallet

ANY_TEXT = st.text(st.characters(exclude_categories=()))
ADDRESS_LIKE = st.text(
    st.sampled_from("htps:/.w[]@?#&=%+-_~0aZ1mfacebook.comté ก์ßİ()\\;|"), max_size=40
)
HOSTED = st.builds(
    "{}/{}".format,
    st.sampled_from(["m.facebook.com", "t.me", "line.me/ti/p", "tiktok.com", "a.com", "www.x.co"]),
    ADDRESS_LIKE,
)
PLATFORMS = st.sampled_from(["line", "FB", "tg", "ig", "ไลน์", "?", "Foo"])
TRON = "TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6t"
BITCOIN = "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa"


@pytest.mark.parametrize(
    ("platform", "handle", "key"),
    [
        ("LINE", "@Gold_Invest", "handle:line:@gold_invest"),
        ("ไลน์", "goldinvest", "handle:line:goldinvest"),
        ("line", "https://line.me/R/ti/p/%40abc", "handle:line:@abc"),
        ("FB", "https://www.facebook.com/john.doe?fbclid=1", "handle:facebook:johndoe"),
        ("facebook", "John.Doe", "handle:facebook:johndoe"),
        ("telegram", "t.me/abc", "handle:telegram:abc"),
        ("IG", "ａｂｃ", "handle:instagram:abc"),
        ("Foo Bar", "abc", "handle:foobar:abc"),
        ("เพจ Facebook", "shop", "handle:facebook:shop"),
        ("เพจเฟซบุ๊ก", "shop", "handle:facebook:shop"),
        ("Facebook Messenger", "shop", "handle:facebook:shop"),
        ("X (Twitter)", "https://x.com/gold", "handle:x:gold"),
        ("LINE ID", "gold", "handle:line:gold"),
        ("บัญชี ไลน์", "gold", "handle:line:gold"),
        ("ติ๊กต๊อก", "@gold", "handle:tiktok:gold"),
        ("facebookmarketplace", "gold", "handle:facebook:gold"),
        ("line", "ID: gold", "handle:line:gold"),
        ("line", "id line @Gold.th", "handle:line:@gold.th"),
        ("telegram", "ไอดี gold_1", "handle:telegram:gold_1"),
        ("fb", "เพจ gold.th", "handle:facebook:goldth"),
        ("line", "id", "handle:line:id"),
        ("telegram", "line.gold", "handle:telegram:line.gold"),
        ("facebook", "page.gold", "handle:facebook:pagegold"),
        ("Line or Telegram", "gold", "handle:lineortelegram:gold"),
        ("twitter", "x.com/i/status/1", "handle:x:x.com/i/status/1"),
        ("telegram/whatsapp", "gold", "handle:telegramwhatsapp:gold"),
        ("online shop", "gold", "handle:onlineshop:gold"),
        ("ไอดีไลน์", "gold", "handle:line:gold"),
        ("แอปไลน์", "gold", "handle:line:gold"),
        ("ไลน์@", "gold", "handle:line:gold"),
        ("ร้านออนไลน์", "gold", "handle:ร้านออนไลน์:gold"),
        ("แมสเซนเจอร์", "gold", "handle:facebook:gold"),
        ("เพจเฟส", "gold", "handle:facebook:gold"),
        ("ไอจี", "gold", "handle:instagram:gold"),
        ("ติ๊กต็อค", "@gold", "handle:tiktok:gold"),
        ("เทเลเเกรม", "gold", "handle:telegram:gold"),
        ("facebook", "Happy  Shop\nOnline ", "handle:facebook:happy shop online"),
        ("LINE OA", "@Happy Shop", "handle:line:@happy shop"),
        ("เพจ Facebook", "เพจ ร้านมือถือ by Fern 24", "handle:facebook:ร้านมือถือ by fern 24"),
        ("facebook", "ID: ตั๋วคอนเสิร์ต Shop", "handle:facebook:ตั๋วคอนเสิร์ต shop"),
        ("line", "id line แอดมิน", "handle:line:แอดมิน"),
        ("facebook", "Page One Shop", "handle:facebook:page one shop"),
        ("facebook", "เพจ Ｇｏｌｄ Ｓｈｏｐ", "handle:facebook:gold shop"),
        ("facebook", "เพจ 𝐆𝐨𝐥𝐝 𝐒𝐡𝐨𝐩", "handle:facebook:gold shop"),
        ("line", "ไอดี ＠goldshop", "handle:line:@goldshop"),
        ("facebook", "@ไอดี gold", "handle:facebook:gold"),
        ("facebook", "i.d gold", "handle:facebook:gold"),
        ("Facebook / LINE", "gold", "handle:facebookline:gold"),
        ("Line, Facebook", "gold", "handle:linefacebook:gold"),
        ("LINE Messenger", "gold", "handle:linemessenger:gold"),
        ("Facebook Online", "gold", "handle:facebook:gold"),
        ("facebook", "เเอดมิน", "handle:facebook:แอดมิน"),
        ("facebook", "ร้าน ทองคํา", "handle:facebook:ร้าน ทองคำ"),
        ("facebook", "เงินกู้้", "handle:facebook:เงินกู้"),
        ("เเมสเซนเจอร์", "gold", "handle:facebook:gold"),
        ("line", "ไลน์ไอดี gold", "handle:line:gold"),
        ("line", "ไอดีไลน์: @gold", "handle:line:@gold"),
        ("line", "IDLine gold", "handle:line:gold"),
        ("line", "ไอดีline : gold", "handle:line:gold"),
        ("line", "แอดไลน์ gold", "handle:line:gold"),
        ("line", "Line OA @gold", "handle:line:@gold"),
        ("line", "LINE official account: @gold", "handle:line:@gold"),
        ("line", "official gold", "handle:line:official gold"),
        ("line", "telegram gold", "handle:line:telegram gold"),
        ("telegram", "เทเลแกรม: gold", "handle:telegram:gold"),
        ("telegram", "TG @gold", "handle:telegram:gold"),
        ("x", "x gold", "handle:x:x gold"),
        ("facebook", "เฟสบุ๊ค Gold Shop", "handle:facebook:gold shop"),
        ("facebook", "เพจชื่อ ร้านทอง 24", "handle:facebook:ร้านทอง 24"),
        ("facebook", "ชื่อเฟส gold.th", "handle:facebook:goldth"),
        ("facebook", "Facebook ชื่อ Gold Shop", "handle:facebook:gold shop"),
        ("facebook", "messenger deals", "handle:facebook:messenger deals"),
        ("facebook", "ชื่อเฟสติวัล", "handle:facebook:ชื่อเฟสติวัล"),
        ("shopee", "shopee deals", "handle:shopee:shopee deals"),
    ],
)
def test_handles(platform: str, handle: str, key: str) -> None:
    assert normalise_handle(platform, handle).key == key


def test_look_alike_letters_are_told() -> None:
    result = normalise_handle("tg", "@\u0430dmin\u200b")
    assert result.key == "handle:telegram:admin"
    assert {"confusables", "invisible_characters", "at_sign"} <= set(result.changes)


@pytest.mark.parametrize(
    ("platform", "handle", "problem"),
    [
        ("", "abc", "no_platform"),
        ("X / Facebook", "abc", "no_platform"),
        ("facebook", "@ไอดี " * 9 + "gold", "empty"),
        ("line", "", "empty"),
        ("line", "@", "empty"),
        ("line", "a" * 257, "too_long"),
        ("line", "ก" * 256, "too_long"),
        ("line", "-", "placeholder"),
        ("line", "@none", "placeholder"),
        ("LINE", "ID: ไม่มี", "placeholder"),
        ("เฟซบุ๊ก", "ไม่ระบุ", "placeholder"),
    ],
)
def test_no_handle(platform: str, handle: str, problem: str) -> None:
    assert normalise_handle(platform, handle).problem == problem


@pytest.mark.parametrize(
    "text", ["idline" * 40 + " !", "lineid" * 42 + ":!", "ไลน์ไอดี" * 30 + " ก", "id: " * 60 + "a !"]
)
@pytest.mark.parametrize("platform", ["line", "facebook", "telegram"])
def test_labels_without_end_are_read_once(platform: str, text: str) -> None:
    # Were it tried in every way in which the words can be parted, this would never end.
    assert normalise_handle(platform, text) == normalise_handle(platform, text)


@given(PLATFORMS | ANY_TEXT, ANY_TEXT | ADDRESS_LIKE | HOSTED)
def test_handle_total_and_idempotent(platform: str, handle: str) -> None:
    result = normalise_handle(platform, handle)
    assert (result.key is None) == (result.problem is not None)
    if result.key is not None:
        _, where, name = result.key.split(":", 2)
        assert normalise_handle(where, name).key == result.key


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("x.vip/register?ref=24161", "url:x.vip/register"),
        ("https://x.vip/register?lang=th&invite_code=7&agent=9", "url:x.vip/register?lang=th"),
        ("HTTP://WWW.Example.COM:80/a//b/?utm_source=1&b=2&a=1#x", "url:example.com/a/b?a=1&b=2"),
        ("hxxps://evil[.]com/x", "url:evil.com/x"),
        ("example.com:8080/a%7eb%zz", "url:example.com:8080/a~b%25zz"),
        ("https://ทดสอบ.com/ก", "url:xn--l3cfk7dp.com/%E0%B8%81"),
        ("https://1.2.3.4/x", "url:1.2.3.4/x"),
        ("https://t.me/+abc", "url:t.me/+abc"),
        ("https://m.facebook.com/profile.php?id=1000123&mibextid=x", "handle:facebook:1000123"),
        ("https://facebook.com/groups/1", "url:facebook.com/groups/1"),
        ("line.me/ti/p/~abc", "handle:line:abc"),
        ("page.line.me/?accountId=Abc", "handle:line:@abc"),
        ("https://t.me/s/abc", "handle:telegram:abc"),
        ("https://www.tiktok.com/@user.name/video/1", "handle:tiktok:user.name"),
        ("https://instagram.com/abc/", "handle:instagram:abc"),
    ],
)
def test_urls(text: str, key: str) -> None:
    assert normalise_url(text).key == key


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "empty"),
        ("not a url", "not_a_url"),
        ("ftp://a.com", "not_a_url"),
        ("3.14", "bad_host"),
        ("http://[", "not_a_url"),
        ("javascript:alert(1)", "bad_host"),
        ("a" * 2049, "too_long"),
        ("https://a.com/" + "a" * 600, "too_long"),
    ],
)
def test_no_url(text: str, problem: str) -> None:
    assert normalise_url(text).problem == problem


@pytest.mark.parametrize("token", ["t" * 500, "ก" * 60])
def test_of_a_url_with_a_long_token_the_page_is_meant(token: str) -> None:
    found = normalise_url(f"https://a.com/login?t={token}")
    assert (found.key, found.changes) == ("url:a.com/login", ("query_left_out",))
    assert normalise_url("https://a.com/login?t=" + token[:20]).key != found.key


@given(ANY_TEXT | ADDRESS_LIKE | HOSTED)
def test_url_total_and_idempotent(text: str) -> None:
    result = normalise_url(text)
    assert (result.key is None) == (result.problem is not None)
    if result.key is None:
        return
    kind, rest = result.key.split(":", 1)
    if kind == "url":
        assert normalise_url(rest).key == result.key
    else:
        assert normalise_handle(*rest.split(":", 1)).key == result.key


@pytest.mark.parametrize(
    ("network", "address", "key", "problem"),
    [
        ("USDT-TRC20", TRON, f"wallet:tron:{TRON}", None),
        ("", TRON, f"wallet:tron:{TRON}", None),
        ("tron", TRON[:-1] + "u", None, "bad_checksum"),
        ("btc", "bitcoin:" + BITCOIN, f"wallet:bitcoin:{BITCOIN}", None),
        ("ERC20", "0x" + "Ab" * 20, "wallet:ethereum:0x" + "ab" * 20, None),
        ("", "0x" + "Ab" * 20, "wallet:?:0x" + "ab" * 20, None),
        ("eth", "0x12", None, "not_an_address"),
        ("eth", "", None, "empty"),
        ("eth", "x" * 257, None, "too_long"),
        ("ก" * 256, "x" * 256, None, "too_long"),
    ],
)
def test_wallets(network: str, address: str, key: str | None, problem: str | None) -> None:
    result = normalise_wallet(network, address)
    assert (result.key, result.problem) == (key, problem)


@given(
    ANY_TEXT | st.sampled_from(["btc", "eth", "sol", "?", "New Chain"]),
    ANY_TEXT | st.text("bc1q0xTabZ:?", max_size=45),
)
def test_wallet_total_and_idempotent(network: str, address: str) -> None:
    result = normalise_wallet(network, address)
    assert (result.key is None) == (result.problem is not None)
    if result.key is not None:
        _, where, rest = result.key.split(":", 2)
        assert normalise_wallet(where, rest).key == result.key
