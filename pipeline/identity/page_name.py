"""Names that a page or profile shows, of which many bear the same: "shop online", "admin".

Who saw a page writes down what it shows ("Happy Shop Online"). Nothing keeps two pages from showing
the same, but few choose the same unless it says only what somebody sells or does. Such a name is
everybody's; which words say no more than that is judgement.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final
from urllib.parse import parse_qsl

from pipeline.identity.profiles import NOT_PROFILES, PLATFORM_HOSTS

LEAST_CHARACTERS: Final = 5
"""Letters, marks and digits that a name must have beside such words to be somebody's: a nickname
("คุณ เอ", "nong may") has fewer."""
LEAST_DIGITS: Final = 3
"""Or so many digits: who adds a number wants to be told from the others."""
_CACHED_NAMES: Final = 8_192

_ROLES: Final = ("admin", "administrator", "hr", "support", "staff", "service", "contact")
_LATIN: Final = (
    "shop shopping store online official page market sale sales seller team services customer care"
    " center centre help job jobs work loan money invest investment gold trade trading crypto"
    " company group co ltd thailand thai th bangkok bank line facebook the new by no and of for mr"
    " mrs ms miss khun nong"
)
_THAI: Final = (
    "แอดมิน ร้านค้า ร้าน ออนไลน์ ขายของ ขาย เพจ บริการ ลูกค้า ฝ่ายบุคคล ฝ่าย เจ้าหน้าที่ พนักงาน สมัครงาน หางาน"
    " งาน เงินกู้ เงินด่วน กู้เงิน สินเชื่อ ลงทุน ทองคำ ทอง ซื้อขาย ตลาด มือสอง ราคาถูก ของแท้ รายได้ดี รายได้เสริม"
    " พาร์ทไทม์ มือถือ โทรศัพท์ เสื้อผ้า รองเท้า กระเป๋า แบรนด์เนม ที่พัก ทีมงาน ศูนย์ บริษัท จำกัด ธนาคาร ไทย คุณ"
    " น้อง พี่ นางสาว นาง นาย"
)
_WORDS: Final = (*_ROLES, *_LATIN.split())
# The longer ones first: in Thai nothing stands between two words.
_EVERYBODYS: Final = re.compile(
    rf"(?<![a-z0-9])(?:{'|'.join(sorted(_WORDS, key=len, reverse=True))})(?![a-z0-9])"
    rf"|{'|'.join(sorted(_THAI.split(), key=len, reverse=True))}"
)
_CHARACTER: Final = re.compile(r"\w|[\u0e31\u0e34-\u0e3a\u0e47-\u0e4e]")
_HANDLE: Final = "handle:"
_URL: Final = "url:"
_OTHER_HOSTS: Final = (
    "shopee.co.th s.shopee.co.th lazada.co.th youtube.com lin.ee google.com wa.me whatsapp.com"
    " telegram.org messenger.com chat.line.biz"
)
_HOSTS: Final = frozenset((*PLATFORM_HOSTS, *_OTHER_HOSTS.split()))
"""Platforms, whose own addresses without anybody's page say nothing: "facebook.com"."""
_SUBDOMAIN: Final = re.compile(r"^(?:m|mobile|web|touch|[a-z]{2}-[a-z]{2})\.(?=[^.]+\.)")
_OWN_PAGES: Final = (
    "a about accounts cart dialog discover download explore feed following foryou help home"
    " home.php index.html index.php k live login login.php messages notifications profile.php r"
    " register search settings shorts signup upload watch z"
)
_PAGES: Final = frozenset(_OWN_PAGES.split())
"""Pages that platforms have for everybody, beside those that `profiles` knows of each."""
_LOCALE: Final = re.compile("[a-z]{2}(?:[-_][a-z]{2})?", re.IGNORECASE)
_SAYS_NOTHING: Final = re.compile("locale|lang|language|hl|gl|region|ref|source|entry_point", re.I)
_LEAST_OF_A_NAME: Final = 5
"""A parameter of so many characters may name a page or a person: "?v=…", "?phone=…"."""


def is_everybodys_name(key: str) -> bool:
    """Say whether an identifier is a handle that is only a name that many may bear.

    Or a platform's own address, without anybody's page: "facebook.com/?locale=th_TH",
    "x.com/home". It does not say whose page it was.
    One word in Latin letters and digits may be a user name, which is given out once: it is
    everybody's only where it says what somebody is there ("admin").
    """
    if not key.startswith(_HANDLE):
        return key.startswith(_URL) and _is_platforms_own(key)
    name = key[key.index(":", len(_HANDLE)) + 1 :]
    if name.isascii() and " " not in name:
        return name.lstrip("@") in _ROLES
    return _is_everybodys(name)


@lru_cache(maxsize=_CACHED_NAMES)
def _is_everybodys(name: str) -> bool:
    left = _EVERYBODYS.sub(" ", name)
    if sum(map(str.isdecimal, left)) >= LEAST_DIGITS:
        return False
    return len(_CHARACTER.findall(left)) < LEAST_CHARACTERS


@lru_cache(maxsize=_CACHED_NAMES)
def _is_platforms_own(key: str) -> bool:
    address, _, query = key.removeprefix(_URL).partition("?")
    host, *segments = address.split("/")
    if host not in _HOSTS and _SUBDOMAIN.sub("", host) not in _HOSTS:
        return False
    if segments and _LOCALE.fullmatch(segments[0]):
        segments = segments[1:]
    if len(segments) > 1:
        return False
    page = segments[0].lower() if segments else ""
    if (
        page
        and page not in _PAGES
        and page not in NOT_PROFILES.get(PLATFORM_HOSTS.get(host, ""), ())
    ):
        return False
    return not any(map(_may_name, parse_qsl(query)))


def _may_name(parameter: tuple[str, str]) -> bool:
    name, value = parameter
    return len(value) >= _LEAST_OF_A_NAME and not _SAYS_NOTHING.fullmatch(name)
