"""Apportionment: against coins counted one by one, in any order of arrival; nothing is lost."""

from __future__ import annotations

import random
from collections import Counter

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pipeline.accounts.apportionment import (
    FIFO,
    FIFO_2,
    PRO_RATA,
    PRO_RATA_2,
    Colour,
    Mark,
    Share,
    apportionment,
    book_for,
    of_one_credit,
)
from pipeline.accounts.book import Book
from pipeline.accounts.entries import ORDERED_ENTRIES, Entry, in_turn
from tests.pipeline.accounts.coins import CLEAN, Coins, played

METHODS = (FIFO, PRO_RATA, FIFO_2, PRO_RATA_2)
STOLEN = Colour(1, "bank/stolen")
OTHER = Colour(2, "bank/other")


def entry(key: str, at: int, amount: int, balance: int | None = None, coins: int | None = None):
    return Entry(at, key, amount, abs(amount) if coins is None else coins, balance)


def some_entries_for(method: str, draw: random.Random) -> list[Entry]:
    """Return entries; for methods that look at it, mostly with balances that fit some order."""
    made = some_entries(draw)
    if method in (FIFO, PRO_RATA) or draw.random() < 0.2:
        return made
    balance, lasting = draw.randrange(80), draw.choice((3, 9))
    order = {each.key: draw.random() for each in made}
    for number, each in sorted(
        enumerate(made), key=lambda e: (e[1].at // lasting, order[e[1].key])
    ):
        balance += each.amount
        stated = balance if draw.random() < 0.9 else draw.choice((None, balance + 5))
        made[number] = each._replace(at=each.at // lasting, balance=stated)
    return made


def some_entries(draw: random.Random) -> list[Entry]:
    made = []
    for number in range(draw.randrange(1, 13)):
        amount = draw.randrange(1, 31) * draw.choice((1, 1, -1))
        coins = draw.choice((abs(amount), abs(amount), abs(amount) // 2, 0))
        balance = draw.choice((None, None, draw.randrange(-10, 80)))
        key = f"t{number}{'+' if amount > 0 else '-'}"
        made.append(Entry(draw.randrange(9), key, amount, coins, balance))
    return made


def some_marks(draw: random.Random, credit: Entry) -> list[Mark]:
    place, made = 0, []
    while draw.random() < 0.7:
        start, length = place + draw.randrange(5), draw.randrange(1, 13)
        place = start + length
        if place > credit.coins:
            break
        made.append(Mark(start, length, Colour(draw.randrange(1, 4), draw.choice("ab"))))
    return made


def shares_of(account, debit: Entry) -> list[Colour | None]:
    coins: list[Colour | None] = [CLEAN] * debit.coins
    for share in account.shares(debit.key):
        for place in range(share.start, share.start + share.length):
            assert coins[place] is CLEAN
            coins[place] = share.colour
    return coins


def agree(method: str, account, naive: Coins, known: list[Entry]) -> None:
    for debit in (each for each in known if each.amount < 0):
        assert shares_of(account, debit) == naive.out[debit.key]
    resting = Counter(coin for coin in naive.there if coin is not CLEAN)
    for hop in (1, 2, 3):
        for origin in ("a", "b"):
            colour = Colour(hop, origin)
            assert account.resting(colour) == resting[colour]


@pytest.mark.parametrize("method", METHODS)
@settings(deadline=None, max_examples=150)
@given(seed=st.integers(0, 10**9))
@example(seed=16659)
@example(seed=20706)
@example(seed=2479)
@example(seed=84572)
@example(seed=53786)
def test_after_each_posting_and_mark_in_any_order_every_satang_is_where_the_coins_are(method, seed):
    draw = random.Random(seed)
    known = some_entries_for(method, draw)
    steps: list[tuple[str, Entry, list[Mark]]] = [("post", each, []) for each in known]
    for each in known:
        for _ in range(draw.randrange(3) if each.amount > 0 else 0):
            steps.append(("mark", each, some_marks(draw, each)))
    if draw.random() < 0.5:
        steps.append(("gone", draw.choice(known), []))
    draw.shuffle(steps)
    book = book_for(method)
    account = apportionment(method, book)
    there: dict[str, Entry] = {}
    marks: dict[str, list[Mark]] = {}
    shares: dict[str, list[Share]] = {}
    for what, each, made in steps:
        if what == "post":
            book.put(each)
            there[each.key] = each
        elif what == "gone":
            book.remove(each.key)
            there.pop(each.key, None)
        else:
            account.mark(each.key, made)
            marks[each.key] = made
        touched = account.settle()
        agree(method, account, played(method, there.values(), marks), list(there.values()))
        now = {d.key: account.shares(d.key) for d in there.values() if d.amount < 0}
        for key in now.keys() & shares.keys():
            assert now[key] == shares[key] or key in touched.debits
        shares = now


@pytest.mark.parametrize("method", METHODS)
@settings(deadline=None, max_examples=100)
@given(seed=st.integers(0, 10**9))
def test_what_came_in_marked_is_there_or_went_out_marked(method, seed):
    draw = random.Random(seed)
    known, book = some_entries_for(method, draw), book_for(method)
    account = apportionment(method, book)
    marked: Counter[Colour] = Counter()
    for each in known:
        book.put(each._replace(balance=None))
        if each.amount > 0:
            made = some_marks(draw, each)
            account.mark(each.key, made)
            for mark in made:
                marked[mark.colour] += mark.length
    account.settle()
    out: Counter[Colour] = Counter()
    for each in (debit for debit in known if debit.amount < 0):
        out.update(coin for coin in shares_of(account, each) if coin is not CLEAN)
    for colour, amount in marked.items():
        assert account.resting(colour) + out[colour] == amount


@pytest.mark.parametrize("method", METHODS)
@settings(deadline=None, max_examples=300)
@given(seed=st.integers(0, 10**9))
def test_one_marked_credit_by_itself_is_where_the_whole_account_has_it(method, seed):
    draw = random.Random(seed)
    known = [
        *some_entries_for(method, draw),
        entry("marked+", draw.randrange(9), draw.randrange(1, 31)),
    ]
    draw.shuffle(known)
    length = draw.randrange(1, known[-1].coins + 2)
    marks = [Mark(draw.randrange(5), length, STOLEN), Mark(length + 5, 3, STOLEN)]
    book, alone = book_for(method), book_for(method)
    account = apportionment(method, book)
    for each in known:
        book.put(each)
        alone.put(each)
    account.mark("marked+", marks)
    account.settle()
    resting, shares = of_one_credit(method, alone, "marked+", marks)
    assert resting == account.resting(STOLEN)
    debits = (each.key for each in known if each.amount < 0)
    assert shares == {debit: s for debit in debits if (s := account.shares(debit))}


def laid(method: str, *postings: Entry, marks: dict[str, list[Mark]]):
    book = book_for(method)
    account = apportionment(method, book)
    for each in postings:
        book.put(each)
    for credit, made in marks.items():
        account.mark(credit, made)
    account.settle()
    return account


WHOLE = {"t1+": [Mark(0, 100, STOLEN)]}


def test_what_was_there_before_leaves_first():
    account = laid(
        FIFO, entry("t1+", 1, 100, balance=130), entry("t2-", 2, -50, balance=80), marks=WHOLE
    )
    assert [(s.start, s.length) for s in account.shares("t2-")] == [(30, 20)]
    assert account.resting(STOLEN) == 80


def test_pro_rata_takes_of_everything_in_proportion_and_rounds_to_the_whole():
    account = laid(
        PRO_RATA, entry("t1+", 1, 100, balance=130), entry("t2-", 2, -50, balance=80), marks=WHOLE
    )
    assert [s.length for s in account.shares("t2-")] == [50 * 100 // 130]
    assert account.resting(STOLEN) == 100 - 38


@pytest.mark.parametrize("method", METHODS)
def test_a_returned_payment_is_as_if_it_had_never_been_made(method):
    account = laid(
        method,
        entry("t1+", 1, 100, balance=100),
        entry("t2-", 2, -100, balance=0, coins=0),
        entry("t3+", 3, 100, balance=100, coins=0),
        marks=WHOLE,
    )
    assert account.shares("t2-") == []
    assert account.resting(STOLEN) == 100


@pytest.mark.parametrize("method", METHODS)
def test_money_that_left_unseen_is_not_there_any_more(method):
    account = laid(
        method,
        entry("t1+", 1, 100, balance=100),
        entry("t2+", 3, 40, balance=40),
        marks=WHOLE,
    )
    assert account.resting(STOLEN) == 0


def test_what_pays_back_an_overdraft_does_not_stay():
    account = laid(FIFO, entry("t1+", 1, 100, balance=30), marks=WHOLE)
    assert account.resting(STOLEN) == 30


def test_without_balances_a_debit_above_what_the_book_shows_spends_unseen_money_for_the_rest():
    account = laid(FIFO, entry("t1+", 1, 100), entry("t2-", 2, -150), marks=WHOLE)
    assert [(s.start, s.length) for s in account.shares("t2-")] == [(0, 100)]


@pytest.mark.parametrize(
    ("method", "gone"),
    [(FIFO, (0, 40)), (FIFO_2, (40, 0)), (PRO_RATA, (25, 37)), (PRO_RATA_2, (25, 37))],
)
def test_of_one_moment_the_stated_balances_tell_who_got_the_stolen_money(method, gone):
    account = laid(
        method,
        entry("t1+", 1, 100, balance=160),
        entry("a-", 2, -40, balance=60),
        entry("b-", 2, -60, balance=100),
        marks=WHOLE,
    )
    shares = (sum(share.length for share in account.shares(debit)) for debit in ("a-", "b-"))
    assert tuple(shares) == gone


@pytest.mark.parametrize(
    ("moment", "told"),
    [
        pytest.param([("a", -40, 60), ("b", -60, 100)], "ba", id="one begins where one ended"),
        pytest.param([("a", 40, 100), ("b", -60, 40)], "ab", id="what comes in may go first"),
        pytest.param([("a", 40, 80), ("b", -60, 40)], "ba", id="what goes out may go first"),
        pytest.param([("a", -40, 60), ("b", -60, None)], None, id="one states nothing"),
        pytest.param([("a", -40, 60), ("b", -60, 90)], None, id="no order fits"),
        pytest.param([("a", -60, 100), ("b", 60, 160)], "ab", id="they end as they began"),
        pytest.param(
            [("a", 20, 120), ("b", 50, 150), ("c", -50, 100)], "bca", id="a way round is put in"
        ),
        pytest.param([("a", 10, 110), ("b", 20, 120)], None, id="both begin there"),
    ],
)
def test_the_order_of_one_moment(moment, told):
    entries = [entry(key, 1, amount, balance) for key, amount, balance in moment]
    found = in_turn(entries, 160)
    assert (None if found is None else "".join(each.key for each in found)) == told


@pytest.mark.parametrize(("more", "first"), [(0, "d64-"), (1, "d01-")])
def test_of_more_postings_of_one_moment_than_a_telephone_sends_the_ids_decide(more, first):
    count = ORDERED_ENTRIES + more
    backwards = [entry(f"d{n:02}-", 2, -1, balance=n - 1) for n in range(1, count + 1)]
    account = laid(FIFO_2, entry("t1+", 1, count, balance=count), *backwards, marks=WHOLE)
    assert [share.start for share in account.shares(first)] == [0]


def test_a_method_that_does_not_exist_is_refused():
    with pytest.raises(LookupError, match="lifo"):
        apportionment("lifo", Book())


def test_one_more_posting_costs_the_same_in_a_short_book_and_in_a_long_one():
    """Counted in the entries that are looked at, so that it does not depend on the machine."""

    class Counted(Book):
        looks = 0

        def entry(self, number):
            self.looks += 1
            return super().entry(number)

    looks = []
    for length in (100, 10_000):
        book = Counted()
        account = apportionment(FIFO, book)
        for number in range(length):
            book.put(entry(f"c{number}+", number, 100))
            account.mark(f"c{number}+", [Mark(0, 100, Colour(1, f"c{number}"))])
        account.settle()
        book.looks = 0
        for number in range(10):
            book.put(entry(f"d{number}-", length + number, -150))
            account.settle()
            account.shares(f"d{number}-")
        looks.append(book.looks)
    assert looks[0] == looks[1]
