"""CloudEvents 1.0 over Kafka: binary mode out; binary, structured or neither in."""

from __future__ import annotations

from functools import cache

import msgspec

from pipeline.contracts.codec import MAX_EVENT_BYTES
from pipeline.contracts.invalid import InvalidEvent, Reason
from pipeline.fold import Headers, Record

STRUCTURED = b"application/cloudevents"
REPORTED_AT = "freezeline_reported_at"
PRODUCT_SOURCE = b"freezeline"

_VERSION = ("ce_specversion", b"1.0")
_SOURCE = ("ce_source", PRODUCT_SOURCE)
_JSON = ("content-type", b"application/json")


class _Structured(msgspec.Struct):
    """The part of a structured CloudEvent that is used; ``data`` stays as bytes."""

    specversion: str
    id: str
    source: str
    type: str
    data: msgspec.Raw = msgspec.Raw(b"")


_STRUCTURED_DECODER = msgspec.json.Decoder(_Structured)


def event_data(record: Record) -> bytes | None:
    """Return the event's own JSON: the record's value, or ``data`` of a structured CloudEvent.

    Raises:
        InvalidEvent: BAD_ENVELOPE when the content type says structured and it is not.
    """
    for name, content in record.headers:
        if name == "content-type" and content and content.startswith(STRUCTURED):
            return _unwrap(record.value)
    return record.value


def _unwrap(value: bytes | None) -> bytes:
    if not value:
        raise InvalidEvent(Reason.EMPTY)
    if len(value) > MAX_EVENT_BYTES:
        raise InvalidEvent(Reason.TOO_LARGE)
    try:
        event = _STRUCTURED_DECODER.decode(value)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, ValueError):
        raise InvalidEvent(Reason.BAD_ENVELOPE) from None
    if event.specversion != "1.0" or not bytes(event.data):
        raise InvalidEvent(Reason.BAD_ENVELOPE)
    return bytes(event.data)


@cache
def _type_of(schema: str) -> tuple[str, bytes]:
    return "ce_type", b"freezeline.%b.v1" % schema.encode()


def headers_out(schema: str, event_id: str, at: str, reported_at: int | None = None) -> Headers:
    """Return the binary-mode headers of an event that Freezeline sends.

    ``reported_at`` (ms) is when the report behind it entered Kafka; latency is measured from it.
    """
    headers = (
        _VERSION,
        ("ce_id", event_id.encode()),
        _type_of(schema),
        _SOURCE,
        ("ce_time", at.encode()),
        _JSON,
    )
    if reported_at is None:
        return headers
    return *headers, (REPORTED_AT, b"%d" % reported_at)
