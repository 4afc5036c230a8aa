"""One-digit neighbours: mules in the midst of a bank's sequential numbers.

Of a million accounts in sequential numbers every hundredth is a mule's. Two victims name it
rightly, with its holder's name and phone; a third one types one digit wrongly and so names an
innocent customer, who is paid by others meanwhile. What the third report has beside the number
differs, and so does the bank: one states balances with its payments, the other does not.
"""

from __future__ import annotations

import random
from collections import Counter
from typing import Any, NamedTuple

import orjson

from evaluation.runs import START, found_of
from pipeline.contracts.codec import milliseconds, rfc3339
from pipeline.evaluation.found import Found
from pipeline.policy.policy import load_policy
from pipeline.replay import Event, Replay
from pipeline.topics import REPORTS, TRANSACTIONS

ACCOUNTS = 1_000_000
STATING, SILENT, PAYERS_BANK = "014", "073", "004"
"""A bank that states balances publishes all payments, so one that it does not know is no payment;
a silent bank's silence proves nothing."""
FIRST = 2_110_000_000
SUPPORT = ("name", "phone", "payment", "nothing")
_NAMES = ("สมชาย ใจดี", "มาลี ทองคำ", "ประเสริฐ แก้วมณี", "กนกวรรณ รุ่งเรือง", "วิชัย พงษ์ไพศาล")
_SYLLABLES = ("กาม", "ดิษฐ์", "พูน", "โสม", "เรือง", "ทวี", "นิล", "มงคล", "หาญ", "ปัญญา")
_BANKS = {STATING: "states balances", SILENT: "silent"}
_MINUTE = 60_000


class Neighbours(NamedTuple):
    """What came of it.

    ``held`` counts the innocents held, by bank and by what supports the typo; ``reached`` is the
    share of typos in the right case, by support.
    """

    mules: int
    innocents: int
    innocents_held: int
    mules_held: int
    held: dict[str, int]
    reached: dict[str, float]


def measure(mules: int, accounts: int = ACCOUNTS) -> Neighbours:
    """Run ``mules`` cases among ``accounts`` sequential numbers."""
    rng = random.Random(1441)
    step = accounts // mules
    taken = {FIRST + index * step for index in range(mules)}
    events: list[Event] = []
    innocents: dict[str, str] = {}
    typos: dict[str, tuple[str, str]] = {}
    at = milliseconds(START)
    for index in range(mules):
        number = FIRST + index * step
        support = SUPPORT[index % len(SUPPORT)]
        bank = (STATING, SILENT)[index // len(SUPPORT) % 2]
        wrong = _one_digit(rng, number, taken, accounts)
        innocents[f"account:{bank}:{wrong}"] = f"{_BANKS[bank]}, {support}"
        events += _case(rng, index, bank, (str(number), str(wrong)), support, at)
        typos[f"aoc-1441/N-{index}-2"] = (f"aoc-1441/N-{index}-0", support)
        at += 40_000
    events.sort(key=lambda event: event.at)
    run = Replay(load_policy())
    run.run(events)
    return _outcome(found_of(run), innocents, typos, mules)


def _outcome(
    found: Found, innocents: dict[str, str], typos: dict[str, tuple[str, str]], mules: int
) -> Neighbours:
    reached: dict[str, list[bool]] = {support: [] for support in SUPPORT}
    for typo, (right, support) in typos.items():
        where = found.group_of.get(typo)
        reached[support].append(where is not None and where == found.group_of.get(right))
    held = Counter({f"{bank}, {each}": 0 for bank in _BANKS.values() for each in SUPPORT})
    held.update(why for account, why in innocents.items() if account in found.first_hold)
    return Neighbours(
        mules=mules,
        innocents=len(innocents),
        innocents_held=held.total(),
        mules_held=len(found.first_hold.keys() - innocents.keys()),
        held=dict(held),
        reached={name: sum(each) / max(1, len(each)) for name, each in reached.items()},
    )


def _one_digit(rng: random.Random, number: int, taken: set[int], accounts: int) -> int:
    while True:
        place = 10 ** rng.randrange(len(str(accounts)) - 1)
        digit = number // place % 10
        wrong = number + (rng.randrange(10) - digit) * place
        if wrong not in taken and FIRST <= wrong < FIRST + accounts:
            return wrong


def _case(
    rng: random.Random, index: int, bank: str, numbers: tuple[str, str], support: str, at: int
) -> list[Event]:
    right, wrong = numbers
    holder = f"{_NAMES[index % len(_NAMES)].split()[0]} {_family(index)}"
    phone = f"08{index:08d}"
    events = [_payment(f"I-{index}", bank, wrong, rng.randrange(20, 900), at + 5 * _MINUTE)]
    for place in range(3):
        amount = rng.randrange(2_000, 90_000) * 100 + rng.randrange(1, 100)
        paid = at + place * 7 * _MINUTE
        key = f"{index}-{place}"
        events.append(_payment(key, bank, right, amount, paid, satang=True))
        typo = place == 2
        suspect: dict[str, Any] = {"kind": "account", "bank": bank}
        suspect["number"] = wrong if typo else right
        suspects = [suspect]
        if not typo or support == "name":
            suspect["holder"] = holder
        if not typo or support == "phone":
            suspects.append({"kind": "phone", "number": phone})
        told: dict[str, Any] = {
            "paid_at": rfc3339(paid),
            "amount_satang": amount,
            "to": {"bank": bank, "account": wrong if typo else right},
        }
        if not typo:
            told["reference"] = key
        if typo and support == "payment":
            # The slip names the right payee; only the suspect was typed by hand.
            told["to"]["account"] = right
            told["reference"] = key
        event = {
            "source": "aoc-1441",
            "report_id": f"N-{key}",
            "kind": "submitted",
            "received_at": rfc3339(paid + 30 * _MINUTE),
            "reporter": {"verified_by": "thaid", "person": f"{index * 4 + place:064x}"},
            "suspects": suspects,
            "payments": [told],
        }
        events.append(Event(paid + 30 * _MINUTE, REPORTS, orjson.dumps(event)))
    return events


def _family(index: int) -> str:
    """Return a family's own name: syllables that stand for the number.

    No two of them sound alike, so that nobody's name is another one's in a free spelling.
    """
    return "วงศ์" + "".join(_SYLLABLES[int(digit)] for digit in str(index))


def _payment(key: str, bank: str, to: str, amount: int, at: int, *, satang: bool = False) -> Event:
    event: dict[str, Any] = {
        "source": f"bank-{PAYERS_BANK}",
        "transaction_id": key,
        "occurred_at": rfc3339(at),
        "payer": {"bank": PAYERS_BANK, "account": f"{7_000_000_000 + _payer(key):010d}"},
        "payee": {"bank": bank, "account": to},
        "amount_satang": amount if satang else amount * 100,
        "currency": "THB",
        "channel": "mobile",
    }
    if bank == STATING:
        event["payee_balance_satang"] = 10_000_000
    return Event(at, TRANSACTIONS, orjson.dumps(event))


def _payer(key: str) -> int:
    """Return a number below 10^9 for a text, the same in every process."""
    return int.from_bytes(key.encode(), "big") % 999_999_937
