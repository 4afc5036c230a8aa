"""The dead letter: the original bytes of what could not be taken, and why, in headers."""

from __future__ import annotations

from pipeline.contracts.codec import MAX_EVENT_BYTES
from pipeline.contracts.invalid import InvalidEvent
from pipeline.fold import Headers, Output, Record
from pipeline.topics import dead_letters_of, load_topics

PREFIX = "dlq."
ATTEMPT = f"{PREFIX}attempt"
"""How often a letter was replayed; the one header of ours that a new letter keeps."""
CUT = f"{PREFIX}cut"
"""What of a record was too large to be kept whole: ``value``, ``key`` or ``headers``, with commas.

The broker's limit is on compressed bytes, so a record of any size may stand in a topic; the letter
is written uncompressed. Of what is cut the beginning is kept, of headers none; the record itself
stands in its topic for as long as that keeps it.
"""
ORIGINAL_BYTES = f"{PREFIX}original.bytes"
"""How long the value of a cut record is, as text."""

_OURS_BYTES = 64 * 1024
"""Room that is left for the added headers and for what a record batch costs."""
_HEADER_BYTES = 10
"""The most that the two lengths of a header take in a record."""
KEPT_KEY_BYTES = 1024
"""How much is kept of a key that is too large."""


def dead_letter(topic: str, partition: int, record: Record, why: InvalidEvent) -> Output:
    """Return the output that keeps a refused record: key, value and headers as they came.

    Added headers carry a closed reason, the field's path and where the record stood; never a
    value. The ``__connect.errors`` ones are those that Kafka's user interfaces show. What is larger
    than the dead letters' topic takes is cut, and says so (`CUT`).
    """
    letters = dead_letters_of(topic)
    place = (("topic", topic), ("partition", str(partition)), ("offset", str(record.offset)))
    added = [
        (f"{PREFIX}reason", why.reason.value.encode()),
        (f"{PREFIX}field", why.field.encode()),
        (f"{PREFIX}original.timestamp", str(record.timestamp).encode()),
    ]
    for name, content in place:
        added.append((f"{PREFIX}original.{name}", content.encode()))
        added.append((f"__connect.errors.{name}", content.encode()))
    added.append(("__connect.errors.exception.class.name", b"InvalidEvent"))
    ours = {name for name, _ in added}
    kept = [
        (name, content)
        for name, content in record.headers
        if name == ATTEMPT or (name not in ours and not name.startswith(PREFIX))
    ]
    # Kafka keeps a record with neither key nor value, but its clients refuse to send one.
    value = b"" if record.key is None and record.value is None else record.value
    whole = Output(letters, record.key, value, tuple(kept + added))
    room = load_topics()[letters].max_message_bytes - _OURS_BYTES
    if record_bytes(record.key, record.value, kept) <= room:
        return whole
    return _cut(whole, kept, added, room)


def record_bytes(key: bytes | None, value: bytes | None, headers: Headers) -> int:
    """Return how many bytes a record takes; a header of another client may have no content."""
    told = sum(
        len(name.encode()) + len(content or b"") + _HEADER_BYTES for name, content in headers
    )
    return len(key or b"") + len(value or b"") + told


def _cut(whole: Output, kept: Headers, added: Headers, room: int) -> Output:
    """Return the letter with so much of the record as there is room for, the value first."""
    key, value = whole.key, whole.value
    parts = []
    if value is not None and len(value) > MAX_EVENT_BYTES:
        value = value[:MAX_EVENT_BYTES]
        parts.append("value")
    if key is not None and record_bytes(key, value, ()) > room:
        key = key[:KEPT_KEY_BYTES]
        parts.append("key")
    if record_bytes(key, value, kept) > room:
        kept = ()
        parts.append("headers")
    told = ((CUT, ",".join(parts).encode()), (ORIGINAL_BYTES, b"%d" % len(whole.value or b"")))
    return Output(whole.topic, key, value, (*kept, *added, *told))
