"""What stands in a topic, made so that our client can send it on: copies, restores, replays.

Kafka stores what kafka-python refuses to send: a header without content, a record with neither key
nor value, and, as it counts compressed bytes, a record of any size.
"""

from __future__ import annotations

from functools import cache

from pipeline.contracts.codec import MAX_EVENT_BYTES
from pipeline.contracts.dead_letters import KEPT_KEY_BYTES, record_bytes
from pipeline.fold import Headers
from pipeline.topics import load_topics

_BATCH_BYTES = 1024
"""Room for what a record batch costs."""
_OTHER_TOPIC_BYTES = 1024 * 1024

Sendable = tuple[bytes | None, bytes | None, list[tuple[str, bytes]]]
"""Key, value and headers as kafka-python takes them."""


def sendable(topic: str, key: bytes | None, value: bytes | None, headers: Headers) -> Sendable:
    """Return key, value and headers of a stored record as they can be sent to ``topic``.

    What the topic would not take uncompressed loses its headers, and then its end: no event is so
    large, so it stays what it is, a record that is refused as too large.
    """
    named = [(name, content or b"") for name, content in headers]
    if key is None and value is None:
        value = b""
    room = _room(topic)
    if record_bytes(key, value, named) > room:
        named = []
        if value is not None and record_bytes(key, value, ()) > room:
            value = value[: MAX_EVENT_BYTES + 1]
        if key is not None and record_bytes(key, value, ()) > room:
            key = key[:KEPT_KEY_BYTES]
    return key, value, named


@cache
def _room(topic: str) -> int:
    declared = load_topics().get(topic)
    return (declared.max_message_bytes if declared else _OTHER_TOPIC_BYTES) - _BATCH_BYTES
