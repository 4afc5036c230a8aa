"""Plain lists that are kept in order: in a short file they cost a tenth of a sorted container.

Most files are short. In a very long list an entry costs the moving of memory, some microseconds.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right

Place = tuple[int, str]
"""A time (ms), and what is there: a payment, a claim or a posting by its id."""

ABOVE_ALL = "\U0010ffff"
"""Above every id."""


def span(places: list[Place], lowest: int, highest: int) -> tuple[int, int]:
    """Return where the places from ``lowest`` to ``highest`` (ms, both included) begin and end."""
    return bisect_left(places, (lowest, "")), bisect_right(places, (highest, ABOVE_ALL))


def between(places: list[Place], lowest: int, highest: int) -> list[Place]:
    """Return the places from ``lowest`` to ``highest`` (ms, both included)."""
    first, end = span(places, lowest, highest)
    return places[first:end]


def take_out(places: list[Place], place: Place) -> None:
    """Remove a place that is in the list."""
    del places[bisect_left(places, place)]
