"""What a normaliser returns: the canonical key and what was changed, or why there is none."""

from __future__ import annotations

from typing import Final

import msgspec

MAX_IDENTIFIER_CHARS: Final = 256
"""Longest text, in characters, that is read as an identifier other than a QR payload or a URL."""

MAX_KEY_BYTES: Final = 512
"""Longest key, in bytes of JSON. A cluster may have thousands of identifiers and names some of them
several times; all of that must fit into one record."""
_SURELY_SHORT: Final = MAX_KEY_BYTES // 6
"""JSON writes no character in more than six bytes."""


class Normalised(msgspec.Struct, frozen=True, gc=False):
    """The result of normalising one identifier.

    ``key`` is the canonical key, or None when the text is no usable identifier; ``problem`` then
    is a closed reason. ``changes`` are short codes of what was changed, guessed or looks unusual,
    in a fixed order, each once. The key is left out of ``repr``: it is personal data.
    """

    key: str | None
    changes: tuple[str, ...] = ()
    problem: str | None = None

    def __repr__(self) -> str:
        return f"Normalised(changes={self.changes!r}, problem={self.problem!r})"


def refused(problem: str, changes: tuple[str, ...] = ()) -> Normalised:
    """Return the result for a text that is no usable identifier, for this reason."""
    return Normalised(None, changes, problem)


def is_short(key: str) -> bool:
    """Say whether a key is not longer than `MAX_KEY_BYTES`."""
    return len(key) <= _SURELY_SHORT or len(msgspec.json.encode(key)) - 2 <= MAX_KEY_BYTES


def distinct(changes: list[str]) -> tuple[str, ...]:
    """Return the change codes in order of first appearance, each once."""
    return tuple(dict.fromkeys(changes))
