"""Cash out of machines: stolen money that leaves the banks so, and what honest people take out.

Only where a scenario asks for it: without, its payments are what they were.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator

from pipeline.simulation.campaign import MINUTE, Victim
from pipeline.simulation.ledger import Payment
from pipeline.simulation.traffic import Onward
from pipeline.simulation.world import BAHT, Account

_AT_ONCE = 20_000 * BAHT
"""What a machine gives out at one time, at most."""

_SUMS = [baht * BAHT for baht in (500, 1_000, 1_000, 2_000, 3_000, 5_000, 20_000)]
_ONE_OF_HONEST = 20
"""Honest people take out cash once for so many payments."""


def withdrawals(
    rng: random.Random,
    victims: list[Victim],
    onward: Onward,
    honest: Iterable[Payment],
    share: float,
) -> list[Payment]:
    """Return what is taken out in cash, by the rings soon after it came and by honest people.

    The rings do so at the given share of the stolen money's arrivals; ``onward`` gets theirs.
    Such payments come on top of a scenario's number. With a share of 0 nobody does.
    """
    if not share:
        return []
    nobody = Account("cash", "", "", {"cash": True}, False)
    came = [(victim.ring, loss.payment) for victim in victims for loss in victim.losses]
    came += [(ring, payment) for ring, _, payment in onward.transfers]
    onward.cash_outs += [
        (ring, Payment(at, payment.payee, nobody, amount, "atm", False))
        for ring, payment in came
        if payment.payee.code and rng.random() < share
        for at, amount in _taken(rng, payment)
    ]
    return [payment for _, payment in onward.cash_outs] + [
        Payment(payment.at + MINUTE, payment.payer, nobody, rng.choice(_SUMS), "atm", False)
        for payment in honest
        if rng.randrange(_ONE_OF_HONEST) == 0
    ]


def _taken(rng: random.Random, came: Payment) -> Iterator[tuple[int, int]]:
    """Yield when (ms) how much (satang) is taken out of what came."""
    left, at = int(came.amount * (0.3 + 0.7 * rng.random())), came.at
    while left >= 100 * BAHT:
        amount = min(_AT_ONCE, left) // (100 * BAHT) * 100 * BAHT
        at += rng.randrange(20_000, 12 * MINUTE)
        left -= amount
        yield at, amount
