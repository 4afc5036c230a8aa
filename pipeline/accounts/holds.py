"""Which candidates are held: in order of payment, as far as the account's money reaches.

Disputed payments go before the others. Each is held for its whole amount until the balance is used
up, so what is held is the beginning of the queue, all whole but perhaps the last one. One more
payment therefore moves the end of that beginning, and the holds before it are not looked at.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from heapq import heappop, heappush
from typing import NamedTuple

from pipeline.accounts.places import Place, take_out

MAX_HOLDS_AN_ACCOUNT = 500
"""Limit on open holds of one account; the oldest payments come first, and it is counted."""

CLOCK_OUT = "clock_out"
MONEY_GONE = "money_gone"

Turn = tuple[bool, int, str]
"""A candidate's place in the queue: whether nobody disputes it, when it was paid, its origin."""


class Waiting(NamedTuple):
    """One candidate in the queue: its place, satang, and until when it may be held (ms)."""

    turn: Turn
    amount: int
    until: int


class HoldQueue:
    """The candidates of one account. ``ended`` are the origins that a bank or the police ended."""

    def __init__(self, ended: dict[str, str]) -> None:
        self.touched: set[str] = set()
        """Origins whose hold came, went or changed its amount since this was emptied last."""
        self._ended = ended
        self._waiting: dict[str, Waiting] = {}
        self._queue: list[Turn] = []
        self._held: set[str] = set()
        self._held_satang = 0
        self._held_until: list[Place] = []
        self._clocks: list[tuple[int, str]] = []
        self._now = 0
        self._balance: int | None = None
        self._partly: tuple[str, int] | None = None
        self._expired: set[str] = set()
        self._by_bank: dict[str, str] = {}
        self._bank_reasons: dict[str, int] = {}
        self._worthless: set[str] = set()

    def put(self, origin: str, waiting: Waiting) -> None:
        """Take a candidate, or what is newer about it."""
        before = self._waiting.get(origin)
        if before == waiting:
            return
        if origin in self._held and before is not None and _is_less_or_more(before, waiting):
            self._waiting[origin] = waiting
            self._held_satang += waiting.amount - before.amount
            self.touched.add(origin)
            return
        self.drop(origin)
        self._waiting[origin] = waiting
        heappush(self._clocks, (waiting.until, origin))
        self._admit(origin, waiting)

    def drop(self, origin: str) -> None:
        """Forget a candidate."""
        waiting = self._waiting.pop(origin, None)
        if waiting is not None:
            self._dismiss(origin, waiting)

    def ended_by_bank(self, origin: str) -> None:
        """Take over that a bank or the police ended this origin's hold, or no longer does."""
        waiting = self._waiting.get(origin)
        if waiting is not None:
            self._dismiss(origin, waiting)
            self._admit(origin, waiting)

    def advance(self, now: int) -> None:
        """Let the clocks run out that end at ``now`` (ms) or before."""
        self._now = now
        while self._clocks and self._clocks[0][0] <= now:
            _, origin = heappop(self._clocks)
            waiting = self._waiting.get(origin)
            if waiting is not None and waiting.until <= now and origin not in self._expired:
                self._dismiss(origin, waiting)
                self._expired.add(origin)

    def fit(self, balance: int | None) -> None:
        """Hold as many as the ``balance`` (satang; None: not known) and the limit allow."""
        if (balance is None) != (self._balance is None):
            self.touched |= self._held
        self._balance = balance
        queue, held = self._queue, self._held
        while held:
            last = self._waiting[queue[len(held) - 1][2]]
            left = None if balance is None else balance - (self._held_satang - last.amount)
            if len(held) <= MAX_HOLDS_AN_ACCOUNT and (left is None or left > 0):
                break
            self._release(last)
        while len(held) < min(len(queue), MAX_HOLDS_AN_ACCOUNT) and self._money_left():
            self._hold(self._waiting[queue[len(held)][2]])
        partly = self._last_partly()
        if partly != self._partly:
            self.touched.update(origin for origin, _ in filter(None, (partly, self._partly)))
            self._partly = partly

    @property
    def held(self) -> set[str]:
        """The origins that are held."""
        return self._held

    @property
    def total(self) -> int:
        """The sum of all that is held, in satang."""
        total = self._held_satang
        if self._partly is not None:
            total += self._partly[1] - self._waiting[self._partly[0]].amount
        return total

    @property
    def limited(self) -> bool:
        """Whether more would be held, were it not for the limit."""
        held = len(self._held)
        return held >= MAX_HOLDS_AN_ACCOUNT and held < len(self._queue) and self._money_left()

    @property
    def due(self) -> int | None:
        """When the next clock of a hold runs out (ms)."""
        return self._held_until[0][0] if self._held_until else None

    def first(self) -> str | None:
        """Return the first origin that is held."""
        return self._queue[0][2] if self._held else None

    def amount(self, origin: str) -> int:
        """Return what is held of an origin, in satang."""
        if self._partly is not None and self._partly[0] == origin:
            return self._partly[1]
        return self._waiting[origin].amount

    def turn(self, origin: str) -> Turn:
        """Return the place of a candidate in the queue."""
        return self._waiting[origin].turn

    def why_not(self, origin: str) -> str | None:
        """Return why a candidate is not held; None for others, and for those beyond the limit."""
        waiting = self._waiting.get(origin)
        if waiting is None or (self.limited and waiting.turn >= self._queue[len(self._held)]):
            return None
        if origin in self._expired:
            return CLOCK_OUT
        return self._by_bank.get(origin, MONEY_GONE)

    def why_none(self) -> set[str]:
        """Return the reasons of all candidates, when none is held."""
        reasons = {reason for reason, count in self._bank_reasons.items() if count}
        if self._expired:
            reasons.add(CLOCK_OUT)
        if self._queue or self._worthless:
            reasons.add(MONEY_GONE)
        return reasons

    def origins(self) -> list[str]:
        """Return the origins of all candidates."""
        return list(self._waiting)

    def _admit(self, origin: str, waiting: Waiting) -> None:
        if waiting.until <= self._now:
            self._expired.add(origin)
        elif origin in self._ended:
            reason = self._by_bank[origin] = self._ended[origin]
            self._bank_reasons[reason] = self._bank_reasons.get(reason, 0) + 1
        elif waiting.amount <= 0:
            self._worthless.add(origin)
        else:
            # One that comes before the last that is held is held in any case, until `fit`.
            before = self._held and waiting.turn < self._queue[len(self._held) - 1]
            insort(self._queue, waiting.turn)
            if before:
                self._hold(waiting)

    def _dismiss(self, origin: str, waiting: Waiting) -> None:
        if origin in self._expired:
            self._expired.discard(origin)
        elif origin in self._by_bank:
            self._bank_reasons[self._by_bank.pop(origin)] -= 1
        elif origin in self._worthless:
            self._worthless.discard(origin)
        else:
            if origin in self._held:
                self._release(waiting)
            del self._queue[bisect_left(self._queue, waiting.turn)]

    def _hold(self, waiting: Waiting) -> None:
        origin = waiting.turn[2]
        self._held.add(origin)
        self._held_satang += waiting.amount
        insort(self._held_until, (waiting.until, origin))
        self.touched.add(origin)

    def _release(self, waiting: Waiting) -> None:
        origin = waiting.turn[2]
        self._held.discard(origin)
        self._held_satang -= waiting.amount
        take_out(self._held_until, (waiting.until, origin))
        self.touched.add(origin)

    def _money_left(self) -> bool:
        return self._balance is None or self._held_satang < self._balance

    def _last_partly(self) -> tuple[str, int] | None:
        """Return the last that is held and its amount, where the balance does not reach for all."""
        if self._balance is None or self._held_satang <= self._balance:
            return None
        last = self._waiting[self._queue[len(self._held) - 1][2]]
        return last.turn[2], last.amount - (self._held_satang - self._balance)


def _is_less_or_more(before: Waiting, waiting: Waiting) -> bool:
    """Whether only the amount is other, so that it keeps its place, if it has any."""
    return waiting.amount > 0 and before == (waiting.turn, before.amount, waiting.until)
