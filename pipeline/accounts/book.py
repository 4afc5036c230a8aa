"""The money of one account in order: which coins came in when, and which left with which debit.

Every satang that comes in has a place in one line, and so has every satang that goes out. What was
there before the first posting stands at the beginning of the line. Balances that a bank states
anchor the book: where they show money that no posting explains, that much came in or went out
unseen, at that moment. Without them the postings count alone: a debit larger than what the book
shows spends, for the rest, money that was never seen.

The book is a function of the postings, whatever order they came in. One more at its end costs the
same in a short book and in a long one; one in the past costs a look at those after it.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterator
from typing import NamedTuple

from pipeline.accounts.entries import ORDERED_ENTRIES, Entry, balance_before, in_turn

Rank = tuple[int, int, bool, str]
"""A place in the book: when (ms), which one of its moment (0: the next two decide), whether it is a
debit, the posting's id."""

_BEGIN: Rank = (0, 0, False, "")


class Span(NamedTuple):
    """Coins of one posting: from ``start`` (satang into the posting) on, ``length`` satang.

    ``begins`` is where the posting's coins begin in the line that was asked for.
    """

    key: str
    start: int
    length: int
    begins: int


class _Totals(NamedTuple):
    """Coins come in and gone out so far, and what is in the account beside them (satang).

    Beside the coins there is the money of payments that are returned later (it may be missing,
    where the account itself made them).
    """

    came: int
    left: int
    beside: int


class Placed(NamedTuple):
    """What is other than at the time before: the number of the first entry whose place may be.

    ``changed`` are the keys of the entries that came, went or changed, ``gone`` of those that went.
    """

    first: int
    changed: set[str]
    gone: set[str]


class Book:
    """One account's postings in order of time, and the coins' places in the two lines.

    ``by_balances``: of one moment, the stated balances tell the order, where they do (`in_turn`).
    """

    def __init__(self, by_balances: bool = False) -> None:
        self._by_balances = by_balances
        self._turns: dict[str, int] = {}
        """By key: which one of its moment an entry is, where the balances tell that."""
        self._ranks: list[Rank] = []
        self._entries: list[Entry] = []
        self._known: dict[str, Entry] = {}
        self._numbers: dict[str, int] = {}
        """By key: the number of the entry, as of the last `settle`."""
        self._stated: list[tuple[int, bool, str]] = []
        self._came: list[int] = []
        """By entry: how many coins had come in when it was made; a credit's coins begin there."""
        self._left: list[int] = []
        """By entry: how many coins had gone out when it was made; a debit's coins begin there."""
        self._after: list[_Totals] = []
        self._dirty: Rank | None = None
        """From which place on places are to be given anew."""
        self._changed: set[str] = set()

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def came(self) -> int:
        """Coins that have come in, all together."""
        return self._after[-1].came if self._after else 0

    @property
    def left(self) -> int:
        """Coins that have gone out, all together."""
        return self._after[-1].left if self._after else 0

    def put(self, entry: Entry) -> None:
        """Take an entry that is new, or newer than the one with its key. Then call `settle`."""
        before = self._known.get(entry.key)
        if before == entry:
            return
        if before is not None:
            self.remove(entry.key)
        self._known[entry.key] = entry
        self._changed.add(entry.key)
        rank = self._rank(entry)
        place = bisect_left(self._ranks, rank)
        self._ranks.insert(place, rank)
        self._entries.insert(place, entry)
        if entry.balance is not None:
            insort(self._stated, entry.rank)
        self._touch(rank)

    def remove(self, key: str) -> None:
        """Take an entry out, if it is there. Then call `settle`."""
        entry = self._known.pop(key, None)
        if entry is None:
            return
        self._numbers.pop(key, None)
        self._changed.add(key)
        rank = self._rank(entry)
        place = bisect_left(self._ranks, rank)
        del self._ranks[place], self._entries[place]
        self._turns.pop(key, None)
        if entry.balance is not None:
            del self._stated[bisect_left(self._stated, entry.rank)]
        self._touch(rank if self._stated or entry.balance is None else _BEGIN)

    def _rank(self, entry: Entry) -> Rank:
        at, is_debit, key = entry.rank
        return at, self._turns.get(key, 0), is_debit, key

    def _touch(self, rank: Rank) -> None:
        if self._stated:
            # A statement is about all of its moment; the first one also says what was there before.
            at, first = rank[0], self._stated[0][0]
            rank = (at, 0, False, "") if at > first else _BEGIN
        self._dirty = rank if self._dirty is None else min(rank, self._dirty)

    def settle(self) -> Placed:
        """Give the entries their places anew; call it before anything is asked."""
        entries = self._entries
        if self._dirty is None:
            return Placed(len(entries), set(), set())
        changed, self._changed = self._changed, set()
        first = number = bisect_left(self._ranks, self._dirty)
        self._dirty = None
        del self._came[first:], self._left[first:], self._after[first:]
        if first:
            totals = self._after[-1]
        else:
            if self._by_balances:
                changed |= self._order_opening()
            totals = _Totals(self._opening(), 0, 0)
        while number < len(entries):
            # Where nothing is stated, a moment is as good as the whole book.
            end, at = number + 1 if self._stated else len(entries), entries[number].at
            while end < len(entries) and entries[end].at == at:
                end += 1
            if self._by_balances and self._stated and end - number > 1:
                changed |= self._order(number, end, totals.came - totals.left + totals.beside)
            totals = self._place(number, end, totals)
            number = end
        numbers = self._numbers
        for number in range(first, len(entries)):
            numbers[entries[number].key] = number
        # Not `changed - self._known.keys()`, which walks through the whole book.
        return Placed(first, changed, {key for key in changed if key not in self._known})

    def _order(self, first: int, end: int, there: int | None) -> set[str]:
        """Give the entries of one moment their order; return their keys if their ranks are others.

        ``there`` is what the book shows before them; None: that is not known.
        """
        before = self._ranks[first:end]
        if len(before) > ORDERED_ENTRIES and not any(turn for _, turn, _, _ in before):
            return set()
        ordered = sorted(self._entries[first:end], key=lambda entry: entry.rank)
        told = in_turn(ordered, there)
        if told is not None:
            self._turns.update((entry.key, turn) for turn, entry in enumerate(told, 1))
            ordered = told
        else:
            for entry in ordered:
                self._turns.pop(entry.key, None)
        self._entries[first:end] = ordered
        ranks = [self._rank(entry) for entry in ordered]
        self._ranks[first:end] = ranks
        return {entry.key for entry in ordered} if ranks != before else set()

    def _order_opening(self) -> set[str]:
        """Order the moment of the first statement, which says what was there in the beginning."""
        if not self._stated:
            if not self._turns:
                return set()
            self._turns.clear()
            self._entries.sort(key=lambda entry: entry.rank)
            self._ranks[:] = map(self._rank, self._entries)
            return set(self._known)
        at = self._stated[0][0]
        first = bisect_left(self._ranks, (at, 0, False, ""))
        return self._order(first, bisect_left(self._ranks, (at + 1, 0, False, "")), None)

    def _opening(self) -> int:
        """Return what was in the account before the first posting, as the first statement says."""
        if not self._stated:
            return 0
        end = bisect_left(self._ranks, (self._stated[0][0], 0, False, ""))
        while self._entries[end].balance is None:
            end += 1
        before = self._entries[end].balance
        assert before is not None
        return max(0, before - sum(entry.amount for entry in self._entries[: end + 1]))

    def _place(self, first: int, end: int, totals: _Totals) -> _Totals:
        """Place the entries of one moment; return the totals after them."""
        came, left, beside = totals
        entries = self._entries[first:end]
        moved, before = 0, None
        if self._stated:
            moved = sum(entry.amount for entry in entries)
            before = balance_before(entries, came - left + beside, moved)
        if before is not None:
            unseen = max(0, before) - (came - left + beside)
            came += max(0, unseen)
            left += min(came - left, max(0, -unseen))
        for entry in entries:
            coins = entry.coins
            if entry.amount < 0 and coins > came - left:
                came = left + coins
            self._came.append(came)
            self._left.append(left)
            if entry.amount < 0:
                left += coins
                beside += coins + entry.amount
            else:
                came += coins
                beside += entry.amount - coins
            self._after.append(_Totals(came, left, beside))
        if before is not None and before < 0:
            # An overdraft was paid back out of what came in first.
            too_much = came - left + beside - max(0, before + moved)
            left += min(came - left, max(0, too_much))
            self._after[-1] = _Totals(came, left, beside)
        return self._after[-1]

    def entry(self, number: int) -> Entry:
        """Return an entry by its number in order of time."""
        return self._entries[number]

    def keys(self, first: int, end: int) -> list[str]:
        """Return the keys of the entries from number ``first`` to before ``end``."""
        return [entry.key for entry in self._entries[first:end]]

    def debits_from(self, number: int) -> set[str]:
        """Return the keys of the debits from this entry on."""
        return {entry.key for entry in self._entries[number:] if entry.amount < 0}

    def next_out(self) -> int:
        """Return the number of the entry whose coins are the next to go out."""
        return max(0, bisect_right(self._came, self.left) - 1)

    def rank(self, number: int) -> Rank | None:
        """Return the place of an entry; None when there is none."""
        return self._ranks[number] if number < len(self._ranks) else None

    def number_at(self, rank: Rank) -> int:
        """Return the number that the entry of this place has, or would have."""
        return bisect_left(self._ranks, rank)

    def number_of(self, key: str) -> int | None:
        """Return the number of an entry; None when it is not in the book."""
        return self._numbers.get(key)

    def find(self, key: str) -> Entry | None:
        """Return an entry by its key, also before `settle`; None when it is not in the book."""
        return self._known.get(key)

    def begins(self, credit: str) -> int:
        """Return where the coins of a credit of the book begin, in the line of all that came in."""
        return self._came[self._numbers[credit]]

    def gone_of(self, credit: str) -> tuple[int, int]:
        """Return how many coins of a credit have gone out, and how many it has; none: not here."""
        number = self._numbers.get(credit)
        if number is None:
            return 0, 0
        coins = self._entries[number].coins
        return min(coins, max(0, self._after[-1].left - self._came[number])), coins

    def came_before(self, number: int) -> int:
        """Return where the coins of this credit begin, in the line of all that came in."""
        return self._came[number] if number < len(self._came) else self.came

    def left_before(self, number: int) -> int:
        """Return where the coins of this debit begin, in the line of all that went out."""
        return self._left[number] if number < len(self._left) else self.left

    def totals_after(self, number: int) -> tuple[int, int]:
        """Return how many coins had come in and gone out when this entry's moment was over."""
        return self._after[number][:2]

    def credits_at(self, start: int, stop: int) -> Iterator[Span]:
        """Yield the parts of credits whose coins came in at these places, in order.

        Coins between them came in unseen.
        """
        return self._spans(self._came, start, min(stop, self.came), credits=True)

    def debits_at(self, start: int, stop: int) -> Iterator[Span]:
        """Yield the parts of debits whose coins went out at these places, in order."""
        return self._spans(self._left, start, min(stop, self.left), credits=False)

    def _spans(self, places: list[int], start: int, stop: int, credits: bool) -> Iterator[Span]:
        number = max(0, bisect_right(places, start) - 1)
        while number < len(places) and places[number] < stop:
            entry, begins = self._entries[number], places[number]
            number += 1
            if (entry.amount > 0) is not credits:
                continue
            first, end = max(start, begins), min(stop, begins + entry.coins)
            if first < end:
                yield Span(entry.key, first - begins, end - first, begins)
