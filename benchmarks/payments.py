"""The payments that the benchmarks publish: seeded, shaped like banks' events, 250 to 300 bytes."""

from __future__ import annotations

import datetime
import random
from collections.abc import Iterator
from typing import NamedTuple

ORDINARY_ACCOUNTS = 1_000_000
"""Distinct accounts without a case among which payments happen."""
SPREAD_SECONDS = 1800
"""The payments lie in the half hour before now."""

_BANKS = ("002", "004", "006", "011", "014", "025")
_CHANNELS = ("mobile", "mobile", "promptpay", "qr", "internet")
_FIRST_ORDINARY = 10_000_000
_THAI_TIME = datetime.timezone(datetime.timedelta(hours=7))


class Party(NamedTuple):
    """An account as banks write it."""

    bank: str
    number: str

    @property
    def key(self) -> str:
        """The account's identifier within Freezeline."""
        return f"account:{self.bank}:{self.number}"


class Payment(NamedTuple):
    """One payment: its event as JSON, and what is needed to find it again."""

    key: str
    payer: Party
    payee: Party
    amount_satang: int
    occurred_at: str
    value: bytes
    into_case: bool = False


def case_account(index: int) -> Party:
    """Return one of the accounts that have a case (index below ten million)."""
    return _account(index)


def ordinary_account(index: int) -> Party:
    """Return one of the accounts that have none."""
    return _account(_FIRST_ORDINARY + index)


def payment(number: int, at: str, payer: Party, payee: Party, amount: int) -> Payment:
    """Return the payment's event as the payer's bank publishes it."""
    source, reference = f"bank-{payer.bank}", f"{at[:10].replace('-', '')}{number:012d}"
    value = (
        f'{{"source":"{source}","transaction_id":"{reference}","occurred_at":"{at}",'
        f'"payer":{{"bank":"{payer.bank}","account":"{payer.number}"}},'
        f'"payee":{{"bank":"{payee.bank}","account":"{payee.number}"}},'
        f'"amount_satang":{amount},"currency":"THB","channel":"{_CHANNELS[number % 5]}",'
        f'"payer_balance_satang":{amount * 3 + number % 977}}}'
    )
    return Payment(f"{source}/{reference}", payer, payee, amount, at, value.encode())


def payments(count: int, into_cases: int, files: int, seed: int = 7) -> Iterator[Payment]:
    """Yield ``count`` payments, ``into_cases`` of them evenly spread into accounts with a case."""
    chance = random.Random(seed)
    began = datetime.datetime.now(_THAI_TIME) - datetime.timedelta(seconds=SPREAD_SECONDS)
    every = count // into_cases if into_cases and files else 0
    hits = 0
    for number in range(count):
        moment = began + datetime.timedelta(seconds=SPREAD_SECONDS * number / count)
        payer = ordinary_account(chance.randrange(ORDINARY_ACCOUNTS))
        hit = bool(every) and number % every == every - 1 and hits < into_cases
        if hit:
            payee, hits = case_account(hits * 7919 % files), hits + 1
        else:
            payee = ordinary_account(chance.randrange(ORDINARY_ACCOUNTS))
        amount = chance.randrange(20_000, 5_000_000)
        at = moment.isoformat(timespec="milliseconds")
        yield payment(number, at, payer, payee, amount)._replace(into_case=hit)


def now_rfc3339() -> str:
    """Return the time now as a bank writes it."""
    return datetime.datetime.now(_THAI_TIME).isoformat(timespec="milliseconds")


def _account(index: int) -> Party:
    # A multiplier without a common factor with 9 * 10^9 spreads the numbers, each used once.
    digits = 1_000_000_000 + index * 7_777_777_777 % 9_000_000_000
    return Party(_BANKS[index % len(_BANKS)], str(digits))
