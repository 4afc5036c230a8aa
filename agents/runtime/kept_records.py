"""What aiokafka would give up at, or fall over, is read all the same: one record stops nobody.

Kafka takes any bytes as a header's name, and some clients let them through. aiokafka's parser
raises at such a record, always again: here its names are text with escapes. And a batch that would
fill the memory is not unpacked (`unpacking`).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any

from aiokafka.record import default_records, memory_records

from agents.runtime.escaping import Escaping
from agents.runtime.unpacking import stand_in

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
        """Return the next batch, for aiokafka's own reading record by record."""
        return _Batch(self, self.next_own_batch())

    def next_own_batch(self) -> Any:
        """Return the next batch as aiokafka makes it; with it names are not looked after."""
        batch = self._records.next_batch()
        self._begin = self._end
        (length,) = _LENGTH.unpack_from(self._data, self._begin + _LENGTH_AT)
        self._end = self._begin + _BEFORE_LENGTH_COUNTS + length
        return batch

    def records_of(self, batch: Any) -> list[Any]:
        """Return the records of the batch that was given last."""
        bomb = stand_in(batch, memoryview(self._data)[self._begin : self._end])
        if bomb is not None:
            return [bomb]
        try:
            return list(batch)
        except UnicodeDecodeError:
            return self._with_any_names()

    def _with_any_names(self) -> list[Any]:
        return list(_AnyNames(memoryview(self._data)[self._begin : self._end]))


class _Batch:
    """One of aiokafka's batches, whose records are read whatever their headers are called."""

    def __init__(self, records: KeptRecords, batch: Any) -> None:
        self._records = records
        self._batch = batch

    def __getattr__(self, name: str) -> Any:
        return getattr(self._batch, name)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._records.records_of(self._batch))

    def __next__(self) -> Any:
        return next(self._batch)


class _AnyNames(default_records._DefaultRecordBatchPy):  # type: ignore[misc]
    """aiokafka's own parser in Python, over bytes that decode whatever they are."""

    _buffer: bytearray

    def _maybe_uncompress(self) -> None:
        super()._maybe_uncompress()
        self._buffer = Escaping(self._buffer)
