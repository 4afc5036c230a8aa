"""The first decision about an account of which nothing is known but one step, and its postings.

Nearly every account that stolen money comes to is one of these, most of them only once, and a
report may wake up a thousand at one time. What the review (`pipeline.accounts.review`) would keep
of them for the next event is not made: the answer is worked out once, and whatever happens to the
account later is for the review, as when the file is read anew. What is not plain is left to the
review from the beginning.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from pipeline.accounts.apportionment import Colour, OfOneCredit, book_for, of_one_credit
from pipeline.accounts.balance import known_balance
from pipeline.accounts.book import Book
from pipeline.accounts.decision import Decision, hold, watch_of_traced
from pipeline.accounts.entries import Entry
from pipeline.accounts.file import AccountFile, step_key
from pipeline.accounts.grounds import has_bank, traced_candidate
from pipeline.accounts.onward import equal_part
from pipeline.accounts.returns import is_return
from pipeline.accounts.steps import LEGS, MARKS_A_STEP, new_step
from pipeline.accounts.stolen_money import joined, marks_of
from pipeline.accounts.tracing import SMALL_SUM
from pipeline.accounts.trade import is_large, is_small
from pipeline.accounts.trails import Source, Traced, is_back, joint_legs, leg_of
from pipeline.contracts.account_log import CASH, Leg, Posting, Step
from pipeline.policy.policy import Policy, Trace

PLAIN_POSTINGS = 64
"""Postings that such a file has at most: of a longer one the review looks at what is new only."""


def decide_first_step(file: AccountFile, now: int, policy: Policy) -> Decision | None:
    """Return what should stand for such a file at ``now`` (ms, the newest tick).

    None: the file is another, or a limit or an exception is met.
    """
    rules = policy.trace
    if rules is None or not _has_one_step_only(file):
        return None
    (step,) = file.steps.values()
    came = file.postings.get(step.transaction + "+")
    if came is None or step.hop < 2 or not has_bank(file):
        return None
    if len(file.postings) > PLAIN_POSTINGS or any(map(is_return, file.postings.values())):
        return None
    payers = {posting.other for posting in file.postings.values() if posting.amount > 0}
    if len(payers) >= rules.ordinary_trade.payers:
        return None
    legs, colour = joint_legs([step.legs]), Colour(step.hop, step.origin)
    marks = marks_of([(colour, step.marks)], came.amount)
    if not legs or not marks:
        return None
    part = sum(mark.length for mark in marks)
    if _all_is_there(came, file.postings.values()):
        money, balance = OfOneCredit(part, {}), None
    else:
        book = _book(rules.method, file.postings.values())
        money = of_one_credit(rules.method, book, step.transaction + "+", marks)
        balance = known_balance(file)
    steps = _steps_on(file.postings, step, legs, money, rules)
    if steps is None:
        return None
    source = Source(step.accounts, step.stolen, step.since, step.until, step.cluster)
    traced = Traced(step.origin, part, came.at, source, legs[:LEGS])
    large = is_large(part, came.amount, rules.small_payment_satang, rules.small_share_percent)
    small = is_small(part, large, rules)
    decision = _decision(file.account, traced, money.resting, balance, small, now)
    decision.steps = steps
    return decision


def _has_one_step_only(file: AccountFile) -> bool:
    """Whether one step is all that was ever heard or said of a bank's account."""
    spoken_of = file.level or file.claims or file.answers or file.notices
    told = file.said or file.told or file.sent or file.passed
    return (
        len(file.steps) == 1
        and not (spoken_of or told or file.limited)
        and file.account.startswith("account:")
    )


def _all_is_there(came: Posting, postings: Iterable[Posting]) -> bool:
    """Whether nothing went out since a payment came, and no bank states that anything did."""
    return all(p.balance is None and (p.amount >= 0 or p.at < came.at) for p in postings)


def _book(method: str, postings: Iterable[Posting]) -> Book:
    book = book_for(method)
    for p in postings:
        side, coins = ("+", p.amount) if p.amount >= 0 else ("-", -p.amount)
        book.put(Entry(p.at, p.transaction + side, p.amount, coins, p.balance))
    return book


def _steps_on(
    postings: dict[str, Posting],
    step: Step,
    legs: tuple[Leg, ...],
    money: OfOneCredit,
    rules: Trace,
) -> dict[str, Step | None] | None:
    """Return the steps that go on, by `step_key`; None: some come to a limit."""
    out = [
        (postings[debit], joined(shares))
        for debit, shares in money.shares.items()
        if postings[debit].other != CASH  # it leaves, and goes to nobody
    ]
    if not out:
        return {}
    accounts = equal_part(step.accounts - 1, len(out))
    if step.hop >= rules.hops or accounts < 1 or len(legs) >= LEGS:
        return None
    steps: dict[str, Step | None] = {}
    source = Source(accounts, step.stolen, step.since, step.until, step.cluster)
    colour = Colour(step.hop, step.origin)
    for posting, marks in out:
        if len(marks) > MARKS_A_STEP:
            return None
        back = rules.ends_at_payer and is_back(posting, legs, step.origin)
        if posting.other != posting.account and not back:
            own = leg_of(step.hop + 1, posting, sum(length for _, length in marks))
            onward = new_step(step.account, colour, posting, marks, (*legs, own), source)
            steps[step_key(onward)] = onward
    return steps


def _decision(
    account: str, traced: Traced, resting: int, balance: int | None, small: bool, now: int
) -> Decision:
    source, known = traced.source, balance is not None
    amount = resting if balance is None else min(resting, balance)
    decision = Decision(_OneHold(None, 0))
    if small and resting:
        watch = watch_of_traced(account, resting, source.since, known, SMALL_SUM)
        decision.standing.append(watch)
    elif not small and amount > 0 and now < source.until:
        decision.standing.append(hold(traced_candidate(traced), amount, known))
        decision.holds = _OneHold(traced.origin, amount)
        decision.due = source.until
    return decision


class _OneHold(NamedTuple):
    """The hold of such an account, if there is one. Nothing that was said before can end."""

    origin: str | None
    amount: int

    def why_not(self, origin: str) -> str | None:
        return None

    def total(self) -> int:
        return self.amount

    def first(self, claims: Iterable[str] | None) -> str | None:
        return self.origin if claims is None else None
