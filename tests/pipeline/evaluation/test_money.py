"""Figures about money, of a run small enough to do the sums by hand."""

from __future__ import annotations

import itertools
from typing import Any

import orjson
import pytest

from pipeline.contracts.account_log import CASH
from pipeline.contracts.alerts import AlertKind, FreezeAlert, alert_id
from pipeline.contracts.codec import encode_json, rfc3339
from pipeline.evaluation.found import gather
from pipeline.evaluation.ledger import Ledger
from pipeline.evaluation.money import money_of
from pipeline.evaluation.truth import Innocents, StolenPayment, TrueReport, Truth

NINE = 1_790_000_000_000
MINUTE = 60_000
VICTIM, MULE, SECOND, SHOP = (f"account:{bank}:0000000001" for bank in ("004", "014", "006", "002"))
STOLEN = "bank-004/T1"


def pay(number: int, minute: int, amount: int, payer: str, payee: str, **more: Any) -> bytes:
    """One payment event, amount in satang; balances of payer and payee after it in ``more``."""

    def party(account: str) -> dict[str, Any]:
        if account == CASH:
            return {"cash": True}
        _, bank, digits = account.split(":")
        return {"bank": bank, "account": digits}

    event = {
        "source": "bank-004",
        "transaction_id": f"T{number}",
        "occurred_at": rfc3339(NINE + minute * MINUTE),
        "amount_satang": amount,
        "currency": "THB",
        "channel": "mobile",
        "payer": party(payer),
        "payee": party(payee),
        **more,
    }
    return orjson.dumps(event)


def hold(account: str, satang: int, minute: int, hops: int, **more: Any) -> bytes:
    steps = [{"kind": "stolen_payment"}, *([{"kind": "transfer"}] * (hops - 1))]
    evidence = [{"kind": "claim"}] if hops == 1 else steps
    alert = FreezeAlert(
        alert_id=alert_id(AlertKind.HOLD, account, STOLEN),
        version=more.pop("version", 1),
        kind=AlertKind.HOLD,
        bank="014",
        account=account,
        origin=STOLEN,
        amount_satang=satang,
        disputed_satang=satang,
        balance_known=True,
        level="light_grey",
        reason_en="Because.",
        reason_th="เพราะ",
        evidence=[],
        cluster_id="",
        cluster_version=0,
        policy_version="p",
        caused_by="a/1",
        caused_at=rfc3339(NINE + minute * MINUTE),
    )
    return encode_json({**orjson.loads(encode_json(alert)), "evidence": evidence})


PAYMENTS = [
    pay(0, -9, 3_000, SHOP, MULE, payee_balance_satang=3_000),
    pay(1, 0, 10_000, VICTIM, MULE, payee_balance_satang=13_000),
    # Of these 8,000 the first 3,000 are the mule's own.
    pay(2, 4, 8_000, MULE, SECOND, payer_balance_satang=5_000),
    pay(3, 20, 2_000, SECOND, SHOP),
]
TRUTH = Truth(
    reports=[TrueReport(report="a/1", received_at=NINE + 10 * MINUTE)],
    stolen_payments=[
        StolenPayment(transaction=STOLEN, reports=["a/1"]),
        StolenPayment(transaction="bank-004/T9", reports=[]),
    ],
    innocents=Innocents(accounts=[SHOP, VICTIM]),
)
HOLDS = [hold(MULE, 5_000, 10, 1), hold(SECOND, 5_000, 11, 2)]


def test_the_sums_are_those_of_the_whole_ledger():
    money = money_of(TRUTH, gather([], HOLDS), PAYMENTS)
    assert money.stolen_satang == 10_000
    assert money.reachable_at_alert_satang == 10_000
    assert money.resting_satang == 10_000
    assert money.money_covered == money.money_covered_of_reported == 1
    assert money.asked_satang == 10_000
    assert (money.innocent_satang, money.over_hold_satang) == (0, 0)
    assert money.median_hops == 1.5
    assert money.report_to_last_hold_median_s == 60


def test_money_that_nobody_asks_for_is_not_covered():
    money = money_of(TRUTH, gather([], HOLDS[:1]), PAYMENTS)
    assert money.money_covered == 0.5


def test_money_of_payments_that_no_claim_was_matched_to_lacks_in_what_was_reported_alone():
    traced_only = [hold(SECOND, 5_000, 11, 2)]
    money = money_of(TRUTH, gather([], traced_only), PAYMENTS)
    assert (money.resting_reported_satang, money.money_covered_of_reported) == (10_000, 0.5)
    assert (money.resting_satang, money.money_covered) == (0, 1)


def test_what_is_asked_above_what_is_there_is_told_to_the_satang():
    money = money_of(TRUTH, gather([], [*HOLDS, hold(MULE, 5_001, 12, 1, version=2)]), PAYMENTS)
    # One satang above the balance of the account, and one above the payment.
    assert money.over_hold_satang == 2


def test_honest_customers_money_is_counted_and_disputes_by_mistake_apart():
    found = gather([], [*HOLDS, hold(SHOP, 2_000, 21, 3)])
    assert money_of(TRUTH, found, PAYMENTS).innocent_satang_share == pytest.approx(1 / 6, abs=1e-6)
    mistaken = TrueReport(report="a/2", role="mistaken", accounts=[SHOP])
    truth = Truth(**{**_fields(TRUTH), "reports": [*TRUTH.reports, mistaken]})
    money = money_of(truth, found, PAYMENTS)
    assert (money.innocent_satang, money.disputed_satang) == (0, 2_000)


def _fields(truth: Truth) -> dict[str, Any]:
    return {name: getattr(truth, name) for name in truth.__struct_fields__}


def test_a_payment_told_by_both_banks_is_one_and_a_bad_event_is_none():
    again = pay(1, 0, 10_000, VICTIM, MULE, payer_balance_satang=70)
    ledger = Ledger([*PAYMENTS, again, b"{}"])
    assert len(ledger.payments) == 4
    assert ledger.run({STOLEN}, []).balances()[MULE] == 5_000


def test_what_left_in_cash_is_not_reachable_and_rests_nowhere():
    before = pay(5, 8, 3_000, MULE, CASH, payer_balance_satang=2_000)
    after = pay(6, 30, 500, SECOND, CASH)
    money = money_of(TRUTH, gather([], HOLDS), [*PAYMENTS, before, after])
    assert money.stolen_satang == 10_000
    assert money.reachable_at_alert_satang == 7_000
    assert money.resting_reported_satang == 7_000
    # At the mule's bank 3,000 are asked for that are gone; of the second account's the oldest were
    # its own.
    assert money.over_hold_satang == 3_000


def test_cash_that_a_victim_paid_in_is_stolen_from_the_account_on():
    paid_in = pay(1, 0, 10_000, CASH, MULE, payee_balance_satang=13_000)
    others = [event for event in PAYMENTS if event is not PAYMENTS[1]]
    run = Ledger([paid_in, *others]).run({STOLEN}, [])
    assert run.resting() == {(MULE, STOLEN): 5_000, (SECOND, STOLEN): 5_000}
    assert CASH not in run.balances()


def test_an_event_that_knows_the_account_says_more_than_one_that_knows_of_cash_only():
    ledger = Ledger([pay(1, 0, 500, VICTIM, CASH), pay(1, 0, 500, VICTIM, MULE)])
    assert ledger.run({STOLEN}, []).resting() == {(MULE, STOLEN): 500}


def test_money_that_went_through_more_than_five_accounts_is_not_looked_for():
    accounts = [VICTIM, *(f"account:014:{n:010d}" for n in range(10, 17))]
    ways = list(itertools.pairwise(accounts))
    for count in (4, 5, 6):
        chain = [pay(1 + n, n, 500, *way) for n, way in enumerate(ways[:count])]
        run = Ledger(chain).run({STOLEN}, [(NINE + MINUTE, STOLEN), (NINE + 9 * MINUTE, "end")])
        assert run.reachable[STOLEN] == 500
        expected = {(accounts[count], STOLEN): 500} if count <= 5 else {}
        assert run.resting() == expected
