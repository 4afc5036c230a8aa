"""Profile pages of the platforms: which (platform, handle) the parts of a page's address name."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

PLATFORM_HOSTS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "facebook.com": "facebook",
        "fb.com": "facebook",
        "fb.me": "facebook",
        "m.me": "facebook",
        "instagram.com": "instagram",
        "instagr.am": "instagram",
        "tiktok.com": "tiktok",
        "t.me": "telegram",
        "telegram.me": "telegram",
        "telegram.dog": "telegram",
        "line.me": "line",
        "page.line.me": "line",
        "x.com": "x",
        "twitter.com": "x",
    }
)
"""Hosts (without www., m. and the like) whose pages may name a handle."""

NOT_PROFILES: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        "facebook": frozenset(
            [
                "ads",
                "business",
                "dialog",
                "events",
                "flx",
                "gaming",
                "groups",
                "hashtag",
                "help",
                "l.php",
                "login",
                "login.php",
                "marketplace",
                "messages",
                "notes",
                "permalink.php",
                "photo",
                "photo.php",
                "photos",
                "policies",
                "posts",
                "privacy",
                "reel",
                "reels",
                "search",
                "share",
                "share.php",
                "sharer",
                "sharer.php",
                "stories",
                "story.php",
                "tr",
                "video.php",
                "videos",
                "watch",
                "home.php",
                "plugins",
                "public",
                "home",
                "friends",
                "notifications",
                "settings",
                "bookmarks",
                "recover",
                "reg",
                "r.php",
            ]
        ),
        "instagram": frozenset(
            [
                "accounts",
                "about",
                "direct",
                "directory",
                "explore",
                "login",
                "p",
                "reel",
                "reels",
                "tv",
                "web",
            ]
        ),
        "x": frozenset(
            [
                "about",
                "compose",
                "explore",
                "hashtag",
                "home",
                "i",
                "intent",
                "login",
                "messages",
                "notifications",
                "privacy",
                "search",
                "settings",
                "share",
                "tos",
            ]
        ),
        "telegram": frozenset(
            [
                "addemoji",
                "addlist",
                "addstickers",
                "addtheme",
                "bg",
                "boost",
                "c",
                "contact",
                "iv",
                "joinchat",
                "login",
                "proxy",
                "setlanguage",
                "share",
                "socks",
            ]
        ),
    }
)
"""What follows a platform's host and is a page of its own, nobody's profile."""
_NUMBER: Final = re.compile(r"[0-9]{5,20}")
_USERNAME: Final = re.compile(r"@?[A-Za-z0-9._-]{2,64}")


def profile_of(
    host: str, segments: Sequence[str], query: Mapping[str, str]
) -> tuple[str, str] | None:
    """Return (platform, handle) of a profile page, or None when the page is no one's profile.

    ``host`` is canonical, ``segments`` are the decoded parts of the path that are not empty.
    """
    platform = PLATFORM_HOSTS.get(host)
    if platform is None:
        return None
    handle = _handle(platform, host, segments, query)
    if handle is None or not _USERNAME.fullmatch(handle):
        return None
    return platform, handle


def _handle(
    platform: str, host: str, segments: Sequence[str], query: Mapping[str, str]
) -> str | None:
    if platform == "line":
        return _line(host, segments, query)
    if not segments:
        return None
    first = segments[0]
    if platform == "facebook":
        return _facebook(segments, query)
    if platform == "tiktok":
        return first if first.startswith("@") else None
    if platform == "telegram":
        if first == "s" and len(segments) > 1:
            first = segments[1]
        if first.startswith("+"):
            return None
    if platform == "instagram" and first == "stories" and len(segments) > 1:
        first = segments[1]
    return None if first.lower() in NOT_PROFILES[platform] else first


def _facebook(segments: Sequence[str], query: Mapping[str, str]) -> str | None:
    first = segments[0].lower()
    if first == "profile.php":
        number = query.get("id", "")
        return number if _NUMBER.fullmatch(number) else None
    if first in ("people", "pages", "p"):
        number = re.split("[-/]", segments[-1])[-1]
        return number if _NUMBER.fullmatch(number) else None
    return None if first in NOT_PROFILES["facebook"] else segments[0]


def _line(host: str, segments: Sequence[str], query: Mapping[str, str]) -> str | None:
    if host == "page.line.me":
        account = segments[0] if segments else query.get("accountId") or query.get("accountid", "")
        return "@" + account.lstrip("@") if account else None
    path = segments[1:] if segments and segments[0].upper() == "R" else segments
    if len(path) < 3 or path[0] != "ti" or path[1] != "p":
        return None
    # ~name is a person's LINE ID, @name an official account; anything else is an opaque ticket.
    if path[2].startswith("~"):
        return path[2][1:]
    return path[2] if path[2].startswith("@") else None
