"""The look-back memory's finished hours, in rows so small that one account's are read at once.

A block of an hour that is over is cut by account into 256 rows. All hours of a row's accounts lie
side by side, so what is remembered of an account is one short scan, however much the partition
remembers.
"""

from __future__ import annotations

import zlib
from collections import defaultdict
from collections.abc import Iterator, Sequence

import msgspec

from pipeline.contracts.account_log import Posting
from pipeline.state import State

_ROW = b"lr"
_INDEX = b"li"
_ROWS_A_BUCKET = 256
_INDEX_BYTES = 32
"""A bit a bucket."""


class _Owner(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """A posting's account, and nothing else of it."""

    account: str


_OWNERS = msgspec.msgpack.Decoder(list[_Owner])
_RAW = msgspec.msgpack.Decoder(list[msgspec.Raw])
_POSTINGS = msgspec.msgpack.Decoder(list[Posting])
_ENCODER = msgspec.msgpack.Encoder()


class FinishedHours:
    """Rows of the state: ``lr bucket row hour`` postings; ``li hour`` which buckets have rows."""

    def __init__(self, state: State) -> None:
        self._state = state

    def add(self, hour: int, bucket: int, blocks: Sequence[bytes]) -> None:
        """Cut blocks (encoded lists of postings) of an hour's bucket into rows."""
        rows: defaultdict[int, list[msgspec.Raw]] = defaultdict(list)
        for block in blocks:
            # What is only moved is not decoded: that would cost ten times as much.
            for owner, posting in zip(_OWNERS.decode(block), _RAW.decode(block), strict=True):
                rows[_row_of(owner.account.encode())].append(posting)
        index = self._index(hour)
        byte, bit = divmod(bucket, 8)
        has_rows = index[byte] >> bit & 1
        for row, postings in rows.items():
            key = _row_key(bucket, row, hour)
            before = self._state.get(key) if has_rows else None
            if before is not None:
                postings = [*_RAW.decode(before), *postings]
            self._state.put(key, _ENCODER.encode(postings))
        if not has_rows:
            index[byte] |= 1 << bit
            self._state.put(_index_key(hour), bytes(index))

    def of(self, account: bytes, bucket: int, first: int) -> Iterator[Posting]:
        """Yield the postings of an account from the hour ``first`` on."""
        name = account.decode()
        begin, end = (_row_key(bucket, _row_of(account), hour) for hour in (first, 0xFFFFFFFF))
        for _, value in self._state.scan(begin, end):
            if account in value:
                yield from (p for p in _POSTINGS.decode(value) if p.account == name)

    def hours_before(self, first: int) -> list[int]:
        """Return the hours below ``first`` that have rows."""
        found = self._state.scan(_INDEX, _index_key(first))
        return [int.from_bytes(key[len(_INDEX) :], "big") for key, _ in found]

    def forget(self, hour: int, bucket: int) -> None:
        """Drop the rows of an hour's bucket."""
        index = self._index(hour)
        byte, bit = divmod(bucket, 8)
        if not index[byte] >> bit & 1:
            return
        for row in range(_ROWS_A_BUCKET):
            self._state.delete(_row_key(bucket, row, hour))
        index[byte] &= ~(1 << bit)
        if any(index):
            self._state.put(_index_key(hour), bytes(index))
        else:
            self._state.delete(_index_key(hour))

    def _index(self, hour: int) -> bytearray:
        return bytearray(self._state.get(_index_key(hour)) or _INDEX_BYTES)


def _row_of(account: bytes) -> int:
    # The lowest byte chose the partition, the second the bucket.
    return zlib.crc32(account) >> 16 & 0xFF


def _row_key(bucket: int, row: int, hour: int) -> bytes:
    return _ROW + bytes((bucket, row)) + hour.to_bytes(4, "big")


def _index_key(hour: int) -> bytes:
    return _INDEX + hour.to_bytes(4, "big")
