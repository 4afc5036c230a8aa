"""Reports that are not a victim's: a false one, an honest mistake, a bank's desk, a list."""

from __future__ import annotations

import random
from typing import Any

from pipeline.simulation.campaign import MINUTE
from pipeline.simulation.complaints import Desk, Filed
from pipeline.simulation.difficulty import Difficulty
from pipeline.simulation.ledger import Payment
from pipeline.simulation.rings import Ring
from pipeline.simulation.world import BAHT, Account, World
from pipeline.simulation.writing import moment, written_phone

Event = dict[str, Any]

_REPORTS_FOR_A_BRIGADE = 100
"""From so many reports on there is a brigade at every level."""

ROLES = ("malicious", "mistaken", "bank_detection", "bank_detection", "laundering_list")
"""In turn, as many as the number of reports leaves room for."""

BRIGADE = "brigade"
_SMALLEST, _LARGEST = 5, 50
_REPORTS_AN_OUTSIDER = 24
_BRIGADE_SOURCES = (("aoc-1441", "AOC"), ("etda-1212", "1212"), ("meta", "META"))


def plan_outsiders(rng: random.Random, reports: int, level: Difficulty) -> list[tuple[str, int]]:
    """Return (role, number of reports) of everything that is not a victim's, among so many."""
    few = min(len(ROLES), reports // 4)
    count = max(few, reports // _REPORTS_AN_OUTSIDER)
    plan = [(ROLES[place % len(ROLES)], 1) for place in range(count)]
    brigades = max(round(reports / level.reports_a_brigade), reports >= _REPORTS_FOR_A_BRIGADE)
    for _ in range(brigades):
        largest = min(_LARGEST, max(_SMALLEST, reports // 20))
        plan.append((BRIGADE, rng.randrange(_SMALLEST, largest + 1)))
    return plan


def file_outsiders(
    desk: Desk,
    world: World,
    rings: list[Ring],
    honest: list[Payment],
    plan: list[tuple[str, int]],
) -> None:
    """File the reports that are not victims'; ``honest`` are settled payments, in any order."""
    rng = desk.rng
    for index, (role, size) in enumerate(plan):
        ring = rings[index % len(rings)]
        if role == BRIGADE:
            _brigade(desk, world, ring, size)
        elif role == "malicious":
            _malicious(desk, world, ring)
        elif role == "mistaken":
            _mistaken(desk, world, honest)
        elif role == "bank_detection":
            # The desk sees the pattern some hours in, whether or not a victim has called.
            account = rng.choice(ring.mules).account
            at = ring.opens_at + rng.randrange(60 * MINUTE, 400 * MINUTE)
            _listed(desk, ring, account, at, ("bank-fraud-desk", "BFD", role, "bank"))
        else:
            at = ring.opens_at + rng.randrange(60 * MINUTE, 600 * MINUTE)
            _listed(desk, ring, ring.layers[0][0], at, ("amlo", "AMLO", role, "police"))


def _malicious(desk: Desk, world: World, ring: Ring) -> None:
    """Somebody unknown accuses a shop of a payment that never was."""
    at = ring.opens_at + desk.rng.randrange(30 * MINUTE, 300 * MINUTE)
    shop = desk.rng.choice(world.shops)
    event = _false_report(desk, world, shop, at, ("aoc-1441", "AOC"), {"verified_by": "none"})
    difficulties = []
    if desk.rng.random() < world.level.reissued:
        # The shop's new SIM was the ring's.
        phone = desk.rng.choice(ring.phones)
        event["suspects"].append({"kind": "phone", "number": written_phone(desk.rng, phone)})
        difficulties.append("reissued_phone")
    _file(desk, at, event, "malicious", None, [], [shop.key]).difficulties.extend(difficulties)


def _brigade(desk: Desk, world: World, ring: Ring, size: int) -> None:
    """A few people file many false reports against one shop within hours, none of them verified."""
    rng = desk.rng
    shop = rng.choice(world.shops)
    persons = [rng.randbytes(32).hex() for _ in range(rng.randrange(1, 5))]
    at = ring.opens_at + rng.randrange(30 * MINUTE, 300 * MINUTE)
    for _ in range(size):
        reporter: Event = {"verified_by": "none"}
        if rng.random() < 0.4:
            reporter["person"] = rng.choice(persons)
        event = _false_report(desk, world, shop, at, rng.choice(_BRIGADE_SOURCES), reporter)
        if rng.random() < 0.5:
            event["payments"] = []
        _file(desk, at, event, BRIGADE, None, [], [shop.key])
        at += rng.randrange(10_000, 6 * MINUTE)


def _false_report(
    desk: Desk,
    world: World,
    shop: Account,
    at: int,
    source: tuple[str, str],
    reporter: Event,
) -> Event:
    event = _event(desk, *source, at, reporter)
    event["suspects"] = [_suspect(world, shop)]
    event["payments"] = [
        {
            "paid_at": moment(at - 47 * MINUTE),
            "amount_satang": desk.rng.randrange(500, 50_000) * BAHT,
            "currency": "THB",
            "to": {"bank": shop.code, "account": shop.number},
        }
    ]
    return event


def _mistaken(desk: Desk, world: World, honest: list[Payment]) -> None:
    """A verified buyer disputes a real purchase; the goods arrive and the report is withdrawn."""
    rng = desk.rng
    shops = {shop.key for shop in world.shops}
    purchase = _first_purchase(rng, honest, shops)
    if purchase is None:
        return
    at = purchase.at + rng.randrange(60 * MINUTE, 240 * MINUTE)
    reporter = {"verified_by": "thaid", "person": rng.randbytes(32).hex()}
    event = _event(desk, "aoc-1441", "AOC", at, reporter)
    shop = purchase.payee
    event["suspects"] = [_suspect(world, shop)]
    event["payments"] = [
        {
            "reference": purchase.reference,
            "paid_at": moment(purchase.at),
            "amount_satang": purchase.amount,
            "currency": "THB",
            "from": {"bank": purchase.payer.code, "account": purchase.payer.number},
            "to": {"bank": shop.code, "account": shop.number},
        }
    ]
    truth = _file(desk, at, event, "mistaken", None, [purchase.key], [shop.key])
    desk.withdraw(at + rng.randrange(120 * MINUTE, 360 * MINUTE), event, 2)
    truth.withdrawn = True


def _first_purchase(rng: random.Random, honest: list[Payment], shops: set[str]) -> Payment | None:
    if not honest:
        return None
    begin = rng.randrange(len(honest))
    for payment in honest[begin:] + honest[:begin]:
        if payment.payee.key in shops and payment.payer.key not in shops:
            return payment
    return None


def _listed(
    desk: Desk, ring: Ring, account: Account, at: int, origin: tuple[str, str, str, str]
) -> None:
    source, prefix, role, verified_by = origin
    event = _event(desk, source, prefix, at, {"verified_by": verified_by})
    event["suspects"] = [{"kind": "account", "number": account.number, "bank": account.code}]
    _file(desk, at, event, role, ring.ring_id, [], [account.key])


def _suspect(world: World, shop: Account) -> Event:
    holder = world.names[shop.key].thai
    return {"kind": "account", "number": shop.number, "bank": shop.code, "holder": holder}


def _event(desk: Desk, source: str, prefix: str, at: int, reporter: Event) -> Event:
    return {
        "source": source,
        "report_id": desk.report_id(prefix),
        "kind": "submitted",
        "revision": 1,
        "received_at": moment(at),
        "reporter": reporter,
        "scam_type": "purchase" if source == "aoc-1441" else "other",
        "suspects": [],
        "payments": [],
    }


def _file(
    desk: Desk,
    at: int,
    event: Event,
    role: str,
    ring: str | None,
    transactions: list[str],
    accounts: list[str],
) -> Filed:
    key = f"{event['source']}/{event['report_id']}"
    truth = Filed(
        key, role, ring, None, at, transactions, accounts, [role], list(accounts), list(accounts)
    )
    desk.file(at, event, truth)
    return truth
