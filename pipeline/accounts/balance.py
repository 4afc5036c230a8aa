"""What is known of an account's balance: the newest stated one and the movements after it."""

from __future__ import annotations

from collections.abc import Iterable

from sortedcontainers import SortedList

from pipeline.accounts.file import AccountFile
from pipeline.contracts.account_log import Answer, Posting

Statement = tuple[int, str, int]
"""When (ms), by which posting or answer, and the balance in satang."""


def known_balance(file: AccountFile) -> int | None:
    """Return the balance in satang (never below zero), or None when no bank has stated one.

    The newest statement counts (a posting's balance after, or a bank's answer), and postings
    later than it move it; of two at the same millisecond the one with the higher id counts.
    """
    return RunningBalance(file).known


class RunningBalance:
    """The known balance of one file, moved by one posting or answer at a time."""

    def __init__(self, file: AccountFile) -> None:
        self._file = file
        self._stated: Statement | None = None
        self._later: SortedList[tuple[int, str, int]] = SortedList()
        self._moved = 0
        self._work_out()

    @property
    def known(self) -> int | None:
        """The balance in satang; see `known_balance`."""
        return None if self._stated is None else max(0, self._stated[2] + self._moved)

    def replace(self, key: str, before: Posting | None, after: Posting) -> None:
        """Take over a posting that is new in the file, or newer than ``before``."""
        if before is not None:
            if (before.at, before.amount, before.balance) == (
                after.at,
                after.amount,
                after.balance,
            ):
                return
            if self._stated is not None and (before.at, key) == self._stated[:2]:
                # The file may have lost the statement that counted.
                self._work_out()
                return
            self._take_back(key, before)
        if after.balance is not None:
            self.state((after.at, key, after.balance))
        if self._stated is not None and after.at > self._stated[0]:
            self._later.add((after.at, key, after.amount))
            self._moved += after.amount

    def state(self, statement: Statement) -> None:
        """Take over a statement that is new in the file."""
        if self._stated is None:
            self._work_out()
            return
        if statement < self._stated:
            return
        self._stated = statement
        later = self._later
        while later and later[0][0] <= statement[0]:
            self._moved -= later.pop(0)[2]

    def carried(self) -> Iterable[str]:
        """Yield the ids of the postings without which another balance would be known."""
        if self._stated is not None:
            yield self._stated[1]
            for _, key, _ in self._later:
                yield key

    def _take_back(self, key: str, posting: Posting) -> None:
        if self._stated is not None and posting.at > self._stated[0]:
            self._later.remove((posting.at, key, posting.amount))
            self._moved -= posting.amount

    def _work_out(self) -> None:
        postings = self._file.postings
        self._stated = max(
            (
                *((p.at, k, p.balance) for k, p in postings.items() if p.balance is not None),
                *_answered(self._file.answers.values()),
            ),
            default=None,
        )
        self._later.clear()
        self._moved = 0
        if self._stated is not None:
            at = self._stated[0]
            self._later.update((p.at, k, p.amount) for k, p in postings.items() if p.at > at)
            self._moved = sum(amount for _, _, amount in self._later)


def _answered(answers: Iterable[Answer]) -> Iterable[Statement]:
    return ((a.at, a.update_id, a.balance) for a in answers if a.balance is not None)
