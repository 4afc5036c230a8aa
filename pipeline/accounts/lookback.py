"""The look-back memory: the postings of accounts without a case, in blocks by hour and bucket.

Most accounts never have a case, so a posting costs a share of one write a bucket and batch, and
is read only when a claim or level opens the account's file. Expiry drops whole blocks.
"""

from __future__ import annotations

import zlib
from collections import defaultdict
from collections.abc import Container, Iterable

import msgspec

from pipeline.contracts.account_log import Posting
from pipeline.policy.policy import HOUR_MS
from pipeline.state import State, scan_prefix

BUCKETS = 256
"""Buckets an hour: opening a file reads a 256th of the partition's postings of each hour."""

_BLOCK = b"b"
_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(list[Posting])


class LookBack:
    """The look-back memory of one partition, kept in its state under the prefix ``b``."""

    def __init__(self, state: State, hours: int) -> None:
        self._state = state
        self._hours = hours
        self._pending: defaultdict[int, list[Posting]] = defaultdict(list)

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
        return others

    def flush(self, sequence: int) -> None:
        """Write what was added, as blocks numbered ``sequence`` (a log offset, so unique)."""
        for block, postings in self._pending.items():
            key = _block_key(block // BUCKETS, block % BUCKETS) + sequence.to_bytes(8, "big")
            before = self._state.get(key)
            if before is not None:
                postings = _DECODER.decode(before) + postings
            self._state.put(key, _ENCODER.encode(postings))
        self._pending.clear()

    def of(self, account: str) -> Iterable[Posting]:
        """Yield the account's remembered postings (flush first)."""
        needle = account.encode()
        bucket = (zlib.crc32(needle) >> 8) % BUCKETS
        for hour in self._hours_kept():
            for _, value in scan_prefix(self._state, _block_key(hour, bucket)):
                if needle in value:
                    yield from (p for p in _DECODER.decode(value) if p.account == account)

    def expire(self, now: int) -> None:
        """Drop the blocks of hours that ended more than the look-back time before ``now``."""
        first = now // HOUR_MS - self._hours
        if first <= 0:
            return
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
