"""The dead letter: the original bytes of what could not be taken, and why, in headers."""

from __future__ import annotations

from pipeline.contracts.invalid import InvalidEvent
from pipeline.fold import Output, Record
from pipeline.topics import dead_letters_of

PREFIX = "dlq."
ATTEMPT = f"{PREFIX}attempt"
"""How often a letter was replayed; the one header of ours that a new letter keeps."""


def dead_letter(topic: str, partition: int, record: Record, why: InvalidEvent) -> Output:
    """Return the output that keeps a refused record: key, value and headers as they came.

    Added headers carry a closed reason, the field's path and where the record stood; never a
    value. The ``__connect.errors`` ones are those that Kafka's user interfaces show.
    """
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
    return Output(dead_letters_of(topic), record.key, record.value, tuple(kept + added))
