"""Which payment each claim means, while several claims and payments change at one time."""

from __future__ import annotations

import random

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pipeline.accounts import pairing
from pipeline.accounts.file import AccountFile, posting_id
from pipeline.accounts.matching import Matcher
from pipeline.contracts.account_log import CASH, Claim, Posting
from pipeline.policy.policy import load_policy
from tests.pipeline.accounts.desk import MINUTE, MULE, NINE, SHOP, VICTIM, claim, credit
from tests.pipeline.accounts.matching_oracle import match_claims

RULES = load_policy().claims


class Pairs:
    """Claims and payments of one account, and what the claims mean."""

    def __init__(self) -> None:
        self.file = AccountFile(account=MULE)
        self.matcher = Matcher((), self.file.postings, RULES)

    def lay(self, *events: Claim | Posting) -> None:
        for event in events:
            if isinstance(event, Claim):
                before = self.file.claims.get(event.claim_id)
                self.file.claims[event.claim_id] = event
                self.matcher.claim_changed(before, event)
            else:
                key = posting_id(event)
                known = self.file.postings.get(key)
                self.file.postings[key] = event
                self.matcher.posting_changed(known, event)
        self.matcher.settle()

    def meant(self) -> dict[str, set[str]]:
        payments = self.matcher.payments.values()
        return {each.origin: {c.claim_id for c in each.claims} for each in payments}

    def meant_by_the_rule(self) -> dict[str, set[str]]:
        payments = match_claims(self.file, RULES)
        return {each.origin: {c.claim_id for c in each.claims} for each in payments}


def test_a_claim_whose_payment_and_a_farther_one_change_at_once_takes_the_next_that_is_free():
    pairs = Pairs()
    away = [credit(f"bank/t{n}", 50_000, at=NINE + n * MINUTE) for n in range(4)]
    other = claim("aoc-1441/2#0", 50_000, paid_at=NINE + MINUTE)
    pairs.lay(*away, other, claim("aoc-1441/1#0", 50_000))
    assert pairs.meant() == {"bank/t0": {"aoc-1441/1#0"}, "bank/t1": {"aoc-1441/2#0"}}
    pairs.lay(*(msgspec.structs.replace(away[n], amount=900_000) for n in (0, 3)))
    assert pairs.meant() == {"bank/t1": {"aoc-1441/2#0"}, "bank/t2": {"aoc-1441/1#0"}}


def in_cash(change: Claim | Posting) -> Claim | Posting:
    """Let what has no payer be cash, or not, and what a shop paid."""
    if isinstance(change, Claim):
        is_cash = change.payer is None and change.paid_at // MINUTE % 3 != 0
        return msgspec.structs.replace(change, cash=is_cash)
    return msgspec.structs.replace(change, other=CASH) if change.other == SHOP else change


def any_change(draw: random.Random) -> Claim | Posting:
    at = NINE + draw.randrange(8) * MINUTE
    if draw.random() < 0.7:
        transaction = f"bank/t{draw.randrange(8)}"
        amount = draw.choice((50_000, 50_000, 50_000, 900_000))
        return credit(transaction, amount, at=at, other=draw.choice((VICTIM, VICTIM, SHOP)))
    number = draw.randrange(5)
    return claim(
        f"aoc-1441/{number}#0",
        50_000,
        paid_at=at,
        voice=f"voice-{draw.randrange(4)}",
        withdrawn=draw.random() < 0.1,
        payer=draw.choice((None, None, VICTIM)),
        reference=draw.choice((None, None, None, f"t{number}")),
    )


@pytest.mark.parametrize("cash", [False, True])
@pytest.mark.parametrize("few", [0, 16])
@given(seed=st.integers(0, 10**9))
@example(seed=3)
def test_whatever_changes_at_once_each_claim_means_what_the_rule_says(few, cash, seed):
    draw, pairs = random.Random(seed), Pairs()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pairing, "FEW", few)
        for _ in range(12):
            changes = [any_change(draw) for _ in range(draw.choice((1, 2, 4, 6)))]
            pairs.lay(*(map(in_cash, changes) if cash else changes))
            assert pairs.meant() == pairs.meant_by_the_rule()
