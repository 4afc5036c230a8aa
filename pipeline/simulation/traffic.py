"""Payments: honest traffic, and what mules do with the money."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field

from pipeline.simulation.campaign import MINUTE, Loss, Victim
from pipeline.simulation.ledger import Payment
from pipeline.simulation.rings import Ring
from pipeline.simulation.world import BAHT, Account, World

_STAYS = 0.12
"""Chance that a mule leaves what came in where it is."""


@dataclass(slots=True)
class Onward:
    """What follows from the stolen payments: transfers with their hop, shopping, and cash."""

    transfers: list[tuple[Ring, int, Payment]] = field(default_factory=list)
    spending: list[tuple[Ring, Payment]] = field(default_factory=list)
    cash_outs: list[tuple[Ring, Payment]] = field(default_factory=list)


def honest_payments(
    rng: random.Random, world: World, count: int, start: int, hours: int
) -> list[Payment]:
    """Return ``count`` payments of ordinary life from ``start`` (ms) over so many hours."""
    people, shops, random_ = world.people, world.shops, rng.random
    span = hours * 3_600_000
    payday = start + span // 3
    payments: list[Payment] = []
    for _ in range(count):
        at = start + int(random_() * span)
        kind = random_()
        payer = people[int(random_() * len(people))]
        by_proxy = random_() < 0.45
        if kind < 0.03:
            # Donations: a temple has as many payers as a mule, and as small sums as a shop.
            payee = world.temples[int(random_() * len(world.temples))]
            amount, channel = int(20 + 500 * random_() ** 3), "qr" if by_proxy else "mobile"
        elif kind < 0.5:
            # A few shops have most of the customers.
            payee = shops[int(random_() ** 2 * len(shops))]
            amount, channel = int(20 + 900 * random_() ** 3), "qr" if by_proxy else "mobile"
        elif kind < 0.76:
            payee = people[int(random_() * len(people))]
            amount, channel = int(50 + 20_000 * random_() ** 4), "mobile"
        elif kind < 0.86:
            payee = world.billers[int(random_() * len(world.billers))]
            amount, channel = int(200 + 3_000 * random_()), "internet"
        elif kind < 0.93:
            payer, payee = world.employers[int(random_() * len(world.employers))], payer
            at = payday + int(random_() * 30 * MINUTE)
            amount, channel, by_proxy = int(9_000 + 50_000 * random_() ** 2), "bahtnet", False
        elif kind < 0.96:
            payee = world.ewallets[int(random_() * len(world.ewallets))]
            amount, channel = int(50 + 950 * random_()), "promptpay"
        else:
            payer, payee = shops[int(random_() * len(shops))], payer
            amount, channel = int(300 + 30_000 * random_() ** 3), "mobile"
        if payer is payee:
            payee = world.billers[0]
        proxied = by_proxy and payee.proxy is not None
        if proxied and channel == "mobile":
            channel = "promptpay"
        satang = amount * BAHT + (int(random_() * 100) if kind > 0.76 else 0)
        payments.append(Payment(at, payer, payee, satang, channel, proxied))
    return payments


def look_alike_payments(rng: random.Random, world: World, rings: list[Ring]) -> list[Payment]:
    """Give the innocents whose numbers resemble a mule's some ordinary payments of their own."""
    payments: list[Payment] = []
    for ring in rings:
        for mule in ring.mules:
            for innocent in (mule.look_alike, mule.namesake):
                if innocent is None:
                    continue
                for _ in range(rng.randrange(2, 5)):
                    at = rng.randrange(ring.opens_at, ring.closes_at)
                    amount = rng.randrange(100, 4_000) * BAHT
                    payer = rng.choice(world.people)
                    if payer is not innocent:
                        payments.append(Payment(at, payer, innocent, amount, "mobile", False))
    return payments


def onward_payments(rng: random.Random, world: World, victims: list[Victim]) -> Onward:
    """Follow each stolen payment through its ring's layers, minutes apart, over several banks."""
    onward = Onward()
    for victim in victims:
        for loss in victim.losses:
            onward.transfers.extend(_moves(rng, victim.ring, loss))
            if rng.random() < 0.12:
                onward.spending.append((victim.ring, _shopping(rng, world, loss)))
    return onward


def _moves(rng: random.Random, ring: Ring, loss: Loss) -> Iterator[tuple[Ring, int, Payment]]:
    # (account that holds the money, how much of it, since when, hop of the next transfer)
    waiting: list[tuple[Account, int, int, int]] = [
        (loss.mule.account, loss.payment.amount, loss.payment.at, 2)
    ]
    while waiting:
        holder, amount, since, hop = waiting.pop()
        last = hop - 2 >= len(ring.layers)
        if rng.random() < _STAYS or amount < 300 * BAHT or (last and ring.wallet is None):
            continue
        total = int(amount * (0.85 + 0.14 * rng.random()))
        at = since + int((0.5 + 8 * rng.random()) * MINUTE)
        if last and ring.wallet is not None:
            yield ring, hop, Payment(at, holder, ring.wallet, total, "other", False)
            continue
        layer = ring.layers[hop - 2]
        parts = min(len(layer), rng.choices((1, 2, 3), (45, 35, 20))[0])
        if total < 3_000 * BAHT:
            parts = 1
        for payee, part in zip(rng.sample(layer, parts), _split(rng, total, parts), strict=True):
            yield ring, hop, Payment(at, holder, payee, part, "mobile", False)
            waiting.append((payee, part, at, hop + 1))
            at += rng.randrange(10_000, 2 * MINUTE)


def _split(rng: random.Random, total: int, parts: int) -> list[int]:
    """Cut an amount into parts of whole baht, none empty."""
    shares = [0.5 + rng.random() for _ in range(parts)]
    cut = [int(total * share / sum(shares)) // BAHT * BAHT for share in shares]
    return [max(BAHT, piece) for piece in cut]


def _shopping(rng: random.Random, world: World, loss: Loss) -> Payment:
    """Let a mule buy something small at an honest shop out of the stolen money."""
    at = loss.payment.at + int((1 + 30 * rng.random()) * MINUTE)
    amount = rng.randrange(100, 501) * BAHT
    return Payment(at, loss.mule.account, rng.choice(world.shops), amount, "mobile", False)
