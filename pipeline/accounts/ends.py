"""Where stolen money leaves one account and is not followed: at a limit, at a shop, or in cash.

Cash that is paid out is nobody's account any more: no step goes on, and what of it was stolen is
gone. That is an end, and no limit: nothing was left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from pipeline.accounts.apportionment import Colour
from pipeline.accounts.stolen_money import Part
from pipeline.accounts.trails import leg_of
from pipeline.contracts.account_log import Leg, Posting

ORDINARY_TRADE = "ordinary_trade"
LEFT_IN_CASH = "left_in_cash"
OUT_OF_HOPS = "trace_hops"
OUT_OF_ACCOUNTS = "trace_accounts"
LIMITS_OF_A_TRACE = (OUT_OF_HOPS, OUT_OF_ACCOUNTS)
LIMITS_OF_A_STEP = ("marks_a_step", "legs_a_step")


class Rests(NamedTuple):
    """What one account has of a stolen payment (satang), and where it left and is not followed.

    ``ends`` are payments, each with the limit, with what spares its payee, or that it is cash;
    ``in_cash`` are those in cash once more, with the share of it that each took.
    """

    resting: int
    ends: list[tuple[str, str]]
    in_cash: list[Leg]


class Ends:
    """The ends of the traces through one account. Postings are named by their ids."""

    def __init__(self) -> None:
        self._cut: dict[tuple[Colour, str], str] = {}
        """Where the trace ends although the money went on, and at which limit."""
        self._newly_cut: dict[str, int] = {}
        self._in_cash: dict[str, dict[Colour, Part]] = {}
        """By debit: what of it is stolen money that left in cash."""

    def mark(self, colour: Colour, debit: str, limit: str | None) -> None:
        """Say that the trace of a colour ends with a debit, and why; None: it does not."""
        if limit is None:
            self._cut.pop((colour, debit), None)
        elif self._cut.get((colour, debit)) != limit:
            self._cut[colour, debit] = limit
            self.count(limit)

    def count(self, limit: str) -> None:
        """Count that something was left out at a limit."""
        self._newly_cut[limit] = self._newly_cut.get(limit, 0) + 1

    def newly_cut(self) -> dict[str, int]:
        """Return how often a trace came to its end by a limit since this was asked, by limit."""
        cut, self._newly_cut = self._newly_cut, {}
        return cut

    def leave(self, debit: str, parts: dict[Colour, Part]) -> None:
        """Set what of a debit is stolen money that left in cash."""
        if parts:
            self._in_cash[debit] = parts
        else:
            self._in_cash.pop(debit, None)

    def left_with(self, debit: str) -> dict[Colour, Part]:
        """Return what was set for a debit."""
        return self._in_cash.get(debit, {})

    def of(
        self, origin: str, shops: Mapping[Colour, bool], postings: Mapping[str, Posting]
    ) -> tuple[list[tuple[str, str]], list[Leg]]:
        """Return the last two items of `Rests` for a stolen payment.

        ``shops``: its colours that are in dispute, and whether the account is a shop to each. A
        shop gave goods, so what it takes out of its account in cash is its own.
        """
        cut = sorted(self._cut.items())
        ends = [
            (posting[:-1], limit) for (colour, posting), limit in cut if colour.origin == origin
        ]
        legs = []
        for debit, parts in sorted(self._in_cash.items()):
            for colour in sorted(parts.keys() & shops.keys()):
                marks, _ = parts[colour]
                ends.append((debit[:-1], ORDINARY_TRADE if shops[colour] else LEFT_IN_CASH))
                if not shops[colour]:
                    share = sum(length for _, length in marks)
                    legs.append(leg_of(colour.hop + 1, postings[debit], share))
        return ends, legs
