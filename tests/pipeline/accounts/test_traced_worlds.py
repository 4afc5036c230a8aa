"""Traces over whole worlds of accounts, against coins that are moved one by one.

The reference goes through all payments once in order of time, and every satang of every account is
a coin with its origin and hop. Cash is paid in by nobody, and what is paid out in cash is gone.
It shares nothing with the product but the types. The product gets
the same payments, reports, corrections and withdrawals in any order, on several partitions whose
workers are behind one another as chance will have it, and are begun anew in between.
"""

from __future__ import annotations

import random
from collections import Counter

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.accounts.apportionment import FIFO, FIFO_2, PRO_RATA, PRO_RATA_2, Colour
from pipeline.accounts.review import Review
from pipeline.contracts.account_log import (
    CASH,
    Level,
    Posting,
)
from pipeline.policy.policy import Policy, load_policy
from tests.pipeline.accounts.coins import CLEAN, Coins
from tests.pipeline.accounts.desk import MINUTE, NINE, claim, level
from tests.pipeline.accounts.workers import Workers

ACCOUNTS = [f"account:{bank}:{n:010d}" for n, bank in enumerate(("004", "006", "014", "002"))]
HOPS = 3


class Payment(msgspec.Struct):
    number: int
    payer: str
    payee: str
    amount: int
    returned: bool = False
    by_proxy: bool = False
    """Whether its event names the payee's proxy alone."""

    @property
    def key(self) -> str:
        return f"bank/t{self.number}"

    @property
    def at(self) -> int:
        return NINE + self.number * MINUTE


def proxy_of(account: str) -> str:
    return f"promptpay:phone:+66{account[-9:]}"


def policy_of(method: str) -> Policy:
    policy = load_policy()
    trade = policy.trace.ordinary_trade.model_copy(update={"payers": 1_000})
    small = {"small_sum_satang": 0, "small_payment_satang": 0, "small_share_percent": 0}
    figures = {"method": method, "ordinary_trade": trade, "hops": HOPS, **small}
    return policy.model_copy(update={"trace": policy.trace.model_copy(update=figures)})


def some_payments(draw: random.Random) -> list[Payment]:
    payments = []
    for number in range(draw.randrange(3, 14)):
        payer, payee = draw.sample(ACCOUNTS, 2)
        payments.append(Payment(number, payer, payee, draw.randrange(1, 60)))
    for payment in draw.sample(payments, len(payments) // 6):
        payment.returned = True
    return payments


def some_in_cash(payments: list[Payment], draw: random.Random) -> list[Payment]:
    """Let some of the payments be withdrawals and deposits in cash, returned ones among them."""
    for payment in payments:
        side = draw.random()
        if side < 0.2:
            payment.payee = CASH
        elif side < 0.35:
            payment.payer = CASH
    return payments


def named_before(account: str) -> list[Posting]:
    """A payment before all others, whose event names the account and its proxy."""
    at, key = NINE - MINUTE, f"bank/n{account[-1]}"
    return [
        Posting(account, key, at, 1, "account:025:1"),
        Posting(proxy_of(account), key, at, 1, "account:025:1", None, (account,)),
    ]


def resting(
    method: str, payments: list[Payment], disputed: set[str], gone: Counter | None = None
) -> dict:
    """Move the coins; return how many of each origin rest in each account.

    ``gone`` gets how many of each origin left each account in cash.
    """
    accounts = {account: Coins(method, {}) for account in ACCOUNTS}
    for account in ACCOUNTS if any(payment.by_proxy for payment in payments) else ():
        accounts[account].there.append(CLEAN)
    payers = {payment.key: payment.payer for payment in payments}
    for payment in payments:
        if payment.returned:
            continue
        payer = accounts.get(payment.payer) or Coins(method, {})
        payer.there += [CLEAN] * max(0, payment.amount - len(payer.there))
        came: list[Colour | None] = []
        left = payer.leave(payment.amount)
        if gone is not None and payment.payee == CASH:
            gone.update((payment.payer, coin.origin) for coin in left if coin is not CLEAN)
        for coin in left:
            if payment.key in disputed:
                came.append(Colour(1, payment.key))
            elif coin is not CLEAN and coin.hop < HOPS and payers[coin.origin] != payment.payee:
                came.append(Colour(coin.hop + 1, coin.origin))
            else:
                came.append(CLEAN)
        if not payment.by_proxy or any(coin is not CLEAN for coin in came):
            # Else it came in unseen: nobody is told of it.
            accounts.get(payment.payee, Coins(method, {})).there += came
    found: Counter = Counter()
    for account, coins in accounts.items():
        found.update((account, coin.origin) for coin in coins.there if coin is not CLEAN)
    return dict(found)


def books_of(*both: Posting) -> list[Posting]:
    """Return the postings that intake makes of a payment: cash has no book."""
    return [posting for posting in both if posting.account != CASH]


def events_of(payments: list[Payment], draw: random.Random) -> tuple[list, set[str]]:
    """Return what is published, in any order, and which payments are in dispute in the end."""
    events: list = []
    disputed = set()
    for payment in payments:
        payee = proxy_of(payment.payee) if payment.by_proxy else payment.payee
        out = Posting(payment.payer, payment.key, payment.at, -payment.amount, payee)
        into = Posting(payee, payment.key, payment.at, payment.amount, payment.payer)
        events += books_of(out, into)
        if payment.returned:
            back, at = f"bank/r{payment.number}", payment.at + draw.randrange(1, 9) * MINUTE + 1
            names = (f"returns:t{payment.number}",)
            events += books_of(
                Posting(payment.payee, back, at, -payment.amount, payment.payer, None, names),
                Posting(payment.payer, back, at, payment.amount, payment.payee, None, names),
            )
        elif payee != CASH and draw.random() < 0.3:
            made = claim(
                f"aoc-1441/{payment.number}#0",
                payment.amount,
                account=payee,
                reference=f"t{payment.number}",
            )
            events.append(made)
            if draw.random() < 0.3:
                events.append(msgspec.structs.replace(made, version=2, withdrawn=True))
            else:
                disputed.add(payment.key)
    events += [level(account=account) for account in ACCOUNTS]
    for account in ACCOUNTS if any(payment.by_proxy for payment in payments) else ():
        events += [*named_before(account), level(account=proxy_of(account))]
    draw.shuffle(events)
    events += draw.sample(events, len(events) // 8)
    return events, disputed


@pytest.mark.parametrize("method", [FIFO, PRO_RATA, FIFO_2, PRO_RATA_2])
@settings(deadline=None, max_examples=60)
@given(seed=st.integers(0, 10**9))
def test_in_any_order_on_any_partitions_the_holds_are_where_the_coins_rest(method, seed):
    draw = random.Random(seed)
    payments = some_payments(draw)
    events, disputed = events_of(payments, draw)
    held = Workers(policy_of(method), draw).work_at_times(events)
    assert held == resting(method, payments, disputed)


@pytest.mark.parametrize("method", [FIFO, PRO_RATA, FIFO_2, PRO_RATA_2])
@settings(deadline=None, max_examples=60)
@given(seed=st.integers(0, 10**9))
def test_what_left_in_cash_is_held_nowhere_and_the_rest_where_its_coins_are(method, seed):
    draw = random.Random(seed)
    payments = some_in_cash(some_payments(draw), draw)
    events, disputed = events_of(payments, draw)
    workers, gone = Workers(policy_of(method), draw), Counter()
    assert workers.work_at_times(events) == resting(method, payments, disputed, gone)
    assert left_in_cash(workers, policy_of(method), disputed) == gone


def left_in_cash(workers: Workers, policy: Policy, disputed: set[str]) -> Counter:
    """Return how much of each disputed payment each account's file says to have left in cash."""
    found: Counter = Counter()
    for file in workers.files().values():
        review = Review(file, policy)
        review.decide(0, None)
        for origin in disputed:
            for leg in review.rests_of(origin).in_cash:
                assert (leg.payer, leg.payee) == (file.account, CASH)
                found[file.account, origin] += leg.share
    return found


@pytest.mark.parametrize("method", [FIFO_2, PRO_RATA_2])
@pytest.mark.parametrize("cash", [False, True])
@settings(deadline=None, max_examples=60)
@given(seed=st.integers(0, 10**9))
def test_what_is_paid_to_proxies_alone_rests_where_the_coins_do(cash, method, seed):
    draw = random.Random(seed)
    payments = some_payments(draw)
    for payment in payments:
        payment.by_proxy = not payment.returned and draw.random() < 0.4
    for payment in some_in_cash(payments, draw) if cash else ():
        payment.by_proxy &= payment.payee != CASH
    events, disputed = events_of(payments, draw)
    held = Workers(policy_of(method), draw).work_at_times(events)
    assert held == resting(method, payments, disputed)


@pytest.mark.parametrize("cash", [False, True])
@settings(deadline=None, max_examples=60)
@given(seed=st.integers(0, 10**9))
def test_with_all_protections_and_limits_any_order_gives_the_same_alerts(cash, seed):
    draw = random.Random(seed)
    payments = some_payments(draw)
    if cash:
        some_in_cash(payments, draw)
    events, _ = events_of(payments, draw)
    trade = {"payers": 2, "hours": 0, "traced_percent": 60, "fast_minutes": 2}
    policy = load_policy()
    figures = {
        "method": draw.choice((FIFO, PRO_RATA, FIFO_2, PRO_RATA_2)),
        "small_sum_satang": 10,
        "small_payment_satang": 30,
        "small_payments_satang": 60,
        "small_share_percent": draw.choice((0, 20, 50)),
        "ordinary_trade": policy.trace.ordinary_trade.model_copy(update=trade),
        "accounts": draw.choice((2, 3, 6)),
    }
    policy = policy.model_copy(update={"trace": policy.trace.model_copy(update=figures)})
    results = []
    for _ in range(2):
        workers = Workers(policy, draw)
        # An acting level of its own spares nobody: only the disputed accounts have one here.
        for event in events:
            if not isinstance(event, Level) or event.account in ACCOUNTS[:2]:
                workers.lay(event)
            workers.work(draw.randrange(4))
        workers.work()
        standing = [a for a in workers.alerts.values() if a["kind"] != "release"]
        results.append(
            {a["alert_id"]: (a["kind"], a["amount_satang"], a["disputed_satang"]) for a in standing}
        )
        draw.shuffle(events)
    assert results[0] == results[1]
