"""Cash: money that nobody paid comes in, and money that goes out is gone; nobody is told of it."""

from __future__ import annotations

import msgspec
import pytest

from pipeline.accounts.apportionment import FIFO_2, PRO_RATA_2
from pipeline.accounts.file import merged
from pipeline.contracts.account_log import CASH, RETURNS, Posting, Step
from pipeline.policy.policy import load_policy
from tests.pipeline.accounts.desk import (
    MINUTE,
    MULE,
    NINE,
    SHOP,
    VICTIM,
    Desk,
    claim,
    credit,
    level,
)
from tests.pipeline.accounts.office import Office
from tests.pipeline.accounts.test_first_step import step
from tests.pipeline.accounts.test_tracing import CLAIMED, SECOND, THIRD, Bank, stolen, with_trace

PROXY = "promptpay:phone:+66812345678"


def withdrawn(number: str, amount: int, minute: int, account: str = MULE, **more) -> Posting:
    at = NINE + minute * MINUTE
    return credit(f"bank/{number}", -amount, at, account=account, other=CASH, **more)


def paid_in(number: str, amount: int, minute: int, account: str = MULE, **more) -> Posting:
    at = NINE + minute * MINUTE
    return credit(f"bank/{number}", amount, at, account=account, other=CASH, **more)


@pytest.mark.parametrize("before_the_report", [True, False])
def test_stolen_money_that_left_in_cash_is_asked_of_nobody(before_the_report: bool):
    bank = Bank()
    bank.pay("t1", 500_000, VICTIM, MULE, 0)
    bank.pay("t2", 200_000, MULE, SECOND, 1)
    out = withdrawn("atm1", 150_000, 2), withdrawn("atm2", 50_000, 3, SECOND)
    bank.lay(*out, CLAIMED, level()) if before_the_report else bank.lay(CLAIMED, level(), *out)
    assert bank.holds() == {MULE: 150_000, SECOND: 150_000}
    assert not any(account == CASH for account in bank.fold._with_file)


@pytest.mark.parametrize(("method", "left"), [(FIFO_2, 50_000), (PRO_RATA_2, 33_334)])
def test_a_withdrawal_takes_its_share_as_any_payment_out(method: str, left: int):
    bank = Bank(with_trace(method=method))
    bank.lay(paid_in("cdm", 50_000, -1))
    bank.pay("t1", 100_000, VICTIM, MULE, 0)
    bank.lay(withdrawn("atm1", 100_000, 2))
    bank.lay(paid_in("cdm2", 150_000, 3), claim("aoc-1441/1#0", 100_000, reference="t1"), level())
    assert bank.holds() == {MULE: left}


def test_cash_that_comes_in_is_clean_and_in_its_place_in_the_line():
    bank = stolen()
    bank.lay(paid_in("cdm", 300_000, 25))
    bank.pay("t2", 500_000, MULE, SECOND, 30)
    assert bank.holds() == {SECOND: 500_000}


def test_the_balance_after_cash_caps_a_hold_as_any_other():
    bank = stolen()
    bank.lay(withdrawn("atm1", 100_000, 30, balance=20_000))
    assert bank.holds() == {MULE: 20_000}


def test_all_in_cash_is_a_release_because_the_money_is_gone():
    bank = stolen()
    bank.lay(withdrawn("atm1", 500_000, 30))
    assert bank.holds() == {}
    assert bank.newest(MULE)["release_reason"] == "money_gone"


def test_a_withdrawal_that_the_machine_did_not_pay_out_was_never_made():
    bank = stolen()
    bank.lay(withdrawn("atm1", 400_000, 30))
    assert bank.holds() == {MULE: 100_000}
    bank.lay(paid_in("back", 400_000, 31, references=(RETURNS + "atm1",)))
    assert bank.holds() == {MULE: 500_000}


def test_withdrawals_use_up_none_of_the_accounts_to_which_a_trace_may_go():
    bank = Bank(with_trace(accounts=2))
    bank.pay("t1", 500_000, VICTIM, MULE, 0)
    bank.lay(*(withdrawn(f"atm{n}", 10_000, 1 + n) for n in range(9)))
    bank.pay("t2", 100_000, MULE, SECOND, 15)
    bank.lay(CLAIMED, level())
    assert bank.holds() == {MULE: 310_000, SECOND: 100_000}
    assert not any(name == "limit_hits" for name, *_ in bank.counts)


def test_what_another_banks_event_says_went_to_an_account_is_followed_there():
    bank = stolen()
    bank.lay(withdrawn("t2", 300_000, 30))
    assert bank.holds() == {MULE: 200_000}
    bank.pay("t2", 300_000, MULE, SECOND, 30)
    assert bank.holds() == {MULE: 200_000, SECOND: 300_000}
    known = withdrawn("t2", 300_000, 30)
    named = credit("bank/t2", -300_000, NINE + 30 * MINUTE, other=PROXY)
    assert merged(known, named) == merged(named, known) == named


def test_nobody_is_told_that_a_customer_paid_a_suspect_in_cash():
    desk = Desk()
    desk.lay(level(verified_voices=3, voices=3), claim("aoc-1441/1#0", 500_000))
    desk.lay(paid_in("cdm", 70_000, 30), credit("bank/t9", 70_000, NINE + 31 * MINUTE, other=SHOP))
    assert [event.account for event in desk.notices()] == [SHOP]


def test_where_payments_that_nobody_disputes_are_held_cash_is_among_them():
    desk = Desk()
    desk.lay(paid_in("cdm", 700_000, 30), level(reports=3, voices=3, verified_voices=3))
    assert {origin for kind, origin in desk.standing() if kind == "hold"} == {"bank/cdm"}


def test_payers_in_cash_are_nobody_and_make_no_shop():
    trade = {"payers": 3, "hours": 0, "traced_percent": 60, "fast_minutes": 2}
    rules = load_policy().trace.ordinary_trade.model_copy(update=trade)
    bank = Bank(with_trace(ordinary_trade=rules))
    bank.pay("t1", 500_000, VICTIM, MULE, 0)
    bank.pay("t2", 500_000, MULE, SECOND, 10)
    for number, payer in enumerate((SHOP, THIRD, CASH, CASH)):
        bank.lay(
            credit(f"bank/p{number}", 900_000, NINE + number, account=SECOND, other=payer),
        )
    bank.lay(CLAIMED, level())
    assert bank.holds() == {SECOND: 500_000}
    bank.pay("t9", 100, "account:025:7778889990", SECOND, 11)
    assert bank.holds() == {}


@pytest.mark.parametrize("reference", [None, "atm1"])
def test_a_withdrawal_is_no_payment_that_a_victim_may_have_meant(reference: str | None):
    office = Office()
    office.lay(credit("bank/atm1", -500_000, NINE + MINUTE, account=VICTIM, other=CASH))
    asked = {"account": PROXY, "payer": VICTIM, "paid_at": NINE, "reference": reference}
    office.lay(level(account=PROXY), claim("aoc-1441/1#0", 500_000, **asked))
    assert {told.account for told in office.told()} == {VICTIM}


TOLD = claim("aoc-1441/1#0", 500_000, cash=True)


def test_what_a_victim_paid_in_as_cash_is_found_by_amount_and_time_and_followed():
    bank = Bank()
    bank.lay(paid_in("cdm", 500_000, 4), TOLD, level())
    bank.pay("t2", 300_000, MULE, SECOND, 30)
    assert bank.holds("bank/cdm") == {MULE: 200_000, SECOND: 300_000}
    (payment,) = [
        one for one in bank.newest(MULE, "bank/cdm")["evidence"] if one["kind"] == "payment"
    ]
    assert (payment["identifier"], payment["detail"]) == (CASH, "amount_time")


@pytest.mark.parametrize(
    ("told", "found"),
    [
        pytest.param({"cash": True}, "bank/cdm", id="cash is cash, though a transfer is nearer"),
        pytest.param({}, "bank/t9", id="who does not say how may have paid by any"),
        pytest.param({"payer": SHOP}, None, id="cash came from no account"),
        pytest.param({"payer": SHOP, "reference": "cdm"}, "bank/cdm", id="a reference decides"),
        pytest.param({"cash": True, "reference": "t9"}, "bank/t9", id="also against cash"),
    ],
)
def test_which_payment_a_claim_means(told: dict, found: str | None):
    desk = Desk()
    desk.lay(paid_in("cdm", 500_000, 4), credit("bank/t9", 500_000, NINE + MINUTE), level())
    desk.lay(claim("aoc-1441/1#0", 500_000, **told))
    held = [origin for kind, origin in desk.standing() if kind == "hold"]
    assert held == ([found] if found else [])


def test_two_victims_of_one_deposit_are_not_both_believed():
    desk = Desk()
    desk.lay(paid_in("cdm", 500_000, 0), level(reports=1, voices=2, verified_voices=1))
    desk.lay(TOLD, msgspec.structs.replace(TOLD, claim_id="aoc-1441/2#0", voice="another"))
    held = desk.standing()["hold", "bank/cdm"]
    assert [one["report"] for one in held["evidence"] if one["kind"] == "claim"] == ["aoc-1441/1"]


@pytest.mark.parametrize(
    ("seen", "held"),
    [
        pytest.param(credit("bank/t9", 70_000, balance=900_000), 500_000, id="transfers alone"),
        pytest.param(withdrawn("atm", 70_000, 9, balance=900_000), 500_000, id="machines alone"),
        pytest.param(paid_in("cdm", 70_000, 9), 500_000, id="perhaps another bank's machine"),
        pytest.param(paid_in("cdm", 70_000, 9, balance=900_000), 0, id="cash, too"),
    ],
)
def test_a_bank_that_publishes_no_cash_belies_no_claim_about_cash(seen: Posting, held: int):
    desk = Desk()
    desk.lay(seen, level(reports=2), TOLD)
    asked = [a["amount_satang"] for (kind, _), a in desk.standing().items() if kind == "hold"]
    assert sum(asked) == held


def test_a_claim_about_cash_asks_no_payers_book_and_goes_to_no_look_alike_but_the_likelier():
    office = Office()
    alike = (("look_alike", SECOND, "4.0 bits"),)
    office.lay(level(evidence=alike), TOLD)
    assert office.told() == []
    office.lay(level(version=2, evidence=alike, slip_of=(SECOND,)))
    assert [(told.account, told.cash) for told in office.told()] == [(SECOND, True)]


def test_an_event_about_cash_from_an_older_worker_opens_no_file():
    bank = stolen()
    told: Step = step(account=CASH)
    bank.lay(told)
    assert bank.counts["limit_hits", "foreign_account"] == 1
    assert bank.fold.gauges()["account_files"] == 1


def test_withdrawals_that_were_only_remembered_count_when_the_case_begins():
    desk = Desk()
    desk.lay(credit("bank/t1", 500_000), withdrawn("atm1", 120_000, 2))
    desk.lay(claim("aoc-1441/1#0", 500_000, reference="t1"), level())
    (held,) = [alert for (kind, _), alert in desk.standing().items() if kind == "hold"]
    assert held["amount_satang"] == 380_000
