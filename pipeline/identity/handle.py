"""Handles on platforms: ``handle:<platform>:<handle>``, as exact identifiers.

In LINE an @ tells an official account from a person's ID, so it stays there; elsewhere it is only
a way of writing. Facebook does not count dots in user names. The name that a page or profile shows
is kept as it is written, with single spaces and Thai marks in their order; some are everybody's
(`pipeline.identity.page_name`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Final
from urllib.parse import parse_qsl, unquote, urlsplit

from pipeline.identity.characters import compose, has_thai, in_thai_order, strip_invisible
from pipeline.identity.normalised import (
    MAX_IDENTIFIER_CHARS,
    Normalised,
    distinct,
    is_short,
    refused,
)
from pipeline.identity.profiles import profile_of

_CACHED_HANDLES: Final = 16_384
_CACHED_PLATFORMS: Final = 1_024
_MOST_ROUNDS: Final = 8
"""What is left of a handle may have a label itself ("@ID: ไอดี gold"): so often it is looked at."""
_PLATFORM_NAMES: Final[Mapping[str, str]] = MappingProxyType(
    {
        name: platform
        for platform, names in {
            "facebook": "facebook fb meta messenger facebookmessenger facebookpage fbpage fblite"
            " fbmessenger เฟซบุ๊ก เฟสบุ๊ค เฟสบุค เฟซบุค เฟสบุ๊ก เฟซบุ๊ค เฟสบุก เฟซบุก เฟซ เฟส เพจ เพจเฟส"
            " เพจเฟซ แชทเฟส แชทเฟซ แมสเซนเจอร์ แมสเซนเจอ แมสเซ็นเจอร์ เมสเซนเจอร์ แมสเสจเจอร์",
            "instagram": "instagram ig insta ไอจี อินสตาแกรม อินสตาแกม อินสตราแกรม อินสตา",
            "line": "line lineoa lineid lineofficial lineofficialaccount linechat lineapp line@"
            " ไลน์ ไลน ไลน์ไอดี ไอดีไลน์ ไอดีไลน ไลน์@ ไลน์โอเอ ไลน์แอด แอปไลน์ แอพไลน์"
            " แอปพลิเคชันไลน์ แอพพลิเคชั่นไลน์ แชทไลน์ บัญชีไลน์",
            "telegram": "telegram tg เทเลแกรม เทเรแกรม เทเล",
            "tiktok": "tiktok tiktokshop tiktoklive ติ๊กต็อก ติ๊กต๊อก ติ๊กตอก ติกตอก ติ๊กต่อก ติ๊กต็อค ติ๊กต๊อค"
            " ติ๊กตอค ติกตอค ติกต็อก ติกต๊อก",
            "x": "x twitter ทวิตเตอร์ ทวิต",
            "whatsapp": "whatsapp whatapp wa วอทส์แอป วอทส์แอพ วอตส์แอป วอตส์แอพ วอทแอป วอทแอพ",
            "wechat": "wechat weixin วีแชท วีแชต",
            "youtube": "youtube yt ยูทูบ ยูทูป",
            "discord": "discord ดิสคอร์ด",
            "shopee": "shopee ช้อปปี้ ช็อปปี้ ชอปปี้",
            "lazada": "lazada ลาซาด้า ลาซาดา",
        }.items()
        for name in names.split()
    }
)
_LONG_NAME: Final = 5
"""A platform's name of so many letters is one also within other text; "line" is in many words."""
_EDGE_NAME: Final = 4
"""A name of so many letters with which such a text begins or ends is a second platform's there."""
_ONLINE: Final = re.compile("online|ออนไลน์")
# Cyrillic, then Greek (and dotless i): letters that look like these Latin ones in lower case or in
# capitals (after Unicode's confusables). The handle is in lower case by then.
_CONFUSABLES: Final = str.maketrans(
    "\u0430\u0435\u043e\u0440\u0441\u0443\u0445\u0456\u0458\u0455\u04bb\u0501"
    "\u051b\u051d\u0475\u04cf\u043a\u043c\u0442\u0432\u043d"
    "\u03b1\u03bf\u03b9\u03ba\u03bd\u03c1\u03c4\u03c5\u03c7\u03b2\u03b3\u03b5"
    "\u03b7\u03c9\u0131",
    "aeopcyxijshdqwvlkmtbhaoikvptuxbyenwi",
)
_USUAL: Final = re.compile(r"@?[a-z0-9._\-+]+")
_NOTHING: Final = frozenset(
    {"0", "00", "000", "-", "--", "---", ".", "..", "...", "_"}
    | {"none", "null", "nil", "n/a", "na", "no", "unknown"}
    | {
        "ไม่มี",
        "ไม่ทราบ",
        "ไม่รู้",
        "ไม่รู้จัก",
        "ไม่ระบุ",
        "ไม่แน่ใจ",
        "ไม่มีข้อมูล",
        "ไม่ทราบชื่อ",
        "จำไม่ได้",
        "ไม่มีไลน์",
        "ไม่มีเฟส",
    }
)
"""What people write into a field that asks for a handle where they know none."""
_PLATFORM_PUNCTUATION: Final = re.compile(r"[\s\-_./:(),;|&+]+")
_LINK: Final = re.compile(r"^(?:https?://)?((?:[a-z0-9-]+\.)+(?:com|me|am|dog))/", re.IGNORECASE)
_SUBDOMAIN: Final = re.compile(r"^(?:www|m|mobile|web|[a-z]{2}-[a-z]{2})\.(?=[^.]+\.)")


_LABEL_WORDS: Final = frozenset(
    {"id", "user", "username", "account", "page", "line", "facebook", "fb", "ig"}
    | {"ไอดี", "ไลน์", "เพจ", "ชื่อ", "เฟซบุ๊ก", "เฟซ", "บัญชี"}
)
_NAME_LABEL_WORDS: Final = frozenset({"ไอดี", "เพจ", "ชื่อ", "บัญชี", "ไลน์", "เฟซบุ๊ก", "เฟซ"})
_WITHOUT_SPACES: Final = frozenset(
    {"line", "instagram", "telegram", "tiktok", "whatsapp", "wechat"}
)
"""Platforms where no user name has a space: their own name before one is a label. Elsewhere a page
may bear it ("Shopee deals"), and only its Thai spellings are."""
_LINE_LABELS: Final = r"แอด(?:line)?|(?:line|ไลน์)\s?(?:oa|โอเอ|official(?:\s?account)?)|"
_LEAST_LABEL_LETTERS: Final = 2


def _alternatives(words: Iterable[str]) -> str:
    return "|".join(map(re.escape, sorted(words, key=lambda word: (-len(word), word))))


def _own_names(platform: str) -> set[str]:
    """Return the names of a platform that are labels before what is told there."""
    names = {name for name, of in _PLATFORM_NAMES.items() if of == platform}
    if platform in _WITHOUT_SPACES:
        return {name for name in names if len(name) >= _LEAST_LABEL_LETTERS}
    return {name for name in names if has_thai(name)}


@lru_cache(maxsize=_CACHED_PLATFORMS)
def _label(platform: str) -> re.Pattern[str]:
    """Return what stands before a handle on a form: "ID: gold", "id line gold", "ไลน์ไอดี gold".

    What words matched is never given back: "lineid" is also "line" and "id", and a text of many
    such would be tried in ever more ways.
    """
    words = _alternatives({*_LABEL_WORDS, *_own_names(platform)})
    more = _LINE_LABELS if platform == "line" else ""
    return re.compile(rf"^(?:(?:{more}{words})++[\s:]++)+(?=@?[a-z0-9._\-+]+$)")


@lru_cache(maxsize=_CACHED_PLATFORMS)
def _name_label(platform: str) -> re.Pattern[str]:
    """Return the same before a name with spaces or in Thai, which may begin with a Latin word."""
    own = {name for name in _own_names(platform) if has_thai(name)}
    words = _alternatives({*_NAME_LABEL_WORDS, *own})
    return re.compile(
        r"^(?:(?:id|page|line|facebook|fb|ig|account)\s*:\s*"
        r"|(?:page|line|facebook|fb|ig)\s*(?=(?:ชื่อ|เพจ)[\s:])"
        rf"|(?:id\s+(?:line|facebook|fb|ig)|(?:{words})++)[\s:]++)+(?=[^\s:])"
    )


def normalise_handle(platform: str, handle: str) -> Normalised:
    """Return the key of a handle on a platform (its name or a usual short form, Thai or English).

    What a page shows, with spaces in it, is noted as ``display_name``. Problems: no_platform (also
    where a text names several, and what is left of it would name one), empty (also nothing but
    labels), placeholder ("none", "ไม่มี"), too_long.
    """
    if len(platform) > MAX_IDENTIFIER_CHARS or len(handle) > MAX_IDENTIFIER_CHARS:
        return refused("too_long")
    if platform == "line" and _USUAL.fullmatch(handle) and handle.lstrip("@") not in _NOTHING:
        # Nearly every handle comes so, and there is nothing to change in it.
        return Normalised(f"handle:line:{handle}")
    return _normalise(platform, handle)


@lru_cache(maxsize=_CACHED_HANDLES)
def _normalise(platform: str, handle: str) -> Normalised:
    where, said = _platform(platform)
    changes = list(said)
    if not where:
        return refused("no_platform", distinct(changes))
    name = _at_rest(where, _first_look(handle, changes), changes)
    if not name.lstrip("@"):
        return refused("empty", distinct(changes))
    if name.lstrip("@") in _NOTHING:
        return refused("placeholder", distinct(changes))
    if " " in name:
        changes.append("display_name")
    elif not _USUAL.fullmatch(name):
        changes.append("unusual_handle")
    key = f"handle:{where}:{name}"
    # Some characters are written as many others; what is then too long could not be read back.
    short = len(name) <= MAX_IDENTIFIER_CHARS and len(where) <= MAX_IDENTIFIER_CHARS
    return Normalised(key, distinct(changes)) if short and is_short(key) else refused("too_long")


@lru_cache(maxsize=_CACHED_PLATFORMS)
def _platform(text: str) -> tuple[str, tuple[str, ...]]:
    """Return a platform's name and what was changed; "" where it names none that reads back."""
    written = _settled(strip_invisible(text))
    short = _PLATFORM_PUNCTUATION.sub("", written)
    named = _named(written, short)
    if named is not None:
        return named, () if named == text else ("platform_alias",)
    if not short:
        return "", ()
    short = _PLATFORM_PUNCTUATION.sub("", _settled(short))
    # Of "X / Facebook" would be left what names Facebook alone: it is not known which is meant.
    itself = _settled(short) == short and _named(short, short) is None
    return short if itself else "", ("platform_unknown",)


def _named(written: str, short: str) -> str | None:
    return _PLATFORM_NAMES.get(short) or _one_of(_named_in(written, short))


def _named_in(written: str, short: str) -> set[str]:
    """Return the platforms that words of a text name ("X (Twitter)"), else that stand within it."""
    words = _PLATFORM_PUNCTUATION.split(written)
    found = {_PLATFORM_NAMES[word] for word in words if word in _PLATFORM_NAMES}
    if found:
        return found
    text = _ONLINE.sub("", short)
    found = {of for name, of in _PLATFORM_NAMES.items() if len(name) >= _LONG_NAME and name in text}
    if found:
        edges = (text[:_EDGE_NAME], text[-_EDGE_NAME:])
        found.update(_PLATFORM_NAMES[name] for name in edges if name in _PLATFORM_NAMES)
    return found


def _one_of(platforms: set[str]) -> str | None:
    return platforms.pop() if len(platforms) == 1 else None


def _first_look(text: str, changes: list[str]) -> str:
    visible = strip_invisible(text)
    if visible != text:
        changes.append("invisible_characters")
    name = _spelt(visible.strip(), changes)
    if name != visible.strip():
        changes.append("case_or_width")
    return name


def _at_rest(where: str, name: str, changes: list[str]) -> str:
    """Return a handle without labels, links and signs, so that nothing of it would change again.

    What stood behind a label may be written otherwise: letters of another width are told from
    Thai text only when that is gone.
    """
    for _ in range(_MOST_ROUNDS):
        bare = _from_link(where, _unlabelled(where, name, changes), changes)
        bare = _without_signs(where, bare, changes)
        if bare == name or (_USUAL.fullmatch(bare) and (where == "line" or bare[0] != "@")):
            return bare
        name = _spelt(bare, changes)
    return ""


def _without_signs(where: str, name: str, changes: list[str]) -> str:
    bare = name.lstrip("@")
    sign = "@" if bare != name else ""
    if where == "facebook" and "." in bare:
        bare = bare.replace(".", "")
        changes.append("dots")
    if sign and where != "line":
        sign = ""
        changes.append("at_sign")
    return sign + " ".join(bare.split())


def _spelt(text: str, changes: list[str]) -> str:
    name = _settled(text)
    plain = name.translate(_CONFUSABLES)
    if plain == name:
        return name
    changes.append("confusables")
    return _settled(plain)


def _unlabelled(where: str, name: str, changes: list[str]) -> str:
    bare = _name_label(where).sub("", _label(where).sub("", name))
    if bare != name:
        changes.append("label")
    return bare


def _settled(text: str) -> str:
    if text.isascii():
        return text.lower().strip()
    # Case folding can undo a composition and the reverse, and so can the order of Thai marks, by
    # which "เเอดมิน" (two Sara E) and "ทองคํา" are the words that they look like.
    for _ in range(_MOST_ROUNDS):
        before = text
        text = compose(compose(text).casefold()).strip()
        if has_thai(text):
            text = in_thai_order(text)
        if text == before:
            break
    return text


def _from_link(platform: str, name: str, changes: list[str]) -> str:
    if not _LINK.match(name):
        return name
    try:
        parts = urlsplit(name if "://" in name else "https://" + name)
    except ValueError:
        return name
    host = _SUBDOMAIN.sub("", parts.netloc)
    segments = [unquote(segment) for segment in parts.path.split("/") if segment]
    # Queries name a profile by "id" and "accountId"; the handle was put into lower case already.
    query = dict(parse_qsl(parts.query))
    found = profile_of(host, segments, query)
    if found is None or found[0] != platform:
        return name
    changes.append("from_link")
    return found[1]
