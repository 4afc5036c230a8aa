"""Payments in time order become the banks' payment events, with balances that add up."""

from __future__ import annotations

import random
from typing import Any

from pipeline.simulation.banks import BY_CODE
from pipeline.simulation.world import Account
from pipeline.simulation.writing import moment

_MIRRORED = 0.02
_REPEATED = 0.001
_MIRROR_DELAY_MS = 60_000

Event = dict[str, Any]


class Payment:
    """One payment: when (ms), who to whom, how much (satang), how; then its names as settled.

    ``key`` is the payment's identity by the contract, ``reference`` what the slip shows.
    """

    __slots__ = (
        "amount",
        "at",
        "by_proxy",
        "channel",
        "key",
        "payee",
        "payer",
        "reference",
        "source",
    )

    def __init__(
        self, at: int, payer: Account, payee: Account, amount: int, channel: str, by_proxy: bool
    ) -> None:
        self.at = at
        self.payer = payer
        self.payee = payee
        self.amount = amount
        self.channel = channel
        self.by_proxy = by_proxy
        self.source = ""
        self.reference = ""
        self.key = ""


class Ledger:
    """Settles payments; ``events`` are (ms, event) and become ordered by time.

    ``mirrored`` are the keys of payments of which both banks tell, ``repeated`` of those that
    one bank published twice.
    """

    def __init__(self, rng: random.Random, payments: list[Payment]) -> None:
        self._rng = rng
        self.events: list[tuple[int, Event]] = []
        self.mirrored: list[str] = []
        self.repeated: list[str] = []
        # The sort is stable, so equal times keep the order of generation.
        payments.sort(key=_time)
        _open(payments)
        for number, payment in enumerate(payments, 1):
            self._settle(payment, number)
        self.events.sort(key=_first)

    def _settle(self, payment: Payment, number: int) -> None:
        rng, payer, payee = self._rng, payment.payer, payment.payee
        payer.balance -= payment.amount
        payee.balance += payment.amount
        bank = BY_CODE[payer.code]
        payment.source = f"bank-{payer.code}"
        payment.reference = f"{payer.code}{payment.at // 1000:010d}{number:07d}"
        event: Event = {
            "source": payment.source,
            "transaction_id": payment.reference,
            "occurred_at": moment(payment.at, bank.utc),
            "payer": payer.party,
            "payee": payee.proxied if payment.by_proxy else payee.party,
            "amount_satang": payment.amount,
            "currency": "THB",
            "channel": payment.channel,
        }
        draw = rng.random()
        mirrored = draw < _MIRRORED and payee.code not in ("", payer.code)
        if payer.balances:
            event["payer_balance_satang"] = payer.balance
        if payee.balances and not mirrored:
            event["payee_balance_satang"] = payee.balance
        if bank.iso or mirrored:
            event["end_to_end_id"] = f"E2E{payment.reference}"
        if mirrored or (bank.iso and draw > 0.7):
            event["uetr"] = _uetr(rng)
            payment.key = f"uetr/{event['uetr']}"
        else:
            payment.key = f"{payment.source}/{payment.reference}"
        self.events.append((payment.at, event))
        if mirrored:
            self._mirror(payment, event)
        if rng.random() < _REPEATED:
            self.events.append((payment.at + rng.randrange(1, _MIRROR_DELAY_MS), dict(event)))
            self.repeated.append(payment.key)

    def _mirror(self, payment: Payment, event: Event) -> None:
        """Add the payee's bank's own event of the same payment (same UETR, its own number)."""
        payee = payment.payee
        delay = self._rng.randrange(200, _MIRROR_DELAY_MS)
        other = {
            **event,
            "source": f"bank-{payee.code}",
            "transaction_id": f"{payee.code}IN{self._rng.getrandbits(52):013x}",
        }
        other.pop("payer_balance_satang", None)
        if payee.balances:
            other["payee_balance_satang"] = payee.balance
        self.events.append((payment.at + delay, other))
        self.mirrored.append(payment.key)


def _open(payments: list[Payment]) -> None:
    """Give each account an opening balance with which it never goes below its cushion."""
    lowest: dict[Account, int] = {}
    for payment in payments:
        payer, payee = payment.payer, payment.payee
        payer.balance -= payment.amount
        payee.balance += payment.amount
        if payer.balance < lowest.get(payer, 0):
            lowest[payer] = payer.balance
        lowest.setdefault(payee, 0)
    for account, low in lowest.items():
        account.balance = account.cushion - low


def _uetr(rng: random.Random) -> str:
    """Return a UETR: a UUID of version 4."""
    h = f"{rng.getrandbits(128):032x}"
    return f"{h[:8]}-{h[8:12]}-4{h[13:16]}-{'89ab'[int(h[16], 16) % 4]}{h[17:20]}-{h[20:]}"


def _time(payment: Payment) -> int:
    return payment.at


def _first(entry: tuple[int, Event]) -> int:
    return entry[0]
