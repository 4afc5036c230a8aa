"""The stolen money in one account: which parts of its credits it is, and where they are now.

A part of a payment belongs to one origin at most. First comes the dispute about that very payment,
where it is followed; then what came on its way from earlier payments, the nearest first; then a
dispute that is not followed; last a payment that nobody disputes. All of it is a function of the
postings, disputes and steps, whatever order they came in.
"""

from __future__ import annotations

from collections.abc import Iterable

from pipeline.accounts.apportionment import Colour, Mark, Share, Touched, apportionment, book_for
from pipeline.accounts.behind import AccountsOf, account_named
from pipeline.accounts.entries import Entry
from pipeline.accounts.returns import Returns
from pipeline.accounts.steps import Parts, credit_of, is_passed_on
from pipeline.accounts.trade import Trade
from pipeline.contracts.account_log import Posting, Step
from pipeline.identity.account import is_account
from pipeline.policy.policy import MINUTE_MS, Trace

UNDISPUTED_HOP = 1_000_000
"""The hop of money that nobody disputes: it is looked for in its own account, never followed."""

Part = tuple[Parts, set[str]]
"""Marked parts of a debit, and the payments they came by."""


class StolenMoney:
    """The marked money of one account. ``postings`` are the file's, by id.

    Of what is older than ``since`` (ms) postings were left out of the file: so that money is taken
    to have moved on.
    """

    def __init__(
        self, account: str, postings: dict[str, Posting], since: int, policy: Trace
    ) -> None:
        if since:
            postings = {key: posting for key, posting in postings.items() if posting.at >= since}
        self._is_proxy = not is_account(account)
        self._postings = postings
        self._are_own = bool(since)
        """Whether the postings are not the file's own: they are kept up to date here."""
        self._told: dict[str, Posting] = {}
        """Credits of which only a proxy's step tells, by id. They are among the postings."""
        self._accounts = AccountsOf(postings) if self._is_proxy and policy.proxies else None
        self._traded: dict[str, Posting] = {}
        """A proxy's postings that are counted in its trade."""
        self._since = since
        self._policy = policy
        self._book = book_for(policy.method)
        self._money = apportionment(policy.method, self._book)
        self._returns = Returns(self._postings)
        self._disputed: dict[str, bool] = {}
        """Payments in dispute, and whether each is followed."""
        self._undisputed: set[str] = set()
        self._steps: dict[str, dict[str, Step]] = {}
        """By payment: the steps that came with it."""
        self._colours: dict[str, dict[Colour, int]] = {}
        """By payment: what is marked of it."""
        self._of_origin: dict[str, dict[Colour, int]] = {}
        """By origin: in how many payments each of its colours came."""
        self._brought: dict[str, dict[str, int]] = {}
        """By origin: the payments that brought its money, and how much each (satang)."""
        self._touched_shares: dict[str, list[Share]] = {}
        """By debit that the last `settle` touched."""
        self._to_mark: set[str] = set()
        self._recoloured: set[Colour] = set()
        self.trade = Trade(policy.small_payment_satang, policy.small_share_percent)
        for key, posting in sorted(postings.items(), key=lambda item: item[1].at):
            if not self._is_proxy:
                self.trade.add(posting)
            self._enter(key)

    def passed_on_to(self, posting: Posting) -> str | None:
        """Return the account that has the money, where this is a posting of a proxy of it."""
        if self._accounts is not None:
            return self._accounts.account(posting)
        return account_named(posting) if self._is_proxy else None

    def posting_changed(self, key: str, before: Posting | None, after: Posting) -> set[str]:
        """Take over a posting that is new in the file, or newer than ``before``.

        Returns the ids of a proxy's credits that may have another account behind them now.
        """
        if after.at < self._since:
            return set()
        if self._are_own:
            before = self._postings.get(key)
            self._postings[key] = after
            self._told.pop(key, None)
        moved: set[str] = set()
        if self._accounts is not None:
            moved = self._accounts.changed(key, before, after)
        touched = {key, *self._returns.changed(key, before, after), *moved}
        if not self._is_proxy:
            if before is not None:
                self.trade.add(before, -1)
            self.trade.add(after)
        for each in touched:
            self._enter(each)
        return moved

    def _enter(self, key: str) -> None:
        posting, coins = self._postings[key], self._returns.coins(key)
        is_here = self.passed_on_to(posting) is None
        if self._is_proxy:
            counted = self._traded.pop(key, None)
            if counted is not None:
                self.trade.add(counted, -1)
            if is_here:
                self.trade.add(posting)
                self._traded[key] = posting
        if not is_here:
            self._book.remove(key)
        else:
            self._book.put(Entry(posting.at, key, posting.amount, coins, posting.balance))
        if posting.amount > 0 and self._is_marked(posting.transaction):
            self._to_mark.add(posting.transaction)

    def _is_marked(self, transaction: str) -> bool:
        return (
            transaction in self._disputed
            or transaction in self._undisputed
            or transaction in self._steps
        )

    def dispute(self, transaction: str, followed: bool | None) -> None:
        """Say that a payment is in dispute, and whether it is followed; None: it is not."""
        if self._disputed.get(transaction) is followed:
            return
        if followed is None:
            del self._disputed[transaction]
        else:
            self._disputed[transaction] = followed
        self._to_mark.add(transaction)

    def look_for(self, transaction: str, wanted: bool) -> None:
        """Say whether it is asked what is left of a payment that nobody disputes."""
        if (transaction in self._undisputed) is wanted:
            return
        if wanted:
            self._undisputed.add(transaction)
        else:
            self._undisputed.discard(transaction)
        self._to_mark.add(transaction)

    def step_added(self, key: str, step: Step) -> None:
        """Take over a step, or a newer one, by its `step_key`."""
        steps = self._steps.setdefault(step.transaction, {})
        if step.marks:
            steps[key] = step
        else:
            steps.pop(key, None)
            if not steps:
                del self._steps[step.transaction]
        self._to_mark.add(step.transaction)
        if self._policy.proxies and not self._is_proxy:
            self._believe(step.transaction)

    def _believe(self, transaction: str) -> None:
        """Take over the credit of which a proxy's step tells, where the file has none; or drop it.

        The payment's event named the proxy alone, so it stands in no other book.
        """
        key = transaction + "+"
        before = self._told.get(key)
        if before is None and key in self._postings:
            return
        steps = self._steps.get(transaction, {})
        told = [credit_of(step) for _, step in sorted(steps.items()) if is_passed_on(step)]
        after = told[0] if told and told[0].at >= self._since else None
        if after == before:
            return
        if not self._are_own:
            self._postings, self._are_own = dict(self._postings), True
            self._returns = Returns(self._postings)
        if before is not None:
            self.trade.traced(before, {})
            self.trade.add(before, -1)
            del self._postings[key], self._told[key]
            self._book.remove(key)
            self._returns = Returns(self._postings)
            for each in self._postings:
                self._enter(each)
        if after is not None:
            self._postings[key] = self._told[key] = after
            self.trade.add(after)
            for each in {key, *self._returns.changed(key, None, after)}:
                self._enter(each)

    def told_after(self, at: int) -> int:
        """Return how much came in after a time (ms) of which only proxies' steps tell (satang)."""
        return sum(credit.amount for credit in self._told.values() if credit.at > at)

    def settle(self) -> Touched:
        """Find out anew what is touched by the changes; call it before anything is asked."""
        for transaction in self._to_mark:
            marks = self._marks(transaction)
            self._money.mark(transaction + "+", marks)
            self._count(transaction, marks)
        self._to_mark.clear()
        touched = self._money.settle()
        touched.colours.update(self._recoloured)
        self._recoloured.clear()
        self._touched_shares = {debit: self._money.shares(debit) for debit in touched.debits}
        for debit, shares in self._touched_shares.items():
            self._count_fast(debit, shares)
        return touched

    def _marks(self, transaction: str) -> list[Mark]:
        """Return whose the parts of a payment are."""
        entry = self._book.find(transaction + "+")
        if entry is None:
            return []
        whole = ((0, entry.coins),)
        followed = self._disputed.get(transaction)
        claims: list[tuple[Colour, Iterable[tuple[int, int]]]] = []
        if followed:
            claims.append((Colour(1, transaction), whole))
        steps = self._steps.get(transaction, {}).values()
        for step in sorted(steps, key=lambda s: (s.hop, s.origin, s.sender)):
            claims.append((Colour(step.hop, step.origin), step.marks))
        if followed is False:
            claims.append((Colour(1, transaction), whole))
        if transaction in self._undisputed:
            claims.append((Colour(UNDISPUTED_HOP, transaction), whole))
        return marks_of(claims, entry.coins)

    def _count(self, transaction: str, marks: list[Mark]) -> None:
        before = self._colours.pop(transaction, {})
        now: dict[Colour, int] = {}
        for mark in marks:
            now[mark.colour] = now.get(mark.colour, 0) + mark.length
        self._recoloured.update(before, now)
        for colour in before:
            self._brought[colour.origin].pop(transaction, None)
        for colour, marked in now.items():
            brought = self._brought.setdefault(colour.origin, {})
            brought[transaction] = brought.get(transaction, 0) + marked
        for colour in before.keys() - now.keys():
            of_origin = self._of_origin[colour.origin]
            of_origin[colour] -= 1
            if not of_origin[colour]:
                del of_origin[colour]
        for colour in now.keys() - before.keys():
            of_origin = self._of_origin.setdefault(colour.origin, {})
            of_origin[colour] = of_origin.get(colour, 0) + 1
        if now:
            self._colours[transaction] = now
        traced: dict[int, int] = {}
        for colour, marked in now.items():
            if _is_traced(colour):
                traced[colour.hop] = traced.get(colour.hop, 0) + marked
        posting = self._postings.get(transaction + "+")
        if posting is not None:
            self.trade.traced(posting, traced)

    def _count_fast(self, debit: str, shares: list[Share]) -> None:
        posting = self._postings.get(debit)
        if posting is None:
            return
        limit, at = self._policy.ordinary_trade.fast_minutes * MINUTE_MS, posting.at
        fast: dict[int, int] = {}
        for share in shares:
            came = self._postings[share.credit].at if share.credit else at
            if _is_traced(share.colour) and at - came <= limit:
                fast[share.colour.hop] = fast.get(share.colour.hop, 0) + share.length
        self.trade.went_fast(debit, fast)

    def has(self, key: str) -> bool:
        """Whether a posting is looked at."""
        return key in self._postings

    def shares(self, debit: str) -> dict[Colour, Part]:
        """Return, by colour, the marked parts of a debit, and the credits that they came by.

        The debit is one that the last `settle` touched. A method that mixes all money names all
        credits of the colour up to the debit.
        """
        found: dict[Colour, tuple[list[Share], set[str]]] = {}
        for share in self._touched_shares[debit]:
            shares, credits = found.setdefault(share.colour, ([], set()))
            shares.append(share)
            if share.credit is not None:
                credits.add(share.credit.removesuffix("+"))
        for colour, (_, credits) in found.items():
            if not credits:
                at = self._postings[debit].at
                credits.update(
                    transaction
                    for transaction in self._brought[colour.origin]
                    if colour in self._colours[transaction]
                    and self._postings[transaction + "+"].at <= at
                )
        return {colour: (joined(shares), credits) for colour, (shares, credits) in found.items()}

    def steps_of(self, transaction: str, colour: Colour) -> list[Step]:
        """Return the steps of this colour that came with a payment."""
        steps = self._steps.get(transaction)
        if steps is None:
            return []
        return [step for step in steps.values() if (step.hop, step.origin) == colour]

    def came_by(self, transaction: str) -> set[Colour]:
        """Return the colours of the steps that came with a payment."""
        steps = self._steps.get(transaction, {}).values()
        return {Colour(step.hop, step.origin) for step in steps}

    def resting(self, origin: str) -> int:
        """Return how much of the money of this origin is in the account still (satang)."""
        return sum(map(self._money.resting, self._of_origin.get(origin, ())))

    def came_with(self, origin: str) -> list[tuple[Posting, int]]:
        """Return the payments that brought money of this origin, and how much each."""
        brought = self._brought.get(origin, {})
        return [(self._postings[transaction + "+"], part) for transaction, part in brought.items()]

    def coins(self, transaction: str) -> int:
        """Return how many satang of a payment in count: what was not returned."""
        return self._returns.coins(transaction + "+")

    def has_many_payers(self) -> bool:
        """Whether so many paid into the account that it may be a shop."""
        return self.trade.payers >= self._policy.ordinary_trade.payers

    def is_ordinary_trade(self, hop: int) -> bool:
        """Whether the account shows an ordinary trade beside the money up to this hop."""
        book = self._book
        if not len(book):
            return False
        lasted = book.entry(len(book) - 1).at - book.entry(0).at
        return self.trade.is_ordinary(self._policy.ordinary_trade, hop, lasted)


def _is_traced(colour: Colour) -> bool:
    """Whether it came from another account (a proxy's own dispute comes as hop 1)."""
    return 1 < colour.hop < UNDISPUTED_HOP


def marks_of(claims: Iterable[tuple[Colour, Iterable[tuple[int, int]]]], coins: int) -> list[Mark]:
    """Return whose the parts of a payment of so many coins are: the first who claims it has it."""
    marks: list[Mark] = []
    for colour, parts in claims:
        if not marks:  # all is free, as where one step is all that came
            marks = [
                Mark(first, stop - first, colour)
                for first, length in parts
                if first < (stop := min(first + length, coins))
            ]
        else:
            marks += [
                Mark(start, stop - start, colour)
                for first, length in parts
                for start, stop in _free(marks, first, min(first + length, coins))
            ]
        marks.sort()
    return marks


def joined(shares: Iterable[Share]) -> Parts:
    """Return the parts that shares are, those that touch each other as one."""
    parts: list[tuple[int, int]] = []
    for share in shares:
        if parts and sum(parts[-1]) == share.start:
            parts[-1] = parts[-1][0], parts[-1][1] + share.length
        else:
            parts.append((share.start, share.length))
    return tuple(parts)


def _free(taken: list[Mark], start: int, stop: int) -> Iterable[tuple[int, int]]:
    """Yield the parts from ``start`` to ``stop`` that no mark has; the marks are in order."""
    for mark in taken:
        if mark.start >= stop:
            break
        if mark.start + mark.length <= start:
            continue
        if start < mark.start:
            yield start, mark.start
        start = mark.start + mark.length
    if start < stop:
        yield start, stop
