"""A pointer: a record in one log that stands for a record of another topic.

Inputs of two topics that go into one state need one order that is kept, or a rebuilt state would
not be the one that spoke. So the place of an analyst's decision among the reports is a pointer in
``reports``. It holds nothing but where the decision is: who may write reports but not decisions can
at worst point at a decision once more, which changes nothing.
"""

from __future__ import annotations

import msgspec

from pipeline.fold import Output, Record

POINTER_KEY = b"\x00pointer"
"""The key of every pointer; no id of a report begins with a zero byte."""


class Pointer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where the record is that this one stands for."""

    topic: str
    partition: int
    offset: int


_DECODER = msgspec.json.Decoder(Pointer)


def pointer(topic: str, partition: int, pointed: Pointer) -> Output:
    """Return the record that puts ``pointed`` into the order of a partition of ``topic``."""
    return Output(topic, POINTER_KEY, msgspec.json.encode(pointed), (), partition)


def pointed_at(record: Record) -> Pointer | None:
    """Return what a record points at, None when it is no pointer."""
    if record.key != POINTER_KEY or record.value is None:
        return None
    try:
        return _DECODER.decode(record.value)
    except msgspec.MsgspecError:
        return None
