"""How much of the stolen money that is still somewhere is held, and how much of others' is.

``python -m benchmarks.followed_money --seeds 1 2 3 [--json]`` replays simulated days without Kafka
and compares the holds with a reference: the whole ledger of the day, first in, first out, coin by
coin. The reference knows every payment; it shares no rule with the traces but FIFO.

``money_covered`` is over the disputed payments that a report was matched to (whether it is, is not
the traces' business); ``money_covered_of_reported`` over all that anybody reported.
"""

from __future__ import annotations

import argparse
import datetime
import json
from collections import Counter, defaultdict, deque

import orjson

from agents.sending import PREPARE
from pipeline.contracts.transactions import decode_transaction
from pipeline.intake.fold import postings_of
from pipeline.policy.policy import load_policy
from pipeline.replay import Event, Replay
from pipeline.simulation.scenario import Scenario, simulate
from pipeline.topics import FREEZE_ALERTS, REPORTS, TRANSACTIONS

START = datetime.datetime.fromisoformat("2026-11-02T08:00:00+07:00")
HOPS = 5
_FAR_AHEAD_MS = 10**15
_KEY = b"benchmark" * 4

Label = tuple[int, str] | None
"""The hop and the origin of money; None: it is not stolen."""


class Ledger:
    """Every payment of a day, from both books, in order of time, and what the books opened with."""

    def __init__(self, scenario: Scenario) -> None:
        sides = {}
        for event in scenario.transactions:
            transaction = decode_transaction(orjson.dumps(event))
            for posting in postings_of(transaction, _FAR_AHEAD_MS)[:2]:
                key = (transaction.key, posting.amount > 0)
                if key not in sides or posting.balance is not None:
                    sides[key] = posting
        order = sorted({key for key, _ in sides}, key=lambda key: (sides[key, False].at, key))
        self.payments = [(key, sides[key, False], sides[key, True]) for key in order]
        self.opening: dict[str, int] = {}
        moved: Counter[str] = Counter()
        for _, *both in self.payments:
            for posting in both:
                before = (posting.balance or 0) - posting.amount - moved[posting.account]
                if posting.balance is not None:
                    self.opening.setdefault(posting.account, max(0, before))
                moved[posting.account] += posting.amount

    def resting(self, stolen: set[str]) -> tuple[Counter[tuple[str, str]], Counter[str]]:
        """Return what rests of each stolen payment by account, and the accounts' balances."""
        accounts: defaultdict[str, deque[list]] = defaultdict(deque)
        for account, satang in self.opening.items():
            accounts[account].append([satang, None])
        for key, debit, credit in self.payments:
            moved = _take(accounts[debit.account], credit.amount)
            if key in stolen:
                moved = [[credit.amount, (1, key)]]
            else:
                moved = [[n, (label[0] + 1, label[1]) if label else None] for n, label in moved]
            accounts[credit.account].extend(moved)
        found: Counter[tuple[str, str]] = Counter()
        balances: Counter[str] = Counter()
        for account, coins in accounts.items():
            for satang, label in coins:
                balances[account] += satang
                if label is not None and label[0] <= HOPS:
                    found[account, label[1]] += satang
        return found, balances


def _take(coins: deque[list], satang: int) -> list[list]:
    taken = []
    while satang and coins:
        first = coins[0]
        part = min(first[0], satang)
        taken.append([part, first[1]])
        satang -= part
        first[0] -= part
        if not first[0]:
            coins.popleft()
    return [*taken, [satang, None]] if satang else taken


def alerts_of(scenario: Scenario) -> list[dict]:
    """Replay a scenario; return every version of every alert."""
    topics = {
        "report": (REPORTS, scenario.reports),
        "transaction": (TRANSACTIONS, scenario.transactions),
    }
    events = []
    for at, stream, index in scenario.timeline:
        topic, published = topics[stream]
        prepared = PREPARE[topic](published[index], _KEY)
        value = getattr(prepared, "value", prepared)
        value = value if isinstance(value, bytes) else orjson.dumps(published[index])
        events.append(Event(at, topic, value))
    replay = Replay(load_policy())
    replay.run(events)
    return [orjson.loads(value) for value in replay.values(FREEZE_ALERTS)]


def measured(scenario: Scenario) -> Counter[str]:
    """Return the sums of one day, in satang."""
    alerts = alerts_of(scenario)
    newest = {alert["alert_id"]: alert for alert in alerts}
    holds: Counter[tuple[str, str]] = Counter()
    for alert in newest.values():
        if alert["kind"] == "hold":
            holds[alert["account"], alert["origin"]] += alert["amount_satang"]
    matched = {a["origin"] for a in alerts if any(e["kind"] == "claim" for e in a["evidence"])}
    reported = {s["transaction"] for s in scenario.truth["stolen_payments"] if s["reports"]}
    ledger = Ledger(scenario)
    resting, balances = ledger.resting(reported)
    amounts = {key: credit.amount for key, _, credit in ledger.payments}
    innocent = set(scenario.truth["innocents"]["accounts"])
    sums: Counter[str] = Counter()
    for (account, origin), satang in resting.items():
        covered = min(satang, holds[account, origin])
        sums["resting"] += satang
        sums["covered"] += covered
        if origin in matched:
            sums["resting_matched"] += satang
            sums["covered_matched"] += covered
    by_account: Counter[str] = Counter()
    by_origin: Counter[str] = Counter()
    for (account, origin), satang in holds.items():
        sums["asked"] += satang
        sums["innocent"] += satang if account in innocent else 0
        if origin in amounts:  # else the payment has not been seen, nor has its account's balance
            by_account[account] += satang
            by_origin[origin] += satang
    sums["over_hold"] = sum(max(0, n - balances[a]) for a, n in by_account.items())
    sums["over_hold"] += sum(max(0, n - amounts[o]) for o, n in by_origin.items())
    return sums


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--payments", type=int, default=8_000)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    total: Counter[str] = Counter()
    for seed in options.seeds:
        scenario = simulate(seed, rings=6, reports=120, payments=options.payments, start=START)
        sums = measured(scenario)
        total.update(sums)
        if not options.json:
            print(f"seed {seed}: " + ", ".join(f"{k} {v / 100:,.2f}" for k, v in sums.items()))
    figures = {
        "money_covered": total["covered_matched"] / max(1, total["resting_matched"]),
        "money_covered_of_reported": total["covered"] / max(1, total["resting"]),
        "innocent_satang_share": total["innocent"] / max(1, total["asked"]),
        "over_hold_satang": total["over_hold"],
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
