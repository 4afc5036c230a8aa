"""The whole ledger of a run, coin by coin: where stolen money really is, by first in, first out.

The reference knows every payment, in order of time, and goes through them once. It shares no rule
with the traces but FIFO, and nothing of how they are worked out.
"""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Iterable
from typing import NamedTuple

from pipeline.contracts.account_log import Posting
from pipeline.contracts.invalid import InvalidEvent
from pipeline.contracts.transactions import decode_transaction
from pipeline.intake.fold import postings_of

HOPS = 5
"""How far stolen money is looked for: accounts that it came through, the first one included."""

_FAR_AHEAD_MS = 10**15


class Payment(NamedTuple):
    """One payment as both books have it; cash has no book."""

    key: str
    debit: Posting | None
    credit: Posting | None

    @property
    def books(self) -> list[Posting]:
        """The postings that there are, the debit first."""
        return [posting for posting in (self.debit, self.credit) if posting is not None]

    @property
    def amount(self) -> int:
        """What was paid (satang)."""
        return abs(self.books[0].amount)

    @property
    def at(self) -> int:
        """When it was paid (ms)."""
        return self.books[0].at


class _Coins(NamedTuple):
    """Satang of one kind that lie together: whose they are, and after how many accounts."""

    satang: int
    origin: str | None
    hop: int


class Ledger:
    """Every payment of a run, in order of time, and what the books opened with.

    Cash comes from nobody, and what goes out in cash is gone.
    """

    def __init__(self, transactions: Iterable[bytes]) -> None:
        """Read payment events; what intake refuses is no payment."""
        sides: dict[str, dict[bool, Posting]] = {}
        for value in transactions:
            try:
                transaction = decode_transaction(value)
                postings = postings_of(transaction, _FAR_AHEAD_MS)
            except InvalidEvent:
                continue
            # By whether it is a credit; the first of each side is that of its account.
            both = {posting.amount > 0: posting for posting in reversed(postings)}
            known = sides.setdefault(transaction.key, both)
            for side, posting in both.items():
                # Each bank states its own customer's balance.
                if posting.balance is not None or side not in known:
                    known[side] = posting
        payments = [Payment(key, both.get(False), both.get(True)) for key, both in sides.items()]
        self.payments = sorted(payments, key=lambda each: (each.at, each.key))
        self.amounts = {each.key: each.amount for each in self.payments}
        """By payment: its amount (satang)."""
        self.made = {each.key: each.at for each in self.payments}
        """By payment: when it was made (ms)."""
        self._opening: dict[str, int] = {}
        moved: Counter[str] = Counter()
        for payment in self.payments:
            for posting in payment.books:
                if posting.balance is not None:
                    before = posting.balance - posting.amount - moved[posting.account]
                    self._opening.setdefault(posting.account, max(0, before))
                moved[posting.account] += posting.amount

    def run(self, stolen: set[str], moments: Iterable[tuple[int, str]]) -> Run:
        """Go through all payments; return where the ``stolen`` ones' money is at the end.

        ``moments`` are times (ms) and payments of which is asked how much was there then.
        """
        run = Run(self._opening)
        waiting = deque(sorted(moments))
        for payment in self.payments:
            while waiting and waiting[0][0] < payment.at:
                run.look(waiting.popleft()[1])
            run.pay(payment, payment.key in stolen)
        for _, origin in waiting:
            run.look(origin)
        return run


class Run:
    """The money of all accounts while the payments are made one after the other."""

    def __init__(self, opening: dict[str, int]) -> None:
        self._accounts: defaultdict[str, deque[_Coins]] = defaultdict(deque)
        for account, satang in opening.items():
            self._accounts[account].append(_Coins(satang, None, 0))
        self._there: Counter[str] = Counter()
        self.reachable: dict[str, int] = {}
        """By stolen payment: how much of it (satang) was somewhere when it was asked about."""

    def look(self, origin: str) -> None:
        """Note how much of a stolen payment's money is in any account now, within `HOPS`."""
        self.reachable[origin] = self._there[origin]

    def pay(self, payment: Payment, is_stolen: bool) -> None:
        """Move the money of one payment; what is paid out in cash is nowhere any more."""
        amount = payment.amount
        taken = [_Coins(amount, None, 0)]
        if payment.debit is not None:
            taken = _take(self._accounts[payment.debit.account], amount)
        for coins in taken:
            if coins.origin is not None and coins.hop <= HOPS:
                self._there[coins.origin] -= coins.satang
        if payment.credit is None:
            return
        if is_stolen:
            taken = [_Coins(amount, payment.key, 0)]
        for satang, origin, hop in taken:
            self._accounts[payment.credit.account].append(_Coins(satang, origin, hop + 1))
            if origin is not None and hop < HOPS:
                self._there[origin] += satang

    def resting(self) -> dict[tuple[str, str], int]:
        """Return what rests, by account and stolen payment, within `HOPS` accounts (satang)."""
        found: Counter[tuple[str, str]] = Counter()
        for account, coins in self._accounts.items():
            for satang, origin, hop in coins:
                if origin is not None and hop <= HOPS:
                    found[account, origin] += satang
        return dict(found)

    def balances(self) -> dict[str, int]:
        """Return what is in each account (satang)."""
        return {
            account: sum(satang for satang, _, _ in coins)
            for account, coins in self._accounts.items()
        }


def _take(coins: deque[_Coins], satang: int) -> list[_Coins]:
    """Take out what came in first; what is not there was never seen, and is nobody's."""
    taken = []
    while satang and coins:
        first = coins.popleft()
        part = min(first.satang, satang)
        taken.append(first._replace(satang=part))
        satang -= part
        if part < first.satang:
            coins.appendleft(first._replace(satang=first.satang - part))
    return [*taken, _Coins(satang, None, 0)] if satang else taken
