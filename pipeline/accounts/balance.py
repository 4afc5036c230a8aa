"""What is known of an account's balance: the newest stated one and the movements after it."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Collection, Iterable
from typing import NamedTuple

from pipeline.accounts.entries import ORDERED_ENTRIES, Entry, last_in_turn
from pipeline.accounts.file import AccountFile
from pipeline.contracts.account_log import Answer, Posting


class Statement(NamedTuple):
    """When (ms), by which posting or answer, and the balance in satang after it.

    ``amount`` is what the posting moved; an answer moves nothing.
    """

    at: int
    key: str
    balance: int
    amount: int | None = None


def known_balance(file: AccountFile) -> int | None:
    """Return the balance in satang (never below zero), or None when no bank has stated one.

    The newest statement counts (a posting's balance after, or a bank's answer), and postings
    later than it move it. Of several at the same millisecond the last one counts, as their
    balances tell (`entries.last_in_turn`); where these do not, the one with the higher id.
    """
    return RunningBalance(file).known


class RunningBalance:
    """The known balance of one file, moved by one posting or answer at a time."""

    def __init__(self, file: AccountFile) -> None:
        self._file = file
        self._stated: Statement | None = None
        self._moment: dict[str, Statement] = {}
        """All statements of that moment."""
        self._later: list[tuple[int, str, int]] = []
        """When, which posting and how much: what moved since the statement, in order."""
        self._moved = 0
        self._work_out()

    @property
    def known(self) -> int | None:
        """The balance in satang; see `known_balance`."""
        return self.known_with(0)

    @property
    def stated_at(self) -> int:
        """When the balance was stated that counts (ms); 0 where none was."""
        return 0 if self._stated is None else self._stated.at

    def known_with(self, came: int) -> int | None:
        """Return the balance with what came in since it was stated and stands in no posting."""
        return None if self._stated is None else max(0, self._stated.balance + self._moved + came)

    def replace(self, key: str, before: Posting | None, after: Posting) -> None:
        """Take over a posting that is new in the file, or newer than ``before``."""
        if before is not None:
            if (before.at, before.amount, before.balance) == (
                after.at,
                after.amount,
                after.balance,
            ):
                return
            if key in self._moment and before.at == self.stated_at:
                # The file may have lost a statement that counted.
                self._work_out()
                return
            self._take_back(key, before)
        if after.balance is not None:
            self.state(Statement(after.at, key, after.balance, after.amount))
        if self._stated is not None and after.at > self._stated.at:
            insort(self._later, (after.at, key, after.amount))
            self._moved += after.amount

    def state(self, statement: Statement) -> None:
        """Take over a statement that is new in the file."""
        if self._stated is None:
            self._work_out()
            return
        if statement.at < self._stated.at:
            return
        if statement.at > self._stated.at:
            self._moment.clear()
        self._moment[statement.key] = statement
        if len(self._moment) > ORDERED_ENTRIES + 1:
            self._stated = max(self._stated, statement)
        else:
            self._stated = _last_of(self._moment.values())
        stated = bisect_right(self._later, statement.at, key=_at)
        self._moved -= sum(amount for _, _, amount in self._later[:stated])
        del self._later[:stated]

    def carried(self) -> Iterable[str]:
        """Yield the ids of the postings without which another balance would be known."""
        if self._stated is not None:
            yield from self._moment if len(self._moment) <= ORDERED_ENTRIES else (self._stated.key,)
            for _, key, _ in self._later:
                yield key

    def _take_back(self, key: str, posting: Posting) -> None:
        if self._stated is not None and posting.at > self._stated.at:
            del self._later[bisect_left(self._later, (posting.at, key, posting.amount))]
            self._moved -= posting.amount

    def _work_out(self) -> None:
        postings = self._file.postings
        stated = [
            Statement(p.at, k, p.balance, p.amount)
            for k, p in postings.items()
            if p.balance is not None
        ]
        stated += _answered(self._file.answers.values())
        at = max([each.at for each in stated], default=0)
        self._moment = {each.key: each for each in stated if each.at == at}
        self._stated = _last_of(self._moment.values()) if stated else None
        self._later = []
        self._moved = 0
        if self._stated is not None:
            self._later = sorted((p.at, k, p.amount) for k, p in postings.items() if p.at > at)
            self._moved = sum(amount for _, _, amount in self._later)


def _last_of(moment: Collection[Statement]) -> Statement:
    """Return the last statement of a moment; of banks that write seconds there are several."""
    newest = max(moment)
    if len(moment) == 1 or len(moment) > ORDERED_ENTRIES:
        return newest
    entries = [
        Entry(each.at, each.key, each.amount, each.amount, each.balance)
        for each in moment
        if each.amount is not None
    ]
    if len(entries) < len(moment):
        return newest
    last = last_in_turn(entries)
    return newest if last is None else next(each for each in moment if each.key == last.key)


def _answered(answers: Iterable[Answer]) -> Iterable[Statement]:
    return (Statement(a.at, a.update_id, a.balance) for a in answers if a.balance is not None)


def _at(moved: tuple[int, str, int]) -> int:
    return moved[0]
