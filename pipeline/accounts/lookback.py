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

Of each block the memory keeps two bytes of the hash of each posting's account, so that hardly a
block is read for nothing. What was there before it (a worker was started again) it looks through a
bucket at a time, when it is asked for an account of that bucket first.

What is only kept is not written anew: a posting goes into a row as it stands in the log.
"""

from __future__ import annotations

import sys
from array import array
from bisect import bisect_right
from collections import defaultdict, deque
from collections.abc import Collection, Container, Iterable, Iterator, Sequence
from itertools import chain, pairwise

import msgspec

from pipeline.accounts.finished_hours import (
    BUCKETS,
    FinishedHours,
    beginning_of,
    hash_of,
    owners_of,
    postings_of,
    read_those_of,
)
from pipeline.contracts.account_log import Posting
from pipeline.policy.policy import HOUR_MS
from pipeline.state import State, prefix_end, scan_prefix

BLOCK_POSTINGS = 8_192
"""Postings that wait, at most, until they go into blocks: some 3 MB, 32 a bucket."""

CUT_BYTES = 262_144
"""A bucket's blocks of all finished hours are cut into rows when they have more bytes together.
Before, they stay as they are: of each block it is known whose postings it has, of rows only whose
they may be, so an account is looked for in the fewer rows for nothing the fewer cuts there are. A
cut of so much takes some 2 ms."""

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
_RAW = msgspec.msgpack.Decoder(list[msgspec.Raw])


class _Bucket:
    """The blocks of a bucket of accounts, by hour, and whose postings are in which.

    ``sizes``: the bytes of an hour's blocks together, `_UNKNOWN` until looked at. ``unknown``: the
    hours of which some block was there before this memory, which does not know yet whose it is.
    """

    __slots__ = ("_accounts", "_begins", "_blocks", "sizes", "unknown")

    def __init__(self) -> None:
        self.sizes: dict[int, int] = {}
        self.unknown: set[int] = set()
        self._accounts = bytearray()
        # Two bytes of each posting's account, one block behind the other; where each begins there.
        self._begins: list[int] = []
        self._blocks: list[tuple[int, int]] = []

    def note(self, hour: int, sequence: int, owners: Sequence[int]) -> None:
        """Take a block that was written, or written again with more postings, and whose they are.

        Of each owner `_two_bytes`, in the order of the block.
        """
        if hour in self.unknown:
            return
        self._begins.append(len(self._accounts))
        self._blocks.append((hour, sequence))
        self._accounts += array("h", owners).tobytes()

    def places_of(self, two_bytes: bytes) -> dict[tuple[int, int], set[int]]:
        """Return where postings of such an account may be: by block (hour, sequence) the places.

        A block that was written again is noted again, and has the same postings at the same places.
        """
        found: dict[tuple[int, int], set[int]] = {}
        at = self._accounts.find(two_bytes)
        while at >= 0:
            if not at & 1:
                number = bisect_right(self._begins, at) - 1
                places = found.setdefault(self._blocks[number], set())
                places.add((at - self._begins[number]) >> 1)
            at = self._accounts.find(two_bytes, at + 1)
        return found

    def drop(self, hours: Collection[int]) -> None:
        """Forget all blocks of these hours."""
        for hour in hours:
            del self.sizes[hour]
        self.unknown.difference_update(hours)
        accounts, spans = self._accounts, pairwise([*self._begins, len(self._accounts)])
        noted = zip(self._blocks, spans, strict=True)
        self._accounts, self._begins, self._blocks = bytearray(), [], []
        for block, (begin, end) in noted:
            if block[0] not in hours:
                self._begins.append(len(self._accounts))
                self._blocks.append(block)
                self._accounts += accounts[begin:end]


class _Pending:
    """Postings of an hour and a bucket that are in no block yet, as they are written.

    ``owners`` has `_two_bytes` of each one's account.
    """

    __slots__ = ("owners", "postings")

    def __init__(self) -> None:
        self.postings: list[msgspec.Raw] = []
        self.owners: list[int] = []


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
        self._pending: defaultdict[int, _Pending] = defaultdict(_Pending)
        """By hour and bucket: what is in no block yet, whether it has a row or not."""
        self._new: list[list[msgspec.Raw]] = []
        """What has no row yet."""
        self._waiting: dict[bytes, None] = {}
        """The rows of what waits."""
        self._waiting_postings = 0
        self._newest = -1
        """The newest sequence that blocks were written with, or may have been."""
        self._pending_hours: list[int] | None = None
        """The hours of what is in no block yet; None: to be found out."""
        self._buckets = self._find_blocks()
        self._to_look_at = set[int]().union(*(bucket.sizes for bucket in self._buckets))
        """Hours whose blocks were not looked at since the last one was written."""
        self._steps: deque[tuple[int, int]] = deque()
        """Hours and buckets to be cut, or forgotten, one after the other."""
        for key, value in scan_prefix(state, _WAITING):
            self.take(_DECODER.decode(value), _RAW.decode(value), ())
            self._waits(key)
            self._newest = int.from_bytes(key[len(_WAITING) :], "big")
        self._plan(now)

    def take(
        self, postings: list[Posting], written: list[msgspec.Raw], cases: Container[str]
    ) -> list[Posting]:
        """Take the postings of accounts that are not in ``cases``, and return the others.

        ``written`` are the same postings as they are written. What is taken reaches the state with
        the next `flush`.
        """
        # Nearly all postings end here, so this loop calls nothing that it can do without.
        pending = self._pending
        others = []
        for posting, raw in zip(postings, written, strict=True):
            account = posting.account
            if account in cases:
                others.append(posting)
            else:
                hashed = hash_of(account)
                place = pending[posting.at // HOUR_MS * BUCKETS + hashed % BUCKETS]
                place.postings.append(raw)
                place.owners.append(hashed >> 16)
        if others:
            both = zip(postings, written, strict=True)
            written = [raw for posting, raw in both if posting.account not in cases]
        if written:
            self._new.append(written)
            self._pending_hours = None
        return others

    def remember(self, postings: Iterable[Posting]) -> None:
        """Take postings that are written nowhere as they are."""
        kept = list(postings)
        self.take(kept, [msgspec.Raw(_ENCODER.encode(posting)) for posting in kept], ())

    def flush(self, sequence: int) -> None:
        """Write what was added under the number ``sequence`` (a log offset, so it grows)."""
        if not self._new:
            return
        added = sum(map(len, self._new))
        key = _WAITING + sequence.to_bytes(8, "big")
        if self._waiting_postings + added < BLOCK_POSTINGS:
            before = self._state.get(key)
            postings = _RAW.decode(before) if before is not None else []
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
        for place, pending in self._pending.items():
            hour, bucket = divmod(place, BUCKETS)
            postings, owners = pending.postings, pending.owners
            key = _block_key(bucket, hour) + sequence.to_bytes(8, "big")
            before = self._state.get(key) if sequence <= self._newest else None
            if before is not None:
                postings = _RAW.decode(before) + postings
                owners = [_two_bytes(owner) for owner in owners_of(before)] + owners
            value = _ENCODER.encode(postings)
            self._state.put(key, value)
            blocks = self._buckets[bucket]
            size = blocks.sizes.get(hour, 0)
            has_size = size != _UNKNOWN and before is None
            blocks.sizes[hour] = size + len(value) if has_size else _UNKNOWN
            blocks.note(hour, sequence, owners)
            self._to_look_at.add(hour)
        for key in self._waiting:
            self._state.delete(key)
        self._newest = max(self._newest, sequence)
        self._pending.clear()
        self._pending_hours = None
        self._new.clear()
        self._waiting.clear()
        self._waiting_postings = 0

    def of(self, account: str) -> list[Posting]:
        """Return the account's remembered postings, in no order."""
        hashed, first = hash_of(account), self._first
        bucket = hashed % BUCKETS
        beginning, found = beginning_of(account), list[Posting]()
        for value, places in self._blocks_with(account, bucket):
            if beginning in value:
                found += postings_of(beginning, value, places)
        for value in self._finished.rows_with(hashed, bucket, first):
            if beginning in value:
                found += [p for p in postings_of(beginning, value) if p.at // HOUR_MS >= first]
        if self._pending_hours is None:
            self._pending_hours = sorted({block // BUCKETS for block in self._pending})
        for hour in self._pending_hours:
            waiting = self._pending.get(hour * BUCKETS + bucket)
            if waiting is not None and hour >= first and hashed >> 16 in waiting.owners:
                both = zip(waiting.postings, waiting.owners, strict=True)
                found += read_those_of(
                    beginning, [raw for raw, owner in both if owner == hashed >> 16]
                )
        return found

    def _blocks_with(self, account: str, bucket: int) -> Iterator[tuple[bytes, Collection[int]]]:
        """Yield the blocks that may have postings of an account, and at which places."""
        two_bytes = _two_bytes(account).to_bytes(2, sys.byteorder, signed=True)
        blocks = self._buckets[bucket]
        if blocks.unknown:
            self._learn(bucket)
        for (hour, sequence), places in blocks.places_of(two_bytes).items():
            if hour >= self._first:
                value = self._state.get(_block_key(bucket, hour) + sequence.to_bytes(8, "big"))
                assert value is not None, "a block stays until its hour is cut or forgotten"
                yield value, places

    def _learn(self, bucket: int) -> None:
        """Find out whose the postings of a bucket are that were there before this memory.

        It takes as long as to look through them for one account, and the first who asks does it.
        """
        blocks = self._buckets[bucket]
        unknown, blocks.unknown = blocks.unknown, set()
        begin, end = _block_key(bucket, min(unknown)), _block_key(bucket, max(unknown) + 1)
        for key, block in self._state.scan(begin, end):
            hour = int.from_bytes(key[2:6], "big")
            if hour in unknown:
                owners = [_two_bytes(owner) for owner in owners_of(block)]
                blocks.note(hour, int.from_bytes(key[6:], "big"), owners)

    def expire(self, now: int) -> None:
        """Forget the hours that ended more than the look-back time before ``now``.

        Called when a new hour begins, after a flush. They are not seen any more from now on; their
        rows are dropped, and hours that are over are cut into rows, with the batches that follow.
        """
        self._first = self._first_kept(now)
        if any(block // BUCKETS < self._first for block in self._pending):
            self._write_blocks(int.from_bytes(next(reversed(self._waiting))[1:], "big"))
        self._to_look_at = {hour for hour in self._to_look_at if hour >= self._first}
        for bucket, blocks in enumerate(self._buckets):
            gone = {hour for hour in blocks.sizes if hour < self._first}
            for hour in gone:
                for key, _ in list(scan_prefix(self._state, _block_key(bucket, hour))):
                    self._state.delete(key)
            if gone:
                blocks.drop(gone)
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
        sizes = self._buckets[bucket].sizes
        over = {each for each in sizes if each <= hour}
        for each in over:
            if sizes[each] == _UNKNOWN:
                rows = scan_prefix(self._state, _block_key(bucket, each))
                sizes[each] = sum(len(value) for _, value in rows)
        size = sum(sizes[each] for each in over)
        if size <= CUT_BYTES:
            return 0
        begin, end = _block_key(bucket, min(over)), _block_key(bucket, hour + 1)
        blocks = list(self._state.scan(begin, end))
        self._finished.add(hour, bucket, [value for _, value in blocks])
        for key, _ in blocks:
            self._state.delete(key)
        self._buckets[bucket].drop(over)
        return size

    def _find_blocks(self) -> list[_Bucket]:
        """Return the hours of each bucket's blocks, without reading through them."""
        buckets = [_Bucket() for _ in range(BUCKETS)]
        start, end = _BLOCK, prefix_end(_BLOCK)
        while (found := next(iter(self._state.scan(start, end)), None)) is not None:
            bucket, hour = found[0][1], int.from_bytes(found[0][2:6], "big")
            buckets[bucket].sizes[hour] = _UNKNOWN
            buckets[bucket].unknown.add(hour)
            start = _block_key(bucket, hour + 1)
        return buckets


def _two_bytes(account: str) -> int:
    """Return the upper half of an account's hash: the lowest byte chose its bucket."""
    return hash_of(account) >> 16


def _block_key(bucket: int, hour: int) -> bytes:
    return _BLOCK + bytes([bucket]) + hour.to_bytes(4, "big")
