"""Reports that are not a victim's: a false one, an honest mistake, a bank's desk, a list."""

from __future__ import annotations

import random
from typing import Any

from pipeline.simulation.campaign import MINUTE
from pipeline.simulation.complaints import Desk, Filed
from pipeline.simulation.ledger import Payment
from pipeline.simulation.rings import Ring
from pipeline.simulation.world import BAHT, Account, World
from pipeline.simulation.writing import moment

Event = dict[str, Any]

ROLES = ("malicious", "mistaken", "bank_detection", "bank_detection", "laundering_list")
"""In this order, as many as the number of reports leaves room for."""


def outsider_count(reports: int) -> int:
    """Return how many of so many reports are not victims'."""
    return min(len(ROLES), reports // 4)


def file_outsiders(
    desk: Desk, world: World, rings: list[Ring], honest: list[Payment], reports: int
) -> None:
    """File the reports that are not victims'; ``honest`` are settled payments, in any order."""
    rng = desk.rng
    for index, role in enumerate(ROLES[: outsider_count(reports)]):
        ring = rings[index % len(rings)]
        if role == "malicious":
            _malicious(desk, world, rings)
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


def _malicious(desk: Desk, world: World, rings: list[Ring]) -> None:
    """Somebody unknown accuses a shop of a payment that never was."""
    rng = desk.rng
    shop = rng.choice(world.shops)
    at = rings[0].opens_at + rng.randrange(30 * MINUTE, 300 * MINUTE)
    payment: Event = {
        "paid_at": moment(at - 47 * MINUTE),
        "amount_satang": rng.randrange(5_000, 50_000) * BAHT,
        "currency": "THB",
        "to": {"bank": shop.code, "account": shop.number},
    }
    event = _event(desk, "aoc-1441", "AOC", at, {"verified_by": "none"})
    event["suspects"] = [_suspect(world, shop)]
    event["payments"] = [payment]
    _file(desk, at, event, "malicious", None, [], [shop.key])


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
