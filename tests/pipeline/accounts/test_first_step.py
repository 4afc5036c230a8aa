"""The first decision about an account that one step speaks of is the review's, or is left to it."""

from __future__ import annotations

import random

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from pipeline.accounts.apportionment import FIFO, FIFO_2, PRO_RATA, PRO_RATA_2
from pipeline.accounts.decision import Decision
from pipeline.accounts.file import AccountFile, add_event, add_posting
from pipeline.accounts.first_step import PLAIN_POSTINGS, decide_first_step
from pipeline.accounts.review import Review
from pipeline.accounts.steps import LEGS, MARKS_A_STEP
from pipeline.contracts.account_log import CASH, RETURNS, Leg, Posting, Step
from pipeline.identity.banks import UNKNOWN_BANK
from pipeline.policy.policy import HOUR_MS, Policy, load_policy
from tests.pipeline.accounts.desk import MINUTE, MULE, NINE, SHOP, VICTIM, claim, credit, level

FIRST = "account:004:5556667779"
CAME = 400_000


def policy_of(method: str, **figures: int) -> Policy:
    policy = load_policy()
    trace = policy.trace.model_copy(update={"method": method, **figures})
    return policy.model_copy(update={"trace": trace})


def step(**more) -> Step:
    legs = (
        Leg(1, "bank/t1", VICTIM, FIRST, NINE - MINUTE, 900_000, 900_000),
        Leg(2, "bank/came", FIRST, MULE, NINE, CAME, CAME),
    )
    fields = {
        "account": MULE,
        "origin": "bank/t1",
        "hop": 2,
        "transaction": "bank/came",
        "sender": FIRST,
        "version": 1,
        "marks": ((0, CAME),),
        "legs": legs,
        "accounts": 100,
        "stolen": 900_000,
        "since": NINE,
        "until": NINE + HOUR_MS,
        "cluster": "c1",
        "published_at": NINE,
        "caused_by": "aoc-1441/1",
        "by_report": True,
        **more,
    }
    return Step(**fields)


def file_of(*what: Posting | Step, account: str = MULE) -> AccountFile:
    file = AccountFile(account=account, remembered=True)
    for each in what:
        if isinstance(each, Posting):
            add_posting(file, each)
        else:
            add_event(file, each)
    return file


CREDIT = credit("bank/came", CAME, other=FIRST)
DEBIT = credit("bank/on", -150_000, NINE + MINUTE, other=SHOP)


def what_it_says(decision: Decision) -> tuple:
    """All of a first decision that anybody can tell."""
    steps = {key: each for key, each in decision.steps.items() if each is not None}
    asked = decision.holds.total(), decision.holds.first(None)
    told = decision.notices, decision.cut, decision.limited, decision.crowded
    return decision.standing, steps, asked, decision.due, told


def some_file(draw: random.Random) -> AccountFile:
    marks, place = [], 0
    while place < CAME and len(marks) < 3:
        place += draw.randrange(0, 100_000)
        length = draw.randrange(1, 200_000)
        marks.append((place, length))
        place += length
    postings = [] if draw.random() < 0.05 else [CREDIT]
    for number in range(draw.randrange(8)):
        amount = draw.choice((-1, -1, 1)) * draw.randrange(1, 300_000)
        at = NINE + draw.randrange(-5, 6) * MINUTE
        other = draw.choice((VICTIM, SHOP, FIRST, MULE, "promptpay:phone:+66812345678", CASH))
        balance = draw.randrange(-1, 5) * 100_000 if draw.random() < 0.3 else None
        postings.append(credit(f"bank/p{number}", amount, at, other=other, balance=balance))
    draw.shuffle(postings)
    hop, accounts = draw.choice((2, 2, 3, 5)), draw.choice((0, 1, 3, 100))
    return file_of(*postings, step(marks=tuple(marks), hop=hop, accounts=accounts))


@pytest.mark.parametrize("method", [FIFO, PRO_RATA, FIFO_2, PRO_RATA_2])
@settings(max_examples=400)
@given(seed=st.integers(0, 2**32))
def test_it_is_what_the_review_decides(method, seed):
    draw = random.Random(seed)
    policy = policy_of(
        method,
        small_sum_satang=draw.choice((1, 100_000)),
        small_payment_satang=draw.choice((1, 200_000)),
        small_share_percent=draw.choice((0, 50)),
    )
    now = NINE + draw.choice((0, HOUR_MS))
    file = some_file(draw)
    found = decide_first_step(file, now, policy)
    assume(found is not None)
    assert what_it_says(found) == what_it_says(Review(file, policy).decide(now, None))


def test_the_money_that_rests_is_held_and_the_rest_followed():
    found = decide_first_step(file_of(CREDIT, DEBIT, step()), NINE, load_policy())
    (held,) = found.standing
    (onward,) = found.steps.values()
    assert (held.amount, onward.marks, onward.hop) == (CAME - 150_000, ((0, 150_000),), 3)


def test_a_small_sum_is_watched():
    policy = policy_of(FIFO, small_sum_satang=CAME + 1)
    found = decide_first_step(file_of(CREDIT, step()), NINE, policy)
    assert [(each.kind, each.disputed) for each in found.standing] == [("watch", CAME)]


_RETURN = credit("bank/back", 1_000, other=VICTIM, references=(RETURNS + "bank/on",))
_MANY = [credit(f"bank/c{n}", 100) for n in range(PLAIN_POSTINGS)]
_PAYERS = [credit(f"bank/c{n}", 100, other=f"account:004:{n:010d}") for n in range(30)]
_WAY = tuple(Leg(hop, f"bank/{hop}", VICTIM, MULE, NINE, CAME, CAME) for hop in range(1, LEGS + 1))
_UNEVEN = tuple((n * 100, 50) for n in range(MARKS_A_STEP + 1))


@pytest.mark.parametrize(
    "what",
    [
        pytest.param((CREDIT,), id="no step"),
        pytest.param((CREDIT, step(), step(sender=VICTIM)), id="two steps"),
        pytest.param((CREDIT, step(), claim("aoc-1441/1#0", CAME)), id="a claim"),
        pytest.param((CREDIT, step(), level()), id="a level"),
        pytest.param((step(),), id="payment not seen"),
        pytest.param((CREDIT, step(marks=(), legs=())), id="taken back"),
        pytest.param((CREDIT, step(hop=1)), id="from a proxy"),
        pytest.param((CREDIT, DEBIT, _RETURN, step()), id="a return"),
        pytest.param((CREDIT, *_MANY, step()), id="many postings"),
        pytest.param((CREDIT, *_PAYERS, step()), id="many payers"),
        pytest.param((CREDIT, DEBIT, step(hop=5)), id="out of hops"),
        pytest.param((CREDIT, DEBIT, step(accounts=1)), id="out of accounts"),
        pytest.param((CREDIT, DEBIT, step(legs=_WAY)), id="a long way"),
        pytest.param((CREDIT, DEBIT, step(marks=_UNEVEN)), id="many marks"),
    ],
)
def test_what_is_not_plain_is_left_to_the_review(what):
    assert decide_first_step(file_of(*what), NINE, load_policy()) is None


@pytest.mark.parametrize("account", [f"account:{UNKNOWN_BANK}:1112223334", "wallet:bitcoin:x"])
def test_an_account_without_a_bank_of_its_own_is_left_to_the_review(account):
    assert decide_first_step(file_of(CREDIT, step(), account=account), NINE, load_policy()) is None


def test_what_was_decided_before_is_left_to_the_review():
    file = file_of(CREDIT, step())
    assert decide_first_step(file, NINE, load_policy()) is not None
    file.sent.update(file.steps)
    assert decide_first_step(file, NINE, load_policy()) is None


def test_without_a_trace_in_the_policy_nothing_is_decided():
    policy = load_policy().model_copy(update={"trace": None})
    assert decide_first_step(file_of(CREDIT, step()), NINE, policy) is None
