"""Erasure: which identifiers of a person are to be forgotten, known by their keyed hashes alone.

An erasure names hashes and a moment. What was received before that moment and names one of the
identifiers is forgotten, or keeps the hash in its place; what comes later is a new matter. So
what is left is a function of the events and the erasures, whatever came first, and a repeat of an
old event cannot bring back what was erased.

The hash is HMAC-SHA256 with the partners' key over the identifier's canonical key. Without the key
nobody can try all account numbers; during a change of keys hashes of either key are understood.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Final

from pipeline.state import State, scan_prefix

ROWS: Final = b"k"
"""Prefix of the rows of a state in which erasures are kept: hash → moment (ms). No fold may have
others that begin so."""

HASH_PREFIX: Final = "erasure:"
"""What stands before a hash in the decision that asks for an erasure."""

ERASED: Final = "erased:"
"""What stands before the hash that takes an identifier's place where the record must stay."""

MAX_HASHES: Final = 50
"""Identifiers of one erasure; a person with more needs a second one."""

_CONTEXT: Final = b"freezeline/erasure\x00"
_HASH: Final = re.compile(r"erasure:[0-9a-f]{64}")
_KEPT_HASHES = 65_536


def erasure_hash(identifier: str, key: bytes) -> str:
    """Return the hash (64 lower-case hex digits) that stands for an identifier's canonical key.

    The context keeps it apart from the hash of a national ID, which the same key makes.
    """
    return hmac.digest(key, _CONTEXT + identifier.encode(), "sha256").hex()


def is_erasure_hash(text: str) -> bool:
    """Say whether a text is a hash as a decision writes it."""
    return _HASH.fullmatch(text) is not None


def is_erased(identifier: str) -> bool:
    """Say whether this stands in the place of an identifier that was erased."""
    return identifier.startswith(ERASED)


class Erasures:
    """The erasures that a state knows; their number is that of the people who asked.

    Hashes by any of ``keys`` are understood.
    """

    def __init__(self, state: State, keys: Sequence[bytes]) -> None:
        self._state = state
        self._before = {
            key[len(ROWS) :].decode(): int(value) for key, value in scan_prefix(state, ROWS)
        }
        self._keys = tuple(keys)
        self._hashes = lru_cache(maxsize=_KEPT_HASHES)(self._hashes_of)

    def __bool__(self) -> bool:
        """Say whether there are any."""
        return bool(self._before)

    def add(self, hashes: Iterable[str], before: int) -> None:
        """Take in an erasure of what was received before a moment (ms); the latest counts.

        Raises:
            ValueError: no key was given, so nothing could be erased. The worker must not go on.
        """
        if not self._keys:
            raise ValueError("an erasure needs the key that hashes identifiers")
        for hashed in hashes:
            if before > self._before.get(hashed, 0):
                self._before[hashed] = before
                self._state.put(ROWS + hashed.encode(), b"%d" % before)

    def hides(self, identifier: str, at: int) -> str | None:
        """Return what stands in place of an identifier in something received at ``at`` (ms).

        None where it is not erased.
        """
        if not self._before:
            return None
        for hashed in self._hashes(identifier):
            if at < self._before.get(hashed, 0):
                return ERASED + hashed
        return None

    def _hashes_of(self, identifier: str) -> tuple[str, ...]:
        return tuple(erasure_hash(identifier, key) for key in self._keys)

    def rows(self) -> list[tuple[str, int]]:
        """Return all (hash, moment), in the order of the hashes."""
        return sorted(self._before.items())
