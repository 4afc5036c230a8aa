"""The blocks of accounts whose holders are compared, and which accounts stand in each.

Rows: ``q block`` → its accounts in order, up to `LISTED`; of a block of more an empty list, and an
empty mark ``Q block, account`` for each. Most blocks hold one account, and are never read.
"""

from __future__ import annotations

import zlib
from bisect import bisect_left
from collections import OrderedDict
from itertools import islice

import msgspec

from pipeline.clustering.rows import last_part
from pipeline.state import State, scan_prefix

PERSONS_A_BLOCK = 12
"""Accounts in a block that are compared with one another. Counted ``persons_a_block``.

A word of a name that more accounts' holders bear is a common one."""

LISTED = PERSONS_A_BLOCK + 1
"""Up to so many accounts a block is known: beyond, one more or less changes nothing."""

_KEPT = 65_536
"""Blocks that are kept in memory, decoded, some 15 MB."""

_SEEN_BITS = 1 << 26
_SEVERAL = _SEEN_BITS >> 3
"""Where the marks of blocks of several begin, behind those of blocks of one."""
_LIST = b"q"
_MARK = b"Q"
_ENCODE = msgspec.msgpack.Encoder().encode
_ACCOUNTS = msgspec.msgpack.Decoder(list[str])


class _Seen:
    """Which blocks hold one account or more, and which two or more; never says too little.

    16 MiB: it saves the look-up of nearly every block, as most hold one account.
    """

    def __init__(self, state: State) -> None:
        """Read all lists (about a second a million), where the table is not kept."""
        table = state.table("blocks", 2 * _SEVERAL)
        self._marks = table.marks
        if not table.whole:
            for block, value in scan_prefix(state, _LIST):
                self.add(block)
                if len(_ACCOUNTS.decode(value)) != 1:
                    self.add(block)
            table.filled()

    def add(self, block: bytes) -> bool:
        """Count one account more; return whether the block may hold others."""
        place, bit = self._place(block)
        if self._marks[place] & bit:
            self._marks[_SEVERAL + place] |= bit
            return True
        self._marks[place] |= bit
        return False

    def several(self, block: bytes) -> bool:
        place, bit = self._place(block)
        return bool(self._marks[_SEVERAL + place] & bit)

    @staticmethod
    def _place(block: bytes) -> tuple[int, int]:
        hashed = zlib.crc32(block) % _SEEN_BITS
        return hashed >> 3, 1 << (hashed & 7)


class HolderBlocks:
    """Reads and moves the rows of blocks; a block is the key of its list (`block_key`)."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._seen = _Seen(state)
        self._kept: OrderedDict[bytes, list[str]] = OrderedDict()
        """Lists as their rows have them, those read last at the end; empty: more than `LISTED`."""

    def size(self, block: bytes) -> int:
        """Return how many accounts a block holds, at most one more than `LISTED`.

        Of a block that holds one alone this may be 0: it has nobody to compare.
        """
        listed = self._listed(block)
        return 0 if listed is None else len(listed) or LISTED + 1

    def members(self, block: bytes) -> list[str]:
        """Return a block's accounts in order; of one alone, and of more than `LISTED`, none."""
        return self._listed(block) or []

    def _listed(self, block: bytes) -> list[str] | None:
        if not self._seen.several(block):
            return None
        listed = self._kept.get(block)
        if listed is None:
            found = self._state.get(block)
            if found is None:
                return None
            listed = _ACCOUNTS.decode(found)
            self._keep(block, listed)
        return listed

    def _keep(self, block: bytes, listed: list[str]) -> None:
        self._kept[block] = listed
        if len(self._kept) > _KEPT:
            # Not of a plain dict: the first one there is found behind all that were taken away.
            self._kept.popitem(last=False)

    def add(self, block: bytes, account: str) -> int:
        """Put an account into a block; return how many it held before (as `size`)."""
        if not self._seen.add(block):
            self._state.put(block, _ENCODE([account]))
            return 0
        listed = self._listed(block)
        if listed is None:
            self._write(block, [account])
            return 0
        before = len(listed) or LISTED + 1
        if before < LISTED:
            place = bisect_left(listed, account)
            self._write(block, [*listed[:place], account, *listed[place:]])
            return before
        if listed:
            self._write(block, [])
        for each in (*listed, account):
            self._state.put(_mark(block, each), b"")
        return before

    def remove(self, block: bytes, account: str) -> None:
        """Take an account out of a block that it stands in."""
        found = self._state.get(block)
        assert found is not None, "an account stands in the blocks of what is told of its holder"
        listed = _ACCOUNTS.decode(found)
        if listed:
            left = [each for each in listed if each != account]
            if left:
                self._write(block, left)
            else:
                self._kept.pop(block, None)
                self._state.delete(block)
            return
        self._state.delete(_mark(block, account))
        marks = list(islice(scan_prefix(self._state, _mark(block)), LISTED + 1))
        if len(marks) <= LISTED:
            for mark, _ in marks:
                self._state.delete(mark)
            self._write(block, [last_part(mark) for mark, _ in marks])

    def _write(self, block: bytes, listed: list[str]) -> None:
        self._keep(block, listed)
        self._state.put(block, _ENCODE(listed))


def block_key(name: str) -> bytes:
    """Return the key of a block of this name (which no NUL is in)."""
    return b"%b%b\x00" % (_LIST, name.encode())


def _mark(block: bytes, account: str = "") -> bytes:
    key = _MARK + block.removeprefix(_LIST)
    return b"%b%b\x00" % (key, account.encode()) if account else key
