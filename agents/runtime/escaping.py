"""Bytes that decode whatever they are, for parsers that ask them to be UTF-8."""

from __future__ import annotations

from typing import Any


class Escaping(bytearray):
    """Bytes whose text, and whose parts' text, has escapes for what is not UTF-8."""

    def __getitem__(self, place: Any) -> Any:
        """Return a byte, or a part that decodes likewise."""
        part = super().__getitem__(place)
        return Escaping(part) if isinstance(place, slice) else part

    def decode(self, encoding: str = "utf-8", errors: str = "backslashreplace") -> str:
        """Return the text."""
        return super().decode(encoding, errors)
