"""Steps of a trace: to the next account, and from a proxy to the account behind it."""

from __future__ import annotations

import msgspec

from pipeline.accounts.apportionment import Colour
from pipeline.accounts.trails import Root, Source, leg_of
from pipeline.contracts.account_log import Leg, Posting, Step
from pipeline.identity.account import is_account

LEGS = 64
"""Payments that a step names of its way, at most: those nearest to the theft, and itself."""

MARKS_A_STEP = 1_000
"""Parts of one payment that a step marks, at most: the first ones. The rest is not followed."""

Parts = tuple[tuple[int, int], ...]
"""Parts of a payment: from which satang on, and how many."""


def new_step(
    sender: str,
    colour: Colour,
    made: Posting,
    marks: Parts,
    legs: tuple[Leg, ...],
    source: Source,
) -> Step:
    """Return the step of ``sender`` with a payment ``made``: it has no version and no cause yet."""
    return Step(
        account=made.other,
        origin=colour.origin,
        hop=colour.hop + 1,
        transaction=made.transaction,
        sender=sender,
        version=0,
        marks=marks,
        legs=legs,
        accounts=source.accounts,
        stolen=source.stolen,
        since=source.since,
        until=source.until,
        cluster=source.cluster,
        published_at=0,
        caused_by="",
        by_report=False,
    )


def made_to(account: str, credit: Posting) -> Posting:
    """Return a proxy's credit as its payer's book would have it if it named the account behind."""
    return msgspec.structs.replace(credit, account=credit.other, other=account)


def passed_on_dispute(proxy: str, credit: Posting, behind: str, root: Root, accounts: int) -> Step:
    """Return the step of a proxy whose payment is in dispute: it is in the account behind, hop 1.

    It may go on to so many ``accounts``.
    """
    made = made_to(behind, credit)
    legs = (leg_of(1, made, credit.amount),)
    # What is not followed is held there, and goes nowhere from there.
    source = Source(accounts if root.followed else 0, *root[1:])
    marks = ((0, credit.amount),)
    return new_step(proxy, Colour(0, credit.transaction), made, marks, legs, source)


def passed_on(step: Step, made: Posting) -> Step:
    """Return the step of a proxy to which stolen money went on, with the payment ``made``.

    It is the step that came, at the same hop: a proxy is no account.
    """
    own = msgspec.structs.replace(step.legs[-1], payee=made.other)
    source = Source(step.accounts, step.stolen, step.since, step.until, step.cluster)
    colour, legs = Colour(step.hop - 1, step.origin), (*step.legs[:-1], own)
    return new_step(step.account, colour, made, step.marks, legs, source)


def is_passed_on(step: Step) -> bool:
    """Whether a proxy passed the step on: the money left another account than the sender."""
    return not is_account(step.sender) and bool(step.legs) and step.legs[-1].payer != step.sender


def credit_of(step: Step) -> Posting:
    """Return the payment of a step as the receiver's book would have it, no balance stated."""
    leg = step.legs[-1]
    return Posting(
        step.account, leg.transaction, leg.at, leg.amount, leg.payer, None, leg.references
    )
