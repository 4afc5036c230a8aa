"""The naive apportionment: every satang is a coin in a list, taken out one by one.

Written from the definitions in docs/apportionment.md, with nothing kept and nothing shared with
the product but the types.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from itertools import groupby

from pipeline.accounts.apportionment import Colour, Mark
from pipeline.accounts.entries import Entry

CLEAN = None
Coin = Colour | None


class Coins:
    """The money in one account, coin by coin, oldest first."""

    def __init__(self, method: str, marks: dict[str, list[Mark]]) -> None:
        self.method = method
        self.marks = marks
        self.there: list[Coin] = []
        self.beside = 0
        self.out: dict[str, list[Coin]] = {}

    def come(self, entry: Entry) -> None:
        coins: list[Coin] = [CLEAN] * entry.coins
        for mark in self.marks.get(entry.key, []):
            for place in range(mark.start, min(mark.start + mark.length, entry.coins)):
                coins[place] = mark.colour
        self.there += coins
        self.beside += entry.amount - entry.coins

    def leave(self, count: int) -> list[Coin]:
        if self.method.startswith("fifo-"):
            gone, self.there = self.there[:count], self.there[count:]
            return gone
        total, gone, so_far, before = len(self.there), [], 0, 0
        amounts = Counter(coin for coin in self.there if coin is not CLEAN)
        for colour in sorted(amounts):
            so_far += amounts[colour]
            upto = so_far * count // total
            gone += [colour] * (upto - before)
            before = upto
        gone += [CLEAN] * (count - len(gone))
        rest = Counter(self.there)
        rest.subtract(Counter(gone))
        assert min(rest.values(), default=0) >= 0
        self.there = list(rest.elements())
        return gone

    def bring_to(self, balance: int) -> None:
        """Let come in or go out unseen what the statement shows."""
        balance -= self.beside
        if balance > len(self.there):
            self.there += [CLEAN] * (balance - len(self.there))
        else:
            self.leave(len(self.there) - max(0, balance))


def played(method: str, entries: Iterable[Entry], marks: dict[str, list[Mark]]) -> Coins:
    """Play the postings of an account in order of time."""
    account, ordered = Coins(method, marks), sorted(entries, key=lambda entry: entry.rank)
    moments = [list(moment) for _, moment in groupby(ordered, key=lambda entry: entry.at)]
    turned = method.endswith("-2") and any(entry.balance is not None for entry in ordered)
    moved = 0
    for moment in moments:
        shown = in_the_order_of_their_balances(moment, None) if turned else moment
        stated = next((n for n, entry in enumerate(shown) if entry.balance is not None), None)
        if stated is not None:
            moved += sum(entry.amount for entry in shown[: stated + 1])
            account.there = [CLEAN] * max(0, shown[stated].balance - moved)
            break
        moved += sum(entry.amount for entry in moment)
    for moment in moments:
        if turned:
            there = len(account.there) + account.beside
            play_moment(account, in_the_order_of_their_balances(moment, there))
        else:
            play_moment(account, moment)
    return account


def in_the_order_of_their_balances(moment: list[Entry], there: int | None) -> list[Entry]:
    """Each posting begins with the balance that the one before it ended with, if that can be."""
    if any(entry.balance is None for entry in moment):
        return moment
    begins = [entry.balance - entry.amount for entry in moment]
    ends = [entry.balance for entry in moment]
    first = [balance for balance in begins if begins.count(balance) > ends.count(balance)]
    if len(set(first)) > 1:
        return moment
    start, left = first[0] if first else there, list(moment)
    ordered = way_from(start, left)
    place = len(ordered)
    while left and place > 0:
        place -= 1
        # What goes round from here and comes back; then from the end of that again.
        round_here = way_from(ordered[place - 1].balance if place else start, left)
        ordered[place:place] = round_here
        place += len(round_here)
    ends_at = [start, *(entry.balance for entry in ordered)]
    fits = all(e.balance - e.amount == at for e, at in zip(ordered, ends_at, strict=False))
    return ordered if fits and not left else moment


def way_from(balance: int | None, left: list[Entry]) -> list[Entry]:
    """Take out of ``left`` what follows one another from a balance, the first of several."""
    way = []
    while fits := [entry for entry in left if entry.balance - entry.amount == balance]:
        left.remove(fits[0])
        way.append(fits[0])
        balance = fits[0].balance
    return way


def play_moment(account: Coins, entries: list[Entry]) -> None:
    there = len(account.there) + account.beside
    moved = sum(entry.amount for entry in entries)
    before = None
    if all(entry.balance != there + moved for entry in entries):
        for number, entry in enumerate(entries):
            if entry.balance is not None:
                before = entry.balance - sum(each.amount for each in entries[: number + 1])
    if before is not None:
        account.bring_to(max(0, before))
    for entry in entries:
        if entry.amount > 0:
            account.come(entry)
        else:
            lacking = entry.coins - len(account.there)
            account.there += [CLEAN] * max(0, lacking)
            account.out[entry.key] = account.leave(entry.coins)
            account.beside += entry.coins + entry.amount
    if before is not None and before < 0:
        after = max(0, before + moved)
        if len(account.there) + account.beside > after:
            account.bring_to(after)
