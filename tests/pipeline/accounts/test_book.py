"""The book of an account: what one more posting costs must not depend on how many there are."""

from __future__ import annotations

import pytest

from pipeline.accounts.book import Book
from pipeline.accounts.entries import Entry


class CountedKey(str):
    """A posting's id that tells how often sets and dictionaries looked at any of them."""

    looks = 0

    def __hash__(self) -> int:
        CountedKey.looks += 1
        return super().__hash__()


def looks_for_one_more(known: int, balance: int | None, by_balances: bool) -> int:
    """Return how many looks one more posting at the end of a book of ``known`` postings takes."""
    book = Book(by_balances)
    for at in range(known):
        book.put(Entry(at, CountedKey(f"k{at}"), 100, 100, balance))
    book.settle()
    CountedKey.looks = 0
    book.put(Entry(known, CountedKey("new"), 100, 100, balance))
    placed = book.settle()
    assert (placed.first, placed.changed, len(book)) == (known, {"new"}, known + 1)
    return CountedKey.looks


@pytest.mark.parametrize("by_balances", [False, True])
@pytest.mark.parametrize("balance", [None, 5_000])
def test_one_more_posting_takes_as_many_looks_in_a_long_book_as_in_a_short_one(
    balance, by_balances
):
    few = looks_for_one_more(10, balance, by_balances)
    assert few > 0
    assert looks_for_one_more(3_000, balance, by_balances) == few
