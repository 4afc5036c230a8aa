"""Logs are JSON, one object a line, and libraries keep quiet."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest

from agents.observability.logging import configure_logging


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    stream = io.StringIO()
    configure_logging("INFO", stream)
    yield stream
    root.handlers[:] = handlers
    root.setLevel(level)


def _lines(stream: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_has_time_level_event_and_the_extra_fields(stream: io.StringIO) -> None:
    logging.getLogger("agents.intake").info("partition taken", extra={"partition": 3})
    (line,) = _lines(stream)
    assert str(line.pop("time")).endswith("+00:00")
    assert line == {
        "level": "info",
        "event": "partition taken",
        "logger": "agents.intake",
        "partition": 3,
    }


def test_an_exception_stays_in_its_line(stream: io.StringIO) -> None:
    try:
        raise ValueError("two\nlines")
    except ValueError:
        logging.getLogger("agents").exception("a fold failed", extra={"what": object()})
    (line,) = _lines(stream)
    assert "ValueError: two\nlines" in str(line["exception"])


def test_libraries_are_heard_from_warning_on(stream: io.StringIO) -> None:
    for name in ("faust", "mode.worker", "aiokafka.consumer"):
        logging.getLogger(name).info("chatter")
    logging.getLogger("aiokafka.consumer").warning("trouble")
    assert [line["event"] for line in _lines(stream)] == ["trouble"]
