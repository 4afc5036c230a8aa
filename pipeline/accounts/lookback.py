"""The look-back memory: the postings of accounts without a case, in blocks by hour and bucket.

Most accounts never have a case, so a posting costs a share of one write a bucket and batch, and
is read only when a claim or level opens the account's file. Expiry drops whole blocks.

When little comes at a time, blocks would be many and tiny: dear to write, dearer to read. So a
small batch is written as one row of its own, stays in memory as well, and goes into blocks together
with those after it, as soon as they are enough.
"""

from __future__ import annotations

import zlib
from collections import defaultdict
from collections.abc import Container, Iterable
from itertools import chain

import msgspec

from pipeline.contracts.account_log import Posting
from pipeline.policy.policy import HOUR_MS
from pipeline.state import State, scan_prefix

BUCKETS = 256
"""Buckets an hour: opening a file reads a 256th of the partition's postings of each hour."""

BLOCK_POSTINGS = 8_192
"""Postings that wait, at most, until they go into blocks: some 3 MB, 32 a bucket."""

_BLOCK = b"b"
_WAITING = b"w"
_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(list[Posting])


class LookBack:
    """The look-back memory of one partition.

    Rows of its state: ``b hour bucket sequence`` a block, ``w sequence`` a batch that waits.
    """

    def __init__(self, state: State, hours: int) -> None:
        self._state = state
        self._hours = hours
        self._pending: defaultdict[int, list[Posting]] = defaultdict(list)
        """By hour and bucket: what is in no block yet, whether it has a row or not."""
        self._new: list[list[Posting]] = []
        """What has no row yet."""
        self._waiting: dict[bytes, None] = {}
        """The rows of what waits."""
        self._waiting_postings = 0
        for key, value in scan_prefix(state, _WAITING):
            self.take(_DECODER.decode(value), ())
            self._waits(key)

    def take(self, postings: list[Posting], cases: Container[str]) -> list[Posting]:
        """Take the postings of accounts that are not in ``cases``, and return the others.

        What is taken reaches the state with the next `flush`.
        """
        # Nearly all postings end here, so this loop calls nothing that it can do without.
        pending, crc32 = self._pending, zlib.crc32
        others = []
        for posting in postings:
            account = posting.account
            if account in cases:
                others.append(posting)
            else:
                bucket = (crc32(account.encode()) >> 8) % BUCKETS
                pending[posting.at // HOUR_MS * BUCKETS + bucket].append(posting)
        if others:
            postings = [posting for posting in postings if posting.account not in cases]
        if postings:
            self._new.append(postings)
        return others

    def flush(self, sequence: int) -> None:
        """Write what was added under the number ``sequence`` (a log offset, so it grows)."""
        added = sum(map(len, self._new))
        if not added:
            return
        key = _WAITING + sequence.to_bytes(8, "big")
        if self._waiting_postings + added < BLOCK_POSTINGS:
            before = self._state.get(key)
            postings = [*_DECODER.decode(before)] if before is not None else []
            postings += chain.from_iterable(self._new)
            self._state.put(key, _ENCODER.encode(postings))
            self._waits(key)
        else:
            self._write_blocks(sequence)

    def _waits(self, key: bytes) -> None:
        self._waiting[key] = None
        self._waiting_postings += sum(map(len, self._new))
        self._new.clear()

    def _write_blocks(self, sequence: int) -> None:
        for block, postings in self._pending.items():
            key = _block_key(block // BUCKETS, block % BUCKETS) + sequence.to_bytes(8, "big")
            before = self._state.get(key)
            if before is not None:
                postings = _DECODER.decode(before) + postings
            self._state.put(key, _ENCODER.encode(postings))
        for key in self._waiting:
            self._state.delete(key)
        self._pending.clear()
        self._new.clear()
        self._waiting.clear()
        self._waiting_postings = 0

    def of(self, account: str) -> Iterable[Posting]:
        """Yield the account's remembered postings."""
        needle = account.encode()
        bucket = (zlib.crc32(needle) >> 8) % BUCKETS
        for hour in self._hours_kept():
            for _, value in scan_prefix(self._state, _block_key(hour, bucket)):
                if needle in value:
                    yield from (p for p in _DECODER.decode(value) if p.account == account)
        for block, postings in self._pending.items():
            if block % BUCKETS == bucket:
                yield from (p for p in postings if p.account == account)

    def expire(self, now: int) -> None:
        """Drop the hours that ended more than the look-back time before ``now`` (flush first)."""
        first = now // HOUR_MS - self._hours
        if first <= 0:
            return
        if self._waiting:
            self._write_blocks(int.from_bytes(next(reversed(self._waiting))[1:], "big"))
        old = [key for key, _ in self._state.scan(_BLOCK, _BLOCK + first.to_bytes(4, "big"))]
        for key in old:
            self._state.delete(key)

    def _hours_kept(self) -> list[int]:
        hours: list[int] = []
        start = _BLOCK
        while True:
            found = next(iter(self._state.scan(start, b"c")), None)
            if found is None:
                return hours
            hour = int.from_bytes(found[0][1:5], "big")
            hours.append(hour)
            start = _BLOCK + (hour + 1).to_bytes(4, "big")


def _block_key(hour: int, bucket: int) -> bytes:
    return _BLOCK + hour.to_bytes(4, "big") + bytes([bucket])
