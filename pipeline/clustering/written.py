"""Which identifiers and reports may have a row: a table of bits, so nobody looks for most of those
that have none.

Seven reports in ten name an account that was never heard of, each LINE name could be known in its
other form, and hardly any report comes twice: to learn from the store that it holds nothing costs
as much as reading a row.
"""

from __future__ import annotations

import zlib
from typing import Final

from pipeline.state import State, scan_prefix

BITS = 1 << 26
"""8 MiB: of what has no row it says so, but for one in twenty where a million reports and their two
million identifiers have one."""

_FAMILIES: Final = (b"n", b"r")
"""First bytes of the rows of identifiers and of reports."""


class Written:
    """The identifiers and reports whose row was ever written, and a few others."""

    def __init__(self, state: State) -> None:
        """Read the keys of all rows (about a second a million), where the table is not kept."""
        table = state.table("written", BITS >> 3)
        self._bits = table.marks
        if not table.whole:
            for family in _FAMILIES:
                for key, _ in scan_prefix(state, family):
                    self.add(key)
            table.filled()

    def add(self, row: bytes) -> None:
        """Take note of a row that is written."""
        place = zlib.crc32(row) % BITS
        self._bits[place >> 3] |= 1 << (place & 7)

    def may_hold(self, row: bytes) -> bool:
        """Say whether a row may be there; False only of one that never was."""
        place = zlib.crc32(row) % BITS
        return bool(self._bits[place >> 3] >> (place & 7) & 1)
