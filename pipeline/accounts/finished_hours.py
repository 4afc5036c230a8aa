"""The look-back memory's finished hours, in rows so small that one account's are read at once.

A bucket of hours that are over is cut by account into up to 256 rows, the more the larger it is.
Most accounts have postings in few hours: so each cut has a filter in memory, which says of nearly
all of its rows that they have nothing of an account, and only the others are read.
"""

from __future__ import annotations

import struct
from array import array
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence

import mmh3
import msgspec

from pipeline.contracts.account_log import Posting
from pipeline.state import State, scan_prefix

hash_of = mmh3.hash
"""MurmurHash3 of a key, 32 bits with a sign. In a CRC-32, which tells the partitions apart, a third
of all numbers that run on have the hash of another one."""

_ROW = b"lr"
_INDEX = b"li"
_FILTER = b"lf"
ROW_BYTES = 1_024
"""About what a row has, to twice as much: some ten postings, less than RocksDB reads at a time."""

BUCKETS = 256
"""Buckets of accounts in which an hour's postings lie."""

FILTER_BITS = 4
"""Bits of a filter for each of its postings, to twice as many, of which a posting sets two: of
twenty rows it names about one for nothing. It takes a byte a posting at most, in memory and on the
disk."""

_READ_FOR_ONE = 3
"""So many rows one after the other are read in the time of one by itself, about."""

_FINEST = 8
_MOST_ROWS = 1 << _FINEST
_PLACES = 1 << 16
_DIGITS = b"01" + bytes(254)


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
    """Rows of the state: ``lr bucket row hour`` postings; ``li hour`` how each bucket is cut;
    ``lf bucket hour`` the filter of what is kept with an hour.

    The lowest byte of an account's hash is its bucket. A bucket is cut into ``2 ** fineness`` rows,
    by the first bits of the third byte.
    """

    def __init__(self, state: State) -> None:
        self._state = state
        self._cuts: dict[int, array[int]] = {}
        """By hour: for each bucket, in which finenesses it is cut, a bit each."""
        self._filters: defaultdict[int, dict[int, bytes]] = defaultdict(dict)
        """By bucket and hour: whose postings there may be (`_filter_of`)."""
        for key, value in scan_prefix(state, _INDEX):
            self._cuts[int.from_bytes(key[len(_INDEX) :], "big")] = _read_index(value)
        for key, value in scan_prefix(state, _FILTER):
            bucket, hour = key[len(_FILTER)], int.from_bytes(key[len(_FILTER) + 1 :], "big")
            self._filters[bucket][hour] = value

    def add(self, hour: int, bucket: int, blocks: Sequence[bytes]) -> None:
        """Cut blocks (encoded lists of postings) of a bucket into rows, to be kept with an hour.

        The hour is the last that they are from: with it all of them are forgotten.
        """
        wanted = sum(map(len, blocks)) // ROW_BYTES
        fineness = min(_FINEST, max(0, wanted.bit_length() - 1))
        rows: defaultdict[int, list[msgspec.Raw]] = defaultdict(list)
        hashes: list[int] = []
        mask = _mask(fineness)
        for block in blocks:
            # What is only moved is not decoded: that would cost ten times as much.
            for owner, posting in zip(owners_of(block), _RAW.decode(block), strict=True):
                hashed = hash_of(owner)
                hashes.append(hashed)
                rows[hashed >> 16 & mask].append(posting)
        cuts = self._cuts.get(hour) or array("H", bytes(2 * BUCKETS))
        for row, postings in rows.items():
            key = _row_key(bucket, row, hour)
            before = self._state.get(key) if cuts[bucket] else None
            if before is not None:
                postings = [*_RAW.decode(before), *postings]
            self._state.put(key, _ENCODER.encode(postings))
        if not cuts[bucket] >> fineness & 1:
            cuts[bucket] |= 1 << fineness
            self._cuts[hour] = cuts
            self._state.put(_index_key(hour), _written_index(cuts))
        filters = self._filters[bucket]
        filters[hour] = _joint_filter(_filter_of(hashes), filters.get(hour, b""))
        self._state.put(_filter_key(bucket, hour), filters[hour])

    def rows_with(self, hashed: int, bucket: int, first: int) -> Iterator[bytes]:
        """Yield the rows of the hour ``first`` or later that may have postings of an account.

        ``hashed`` is its hash. There may be older postings in them.
        """
        for row, hours in self._hours_by_row(hashed, bucket, first).items():
            yield from self._rows(bucket, row, hours)

    def _hours_by_row(self, hashed: int, bucket: int, first: int) -> dict[int, list[int]]:
        """Return the rows that may have an account's postings, with the hours in which they may."""
        found: dict[int, list[int]] = {}
        # Both bits of a filter are asked for without a call: there are up to 72 of them.
        byte, bit = hashed >> 19, 1 << (hashed >> 16 & 7)
        other_byte, other_bit = hashed >> 11, 1 << (hashed >> 8 & 7)
        for hour, bits in self._filters[bucket].items():
            last = len(bits) - 1
            if not (bits[byte & last] & bit and bits[other_byte & last] & other_bit):
                continue
            if hour >= first:
                for row in {hashed >> 16 & mask for mask in _MASKS[self._cuts[hour][bucket]]}:
                    found.setdefault(row, []).append(hour)
        return found

    def _rows(self, bucket: int, row: int, hours: list[int]) -> Iterator[bytes]:
        """Yield a row of these hours, and perhaps of others between them."""
        if len(hours) * _READ_FOR_ONE > len(self._filters[bucket]):
            begin, end = min(hours), max(hours) + 1
            rows = self._state.scan(_row_key(bucket, row, begin), _row_key(bucket, row, end))
            yield from (value for _, value in rows)
            return
        for hour in hours:
            value = self._state.get(_row_key(bucket, row, hour))
            if value is not None:
                yield value

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
        del self._filters[bucket][hour]
        self._state.delete(_filter_key(bucket, hour))
        if any(cuts):
            self._state.put(_index_key(hour), _written_index(cuts))
        else:
            del self._cuts[hour]
            self._state.delete(_index_key(hour))


def beginning_of(account: str) -> bytes:
    """Return how an encoded posting of this account begins (others may have it in them too)."""
    return _BEGINNING + _ENCODER.encode(account)


def postings_of(
    beginning: bytes, block: bytes, places: Collection[int] | None = None
) -> list[Posting]:
    """Return the postings of an account (`beginning_of`) in an encoded list of postings.

    They are at some of these ``places``; None: perhaps at any.
    """
    postings = _RAW.decode(block)
    return read_those_of(
        beginning, postings if places is None else [postings[place] for place in places]
    )


def read_those_of(beginning: bytes, written: Iterable[msgspec.Raw]) -> list[Posting]:
    """Return those of the postings that are an account's (`beginning_of`)."""
    # Most are other accounts', and are not decoded.
    encoded = map(bytes, written)
    return [_POSTING.decode(each) for each in encoded if each.startswith(beginning)]


def owners_of(block: bytes) -> list[str]:
    """Return whose each posting of an encoded list is."""
    return [owner.account for owner in _OWNERS.decode(block)]


def _filter_of(hashes: Collection[int]) -> bytes:
    """Return the filter of these accounts: as many bits as a power of two, at least 8.

    Each sets two, told by the upper half of its hash and by the two bytes in the middle.
    """
    size = min(_PLACES, max(8, 1 << (FILTER_BITS * len(hashes) - 1).bit_length()))
    bits, last = bytearray(size), size - 1
    for hashed in hashes:
        bits[hashed >> 16 & last] = 1
        bits[hashed >> 8 & last] = 1
    # A byte a bit becomes a bit a bit by way of the number that they write, the first bit last.
    return int(bits[::-1].translate(_DIGITS), 2).to_bytes(size >> 3, "little")


def _joint_filter(one: bytes, other: bytes) -> bytes:
    """Return the filter of what is in either."""
    if not other:
        return one
    # An account's bit in the shorter filter is the last part of its bit in the longer one.
    size = max(len(one), len(other))
    parts = (int.from_bytes(each * (size // len(each)), "little") for each in (one, other))
    return (next(parts) | next(parts)).to_bytes(size, "little")


def _mask(fineness: int) -> int:
    return 0xFF & -(_MOST_ROWS >> fineness)


_MASKS = [
    [_mask(fineness) for fineness in range(_FINEST + 1) if cuts >> fineness & 1]
    for cuts in range(2 << _FINEST)
]
"""By the finenesses in which a bucket is cut, a bit each: the masks of its rows."""


def _read_index(value: bytes) -> array[int]:
    return array("H", _CUTS.unpack(value))


def _written_index(cuts: array[int]) -> bytes:
    return _CUTS.pack(*cuts)


def _row_key(bucket: int, row: int, hour: int) -> bytes:
    return _ROW + bytes((bucket, row)) + hour.to_bytes(4, "big")


def _filter_key(bucket: int, hour: int) -> bytes:
    return _FILTER + bytes((bucket,)) + hour.to_bytes(4, "big")


def _index_key(hour: int) -> bytes:
    return _INDEX + hour.to_bytes(4, "big")
