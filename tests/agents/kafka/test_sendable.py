"""What Kafka stores and kafka-python refuses to send can be sent on."""

from __future__ import annotations

import pytest

from agents.kafka.sendable import sendable
from pipeline.contracts.codec import MAX_EVENT_BYTES
from pipeline.topics import load_topics

MEGABYTES = 3_000_000


def test_what_can_be_sent_is_left_as_it_is() -> None:
    headers = [("a", b"1"), ("a", b"2")]
    assert sendable("reports", b"k", None, headers) == (b"k", None, headers)
    largest = b"v" * MAX_EVENT_BYTES
    assert sendable("transactions", None, largest, headers) == (None, largest, headers)


def test_a_header_without_content_is_empty_and_so_is_a_record_with_nothing() -> None:
    key, value, headers = sendable("reports", None, None, [("a", None)])  # type: ignore[list-item]
    assert (key, value, headers) == (None, b"", [("a", b"")])


@pytest.mark.parametrize("topic", ["reports", "account-log", "not-declared"])
@pytest.mark.parametrize("key", [None, b"k", b"k" * 3 * MEGABYTES])
@pytest.mark.parametrize("value", [None, b"{}", b"v" * 3 * MEGABYTES])
@pytest.mark.parametrize("header", [b"x", b"x" * 3 * MEGABYTES])
def test_what_only_compression_made_small_enough_is_cut(
    topic: str, key: bytes | None, value: bytes | None, header: bytes
) -> None:
    sent_key, sent_value, headers = sendable(topic, key, value, [("h", header)])
    size = len(sent_key or b"") + len(sent_value or b"") + sum(len(c) for _, c in headers)
    declared = load_topics().get(topic)
    assert size < (declared.max_message_bytes if declared else 1024 * 1024)
    assert (key or b"").startswith(sent_key or b"")
    assert (value or b"").startswith(sent_value or b"")
    if value is not None and len(value) > MAX_EVENT_BYTES:
        assert len(sent_value or b"") > MAX_EVENT_BYTES
