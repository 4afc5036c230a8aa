"""Reading an own topic back, as `agents.runtime.read_back` does once it is at the topic's end."""

from __future__ import annotations

from collections.abc import Iterable

from pipeline.fold import Fold, Output, Record


def read_back(fold: Fold, topic: str, records: Iterable[Record]) -> list[Output]:
    """Return what is said again: of each key whose last record is older than the state."""
    last = {record.key: record for record in records}
    overwritten = []
    for key, record in last.items():
        versions = fold.versions(topic, record)
        if versions is not None and versions.written < versions.known:
            overwritten.append(key)
    return fold.say_again(topic, overwritten)
