"""Which accounts were erased, and at which position of the log: also for a state that is rebuilt.

In the topic account-files an erasure is a record of its own. It outlives the file that it ended,
so a record of that file that a former owner writes late is known for what it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from pipeline.contracts.account_log import Erasure
from pipeline.erasure import ERASED, Erasures
from pipeline.fold import Versions
from pipeline.state import State

ERASURE_KEY: Final = b"\x00erasure/"
"""What an erasure's key begins with among those of files; no account's begins with a zero byte."""

_ROWS = b"y"


class _Erased(msgspec.Struct):
    """An erasure as account-files has it. Below ``version`` a file is older than it."""

    before: int
    version: int


_ENCODE = msgspec.json.Encoder().encode
_DECODE = msgspec.json.Decoder(_Erased).decode


def erasure_with_version(value: bytes, version: int) -> bytes:
    """Return an erasure's record at another position of the log."""
    return _ENCODE(msgspec.structs.replace(_DECODE(value), version=version))


class ErasedAccounts:
    """The erasures of one partition; rows ``y hash`` → version, and those of `Erasures`."""

    def __init__(self, state: State, keys: Sequence[bytes]) -> None:
        self.erasures = Erasures(state, keys)
        self._state = state

    def note(self, erasure: Erasure, offset: int) -> list[tuple[bytes, bytes]]:
        """Take in the erasure at a position of the log; return its records (key, value)."""
        told = _ENCODE(_Erased(erasure.before, offset + 1))
        records = [(ERASURE_KEY + hashed.encode(), told) for hashed in erasure.hashes]
        for key, value in records:
            self.restore(key, value)
        return records

    def restore(self, key: bytes, value: bytes) -> None:
        """Take in a record of an erasure."""
        told, hashed = _DECODE(value), key.removeprefix(ERASURE_KEY)
        self.erasures.add([hashed.decode()], told.before)
        self._state.put(_ROWS + hashed, b"%d" % told.version)

    def older(self, account: str, version: int) -> bool:
        """Say whether a file of this version is from before the erasure of its account."""
        return version < self._version(account)

    def versions(self, account: str, value: bytes | None) -> Versions | None:
        """Compare a record of a file that is no more with its end; None: it was not erased."""
        return Versions(0 if value else 1, 1) if self._version(account) else None

    def ended(self, account: str) -> bool:
        """Say whether the account was erased once."""
        return self._version(account) > 0

    def _version(self, account: str) -> int:
        mark = self.erasures.hides(account, 0)
        if mark is None:
            return 0
        return int(self._state.get(_ROWS + mark.removeprefix(ERASED).encode()) or 0)
