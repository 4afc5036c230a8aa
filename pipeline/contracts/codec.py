"""One way from bytes to typed events and back: JSON outside, MessagePack in the account-log."""

from __future__ import annotations

import datetime
import hashlib
import re
from functools import lru_cache
from typing import Any, TypeVar

import msgspec
import orjson

from pipeline.contracts.invalid import InvalidEvent, Reason

T = TypeVar("T")

MAX_EVENT_BYTES = 256 * 1024
"""Limit on one event from outside: a report with 50 suspects and its text is below 64 KiB."""

FUTURE_TOLERANCE_MS = 24 * 3600 * 1000
"""An event may lie this far after its record's own timestamp (clocks of partners differ)."""

EARLIEST_YEAR = 2000
"""Nothing that is reported or paid today happened before."""

_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
_EARLIEST = (datetime.datetime(EARLIEST_YEAR, 1, 1, tzinfo=datetime.UTC) - _EPOCH).days * 86_400_000
# Only the end of msgspec's message is its own: before it stands what the event said.
_PATH = re.compile(r" - at `(\$[^`]*)`\Z")
_ESCAPED_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")


def decode_json(decoder: msgspec.json.Decoder[T], value: bytes | None) -> T:
    """Decode one event from outside.

    Raises:
        InvalidEvent: for anything that is not such an event; nothing else is raised.
    """
    if value and len(value) <= MAX_EVENT_BYTES and value.isascii() and b"\\u0000" not in value:
        # The payments' hot path: everything else is looked at in order below.
        try:
            return decoder.decode(value)
        except (msgspec.MsgspecError, RecursionError, ValueError, OverflowError):
            pass
    if not value:
        raise InvalidEvent(Reason.EMPTY)
    if len(value) > MAX_EVENT_BYTES:
        raise InvalidEvent(Reason.TOO_LARGE)
    if value[0] == 0:
        raise InvalidEvent(Reason.REGISTRY_MAGIC_BYTE)
    if b"\\u0000" in value and _ESCAPED_NUL.search(value):
        raise InvalidEvent(Reason.NUL_CHARACTER)
    try:
        if not value.isascii():
            # The decoder does not look into fields that it does not know.
            value.decode()
        return decoder.decode(value)
    except msgspec.ValidationError as error:
        raise _refusal(str(error)) from None
    except UnicodeDecodeError:
        raise InvalidEvent(Reason.NOT_UTF8) from None
    except (msgspec.DecodeError, RecursionError, ValueError, OverflowError):
        raise InvalidEvent(Reason.NOT_JSON) from None


def _refusal(message: str) -> InvalidEvent:
    """Turn msgspec's message into reason and path; the message itself may quote the event."""
    found = _PATH.search(message)
    path = found.group(1) if found else "$"
    if message.startswith("Object missing required field"):
        field = message.split("`")[1]
        return InvalidEvent(Reason.MISSING_FIELD, f"{path}.{field}")
    if path.endswith(".national_id"):
        # Only the partners' keyed hash may stand there, and for a reporter nothing at all.
        return InvalidEvent(Reason.RAW_NATIONAL_ID, path)
    if message.startswith(("Invalid value", "Invalid enum value")):
        return InvalidEvent(Reason.UNKNOWN_KIND, path)
    if "datetime" in message:
        return InvalidEvent(Reason.BAD_TIME, path)
    return InvalidEvent(Reason.WRONG_FIELD, path)


@lru_cache(maxsize=2 * 24 * 60)
def _epoch_in(zone: datetime.tzinfo | None) -> datetime.datetime:
    """Return 1970 as a fixed offset writes it: Python need not ask for both offsets then."""
    return _EPOCH.astimezone(zone) if isinstance(zone, datetime.timezone) else _EPOCH


def milliseconds(moment: datetime.datetime) -> int:
    """Return milliseconds since 1970 (UTC) of a moment with an offset, rounded down."""
    # In integers: exact, and half the time of datetime.timestamp() on the payments' hot path.
    since = moment - _epoch_in(moment.tzinfo)
    return since.days * 86_400_000 + since.seconds * 1000 + since.microseconds // 1000


def checked_milliseconds(
    moment: datetime.datetime, recorded_at: int, field: str, place: int = 0
) -> int:
    """Return the milliseconds of a moment that an event names, or refuse an absurd one.

    ``field`` is the path to say; ``{}`` in it stands for ``place``.

    Raises:
        InvalidEvent: before `EARLIEST_YEAR` or more than a day after ``recorded_at`` (ms).
    """
    at = milliseconds(moment)
    if not _EARLIEST <= at <= recorded_at + FUTURE_TOLERANCE_MS:
        raise InvalidEvent(Reason.BAD_TIME, field.format(place))
    return at


def rfc3339(at: int) -> str:
    """Write milliseconds since 1970 as RFC 3339 in UTC, with milliseconds."""
    moment = datetime.datetime.fromtimestamp(at // 1000, datetime.UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{at % 1000:03d}Z"


def parse_rfc3339(text: str) -> int:
    """Read what `rfc3339` wrote (or any RFC 3339 moment with an offset) as milliseconds."""
    return milliseconds(datetime.datetime.fromisoformat(text))


def encode_json(value: Any) -> bytes:
    """Write an event as JSON with sorted keys: the same content gives the same bytes."""
    return orjson.dumps(msgspec.to_builtins(value), option=orjson.OPT_SORT_KEYS)


def digest(value: bytes) -> str:
    """Return a short fingerprint of bytes (128 bits of SHA-256, hex)."""
    return hashlib.sha256(value).hexdigest()[:32]
