"""What a page shows is an identifier, but for a name that many may bear: that joins nothing."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.identity.page_name import is_everybodys_name
from pipeline.identity.url import normalise_url
from tests.pipeline.clustering.scenarios import (
    Run,
    account,
    check_begins_again,
    check_definition,
    decision,
    line,
    phone,
    report,
    small_policy,
    tellings,
)

SHOWN, GENERIC = "Happy Shop Online", "Shop Online"
A, B = "1112223330", "5556667770"


def page(name: str) -> dict[str, Any]:
    return {"kind": "handle", "platform": "facebook", "handle": name}


@pytest.mark.parametrize(
    ("name", "everybodys"),
    [
        ("happy shop online", False),
        ("shop online", True),
        ("shop online 24", True),
        ("shop online 2024", False),
        ("admin", True),
        ("@hr", True),
        ("แอดมิน", True),
        ("แอดมิน ร้านค้าออนไลน์", True),
        ("คุณ เอ", True),
        ("เมย์", True),
        ("สมชาย ใจดี", False),
        ("ร้านมือถือมือสอง by fern24", False),
        ("goldcenter", False),
        ("shop", False),
        ("workshop studio", False),
        ("🔥🔥 sale 🔥🔥", True),
    ],
)
def test_whose_a_name_is(name: str, everybodys: bool) -> None:
    assert is_everybodys_name(f"handle:line:{name}") == everybodys
    assert not is_everybodys_name(f"url:{name}")


def test_a_report_that_names_nothing_but_a_page_is_kept_and_joined() -> None:
    run = Run()
    run.feed([report("a", [account(A), page(SHOWN)]), report("b", [page("happy  shop online")])])
    assert len(run.clusters()) == 1
    assert run.cluster_of("handle:facebook:happy shop online")["reports"] == [
        "aoc1441/a",
        "aoc1441/b",
    ]


def test_one_page_has_one_key_however_its_thai_is_typed() -> None:
    run = Run()
    run.feed([report("a", [page("ร้านเเม่นํ้าเจริญ")]), report("b", [page("ร้านแม่น้ำเจริญ")])])
    assert len(run.clusters()) == 1


@pytest.mark.parametrize("name", [GENERIC, "แอดมิน", "เเอดมิน", "ทองคํา", "Admin"])
def test_a_name_of_everybodys_melts_no_two_strangers(name: str) -> None:
    run = Run()
    run.feed([report("a", [account(A), page(name)]), report("b", [account(B), page(name)])])
    assert run.cluster_of(f"account:004:{A}")["members"] == [f"account:004:{A}"]
    assert run.cluster_of(f"account:004:{B}")["members"] == [f"account:004:{B}"]


@pytest.mark.parametrize(
    "url",
    [
        "https://www.facebook.com/",
        "shopee.co.th",
        "m.facebook.com",
        "x.com/home",
        "line.me/?lang=th",
    ],
)
def test_a_platforms_own_address_melts_no_two_strangers(url: str) -> None:
    run, page_of = Run(), {"kind": "url", "url": url}
    run.feed([report("a", [account(A), page_of]), report("b", [account(B), page_of])])
    assert run.cluster_of(f"account:004:{A}")["members"] == [f"account:004:{A}"]
    assert not is_everybodys_name("url:facebook.com/groups/1")


OWN = (
    *("https://www.facebook.com/?locale=th_TH", "https://m.facebook.com/home.php"),
    *("https://www.facebook.com/marketplace", "https://www.facebook.com/login/"),
    *("https://web.facebook.com/?_rdc=1&_rdr", "facebook.com/profile.php", "facebook.com/watch/"),
    *("https://x.com/home", "https://x.com/?lang=th", "https://www.instagram.com/?hl=th"),
    *("https://www.instagram.com/accounts/", "https://www.instagram.com/direct"),
    *("https://www.tiktok.com/foryou", "https://www.tiktok.com/th-TH/", "https://line.me/R/"),
    *("https://line.me/th/", "https://shopee.co.th/?x=1", "https://web.whatsapp.com/"),
    *("https://web.telegram.org/k/#@gold", "https://www.messenger.com/", "https://m.youtube.com/"),
    *("https://s.shopee.co.th", "https://chat.line.biz", "https://wa.me/"),
)
SOMEBODYS = (
    *("facebook.com/profile.php?id=1000123", "facebook.com/watch?v=1234567", "facebook.com/gold"),
    *(
        "facebook.com/groups/1",
        "facebook.com/story.php?story_fbid=12345",
        "wa.me/?phone=66812345678",
    ),
    *("https://t.me/+abcdef", "page.line.me/?accountId=gold", "youtube.com/watch?v=abcdefghijk"),
    *("lin.ee/AbCdEfG", "web.whatsapp.com/send?phone=66812345678", "messenger.com/t/100012345"),
    *("sale1.net/login", "facebook.com:8443", "facebook.com.sale1.net", "s.shopee.co.th/abc1"),
)


@pytest.mark.parametrize("url", OWN)
def test_a_platforms_pages_for_everybody_are_nobodys(url: str) -> None:
    key = normalise_url(url).key
    assert key is not None
    assert is_everybodys_name(key)


@pytest.mark.parametrize("url", SOMEBODYS)
def test_a_page_that_may_be_somebodys_is(url: str) -> None:
    key = normalise_url(url).key
    assert key is not None
    assert not is_everybodys_name(key)


def test_a_report_is_filed_under_a_name_of_everybodys_only_where_it_names_nothing_else() -> None:
    run = Run()
    told = [report("a", [account(A), phone("0811111111")]), report("b", [phone("0811111111")])]
    run.feed([*told, report("c", [page(GENERIC), phone("0811111111")]), report("d", [page("HR")])])
    assert len(run.cluster_of("phone:+66811111111")["reports"]) == 3
    assert run.cluster_of("handle:facebook:hr")["reports"] == ["aoc1441/d"]


def test_what_an_analyst_says_of_such_a_name_and_takes_back_leaves_it_everybodys() -> None:
    key = "handle:facebook:shop online"
    said = decision("d", "public_number", key)
    run = Run()
    run.feed([report("a", [account(A), page(GENERIC)]), report("b", [account(B), page(GENERIC)])])
    run.feed([said, {**said, "kind": "withdrawn", "revision": 2}])
    assert run.cluster_of(key)["members"] == [key]


POLICY = small_policy(hub=9, bridge_voices=2, bridge_identifiers=1)
suspects = st.one_of(
    st.builds(account, st.sampled_from([A, B, "1112223331"]), st.sampled_from(["004", None])),
    st.builds(page, st.sampled_from([SHOWN, "happy shop  ONLINE", GENERIC, "แอดมิน"])),
    st.builds(line, st.sampled_from(["@rich", "rich", "admin", "@admin"])),
    st.builds(phone, st.sampled_from(["0811111111", "0822222222"])),
    st.builds(lambda url: {"kind": "url", "url": url}, st.sampled_from(["fb.com", "sale1.net"])),
)
events = tellings(suspects)


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(events, min_size=1, max_size=12), st.integers(0, 9))
def test_the_clusters_are_those_of_the_definition(told: list[dict[str, Any]], seed: int) -> None:
    check_definition(POLICY, told, seed)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(events, min_size=2, max_size=10), st.sets(st.integers(0, 9), max_size=3))
def test_a_fold_that_begins_again_says_the_same(
    told: list[dict[str, Any]], stops: set[int]
) -> None:
    check_begins_again(POLICY, told, stops)
