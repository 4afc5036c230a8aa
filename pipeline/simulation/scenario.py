"""A whole scenario from one seed: reports, payments, their order in time, and the truth."""

from __future__ import annotations

import datetime
import random
from dataclasses import dataclass
from typing import Any, Literal

from pipeline.simulation.campaign import plan_victims
from pipeline.simulation.cash import withdrawals
from pipeline.simulation.complaints import Desk, Event, file_victims
from pipeline.simulation.difficulty import DEFAULT, level
from pipeline.simulation.ledger import Ledger
from pipeline.simulation.outsiders import file_outsiders, plan_outsiders
from pipeline.simulation.rings import build_rings, lengthen
from pipeline.simulation.traffic import (
    honest_payments,
    look_alike_payments,
    onward_payments,
)
from pipeline.simulation.truth import tell_truth
from pipeline.simulation.world import build_world

HOURS = 24
"""Payments lie within a day of the start; the last reports, corrections and transfers follow."""

REPORTS_A_LOCAL_COURIER = 150
"""Small couriers: one for so many reports."""

Stream = Literal["report", "transaction"]


@dataclass(frozen=True, slots=True)
class Scenario:
    """Events and their truth. Events share sub-objects: read them, do not change them.

    ``reports`` and ``transactions`` are events of the contracts, in order of time. ``timeline``
    is (ms since 1970, which list, index in it) in order of event time. ``truth`` is JSON-ready:

    - ``seed``, ``start``, ``difficulty``: what made it;
    - ``rings``: id, scam type, true identifiers by kind and together, onward accounts;
    - ``reports``: report key (source/report_id), role, ring, the group that evidence can reach,
      victim, true accounts, those of them that it names rightly, the transactions that it
      really disputes, difficulties, whether corrected or withdrawn;
    - ``stolen_payments``: transaction key, slip reference, amount, victim, mule account, ring,
      disputing reports, whether paid after the victim's own or anybody's first report;
    - ``transfers``: the onward transfers with their hop (2 is the first after the mule account);
    - ``mule_spending``: what mules bought at honest shops;
    - ``cash_outs``: what left in cash at machines, where the scenario has any;
    - ``innocents``: all honest accounts, shops, victims, look-alikes of mules, accused, courier;
    - ``shared_phones``: SIMs that two rings used; they belong to neither ring;
    - ``couriers``: phones that many victims name and no ring owns;
    - ``difficulties``: the reports that show each; ``payments_told_by_both_banks`` and
      ``payments_published_twice``: transaction keys.
    """

    reports: list[dict[str, Any]]
    transactions: list[dict[str, Any]]
    timeline: list[tuple[int, Stream, int]]
    truth: dict[str, Any]


def simulate(
    seed: int,
    *,
    rings: int = 6,
    reports: int = 120,
    payments: int = 20_000,
    difficulty: str = DEFAULT,
    hops: int | None = None,
    cash: float = 0,
    start: datetime.datetime,
) -> Scenario:
    """Make a scenario; the same arguments give the same events, byte for byte.

    Args:
        seed: any integer.
        rings: number of scam rings, at least 1.
        reports: number of distinct reports; corrections, withdrawals and repeats come on top.
        payments: number of payments, honest and stolen; when the rings need more than that,
            there are no honest ones. Events that tell a payment a second time come on top.
        difficulty: a name in `difficulty.LEVELS`: how people write, how much is not as it seems.
        hops: how many accounts stolen money goes through in the rings with the longest way, at
            least 2; the others' ways are of all lengths from 2 on. None: 3 to 5 in each.
        cash: at what share of its arrivals stolen money is taken out in cash (`cash.withdrawals`).
        start: when the day of payments begins, with an offset.

    Raises:
        ValueError: a number is not allowed, there is no such difficulty, ``start`` has no offset.
    """
    _check(rings, reports, payments, hops, cash, start)
    begin = int(start.timestamp()) * 1000
    rules = level(difficulty)
    world = build_world(_stage(seed, "world"), payments, rules)
    courier = world.citizen()[0]
    courier_phone = world.register_phone(courier)
    world.people.append(courier)
    gangs = build_rings(_stage(seed, "rings"), world, rings, begin, HOURS)
    if hops is not None:
        lengthen(_stage(seed, "hops"), world, gangs, hops)
    campaign = _stage(seed, "campaign")
    outsiders = plan_outsiders(_stage(seed, "outsiders"), reports, rules)
    victims = plan_victims(campaign, world, gangs, reports - sum(size for _, size in outsiders))
    traffic = _stage(seed, "traffic")
    onward = onward_payments(traffic, world, victims)
    special = [loss.payment for victim in victims for loss in victim.losses]
    special += [payment for _, _, payment in onward.transfers]
    special += [payment for _, payment in onward.spending]
    special += look_alike_payments(traffic, world, gangs)
    honest = honest_payments(traffic, world, max(0, payments - len(special)), begin, HOURS)
    special += withdrawals(_stage(seed, "cash"), victims, onward, honest, cash)
    ledger = Ledger(_stage(seed, "ledger"), special + honest)

    desk = Desk(_stage(seed, "reports"), start.year)
    locals_ = range(reports // REPORTS_A_LOCAL_COURIER if rules.local_courier else 0)
    couriers = [courier_phone, *(world.phone() for _ in locals_)]
    file_victims(desk, victims, couriers, rules)
    file_outsiders(desk, world, gangs, honest, outsiders)
    desk.events.sort(key=_time)
    truth = {
        "seed": seed,
        "start": start.isoformat(),
        "difficulty": difficulty,
        "couriers": [f"phone:{phone}" for phone in couriers],
        **tell_truth(world, gangs, victims, desk.filed, onward, ledger, courier),
    }
    return Scenario(
        reports=[event for _, event in desk.events],
        transactions=[event for _, event in ledger.events],
        timeline=_timeline(desk.events, ledger.events),
        truth=truth,
    )


def _check(
    rings: int,
    reports: int,
    payments: int,
    hops: int | None,
    cash: float,
    start: datetime.datetime,
) -> None:
    if rings < 1 or reports < 0 or payments < 0:
        raise ValueError("a scenario needs at least one ring and no negative numbers")
    if hops is not None and hops < 2:
        raise ValueError("stolen money goes through at least two accounts")
    if not 0 <= cash <= 1:
        raise ValueError("the share of stolen money that leaves in cash is from 0 to 1")
    if start.tzinfo is None:
        raise ValueError("the start of a scenario needs an offset from UTC")


def _stage(seed: int, name: str) -> random.Random:
    """Return the randomness of one stage: more payments do not change the reports' errors."""
    return random.Random(f"{seed}/{name}")


def _timeline(
    reports: list[tuple[int, Event]], transactions: list[tuple[int, Event]]
) -> list[tuple[int, Stream, int]]:
    order: list[tuple[int, Stream, int]] = [
        (at, "transaction", index) for index, (at, _) in enumerate(transactions)
    ]
    order += [(at, "report", index) for index, (at, _) in enumerate(reports)]
    # Stable: of two at the same millisecond the payment comes first.
    order.sort(key=_at)
    return order


def _time(entry: tuple[int, Event]) -> int:
    return entry[0]


def _at(entry: tuple[int, Stream, int]) -> int:
    return entry[0]
