"""Above which version everything is said that is said anew.

What was said of an erased identifier is forgotten, its version too; and a state that is rebuilt
from a log that was rewritten after an erasure has counted less. No version is higher than the
position of the log at which it was said. So versions that follow an erasure begin above its
position, and nobody mistakes what is newer for what is older.
"""

from __future__ import annotations

from pipeline.state import State

_ROW = b"y"


class VersionFloor:
    """The position of the newest erasure in the log, 0 before the first; row ``y``."""

    def __init__(self, state: State) -> None:
        self._state = state
        found = state.get(_ROW)
        self._floor = int(found) if found else 0

    def raise_to(self, position: int) -> None:
        """Let all that is said from now on have a version above this position."""
        if position > self._floor:
            self._floor = position
            self._state.put(_ROW, b"%d" % position)

    def after(self, version: int) -> int:
        """Return the version that follows one that was said (0: none was)."""
        return max(version, self._floor) + 1
