"""The account numbers in use, in memory: which of them are one edit from another one.

About 90 bytes a number. Probing is set arithmetic on integers, about 20 µs however many there are;
most numbers need none of it, because their digits apart from the place of an edit are in no other.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from functools import lru_cache

from pipeline.state import Marks

_DIGITS = range(10)
_LONGEST = 64


_TRACED = 10
"""From so many digits on, each edit (a swap too) leaves the first six digits as they are, or the
first three and the last three, or the last six."""
TRACES = 1 << 24
"""Places for such six digits: a byte each, 16 MiB. With a million numbers in it, one number in five
is probed for nothing."""
_HEAD, _ENDS, _TAIL, _WHOLE = 1, 2, 4, 8


@lru_cache(maxsize=4_096)
def _place_of(bank: str) -> int:
    return zlib.crc32(bank.encode())


class KnownNumbers:
    """Numbers by bank and length: as integers, of which the length tells the leading zeros."""

    def __init__(self, traces: Marks | None = None) -> None:
        """Begin with no number; ``traces`` are kept marks of those that will be taken in again."""
        self._known: dict[str, dict[int, set[int]]] = {}
        self._seen: Marks = bytearray(TRACES) if traces is None else traces

    def add(self, bank: str, number: str) -> None:
        """Take in a number of a bank."""
        self.take_in(bank, number)
        value, length, seen = int(number), len(number), self._seen
        seen[value % len(seen)] |= _WHOLE
        if length >= _TRACED - 1:
            head, ends, tail = self._traces(bank, number)
            seen[head] |= _HEAD
            seen[ends] |= _ENDS
            seen[tail] |= _TAIL

    def take_in(self, bank: str, number: str) -> None:
        """Take in a number of a bank whose traces are there already."""
        value, length = int(number), len(number)
        try:
            self._known[bank][length].add(value)
        except KeyError:
            self._known.setdefault(bank, {})[length] = {value}

    def _traces(self, bank: str, number: str) -> tuple[int, int, int]:
        """Return the places of a number's head, ends and tail (six digits each)."""
        at, size = _place_of(bank), len(self._seen)
        return (
            (at + int(number[:6])) % size,
            (at + int(number[:3] + number[-3:])) % size,
            (at + int(number[-6:])) % size,
        )

    def _may_have_a_neighbour(self, bank: str, number: str) -> bool:
        """Say False only of a number that is one edit from no number that was ever added."""
        if len(number) < _TRACED:
            return True
        head, ends, tail = self._traces(bank, number)
        seen = self._seen
        return bool(seen[head] & _HEAD or seen[ends] & _ENDS or seen[tail] & _TAIL)

    def remove(self, bank: str, number: str) -> None:
        """Forget a number of a bank."""
        lengths = self._known[bank]
        lengths[len(number)].remove(int(number))
        if not lengths[len(number)]:
            del lengths[len(number)]
        if not lengths:
            del self._known[bank]

    def known(self, bank: str, number: str) -> bool:
        """Say whether a number of a bank is in use."""
        return int(number) in self._known.get(bank, {}).get(len(number), ())

    def banks(self) -> list[str]:
        """Return the banks at which any number is in use."""
        return list(self._known)

    def banks_of(self, number: str) -> list[str]:
        """Return the banks at which a number is in use."""
        return [bank for bank in self._known if self.known(bank, number)]

    def may_be_known(self, number: str) -> bool:
        """Say False only of a number that no bank ever used, whatever zeros stand before it."""
        return bool(self._seen[int(number) % len(self._seen)] & _WHOLE)

    def one_edit_from(self, bank: str, number: str) -> Iterator[str]:
        """Yield the bank's numbers one edit from this one, each once, but not itself.

        The edits are those of `pipeline.identity.account.is_one_edit`.
        """
        lengths = self._known.get(bank)
        if not (lengths and self._may_have_a_neighbour(bank, number)):
            return
        length, value = len(number), int(number)
        for of, edits in (
            (length, _same_length),
            (length - 1, _one_less),
            (length + 1, _one_more),
        ):
            known = lengths.get(of)
            if known:
                found = known.intersection(edits(number, value))
                if of == length:
                    found.discard(value)
                yield from (str(neighbour).zfill(of) for neighbour in found)


def _substitutions(power: int) -> tuple[tuple[int, ...], ...]:
    return tuple(
        tuple((digit - was) * 10**power for digit in _DIGITS if digit != was) for was in _DIGITS
    )


_SUBSTITUTIONS = tuple(_substitutions(power) for power in range(_LONGEST))
"""By place from the right and digit: what another digit there adds."""


def _same_length(number: str, value: int) -> list[int]:
    """Return the numbers with one digit substituted, or two adjacent ones swapped."""
    edited: list[int] = []
    power = len(number)
    before = 0
    for place, sign in enumerate(number):
        digit = ord(sign) - 48
        power -= 1
        edited += [value + more for more in _SUBSTITUTIONS[power][digit]]
        if place:
            edited.append(value + 9 * (digit - before) * 10**power)
        before = digit
    return edited


def _one_less(number: str, value: int) -> list[int]:
    """Return the numbers with one digit deleted."""
    edited = []
    for power in range(len(number)):
        above, below = divmod(value, 10**power)
        edited.append(above // 10 * 10**power + below)
    return edited


def _one_more(number: str, value: int) -> list[int]:
    """Return the numbers with one digit inserted."""
    edited: list[int] = []
    for power in range(len(number) + 1):
        unit = 10**power
        above, below = divmod(value, unit)
        first = above * 10 * unit + below
        edited += range(first, first + 10 * unit, unit)
    return edited
