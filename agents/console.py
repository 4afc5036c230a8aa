"""How the commands write for people: money, times, accounts, colours, and one-sentence errors."""

from __future__ import annotations

import datetime
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.text import Text

from agents.failures import CommandError
from agents.kafka.client_settings import BrokerUnreachableError
from agents.settings import Settings, load_settings
from pipeline.contracts.alerts import AlertKind, FreezeAlert
from pipeline.contracts.codec import parse_rfc3339
from pipeline.identity.banks import BANKS

THAI_TIME = datetime.timezone(datetime.timedelta(hours=7), "UTC+7")
"""The time that people in Thailand read; events themselves carry their offset."""

PIPED_WIDTH = 200
"""Columns of a table that goes into a file or another program."""

_KIND_STYLES = {
    AlertKind.HOLD: "bold red",
    AlertKind.WATCH: "yellow",
    AlertKind.VICTIM_STILL_PAYING: "bold magenta",
    AlertKind.RELEASE: "green",
}
_LEVEL_STYLES = {
    "black": "reverse",
    "dark_grey": "bold",
    "light_grey": "",
    "dark_brown": "yellow",
    "light_brown": "dim yellow",
    "none": "dim",
}
_HASH = re.compile(r"([0-9a-f]{8})[0-9a-f]{56}")
_BANK_NAMES = {bank.code: bank.aliases[0] for bank in BANKS if bank.aliases}


def console(*, stderr: bool = False) -> Console:
    """Return a console; without a terminal it is wide and plain, so that no text is cut."""
    stream = sys.stderr if stderr else sys.stdout
    return Console(
        stderr=stderr,
        width=None if stream.isatty() else PIPED_WIDTH,
        highlight=False,
        markup=False,
        emoji=False,
        soft_wrap=False,
    )


def command_settings(bootstrap: str | None, *, needs_hash_key: bool = False) -> Settings:
    """Return the settings, with the command's own address of Kafka first."""
    overrides = {} if bootstrap is None else {"bootstrap": bootstrap}
    return load_settings(needs_hash_key=needs_hash_key, **overrides)


@contextmanager
def broker_errors() -> Iterator[None]:
    """Turn a Kafka that does not answer into one sentence and exit code 2."""
    try:
        yield
    except BrokerUnreachableError as error:
        raise CommandError(str(error)) from error


def thai_time(at: int, *, seconds: bool = True) -> str:
    """Write milliseconds since 1970 as date and time in Thailand."""
    moment = datetime.datetime.fromtimestamp(at / 1000, THAI_TIME)
    return f"{moment:%Y-%m-%d %H:%M:%S}" if seconds else f"{moment:%Y-%m-%d %H:%M}"


def thai_moment(text: str | None) -> str:
    """Write an RFC 3339 moment as date and time in Thailand, to the minute; nothing for None."""
    return "" if text is None else thai_time(parse_rfc3339(text), seconds=False)


def bank_name(code: str) -> str:
    """Return the bank's code with its short name."""
    return f"{code} {_BANK_NAMES[code]}" if code in _BANK_NAMES else code


def account_name(key: str, *, whole: bool = False) -> str:
    """Return an identifier as people write it: an account as its number, a hash by its beginning.

    ``whole`` leaves a hash as long as it is.
    """
    kind, _, rest = key.partition(":")
    if kind == "account":
        return visible(rest.partition(":")[2])
    return visible(key if whole else _HASH.sub(r"\1…", key))


def account_with_bank(key: str) -> str:
    """Return an identifier's key as people write it: an account with its bank."""
    kind, _, rest = key.partition(":")
    if kind != "account":
        return account_name(key)
    bank, _, number = rest.partition(":")
    return visible(f"{bank_name(bank)} {number}")


def told_of(key: str) -> str:
    """Return what a report names where another account was meant, or the one behind a proxy."""
    how = "typed as" if key.startswith("account:") else "told of its proxy"
    return f"{how} {account_with_bank(key)}"


def kind_text(alert: FreezeAlert) -> Text:
    """Return what the alert asks, coloured; a release with what it ends and why."""
    words = alert.kind.value.replace("_", " ")
    if alert.kind is AlertKind.RELEASE and alert.releases is not None:
        words = f"released ({alert.releases.value.replace('_', ' ')})"
    return Text(words, style=_KIND_STYLES[alert.kind])


def level_text(level: str) -> Text:
    """Return the level in words, in a style near its colour."""
    return Text(level.replace("_", " "), style=_LEVEL_STYLES.get(level, ""))


def reason_in(alert: FreezeAlert, language: str) -> str:
    """Return why, in ``en`` or ``th``."""
    return alert.reason_th if language == "th" else alert.reason_en


def visible(text: str) -> str:
    """Return the text with everything that a terminal would obey or hide written as an escape."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def visible_bytes(value: bytes | None) -> str:
    """Return bytes as text that is safe to look at: UTF-8 where it is, escapes for the rest."""
    if value is None:
        return "(no value)"
    return visible(value.decode("utf-8", "backslashreplace"))
