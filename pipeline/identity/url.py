"""Web addresses: ``url:<canonical host and path>``, or the handle that a profile page stands for.

The scheme is left out; host in lower case and punycode, default port, "www.", fragment and
tracking parameters dropped, the remaining parameters sorted. Where all of it is longer than a key
may be (tokens of one victim, most often), the page is meant without its parameters.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final
from urllib.parse import SplitResult, parse_qsl, quote, unquote, urlencode, urlsplit

from pipeline.identity.characters import strip_invisible
from pipeline.identity.handle import normalise_handle
from pipeline.identity.normalised import Normalised, distinct, is_short, refused
from pipeline.identity.profiles import PLATFORM_HOSTS, profile_of

MAX_URL_CHARS: Final = 2_048
_CACHED_URLS: Final = 8_192
_SCHEME: Final = re.compile(r"^([a-z][a-z0-9+.-]*)://", re.IGNORECASE)
_DEFANGED: Final = (
    (re.compile(r"^hxxp", re.IGNORECASE), "http"),
    (re.compile(r"\s?[\[({]\s?(?:\.|dot)\s?[\])}]\s?", re.IGNORECASE), "."),
    (re.compile(r"\[:\]"), ":"),
)
_TRACKING: Final = re.compile(
    r"utm_.*|fbclid|gclid|dclid|gbraid|wbraid|msclkid|ttclid|twclid|yclid|igshid?|igsh|mibextid"
    r"|mc_[ce]id|_ga|_gl|_rdr|_rdc|__tn__|__cft__.*|ref_?src|ref_?url|fb_action_.*|_branch_.*"
    r"|is_from_webapp|sender_device|_t|_r|_d"
    # Who was lured by whom: another for each victim of one page.
    r"|ref|refer|referral|referrer|referer|ref_?(?:id|code)|invite|inviter|invite_?(?:id|code)"
    r"|invitation|invitation_?code|aff|aff_?id|affiliate|affiliate_?id|agent|agent_?(?:id|code)"
    r"|promo_?code",
    re.IGNORECASE,
)
_HOST: Final = re.compile(r"(?:[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?\.)+[a-z0-9-]*[a-z0-9]")
_IPV6: Final = re.compile(r"\[[0-9a-f:.]+\]")
_PLATFORM_SUBDOMAIN: Final = re.compile(
    r"^(?:m|mobile|web|touch|mbasic|free|business|[a-z]{2}-[a-z]{2})\."
)
_ESCAPE: Final = re.compile("%([0-9a-fA-F]{2})")
_UNRESERVED: Final = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}


def normalise_url(text: str) -> Normalised:
    """Return the key of a web address: a url: key, or a handle: key for a profile page.

    Problems: empty, not_a_url, bad_host, too_long.
    """
    if len(text) > MAX_URL_CHARS:
        return refused("too_long")
    return _normalise(text)


@lru_cache(maxsize=_CACHED_URLS)
def _normalise(text: str) -> Normalised:
    changes: list[str] = []
    written = strip_invisible(text).strip()
    if written != text:
        changes.append("invisible_characters")
    if not written:
        return refused("empty", distinct(changes))
    parts = _split(written, changes)
    if parts is None:
        return refused("not_a_url", distinct(changes))
    address = _host_and_port(parts, changes)
    if address is None:
        return refused("bad_host", distinct(changes))
    host, port = address
    parameters = _parameters(parts, changes)
    segments = [unquote(segment) for segment in parts.path.split("/") if segment]
    profile = None if port else profile_of(host, segments, dict(parameters))
    if profile is not None:
        handle = normalise_handle(*profile)
        return Normalised(
            handle.key, distinct([*changes, "profile_page", *handle.changes]), handle.problem
        )
    path = _path(parts.path)
    query = urlencode(parameters, errors="replace") if parameters else ""
    page = f"url:{host}{port}{path}"
    if query and is_short(f"{page}?{query}"):
        return Normalised(f"{page}?{query}", distinct(changes))
    if query:
        changes.append("query_left_out")
    return Normalised(page, distinct(changes)) if is_short(page) else refused("too_long")


def _split(written: str, changes: list[str]) -> SplitResult | None:
    plain = written
    if re.match(r"^hxxp", plain, re.IGNORECASE) or "[" in plain or "(dot)" in plain.lower():
        for pattern, put in _DEFANGED:
            plain = pattern.sub(put, plain)
        if plain != written:
            changes.append("defanged")
    scheme = _SCHEME.match(plain)
    if scheme is None:
        changes.append("scheme_missing")
        plain = "https://" + plain.lstrip("/")
    elif scheme.group(1).lower() not in _DEFAULT_PORTS:
        return None
    if any(character.isspace() for character in plain):
        return None
    try:
        parts = urlsplit(plain)
    except ValueError:
        return None
    if parts.fragment:
        changes.append("fragment")
    return parts


def _host_and_port(parts: SplitResult, changes: list[str]) -> tuple[str, str] | None:
    if "@" in parts.netloc:
        changes.append("user_info")
    try:
        number = parts.port
    except ValueError:
        return None
    host = (parts.hostname or "").rstrip(".")
    if ":" in host:
        host = f"[{host}]"
        if not _IPV6.fullmatch(host):
            return None
    else:
        host = _ascii_host(host, changes)
        if not _HOST.fullmatch(host) or (host[-1].isdecimal() and not _ipv4(host)):
            return None
        host = _canonical_host(host, changes)
    port = "" if number in (None, 80, 443) else f":{number}"
    if number is not None and not port:
        changes.append("default_port")
    return host, port


def _ipv4(host: str) -> bool:
    # No top-level domain ends in a digit but in a punycode one: "3.14" is not a host.
    if host.rpartition(".")[2].startswith("xn--"):
        return True
    octets = host.split(".")
    return len(octets) == 4 and all(part.isdecimal() and int(part) < 256 for part in octets)


def _ascii_host(host: str, changes: list[str]) -> str:
    if host.isascii():
        return host.lower()
    try:
        # The standard library's codec (IDNA 2003) also folds case and width.
        encoded = host.encode("idna").decode("ascii").lower()
    except UnicodeError:
        return ""
    changes.append("punycode")
    return encoded


def _canonical_host(host: str, changes: list[str]) -> str:
    bare = host
    while bare.startswith("www.") and bare.count(".") > 1:
        bare = bare[4:]
    if bare != host:
        changes.append("www")
    on_platform = _PLATFORM_SUBDOMAIN.sub("", bare)
    if on_platform != bare and on_platform in PLATFORM_HOSTS:
        changes.append("mobile_host")
        return on_platform
    return bare


def _parameters(parts: SplitResult, changes: list[str]) -> list[tuple[str, str]]:
    try:
        given = parse_qsl(parts.query, keep_blank_values=True)
    except ValueError:
        return []
    kept = sorted(pair for pair in given if not _TRACKING.fullmatch(pair[0]))
    if len(kept) != len(given):
        changes.append("tracking_parameters")
    return kept


def _path(path: str) -> str:
    escaped = quote(path, safe="/%:@!$&'()*+,;=~", errors="replace")
    # Letters that need no escape are written plainly; a lone % is one itself.
    escaped = re.sub("%(?![0-9a-fA-F]{2})", "%25", escaped)
    plain = _ESCAPE.sub(_escape, escaped)
    return re.sub("/{2,}", "/", plain).rstrip("/")


def _escape(found: re.Match[str]) -> str:
    character = chr(int(found.group(1), 16))
    return character if character in _UNRESERVED else found.group().upper()
