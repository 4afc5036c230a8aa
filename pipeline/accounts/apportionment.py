"""Which part of an account's money is the stolen money, when more came in and some went out again.

Two methods, named and versioned, because a court or a bank must be able to do the sum again by
hand (docs/apportionment.md has the definitions with worked examples):

- ``fifo-1``: the money that came in first leaves first; what was there before is oldest.
- ``pro_rata-1``: every payment out takes of all that is there in proportion.

``fifo-2`` and ``pro_rata-2`` are the same, but that stated balances tell the order of payments of
one moment (`pipeline.accounts.entries.in_turn`).

All reckon in whole satang, and the parts are always the whole. All are functions of the book and
its marks alone, whatever order they came in.
"""

from __future__ import annotations

from abc import abstractmethod
from bisect import bisect_right
from collections.abc import Sequence
from typing import NamedTuple, Protocol

from pipeline.accounts.book import Book, Rank

FIFO = "fifo-1"
PRO_RATA = "pro_rata-1"
FIFO_2 = "fifo-2"
PRO_RATA_2 = "pro_rata-2"
_FIFO = (FIFO, FIFO_2)
_PRO_RATA = (PRO_RATA, PRO_RATA_2)

PRO_RATA_STEP = 32
"""Postings between two shares that are kept of a pro rata book, to begin from when it changes."""


class Colour(NamedTuple):
    """What money is marked as: stolen with the payment ``origin``, and now at its ``hop``-th place.

    The account into which it was stolen is hop 1. Colours are sorted by hop first: what is found
    for a hop depends on nothing beyond it.
    """

    hop: int
    origin: str


class Mark(NamedTuple):
    """A marked part of a payment: from ``start`` (satang into it) on, ``length`` satang."""

    start: int
    length: int
    colour: Colour


class Share(NamedTuple):
    """A marked part of a payment out, and the credit that it came by (None: by any of them)."""

    start: int
    length: int
    colour: Colour
    credit: str | None


class Touched(NamedTuple):
    """What may be other than before: debits whose shares, colours whose resting money."""

    debits: set[str]
    colours: set[Colour]


class Apportionment(Protocol):
    """The marked money of one account, by one method."""

    @abstractmethod
    def mark(self, credit: str, marks: Sequence[Mark]) -> None:
        """Set the marks of a credit (in order, not overlapping); then call `settle`."""

    @abstractmethod
    def settle(self) -> Touched:
        """Take over what changed in the book and the marks; return what may be other now."""

    @abstractmethod
    def shares(self, debit: str) -> list[Share]:
        """Return the marked parts of a debit."""

    @abstractmethod
    def resting(self, colour: Colour) -> int:
        """Return how much of this colour is in the account still (satang)."""


def book_for(method: str) -> Book:
    """Return an empty book that is kept as a method needs it."""
    return Book(by_balances=method in (FIFO_2, PRO_RATA_2))


def is_in_proportion(method: str) -> bool:
    """Whether a method takes of all that is there."""
    return method in _PRO_RATA


def apportionment(method: str, book: Book) -> Apportionment:
    """Return the method of this name at work on a book (of `book_for`).

    Raises:
        LookupError: there is no such method.
    """
    if method in _FIFO:
        return Fifo(book)
    if is_in_proportion(method):
        return ProRata(book)
    message = f"there is no method of apportionment {method!r}"
    raise LookupError(message)


class OfOneCredit(NamedTuple):
    """Where the marked money of one credit is, when nothing else in the account is marked.

    ``resting`` is how much of it is still there (satang), ``shares`` what of it is in each debit.
    """

    resting: int
    shares: dict[str, list[Share]]


def of_one_credit(method: str, book: Book, credit: str, marks: Sequence[Mark]) -> OfOneCredit:
    """Return what `apportionment` would find of a credit in the book, which nobody asks again.

    Raises:
        LookupError: there is no such method.
    """
    if method in _FIFO:
        book.settle()
        begins = book.begins(credit)
        gone, coins = book.gone_of(credit)
        resting = sum(mark.length for mark in _within(marks, gone, coins - gone))
        shares = {}
        for span in book.debits_at(begins, begins + gone):
            # One line has both: the coins stand in the debit where they stand in the credit.
            offset = begins - span.begins
            left = [
                Share(offset + mark.start, mark.length, mark.colour, credit)
                for mark in _within(marks, span.start - offset, span.length)
            ]
            if left:
                shares[span.key] = left
        return OfOneCredit(resting, shares)
    money = apportionment(method, book)
    money.mark(credit, marks)
    debits = money.settle().debits
    shares = {debit: left for debit in debits if (left := money.shares(debit))}
    return OfOneCredit(sum(map(money.resting, {mark.colour for mark in marks})), shares)


class Fifo:
    """First in, first out: the coins leave in the order in which they came.

    So each coin is at one place, and what another coin is marked as does not matter to it.
    """

    def __init__(self, book: Book) -> None:
        self._book = book
        self._marks: dict[str, tuple[Mark, ...]] = {}
        self._to_mark: dict[str, tuple[Mark, ...]] = {}
        self._resting: dict[Colour, int] = {}
        self._rests: dict[str, dict[Colour, int]] = {}
        """By credit: what of its marked coins is still there."""
        self._end: tuple[Rank | None, int] = None, 0
        """At which entry coins were the next to go out, and how many of its had gone."""

    def mark(self, credit: str, marks: Sequence[Mark]) -> None:
        """See `Apportionment.mark`."""
        self._to_mark[credit] = tuple(marks)

    def settle(self) -> Touched:
        """See `Apportionment.settle`."""
        book = self._book
        first, changed, gone = book.settle()
        # Coins go out only after they came in: all debits of a credit from here on are among these.
        touched = Touched(book.debits_from(first) | gone, set())
        # What has gone out is the beginning of the line: only around its end is anything other.
        next_out = book.next_out()
        end = book.rank(next_out), book.left - book.came_before(next_out)
        if end != self._end:
            before, self._end = self._end[0], end
            if before is not None and end[0] is not None:
                ends = sorted((book.number_at(before), next_out))
                changed.update(book.keys(ends[0], ends[1] + 1))
        for key in changed & self._marks.keys():
            if key not in self._to_mark:
                self._rest(key, touched)
        for credit, marks in self._to_mark.items():
            number = book.number_of(credit)
            if number is not None and number < first:
                self._debits_of(number, touched)
            self._marks[credit] = marks
            self._rest(credit, touched)
            if not marks:
                del self._marks[credit]
        self._to_mark.clear()
        return touched

    def shares(self, debit: str) -> list[Share]:
        """See `Apportionment.shares`."""
        number = self._book.number_of(debit)
        if number is None:
            return []
        start, coins = self._book.left_before(number), self._book.entry(number).coins
        found = []
        for span in self._book.credits_at(start, start + coins):
            marks = self._marks.get(span.key)
            if marks is None:
                continue
            # The credits' coins stand in the debit where they stand in the line.
            offset = span.begins - start
            for mark in _within(marks, span.start, span.length):
                found.append(Share(offset + mark.start, mark.length, mark.colour, span.key))
        return found

    def resting(self, colour: Colour) -> int:
        """See `Apportionment.resting`."""
        return self._resting.get(colour, 0)

    def _rest(self, credit: str, touched: Touched) -> None:
        """Find out what of a credit's marked coins is still there."""
        gone, coins = self._book.gone_of(credit)
        rests: dict[Colour, int] = {}
        for mark in _within(self._marks[credit], gone, coins - gone):
            rests[mark.colour] = rests.get(mark.colour, 0) + mark.length
        before = self._rests.pop(credit, {})
        if rests:
            self._rests[credit] = rests
        if rests == before:
            return
        for colour, satang in before.items():
            self._resting[colour] -= satang
            touched.colours.add(colour)
        for colour, satang in rests.items():
            self._resting[colour] = self._resting.get(colour, 0) + satang
            touched.colours.add(colour)

    def _debits_of(self, number: int, touched: Touched) -> None:
        """Touch the debits with which coins of a credit went out."""
        start = self._book.came_before(number)
        spans = self._book.debits_at(start, start + self._book.entry(number).coins)
        touched.debits.update(span.key for span in spans)


def _within(marks: Sequence[Mark], start: int, length: int) -> list[Mark]:
    """Return the parts of marks that lie in this part of their payment."""
    stop, found = start + length, []
    if len(marks) == 1:  # as of nearly every credit
        (mark,) = marks
        begins, ends = max(mark.start, start), min(mark.start + mark.length, stop)
        if ends - begins == mark.length:
            return [mark]
        return [Mark(begins, ends - begins, mark.colour)] if begins < ends else []
    first = max(0, bisect_right(marks, start, key=lambda mark: mark.start) - 1)
    for mark in marks[first:]:
        if mark.start >= stop:
            break
        begins, ends = max(mark.start, start), min(mark.start + mark.length, stop)
        if begins < ends:
            found.append(Mark(begins, ends - begins, mark.colour))
    return found


class ProRata:
    """In proportion: each payment out takes of every colour as much as it is of all that is there.

    Rounding: the colours stand in their order, and each one's share is the difference of two
    rounded-down parts of the sums up to it. So the shares of all, with what is not marked, are the
    payment, and a colour's share depends on those before it only.
    """

    def __init__(self, book: Book) -> None:
        self._book = book
        self._marks: dict[str, dict[Colour, int]] = {}
        self._to_mark: dict[str, dict[Colour, int]] = {}
        self._kept: list[_Pool] = []
        """What was there before every `PRO_RATA_STEP`-th posting."""
        self._shares: dict[str, list[Share]] = {}
        self._there: dict[Colour, int] = {}

    def mark(self, credit: str, marks: Sequence[Mark]) -> None:
        """See `Apportionment.mark`."""
        sums: dict[Colour, int] = {}
        for mark in sorted(marks, key=lambda each: each.colour):
            sums[mark.colour] = sums.get(mark.colour, 0) + mark.length
        self._to_mark[credit] = sums

    def settle(self) -> Touched:
        """See `Apportionment.settle`."""
        touched = Touched(set(), set())
        first, _, gone = self._book.settle()
        for credit, marks in self._to_mark.items():
            if marks == self._marks.get(credit, {}):
                continue
            number = self._book.number_of(credit)
            first = first if number is None else min(first, number)
            self._marks.pop(credit, None)
            if marks:
                self._marks[credit] = marks
        self._to_mark.clear()
        for key in gone & self._shares.keys():
            del self._shares[key]
            touched.debits.add(key)
        self._run_from(first, touched)
        return touched

    def shares(self, debit: str) -> list[Share]:
        """See `Apportionment.shares`."""
        return self._shares.get(debit, [])

    def resting(self, colour: Colour) -> int:
        """See `Apportionment.resting`."""
        return self._there.get(colour, 0)

    def _run_from(self, first: int, touched: Touched) -> None:
        book, kept = self._book, self._kept
        del kept[first // PRO_RATA_STEP + 1 :]
        number = max(0, len(kept) - 1) * PRO_RATA_STEP
        pool = kept.pop().copy() if kept else _Pool(0, 0, {})
        while number < len(book):
            if number % PRO_RATA_STEP == 0:
                kept.append(pool.copy())
            entry = book.entry(number)
            pool.go_on(book.came_before(number), book.left_before(number))
            if entry.amount < 0:
                shares = pool.take(entry.coins)
                if number >= first and shares != self._shares.get(entry.key, []):
                    self._shares[entry.key] = shares
                    touched.debits.add(entry.key)
            else:
                pool.add(entry.coins, self._marks.get(entry.key, {}))
            pool.go_on(*book.totals_after(number))
            number += 1
        if number % PRO_RATA_STEP == 0:
            kept.append(pool.copy())
        for colour in self._there.keys() | pool.colours.keys():
            if self._there.get(colour) != pool.colours.get(colour):
                touched.colours.add(colour)
        self._there = pool.colours


class _Pool:
    """All that is in the account at one moment, and how much of it is of which colour."""

    def __init__(self, came: int, left: int, colours: dict[Colour, int]) -> None:
        self.colours = colours
        self._came = came
        self._left = left

    def copy(self) -> _Pool:
        return _Pool(self._came, self._left, dict(self.colours))

    def go_on(self, came: int, left: int) -> None:
        """Let come in and go out what no posting explains."""
        if left > self._left:
            self.take(left - self._left)
        self._came = came

    def add(self, coins: int, marks: dict[Colour, int]) -> None:
        self._came += coins
        for colour, marked in marks.items():
            part = min(marked, coins)
            coins -= part
            if part:
                self.colours[colour] = self.colours.get(colour, 0) + part

    def take(self, coins: int) -> list[Share]:
        """Take out coins; return the shares of the colours, one behind the other."""
        there = self._came - self._left
        self._left += coins
        shares: list[Share] = []
        so_far = taken = 0
        for colour, amount in sorted(self.colours.items()):
            so_far += amount
            upto = so_far * coins // there
            if upto > taken:
                shares.append(Share(taken, upto - taken, colour, None))
            left = amount - (upto - taken)
            taken = upto
            if left:
                self.colours[colour] = left
            else:
                del self.colours[colour]
        return shares
