"""Brigades: 5 to 50 unverified false reports against one shop that honest people pay."""

from __future__ import annotations

import random
from typing import Any, NamedTuple

import orjson

from evaluation.runs import START, found_of
from pipeline.contracts.alerts import AlertKind
from pipeline.contracts.codec import milliseconds, rfc3339
from pipeline.policy.policy import load_policy
from pipeline.replay import Event, Replay
from pipeline.topics import CLUSTERS, REPORTS, TRANSACTIONS, WATCHLIST

SIZES = (5, 10, 20, 50)
BANK = "004"
_MINUTE = 60_000
VISIBLE = (b"suspicious", b"brigade")
"""Words by which what Freezeline says of a shop tells people that the reports look arranged."""


class Brigades(NamedTuple):
    """What came of them: how many, how many led to a hold, to a watch, and are shown as such."""

    brigades: int
    holds: int
    watches: int
    visible: int


def measure() -> Brigades:
    """Run a shop for each size, with known and unknown persons, real and invented payments."""
    events: list[Event] = []
    shops: list[str] = []
    rng = random.Random(7)
    for size in SIZES:
        for persons in (0, 1, 4):
            for real in (False, True):
                shop = f"{3_330_000_000 + 104_729 * len(shops):010d}"
                shops.append(f"account:{BANK}:{shop}")
                events += _against(rng, shop, size, persons, real)
    events.sort(key=lambda event: event.at)
    run = Replay(load_policy())
    run.run(events)
    found = found_of(run)
    watched = {a.account for a in found.newest.values() if a.kind is AlertKind.WATCH}
    said = [*run.newest(CLUSTERS), *run.newest(WATCHLIST)]
    shown = [value for value in said if any(word in value for word in VISIBLE)]
    return Brigades(
        brigades=len(shops),
        holds=sum(shop in found.first_hold for shop in shops),
        watches=sum(shop in watched for shop in shops),
        visible=sum(any(shop.encode() in value for value in shown) for shop in shops),
    )


def _against(rng: random.Random, shop: str, size: int, persons: int, real: bool) -> list[Event]:
    start = milliseconds(START)
    events = []
    payments: list[tuple[int, int]] = []
    for index in range(60):
        at, amount = start + index * 4 * _MINUTE, rng.randrange(2_000, 90_000)
        payments.append((at, amount))
        event = {
            "source": "bank-014",
            "transaction_id": f"{shop}-{index}",
            "occurred_at": rfc3339(at),
            "payer": {"bank": "014", "account": f"{5_550_000_000 + rng.randrange(10**8):010d}"},
            "payee": {"bank": BANK, "account": shop},
            "amount_satang": amount,
            "currency": "THB",
        }
        events.append(Event(at, TRANSACTIONS, orjson.dumps(event)))
    at = start + 300 * _MINUTE
    for index in range(size):
        reporter: dict[str, Any] = {"verified_by": "none"}
        if persons:
            reporter["person"] = f"{int(shop) * 10 + index % persons:064x}"
        paid, amount = rng.choice(payments) if real else (at - 47 * _MINUTE, 1_999_000)
        event = {
            "source": "aoc-1441",
            "report_id": f"B-{shop}-{index}",
            "kind": "submitted",
            "received_at": rfc3339(at),
            "reporter": reporter,
            "scam_type": "purchase",
            "suspects": [{"kind": "account", "number": shop, "bank": BANK}],
            "payments": [
                {
                    "paid_at": rfc3339(paid),
                    "amount_satang": amount,
                    "to": {"bank": BANK, "account": shop},
                }
            ],
        }
        events.append(Event(at, REPORTS, orjson.dumps(event)))
        at += rng.randrange(20_000, 3 * _MINUTE)
    return events
