"""The look-back memory's finished hours, in rows so small that one account's are read at once.

A bucket of hours that are over is cut by account into up to 256 rows, the more the larger it is.
All hours of a row lie side by side, so what is remembered of an account is a short scan or two,
however much the partition remembers.
"""

from __future__ import annotations

import struct
import zlib
from array import array
from collections import defaultdict
from collections.abc import Iterator, Sequence

import msgspec

from pipeline.contracts.account_log import Posting
from pipeline.state import State, scan_prefix

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
_CUTS = struct.Struct(f">{BUCKETS}H")
_BEGINNING = _ENCODER.encode(Posting("", "", 0, 0, ""))[:1]


class FinishedHours:
    """Rows of the state: ``lr bucket row hour`` postings; ``li hour`` how each bucket is cut.

    A bucket is cut into ``2 ** fineness`` rows; an account's row is the first bits of a hash.
    """

    def __init__(self, state: State) -> None:
        self._state = state
        self._cuts: dict[int, array[int]] = {}
        """By hour: for each bucket, in which finenesses it is cut, a bit each."""
        self._hours: dict[int, dict[int, tuple[int, int]]] = {}
        """By bucket: its finenesses, and the first and the last hour of each; found when asked."""
        for key, value in scan_prefix(state, _INDEX):
            self._cuts[int.from_bytes(key[len(_INDEX) :], "big")] = _read_index(value)

    def add(self, hour: int, bucket: int, blocks: Sequence[bytes]) -> None:
        """Cut blocks (encoded lists of postings) of a bucket into rows, to be kept with an hour.

        The hour is the last that they are from: with it all of them are forgotten.
        """
        wanted = sum(map(len, blocks)) // ROW_BYTES
        fineness = min(_FINEST, max(0, wanted.bit_length() - 1))
        rows: defaultdict[int, list[msgspec.Raw]] = defaultdict(list)
        crc32, mask = zlib.crc32, _mask(fineness)
        for block in blocks:
            # What is only moved is not decoded: that would cost ten times as much.
            for owner, posting in zip(_OWNERS.decode(block), _RAW.decode(block), strict=True):
                rows[crc32(owner.account.encode()) >> 16 & mask].append(posting)
        cuts = self._cuts.get(hour) or array("H", bytes(2 * BUCKETS))
        for row, postings in rows.items():
            key = _row_key(bucket, row, hour)
            before = self._state.get(key) if cuts[bucket] else None
            if before is not None:
                postings = [*_RAW.decode(before), *postings]
            self._state.put(key, _ENCODER.encode(postings))
        if not cuts[bucket] >> fineness & 1:
            cuts[bucket] |= 1 << fineness
            self._hours.pop(bucket, None)
            self._cuts[hour] = cuts
            self._state.put(_index_key(hour), _written_index(cuts))

    def of(self, account: bytes, bucket: int, first: int) -> Iterator[Posting]:
        """Yield the postings of an account that are kept with the hour ``first`` or later."""
        hours = self._hours.get(bucket)
        if hours is None:
            hours = self._hours[bucket] = self._find_hours(bucket)
        place, rows = zlib.crc32(account) >> 16, dict[int, tuple[int, int]]()
        for fineness, (begin, end) in hours.items():
            row = place & _mask(fineness)
            other = rows.get(row, (begin, end))
            rows[row] = min(begin, other[0]), max(end, other[1])
        beginning = beginning_of(account)
        for row, (begin, end) in rows.items():
            start, stop = _row_key(bucket, row, max(begin, first)), _row_key(bucket, row, end + 1)
            for _, value in self._state.scan(start, stop):
                if beginning in value:
                    yield from postings_of(account, value)

    def _find_hours(self, bucket: int) -> dict[int, tuple[int, int]]:
        hours: dict[int, tuple[int, int]] = {}
        for hour, cuts in self._cuts.items():
            for fineness in range(_FINEST + 1):
                if cuts[bucket] >> fineness & 1:
                    begin, end = hours.get(fineness, (hour, hour))
                    hours[fineness] = min(begin, hour), max(end, hour)
        return hours

    def hours_before(self, first: int) -> list[int]:
        """Return the hours below ``first`` that have rows."""
        return sorted(hour for hour in self._cuts if hour < first)

    def forget(self, hour: int, bucket: int) -> None:
        """Drop the rows of an hour's bucket."""
        cuts = self._cuts.get(hour)
        if cuts is None or not cuts[bucket]:
            return
        # The rows of a coarser cut, should there have been one, are among those of the finest.
        finest = cuts[bucket].bit_length() - 1
        for row in range(0, _MOST_ROWS, _MOST_ROWS >> finest):
            self._state.delete(_row_key(bucket, row, hour))
        cuts[bucket] = 0
        self._hours.pop(bucket, None)
        if any(cuts):
            self._state.put(_index_key(hour), _written_index(cuts))
        else:
            del self._cuts[hour]
            self._state.delete(_index_key(hour))


def beginning_of(account: bytes) -> bytes:
    """Return how an encoded posting of this account begins (others may have it in them too)."""
    return _BEGINNING + _ENCODER.encode(account.decode())


def postings_of(account: bytes, block: bytes) -> Iterator[Posting]:
    """Yield the account's postings in an encoded list of postings."""
    beginning = beginning_of(account)
    for each in _RAW.decode(block):
        # Most are other accounts', and are not decoded.
        if bytes(each).startswith(beginning):
            yield _POSTING.decode(each)


def _mask(fineness: int) -> int:
    # Of the hash, the lowest byte chose the partition, the second the bucket: this is of the third.
    return 0xFF & -(_MOST_ROWS >> fineness)


def _read_index(value: bytes) -> array[int]:
    return array("H", _CUTS.unpack(value))


def _written_index(cuts: array[int]) -> bytes:
    return _CUTS.pack(*cuts)


def _row_key(bucket: int, row: int, hour: int) -> bytes:
    return _ROW + bytes((bucket, row)) + hour.to_bytes(4, "big")


def _index_key(hour: int) -> bytes:
    return _INDEX + hour.to_bytes(4, "big")
