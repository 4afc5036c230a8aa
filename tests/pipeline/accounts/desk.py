"""A desk to lay out an account's events on and read the alerts off again."""

from __future__ import annotations

import itertools
from collections import Counter
from typing import Any

import msgspec
import orjson

from pipeline.accounts.fold import AccountsFold
from pipeline.contracts.account_log import (
    AccountEvent,
    AccountEvents,
    Answer,
    Claim,
    Level,
    Posting,
    Postings,
    Tick,
    encode_log_entry,
)
from pipeline.fold import LogRecord, Output
from pipeline.policy.policy import HOUR_MS, Policy, load_policy
from pipeline.state import MemoryState

MULE = "account:014:1112223334"
VICTIM = "account:004:5556667778"
SHOP = "account:002:9990001112"
NINE = 1_790_000_000_000 // HOUR_MS * HOUR_MS
MINUTE = 60_000


def credit(transaction: str, amount: int, at: int = NINE, **more: Any) -> Posting:
    """Money into the mule's account."""
    fields = {"account": MULE, "other": VICTIM, **more}
    return Posting(transaction=transaction, at=at, amount=amount, **fields)


def claim(claim_id: str, amount: int, **more: Any) -> Claim:
    """A verified victim's claim about a payment into the mule's account at nine."""
    fields = {
        "account": MULE,
        "version": 1,
        "withdrawn": False,
        "report": claim_id.partition("#")[0],
        "received_at": NINE + 20 * MINUTE,
        "published_at": NINE + 20 * MINUTE,
        "voice": "voice-" + claim_id,
        "verified": True,
        "police_filed": False,
        "paid_at": NINE,
        "amount": amount,
        **more,
    }
    return Claim(claim_id=claim_id, **fields)


def level(name: str = "light_grey", **more: Any) -> Level:
    """The mule's level since twenty past nine."""
    fields = {
        "account": MULE,
        "version": 1,
        "level": name,
        "acting": name in {"black", "dark_grey", "light_grey"},
        "since": NINE + 20 * MINUTE,
        "published_at": NINE + 20 * MINUTE,
        "police_filed": False,
        "reports": 1,
        "voices": 1,
        "verified_voices": 1,
        "cluster": "cluster-1",
        "cluster_version": 1,
        "caused_by": "aoc-1441/1",
        **more,
    }
    return Level(**fields)


def answer(update_id: str, status: str, **more: Any) -> Answer:
    """A bank's answer at ten."""
    fields = {"account": MULE, "at": NINE + HOUR_MS, **more}
    return Answer(update_id=update_id, status=status, **fields)


class Desk:
    """One partition's fold, fed by hand."""

    def __init__(self, policy: Policy | None = None) -> None:
        self.state = MemoryState()
        self.policy = policy or load_policy()
        self.fold = AccountsFold(self.state, self.policy, 0, 1)
        self.outputs: list[Output] = []
        self.counts: Counter[tuple[str, ...]] = Counter()
        self._offsets = itertools.count()

    def lay(
        self, *events: Posting | AccountEvent | Tick | list[AccountEvent]
    ) -> list[dict[str, Any]]:
        """Feed each event (or list of them) as one record; return the alerts that came of them."""
        came: list[Output] = []
        for event in events:
            if isinstance(event, Posting):
                entry: Any = Postings([event])
            elif isinstance(event, Tick):
                entry = event
            elif isinstance(event, list):
                entry = AccountEvents(event)
            else:
                entry = AccountEvents([event])
            record = LogRecord(next(self._offsets), NINE, None, encode_log_entry(entry))
            folded = self.fold.apply([record])
            came += folded.outputs
            self.counts.update(folded.counts)
        self.outputs += came
        return [orjson.loads(o.value or b"") for o in came if o.topic == "freeze-alerts"]

    def alerts(self) -> list[dict[str, Any]]:
        """Every alert so far, all versions."""
        return [orjson.loads(o.value or b"") for o in self.outputs if o.topic == "freeze-alerts"]

    def standing(self) -> dict[tuple[str, str], dict[str, Any]]:
        """The newest version of each alert that still stands, by (kind, origin)."""
        newest = {alert["alert_id"]: alert for alert in self.alerts()}
        return {(a["kind"], a["origin"]): a for a in newest.values() if a["kind"] != "release"}

    def notices(self) -> list[AccountEvent]:
        """What was told to the payers' books."""
        told: list[AccountEvent] = []
        for output in self.outputs:
            if output.topic == "account-log" and output.value is not None:
                told += msgspec.msgpack.decode(output.value, type=AccountEvents).events
        return told
