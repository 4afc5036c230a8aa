"""With which payments stolen money leaves one account, and how far the trace may go with each.

A trace may go to so many accounts (`Trace.accounts`). The number is shared out along the way: an
account that may go on to *n* accounts counts as one, and gives the other *n* - 1 to the payments
with which the money goes on, in equal parts; where there are more payments than that, the first
ones get one each. So the limit holds without anybody who counts, and in any order of arrival.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable
from typing import NamedTuple

from pipeline.accounts.apportionment import Colour
from pipeline.accounts.stolen_money import Part

Due = tuple[Colour, str]
"""A step that may be other than before: of which colour, and with which posting."""


class _Flow(NamedTuple):
    at: int
    parts: dict[Colour, Part]


class Onward:
    """The payments out of one account that carry stolen money. ``due`` gathers what is touched."""

    def __init__(self) -> None:
        self.due: set[Due] = set()
        self._flows: dict[str, _Flow] = {}
        """By debit: when it was made, and what of it is stolen money."""
        self._out: dict[Colour, list[tuple[int, str]]] = {}
        """By colour: the debits with which it goes on, in order of time."""
        self._accounts: dict[Colour, int] = {}
        self._each: dict[Colour, tuple[int, int]] = {}
        """By colour: how many accounts there are to share out, and how many each gets."""

    def part(self, debit: str, colour: Colour) -> Part | None:
        """Return what of a debit is of a colour; None: nothing."""
        flow = self._flows.get(debit)
        return flow.parts.get(colour) if flow is not None else None

    def go(self, debit: str, at: int, parts: dict[Colour, Part]) -> None:
        """Set what of a debit, made ``at`` (ms), is stolen money."""
        before = self._flows.pop(debit, None)
        had = before.parts if before is not None else {}
        if before == (at, parts):
            # Who sent it may be other: the steps are to be looked at, but it has its place.
            self._flows[debit] = before
            self.due.update((colour, debit) for colour in parts)
            return
        if parts:
            self._flows[debit] = _Flow(at, parts)
        for colour in had:
            assert before is not None
            out = self._out[colour]
            del out[bisect_left(out, (before.at, debit))]
        for colour in parts:
            insort(self._out.setdefault(colour, []), (at, debit))
        for colour in had.keys() | parts.keys():
            self.due.add((colour, debit))
            self._share_out(colour)

    def allow(self, colour: Colour, accounts: int) -> None:
        """Set to how many accounts a colour may go from here, with this one."""
        self._accounts[colour] = accounts
        self._share_out(colour)

    def touch_debit(self, debit: str) -> None:
        """Have all steps with this debit looked at again."""
        flow = self._flows.get(debit)
        if flow is not None:
            self.due.update((colour, debit) for colour in flow.parts)

    def touch(self, colours: Iterable[Colour]) -> None:
        """Have all steps of these colours looked at again."""
        for colour in colours:
            self.due.update((colour, debit) for _, debit in self._out.get(colour, ()))

    def colours(self) -> list[Colour]:
        """Return the colours that go on from here."""
        return [colour for colour, out in self._out.items() if out]

    def accounts(self, colour: Colour, debit: str) -> int:
        """Return to how many accounts the trace may go with a debit; 0: not at all."""
        left, each = self._each[colour]
        if each:
            return each
        place = bisect_left(self._out[colour], (self._flows[debit].at, debit))
        return 1 if place < left else 0

    def _share_out(self, colour: Colour) -> None:
        out = self._out.get(colour, [])
        left = max(0, self._accounts.get(colour, 0) - 1)
        each = equal_part(left, len(out)) if out else 0
        before = self._each.get(colour)
        self._each[colour] = left, each
        if before is None or each != before[1] or (each == 0 and left != before[0]):
            touched = out
        elif each == 0:
            # One more payment moves the end of those that get one.
            touched = out[max(0, left - 1) : left + 1]
        else:
            return
        self.due.update((colour, debit) for _, debit in touched)


def equal_part(accounts: int, payments: int) -> int:
    """Return to how many of so many accounts each of the payments may go on; 0: not all to one.

    They are shared out as if the payments were rounded up to three binary digits: so one more
    payment seldom changes what the others got.
    """
    shift = max(0, payments.bit_length() - 3)
    return accounts // (-(-payments >> shift) << shift)
