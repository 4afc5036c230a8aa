"""The look-back memory's finished hours, in rows so small that one account's are read at once.

A bucket of an hour that is over is cut by account into up to 256 rows, the more the larger it is.
All hours of a row lie side by side, so what is remembered of an account is a few short scans,
however much the partition remembers.
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
ROW_BYTES = 1_024
"""About what a row has, to twice as much: some ten postings, less than RocksDB reads at a time."""

BUCKETS = 256
"""Buckets of accounts in which an hour's postings lie."""

_FINEST = 8
_MOST_ROWS = 1 << _FINEST


class _Owner(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """A posting's account, and nothing else of it."""

    account: str


_OWNERS = msgspec.msgpack.Decoder(list[_Owner])
_RAW = msgspec.msgpack.Decoder(list[msgspec.Raw])
_POSTING = msgspec.msgpack.Decoder(Posting)
_ENCODER = msgspec.msgpack.Encoder()


class FinishedHours:
    """Rows of the state: ``lr bucket row hour`` postings; ``li hour`` how each bucket is cut.

    A bucket is cut into ``2 ** fineness`` rows; an account's row is the first bits of a hash.
    """

    def __init__(self, state: State) -> None:
        self._state = state

    def add(self, hour: int, bucket: int, blocks: Sequence[bytes]) -> None:
        """Cut blocks (encoded lists of postings) of an hour's bucket into rows."""
        wanted = sum(map(len, blocks)) // ROW_BYTES
        fineness = min(_FINEST, max(0, wanted.bit_length() - 1))
        rows: defaultdict[int, list[msgspec.Raw]] = defaultdict(list)
        for block in blocks:
            # What is only moved is not decoded: that would cost ten times as much.
            for owner, posting in zip(_OWNERS.decode(block), _RAW.decode(block), strict=True):
                rows[_row_of(owner.account.encode(), fineness)].append(posting)
        index = self._index(hour)
        for row, postings in rows.items():
            key = _row_key(bucket, row, hour)
            before = self._state.get(key) if index[bucket] else None
            if before is not None:
                postings = [*_RAW.decode(before), *postings]
            self._state.put(key, _ENCODER.encode(postings))
        if index[bucket] <= fineness:
            index[bucket] = fineness + 1
            self._state.put(_index_key(hour), bytes(index))

    def of(self, account: bytes, bucket: int, first: int) -> Iterator[Posting]:
        """Yield the postings of an account from the hour ``first`` on."""
        for row in sorted({_row_of(account, fineness) for fineness in range(_FINEST + 1)}):
            begin, end = _row_key(bucket, row, first), _row_key(bucket, row, 0xFFFFFFFF)
            for _, value in self._state.scan(begin, end):
                if account in value:
                    yield from postings_of(account, value)

    def hours_before(self, first: int) -> list[int]:
        """Return the hours below ``first`` that have rows."""
        found = self._state.scan(_INDEX, _index_key(first))
        return [int.from_bytes(key[len(_INDEX) :], "big") for key, _ in found]

    def forget(self, hour: int, bucket: int) -> None:
        """Drop the rows of an hour's bucket."""
        index = self._index(hour)
        if not index[bucket]:
            return
        # The rows of a coarser cut, should there have been one, are among those of the finest.
        for row in range(0, _MOST_ROWS, _MOST_ROWS >> (index[bucket] - 1)):
            self._state.delete(_row_key(bucket, row, hour))
        index[bucket] = 0
        if any(index):
            self._state.put(_index_key(hour), bytes(index))
        else:
            self._state.delete(_index_key(hour))

    def _index(self, hour: int) -> bytearray:
        """Return a byte for each bucket: its fineness and one more, 0 where it has no rows."""
        return bytearray(self._state.get(_index_key(hour)) or BUCKETS)


def postings_of(account: bytes, block: bytes) -> Iterator[Posting]:
    """Yield the account's postings in an encoded list of postings."""
    name = account.decode()
    for each in _RAW.decode(block):
        # Most are other accounts', and are not decoded.
        if account in bytes(each):
            posting = _POSTING.decode(each)
            if posting.account == name:
                yield posting


def _row_of(account: bytes, fineness: int) -> int:
    # The lowest byte of the hash chose the partition, the second the bucket.
    return zlib.crc32(account) >> 16 & 0xFF & -(_MOST_ROWS >> fineness)


def _row_key(bucket: int, row: int, hour: int) -> bytes:
    return _ROW + bytes((bucket, row)) + hour.to_bytes(4, "big")


def _index_key(hour: int) -> bytes:
    return _INDEX + hour.to_bytes(4, "big")
