"""Header names that are not UTF-8: read as text with escapes, where aiokafka would give up.

Kafka takes any bytes as a header's name, and some clients let them through. aiokafka's parser
raises at such a record, always again: one record would stop whoever reads its partition for good.
"""

from __future__ import annotations

import struct
from typing import Any

from aiokafka.record import default_records, memory_records

from agents.runtime.escaping import Escaping

_LENGTH_AT = 8
_BEFORE_LENGTH_COUNTS = 12
_LENGTH = struct.Struct(">i")


class KeptRecords:
    """As aiokafka's `MemoryRecords` of one fetch, with the newest batch's bytes still at hand."""

    __slots__ = ("_begin", "_data", "_end", "_records")

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._records = memory_records.MemoryRecords(data)
        self._begin = self._end = 0

    def has_next(self) -> bool:
        """Return whether there is one more whole batch."""
        return bool(self._records.has_next())

    def size_in_bytes(self) -> int:
        """Return how long all of it is."""
        return int(self._records.size_in_bytes())

    def next_batch(self) -> Any:
        """Return the next batch, as aiokafka reads it."""
        batch = self._records.next_batch()
        self._begin = self._end
        (length,) = _LENGTH.unpack_from(self._data, self._begin + _LENGTH_AT)
        self._end = self._begin + _BEFORE_LENGTH_COUNTS + length
        return batch

    def last_batch_with_any_names(self) -> list[Any]:
        """Return the records of the batch given last, with escapes in names that are not UTF-8."""
        return list(_AnyNames(memoryview(self._data)[self._begin : self._end]))


class _AnyNames(default_records._DefaultRecordBatchPy):  # type: ignore[misc]
    """aiokafka's own parser in Python, over bytes that decode whatever they are."""

    _buffer: bytearray

    def _maybe_uncompress(self) -> None:
        super()._maybe_uncompress()
        self._buffer = Escaping(self._buffer)
