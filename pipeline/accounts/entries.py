"""The entries of an account's book, and what their stated balances say about one moment."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from typing import NamedTuple

ORDERED_ENTRIES = 64
"""Postings of one moment that are put in the order that their balances tell, at most: a telephone
sends a few in a second. Of more (a bank that writes days) the ids decide, as without balances."""


class Entry(NamedTuple):
    """One posting of the book.

    ``amount`` is in satang, negative for a debit. ``coins`` is how much of it counts: less where a
    part of the payment was returned, nothing for the return itself. ``balance`` is the account's
    after it, where it was stated.
    """

    at: int
    key: str
    amount: int
    coins: int
    balance: int | None

    @property
    def rank(self) -> tuple[int, bool, str]:
        """Its place by itself: of one moment, what comes in goes before what goes out."""
        return self.at, self.amount < 0, self.key


def in_turn(entries: list[Entry], there: int | None) -> list[Entry] | None:
    """Return the entries of one moment in the order that their balances tell; None: they do not.

    Each begins with the balance with which the one before it ended; where several do, the first of
    ``entries``. The first one begins where none of the others ended, or, where they end as they
    began, with what is ``there``.
    """
    if len(entries) > ORDERED_ENTRIES or any(entry.balance is None for entry in entries):
        return None
    waiting: dict[int, list[Entry]] = {}
    ends: Counter[int] = Counter()
    for entry in reversed(entries):
        waiting.setdefault(_before(entry), []).append(entry)
        ends[_after(entry)] += 1
    begins = [before for before, some in waiting.items() if len(some) > ends[before]]
    if len(begins) > 1:
        return None
    start = begins[0] if begins else there
    if start is None:
        return None
    # A way over all edges of a graph of balances (Hierholzer): where it comes to a dead end, what
    # goes round from an entry before is put in there.
    ordered: list[Entry] = []
    on_the_way: list[Entry] = []
    while True:
        balance = _after(on_the_way[-1]) if on_the_way else start
        if some := waiting.get(balance):
            on_the_way.append(some.pop())
        elif on_the_way:
            ordered.append(on_the_way.pop())
        else:
            break
    ordered.reverse()
    fits = all(_after(one) == _before(next_one) for one, next_one in pairwise(ordered))
    return ordered if fits and len(ordered) == len(entries) else None


def last_in_turn(entries: list[Entry]) -> Entry | None:
    """Return the last of the entries of one moment, all stated, as `in_turn` has them, or None.

    Where they end as they began, what comes in went before what goes out.
    """
    by_rank = sorted(entries, key=lambda entry: entry.rank)
    ordered = in_turn(by_rank, _before(by_rank[0]))
    return ordered[-1] if ordered else None


def balance_before(entries: list[Entry], there: int, moved: int) -> int | None:
    """Return what was in the account before the entries of one moment, as a statement says.

    ``there`` is what the book shows, ``moved`` what the entries come to. In which order payments
    of one moment were made nobody knows: so a statement that fits after all of them is believed,
    else the last one. None: nothing was stated, or it is as the book shows it.
    """
    before, so_far = None, 0
    for entry in entries:
        so_far += entry.amount
        if entry.balance is not None:
            if entry.balance == there + moved:
                return None
            before = entry.balance - so_far
    return before


def _after(entry: Entry) -> int:
    assert entry.balance is not None
    return entry.balance


def _before(entry: Entry) -> int:
    return _after(entry) - entry.amount
