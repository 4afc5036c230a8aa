"""A bank that uses a payment's number again: one of two payments is lost, and it is counted."""

from __future__ import annotations

import itertools

import msgspec
import pytest

from pipeline.policy.policy import HOUR_MS
from tests.pipeline.accounts.desk import NINE, VICTIM, Desk, claim, credit, level

PAID = credit("bank/t1", 500_000)
CLAIMED = claim("aoc-1441/1#0", 500_000, reference="t1")
AGAIN = msgspec.structs.replace(PAID, at=NINE + 24 * HOUR_MS, amount=7_000)
CONTRADICTED = ("contradicted_payments",)


@pytest.mark.parametrize("order", list(itertools.permutations([PAID, AGAIN, CLAIMED, level()])))
def test_another_payment_with_a_known_number_is_counted_in_any_order(order):
    desk = Desk()
    desk.lay(*order)
    assert desk.counts[CONTRADICTED] == 1


def test_what_two_banks_write_of_one_payment_is_no_contradiction():
    by_proxy = msgspec.structs.replace(
        PAID, at=PAID.at + 900, other="promptpay:phone:+66812345678", balance=510_000
    )
    desk = Desk()
    desk.lay(PAID, CLAIMED, level(), by_proxy, PAID)
    assert desk.counts[CONTRADICTED] == 0


def test_another_payer_with_a_known_number_is_counted():
    assert PAID.other == VICTIM
    desk = Desk()
    desk.lay(PAID, CLAIMED, level())
    desk.lay(msgspec.structs.replace(PAID, other="account:004:9990001112"))
    assert desk.counts[CONTRADICTED] == 1
