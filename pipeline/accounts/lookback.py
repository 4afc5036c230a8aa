"""The look-back memory: the postings of accounts without a case.

Most accounts never have a case, so a posting costs a share of one write, and is read only when a
claim or level opens the account's file. While an hour goes on, its postings are written in blocks
by bucket of accounts. When it is over, blocks worth it are cut into small rows
(`pipeline.accounts.finished_hours`), a bucket at a time between batches, so that nothing waits for
it; where little comes in an hour, several hours are cut together. Expiry drops whole blocks and
rows.

When little comes at a time, blocks would be many and tiny: dear to write, dearer to read. So a
small batch is written as one row of its own, stays in memory as well, and goes into blocks together
with those after it, as soon as they are enough.
"""

from __future__ import annotations

import zlib
from collections import defaultdict, deque
from collections.abc import Container, Iterable
from itertools import chain

import msgspec

from pipeline.accounts.finished_hours import BUCKETS, FinishedHours, beginning_of, postings_of
from pipeline.contracts.account_log import Posting
from pipeline.policy.policy import HOUR_MS
from pipeline.state import State, prefix_end, scan_prefix

BLOCK_POSTINGS = 8_192
"""Postings that wait, at most, until they go into blocks: some 3 MB, 32 a bucket."""

CUT_BYTES = 32_768
"""A bucket's blocks of all finished hours are cut into rows when they have more bytes together.
Before, they stay as they are: reading so much costs less than a row from each hour."""

_GOING_HOURS = 2
"""This hour and the last, to which some postings still come."""

_STEPS_A_FLUSH = 32
_POSTINGS_A_STEP = 16
"""A batch looks at so many buckets of finished hours at most, or at one for each of so many of its
postings: an hour of large batches must be looked through within an hour of them too."""

_BYTES_A_FLUSH = 65_536
_BYTES_A_POSTING = 256
"""A batch cuts, beside so many bytes, as many for each of its postings: twice what they have, so
that cutting keeps up with any backlog, and a small batch waits for some milliseconds at most."""

_UNKNOWN = -1

_BYTES_OF_FORGETTING = 16_384
"""What dropping a bucket's rows counts as: it takes about as long as cutting so much."""

_BLOCK = b"b"
_WAITING = b"w"
_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(list[Posting])


class LookBack:
    """The look-back memory of one partition.

    Rows of its state: ``b bucket hour sequence`` a block, ``w sequence`` a batch that waits, and
    those of `FinishedHours`. ``now`` is the newest tick (ms since 1970), 0 before the first.
    """

    def __init__(self, state: State, hours: int, now: int = 0) -> None:
        self._state = state
        self._hours = hours
        self._first = self._first_kept(now)
        self._finished = FinishedHours(state)
        self._pending: defaultdict[int, list[Posting]] = defaultdict(list)
        """By hour and bucket: what is in no block yet, whether it has a row or not."""
        self._new: list[list[Posting]] = []
        """What has no row yet."""
        self._waiting: dict[bytes, None] = {}
        """The rows of what waits."""
        self._waiting_postings = 0
        self._pending_hours: list[int] | None = None
        """The hours of what is in no block yet; None: to be found out."""
        self._blocks = self._find_blocks()
        """By bucket: the hours of its blocks, and the bytes of each; `_UNKNOWN` until looked at."""
        self._to_look_at = set[int]().union(*self._blocks.values())
        """Hours whose blocks were not looked at since the last one was written."""
        self._steps: deque[tuple[int, int]] = deque()
        """Hours and buckets to be cut, or forgotten, one after the other."""
        for key, value in scan_prefix(state, _WAITING):
            self.take(_DECODER.decode(value), ())
            self._waits(key)
        self._plan(now)

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
            self._pending_hours = None
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
        steps = max(_STEPS_A_FLUSH, added // _POSTINGS_A_STEP)
        self._cut(steps, _BYTES_A_FLUSH + added * _BYTES_A_POSTING)

    def _waits(self, key: bytes) -> None:
        self._waiting[key] = None
        self._waiting_postings += sum(map(len, self._new))
        self._new.clear()

    def _write_blocks(self, sequence: int) -> None:
        for block, postings in self._pending.items():
            key = _block_key(block % BUCKETS, block // BUCKETS) + sequence.to_bytes(8, "big")
            before = self._state.get(key)
            if before is not None:
                postings = _DECODER.decode(before) + postings
            value = _ENCODER.encode(postings)
            self._state.put(key, value)
            hours, hour = self._blocks.setdefault(block % BUCKETS, {}), block // BUCKETS
            size = hours.get(hour, 0)
            hours[hour] = _UNKNOWN if size == _UNKNOWN or before is not None else size + len(value)
            self._to_look_at.add(hour)
        for key in self._waiting:
            self._state.delete(key)
        self._pending.clear()
        self._pending_hours = None
        self._new.clear()
        self._waiting.clear()
        self._waiting_postings = 0

    def of(self, account: str) -> Iterable[Posting]:
        """Yield the account's remembered postings."""
        needle = account.encode()
        bucket, first = (zlib.crc32(needle) >> 8) % BUCKETS, self._first
        hours = self._blocks.get(bucket)
        if hours:
            beginning = beginning_of(needle)
            begin = _block_key(bucket, max(first, min(hours)))
            end = _block_key(bucket, max(hours) + 1)
            for _, value in self._state.scan(begin, end):
                if beginning in value:
                    yield from postings_of(needle, value)
        for posting in self._finished.of(needle, bucket, first):
            if posting.at // HOUR_MS >= first:
                yield posting
        if self._pending_hours is None:
            self._pending_hours = sorted({block // BUCKETS for block in self._pending})
        for hour in self._pending_hours:
            waiting = self._pending.get(hour * BUCKETS + bucket)
            if waiting is not None and hour >= first:
                yield from (p for p in waiting if p.account == account)

    def expire(self, now: int) -> None:
        """Forget the hours that ended more than the look-back time before ``now``.

        Called when a new hour begins, after a flush. They are not seen any more from now on; their
        rows are dropped, and hours that are over are cut into rows, with the batches that follow.
        """
        self._first = self._first_kept(now)
        if any(block // BUCKETS < self._first for block in self._pending):
            self._write_blocks(int.from_bytes(next(reversed(self._waiting))[1:], "big"))
        self._to_look_at = {hour for hour in self._to_look_at if hour >= self._first}
        for bucket, hours in self._blocks.items():
            for hour in [hour for hour in hours if hour < self._first]:
                del hours[hour]
                for key, _ in list(scan_prefix(self._state, _block_key(bucket, hour))):
                    self._state.delete(key)
        self._plan(now)

    def _first_kept(self, now: int) -> int:
        return max(0, now // HOUR_MS - self._hours)

    def _plan(self, now: int) -> None:
        """Plan a step for each bucket of the hours that are over, and of those to be forgotten."""
        over = now // HOUR_MS - _GOING_HOURS
        planned = {hour for hour, _ in self._steps}
        hours = {hour for hour in self._to_look_at if hour <= over} - planned
        self._to_look_at -= hours
        hours.update(self._finished.hours_before(self._first))
        for hour in sorted(hours - planned):
            self._steps.extend((hour, bucket) for bucket in range(BUCKETS))

    def _cut(self, most_steps: int, most_bytes: int) -> None:
        for _ in range(min(len(self._steps), most_steps)):
            most_bytes -= self._step(*self._steps.popleft())
            if most_bytes <= 0:
                return

    def _step(self, hour: int, bucket: int) -> int:
        """Cut or forget a bucket of an hour; return how many bytes that were."""
        if hour < self._first:
            self._finished.forget(hour, bucket)
            return _BYTES_OF_FORGETTING
        hours = self._blocks.get(bucket, {})
        over = [each for each in hours if each <= hour]
        for each in over:
            if hours[each] == _UNKNOWN:
                rows = scan_prefix(self._state, _block_key(bucket, each))
                hours[each] = sum(len(value) for _, value in rows)
        size = sum(hours[each] for each in over)
        if size <= CUT_BYTES:
            return 0
        begin, end = _block_key(bucket, min(over)), _block_key(bucket, hour + 1)
        blocks = list(self._state.scan(begin, end))
        self._finished.add(hour, bucket, [value for _, value in blocks])
        for key, _ in blocks:
            self._state.delete(key)
        for each in over:
            del hours[each]
        return size

    def _find_blocks(self) -> dict[int, dict[int, int]]:
        """Return the hours of each bucket's blocks, without reading through them."""
        blocks: dict[int, dict[int, int]] = {}
        start, end = _BLOCK, prefix_end(_BLOCK)
        while (found := next(iter(self._state.scan(start, end)), None)) is not None:
            bucket, hour = found[0][1], int.from_bytes(found[0][2:6], "big")
            blocks.setdefault(bucket, {})[hour] = _UNKNOWN
            start = _block_key(bucket, hour + 1)
        return blocks


def _block_key(bucket: int, hour: int) -> bytes:
    return _BLOCK + bytes([bucket]) + hour.to_bytes(4, "big")
