"""Who is cheated, when, by which mule account, and at which agencies they report it."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from pipeline.simulation.agencies import AGENCIES, SHARES, Agency
from pipeline.simulation.ledger import Payment
from pipeline.simulation.people import Person
from pipeline.simulation.rings import AMOUNTS_BAHT, Mule, Ring
from pipeline.simulation.world import BAHT, Account, World

MINUTE = 60_000
_PAYS_AGAIN = 0.1
_NO_PAYMENT = 0.1


@dataclass(slots=True, eq=False)
class Loss:
    """One stolen payment: to which mule, and whether the victim had already reported."""

    payment: Payment
    mule: Mule
    after_own_report: bool = False


@dataclass(slots=True, eq=False)
class Victim:
    """A victim, what the ring showed them, what they paid, and whom they called (time in ms)."""

    victim_id: str
    ring: Ring
    account: Account
    name: Person
    person: str
    phone: str
    handle: tuple[str, str]
    page: str
    mule: Mule
    losses: list[Loss] = field(default_factory=list)
    calls: list[tuple[int, Agency]] = field(default_factory=list)


def plan_victims(rng: random.Random, world: World, rings: list[Ring], reports: int) -> list[Victim]:
    """Plan victims until exactly that many reports will be made, each ring getting some."""
    weights: list[float] = []
    for ring in rings:
        weights.append((weights[-1] if weights else 0.0) + ring.weight)
    victims: list[Victim] = []
    left = reports
    while left > 0:
        index = len(victims)
        if index < 2 * len(rings):
            ring = rings[index % len(rings)]
        else:
            ring = rng.choices(rings, cum_weights=weights)[0]
        victim = _victim(rng, world, ring, index + 1)
        _lose(rng, victim)
        _call(rng, victim, left)
        _lose_again(rng, victim)
        left -= len(victim.calls)
        victims.append(victim)
    return victims


def _victim(rng: random.Random, world: World, ring: Ring, number: int) -> Victim:
    account, name = world.citizen()
    account.cushion += 50_000 * BAHT
    # The first account of a ring is the one it uses most.
    mule = ring.mules[0] if rng.random() < 0.4 else rng.choice(ring.mules)
    team = rng.choice(ring.teams) if ring.teams else None
    return Victim(
        victim_id=f"victim-{number}",
        ring=ring,
        account=account,
        name=name,
        person=rng.randbytes(32).hex(),
        phone=rng.choice([*team.phones, *ring.passed_phones] if team else ring.phones_told),
        handle=rng.choice(team.handles if team else ring.handles),
        page=team.page if team else rng.choice(ring.pages),
        mule=mule,
    )


def _lose(rng: random.Random, victim: Victim) -> None:
    if rng.random() < _NO_PAYMENT:
        return
    ring = victim.ring
    at = rng.randrange(ring.opens_at, ring.closes_at)
    for _ in range(rng.choices((1, 2, 3), (80, 15, 5))[0]):
        mule = victim.mule if rng.random() < 0.8 else rng.choice(ring.mules)
        victim.losses.append(Loss(_stolen(rng, victim, mule, at), mule))
        at += rng.randrange(4 * MINUTE, 90 * MINUTE)


def _stolen(rng: random.Random, victim: Victim, mule: Mule, at: int) -> Payment:
    low, high = AMOUNTS_BAHT[victim.ring.scam_type]
    # Small sums are the rule: the square leans to the low end.
    baht = int(low + (high - low) * rng.random() ** 2.5)
    if baht > 2_000 and rng.random() < 0.5:
        baht -= baht % 100
    satang = rng.randrange(1, 100) if rng.random() < 0.06 else 0
    by_proxy = mule.account.proxy is not None and rng.random() < 0.5
    channel = "mobile"
    if by_proxy:
        channel = "qr" if rng.random() < 0.4 else "promptpay"
    return Payment(at, victim.account, mule.account, baht * BAHT + satang, channel, by_proxy)


def _call(rng: random.Random, victim: Victim, left: int) -> None:
    if victim.losses:
        at = victim.losses[-1].payment.at + int(rng.lognormvariate(3.5, 0.9) * MINUTE) + 2 * MINUTE
    else:
        at = rng.randrange(victim.ring.opens_at, victim.ring.closes_at)
    count = min(left, rng.choices((1, 2, 3), (64, 26, 10))[0])
    chosen: list[Agency] = []
    while len(chosen) < count:
        agency = rng.choices(AGENCIES, SHARES)[0]
        if agency not in chosen:
            chosen.append(agency)
    for agency in chosen:
        victim.calls.append((at, agency))
        at += rng.randrange(15 * MINUTE, 400 * MINUTE)


def _lose_again(rng: random.Random, victim: Victim) -> None:
    """Promised their money back, some victims pay once more after they have reported."""
    if not victim.losses or rng.random() >= _PAYS_AGAIN:
        return
    at = victim.calls[0][0] + rng.randrange(5 * MINUTE, 60 * MINUTE)
    mule = victim.losses[-1].mule
    victim.losses.append(Loss(_stolen(rng, victim, mule, at), mule, after_own_report=True))
