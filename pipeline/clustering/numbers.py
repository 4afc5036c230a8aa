"""The account numbers in use, in memory: which of them are one edit from another one.

About 90 bytes a number. Probing is set arithmetic on integers, about 20 µs however many there are.
"""

from __future__ import annotations

from collections.abc import Iterator

_DIGITS = range(10)
_LONGEST = 64


class KnownNumbers:
    """Numbers by bank and length: as integers, of which the length tells the leading zeros."""

    def __init__(self) -> None:
        self._known: dict[str, dict[int, set[int]]] = {}

    def add(self, bank: str, number: str) -> None:
        """Take in a number of a bank."""
        self._known.setdefault(bank, {}).setdefault(len(number), set()).add(int(number))

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

    def banks_of(self, number: str) -> list[str]:
        """Return the banks at which a number is in use."""
        return [bank for bank in self._known if self.known(bank, number)]

    def one_edit_from(self, bank: str, number: str) -> Iterator[str]:
        """Yield the bank's numbers one edit from this one, each once, but not itself.

        The edits are those of `pipeline.identity.account.is_one_edit`.
        """
        lengths = self._known.get(bank, {})
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
