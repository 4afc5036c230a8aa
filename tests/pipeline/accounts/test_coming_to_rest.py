"""What accounts ask and answer one another about claims comes to rest, whatever comes when.

Suspects, look-alike numbers, proxies and payers, who may be suspects themselves and may have paid
one another, lie on several partitions. Workers are behind one another as chance will have it, and
tell again what they had told when they died.
"""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pipeline.accounts.paid import PASSED, is_asked
from pipeline.contracts.account_log import CASH, Claim, Level, Posting
from pipeline.policy.policy import HOUR_MS, load_policy
from tests.pipeline.accounts.desk import MINUTE, MULE, NINE, SHOP, VICTIM, claim, credit, level
from tests.pipeline.accounts.workers import Workers

SLIP = "account:014:1112229334"
NO_BANK = "account:?:1112223334"
PROXIES = ("promptpay:phone:+66812345678", "promptpay:phone:+66898765432")
PAYER = "account:006:2223334445"
PAYER_TOO = "account:006:2223334455"
"""One digit off the former."""
BANKED = (MULE, SLIP, SHOP, VICTIM, PAYER, PAYER_TOO)
NAMED = (*BANKED, NO_BANK, *PROXIES)
ALIKE = {MULE: SLIP, SLIP: MULE, PAYER: PAYER_TOO, PAYER_TOO: PAYER, NO_BANK: MULE}


def some_payment(draw: random.Random, number: int) -> list[Posting]:
    """One payment in all books; of one to a proxy the account may be known, from either bank."""
    payer = draw.choice(BANKED)
    payee = draw.choice([each for each in (*BANKED, *PROXIES) if each != payer])
    facts: dict[str, Any] = {"at": NINE + draw.choice((0, MINUTE, 9 * HOUR_MS))}
    amount, name = draw.choice((500_000, 500_000, 70_000)), f"uetr/t{number}"
    out = credit(name, -amount, account=payer, other=payee, **facts)
    into = credit(name, amount, account=payee, other=payer, **facts)
    books = [out, into]
    behind = draw.choice([each for each in (MULE, PAYER) if each != payer])
    if payee in PROXIES and draw.random() < 0.6:
        whose = msgspec.structs.replace(into, account=behind)
        if draw.random() < 0.5:
            books = [out, msgspec.structs.replace(into, references=(behind,)), whose]
        else:
            books += [msgspec.structs.replace(out, other=behind), whose]
    return books


def some_claims(draw: random.Random, number: int, payments: int) -> list[Claim]:
    """A claim and what becomes of it: corrected, withdrawn, or said of another account."""
    account, version = draw.choice(NAMED), draw.choice((1, 1 << 32))
    facts: dict[str, Any] = {
        "voice": f"voice-{number % 4}",
        "verified": draw.random() < 0.8,
        "payer": draw.choice((None, *BANKED)),
        "paid_at": NINE + draw.choice((0, 2 * MINUTE, 9 * HOUR_MS)),
        "reference": draw.choice((None, None, f"t{draw.randrange(payments)}")),
    }
    words = [claim(f"aoc-1441/{number}#0", 500_000, account=account, version=version, **facts)]
    if draw.random() < 0.5:
        facts["payer"] = draw.choice((None, *BANKED))
        other = draw.choice((account, draw.choice(NAMED)))
        newer = {"account": other, "version": version + 1, **facts}
        words.append(msgspec.structs.replace(words[0], **newer))
        if other != account or draw.random() < 0.3:
            gone = msgspec.structs.replace(words[0], version=version + 1, withdrawn=True)
            words[-1:] = [gone] if other == account else [gone, words[-1]]
    return words


def some_levels(draw: random.Random) -> list[Level]:
    levels = []
    for account in draw.sample(NAMED, draw.randrange(1, len(NAMED) + 1)):
        alike = ALIKE.get(account)
        for version in range(1, draw.choice((2, 2, 3))):
            reports = draw.randrange(1, 3)
            more: dict[str, Any] = {"reports": reports, "voices": reports, "cluster": "one"}
            more["verified_voices"] = draw.randrange(reports + 1)
            more["acting"] = more["verified_voices"] > 0
            if alike is not None and draw.random() < 0.6:
                more["evidence"] = (("look_alike", alike, "4.0 bits"),)
                more["slip_of"] = (alike,) if draw.random() < 0.5 and alike != NO_BANK else ()
            name = "light_grey" if more["acting"] else "light_brown"
            levels.append(level(name, account=account, version=version, **more))
    return levels


def in_cash(events: list[Posting | Claim | Level]) -> list[Posting | Claim | Level]:
    """Let what a shop paid or was paid be cash, and what names no payer be claimed so."""
    found: list[Posting | Claim | Level] = []
    for event in events:
        if isinstance(event, Posting) and event.account != SHOP and event.other == SHOP:
            found.append(msgspec.structs.replace(event, other=CASH))
        elif isinstance(event, Claim) and event.payer is None:
            found.append(msgspec.structs.replace(event, cash=True))
        elif not isinstance(event, Posting) or event.account != SHOP:
            found.append(event)
    return found


def some_events(draw: random.Random) -> list[Posting | Claim | Level]:
    payments = draw.randrange(2, 7)
    events: list[Posting | Claim | Level] = [*some_levels(draw)]
    for number in range(payments):
        events += some_payment(draw, number)
    for number in range(draw.randrange(1, 6)):
        events += some_claims(draw, number, payments)
    draw.shuffle(events)
    return events + draw.sample(events, len(events) // 8)


def most_told(events: list[Posting | Claim | Level]) -> Counter[str]:
    """Return how many questions and answers there may be about each claim, at most.

    Each event at the account that a claim names changes its question once: one payer's book is
    asked no more, another one is. Each such change, and each event at a payer, changes the answers
    once: of two accounts each is told no more, and two others are.
    """
    here = Counter(event.account for event in events)
    most = Counter[str]()
    for claim_id, account in {(e.claim_id, e.account) for e in events if isinstance(e, Claim)}:
        most[claim_id + PASSED] += 2 * here[account]
    for claim_id, asked in list(most.items()):
        most[claim_id + PASSED] = 4 * (asked + len(events))
    return most


def is_answer(told: Claim) -> bool:
    return told.claim_id.endswith(PASSED + PASSED)


def at_rest(workers: Workers) -> tuple[dict, dict]:
    """Return what is held, and what accounts know from one another."""
    claims = {
        key: msgspec.structs.replace(told, version=0, published_at=0)
        for key, told in workers.claims.items()
        if not told.withdrawn
    }
    return workers.holds(), claims


def work(events: list[Posting | Claim | Level], draw: random.Random, again: float) -> Workers:
    """Lay the events and fold now and then, to the end, if it comes."""
    workers = Workers(load_policy(), draw, again)
    for event in events:
        workers.lay(event)
        workers.work(draw.randrange(3))
    workers.work(10 * (len(events) + most_told(events).total()))
    return workers


@pytest.mark.parametrize("cash", [False, True])
@given(seed=st.integers(0, 10**9))
@settings(max_examples=200)
@example(seed=53)
@example(seed=54)
def test_questions_and_answers_end_and_end_alike_whatever_comes_when(cash: bool, seed: int):
    draw = random.Random(seed)
    events = some_events(draw)
    events = in_cash(events) if cash else events
    most, results = most_told(events), []
    for again in (0, 0.1):
        workers = work(events, draw, again)
        assert not workers.has_work()
        asked = (told.claim_id for told in workers.told if is_asked(told) or is_answer(told))
        assert not Counter(asked) - most
        results.append(at_rest(workers))
        draw.shuffle(events)
    assert results[0] == results[1]
