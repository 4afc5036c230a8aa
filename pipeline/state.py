"""What a fold may ask of its state, and the in-memory one that replay and tests use.

Keys and values are bytes and keys are ordered bytewise, as in RocksDB, so that the same fold runs
over a dictionary in memory (replay) and over a store on disk (agents.runtime.store).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from sortedcontainers import SortedDict


class Marks(Protocol):
    """So many bytes in memory, each of which can be read and set."""

    def __getitem__(self, place: int, /) -> int:
        """Return the byte at ``place``."""
        ...

    def __setitem__(self, place: int, value: int, /) -> None:
        """Set the byte at ``place``."""
        ...

    def __len__(self) -> int:
        """Return how many bytes there are."""
        ...


class Table(Protocol):
    """Marks that a fold makes from its rows, and would rather not make anew at each opening.

    They may say more than the rows do, never less: what a fold marks stays marked, and a table
    that is kept may be ahead of its rows after a crash.
    """

    @property
    def marks(self) -> Marks:
        """The marks; all 0 at first."""
        ...

    @property
    def whole(self) -> bool:
        """Whether the marks of all rows are there; if not, the fold makes them."""
        ...

    def filled(self) -> None:
        """Say that the marks of all rows are there now."""
        ...


class State(Protocol):
    """One partition's state: an ordered map of bytes that a fold reads and changes."""

    def get(self, key: bytes) -> bytes | None:
        """Return the value of ``key``, with every earlier change visible, or None."""
        ...

    def put(self, key: bytes, value: bytes) -> None:
        """Set ``key`` to ``value``."""
        ...

    def delete(self, key: bytes) -> None:
        """Remove ``key``; removing what is not there changes nothing."""
        ...

    def scan(self, start: bytes, stop: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Yield (key, value) with ``start <= key < stop`` in key order.

        The caller must not change the state while the iterator is in use.
        """
        ...

    def table(self, name: str, size: int) -> Table:
        """Return the table of this name, which has so many bytes; ask once for each."""
        ...


class MemoryTable:
    """A `Table` that is made at each opening."""

    def __init__(self, size: int) -> None:
        self.marks = bytearray(size)
        self.whole = False

    def filled(self) -> None:
        """See `Table.filled`."""
        self.whole = True


class MemoryState:
    """A `State` in memory."""

    def __init__(self) -> None:
        self._entries: SortedDict[bytes, bytes] = SortedDict()

    def get(self, key: bytes) -> bytes | None:
        """See `State.get`."""
        value: bytes | None = self._entries.get(key)
        return value

    def put(self, key: bytes, value: bytes) -> None:
        """See `State.put`."""
        self._entries[key] = value

    def delete(self, key: bytes) -> None:
        """See `State.delete`."""
        self._entries.pop(key, None)

    def scan(self, start: bytes, stop: bytes) -> Iterator[tuple[bytes, bytes]]:
        """See `State.scan`."""
        for key in self._entries.irange(start, stop, inclusive=(True, False)):
            yield key, self._entries[key]

    def table(self, name: str, size: int) -> Table:
        """See `State.table`."""
        return MemoryTable(size)


def scan_prefix(state: State, prefix: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield every (key, value) whose key begins with ``prefix``, in key order."""
    return state.scan(prefix, prefix_end(prefix))


def prefix_end(prefix: bytes) -> bytes:
    """Return the first key after all keys that begin with ``prefix`` (not all of it 0xff)."""
    kept = prefix.rstrip(b"\xff")
    return kept[:-1] + bytes([kept[-1] + 1])
