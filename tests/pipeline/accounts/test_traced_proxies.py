"""Stolen money that goes on to a PromptPay proxy is in the account that stands behind it."""

from __future__ import annotations

from pipeline.contracts.account_log import Posting
from pipeline.policy.policy import load_policy
from tests.pipeline.accounts.desk import MINUTE, MULE, NINE, SHOP, VICTIM, claim, level
from tests.pipeline.accounts.test_tracing import PROXY, SECOND, THIRD, Bank, stolen


def by_proxy(bank: Bank, number: str, amount: int, minute: int, *named: str, balance=None) -> None:
    """One payment from the mule to a proxy; ``named``: its event says that account as well."""
    at = NINE + minute * MINUTE
    for account in named or (PROXY,):
        bank.lay(Posting(MULE, f"bank/{number}", at, -amount, account))
        bank.lay(Posting(account, f"bank/{number}", at, amount, MULE, balance))
    if named:
        bank.lay(Posting(PROXY, f"bank/{number}", at, amount, MULE, None, named))


def test_what_goes_on_to_a_proxy_alone_is_held_at_the_account_behind_it():
    bank = stolen()
    by_proxy(bank, "t0", 10_000, -60, SECOND)
    by_proxy(bank, "t2", 300_000, 30)
    assert bank.holds() == {MULE: 200_000, SECOND: 300_000}
    assert bank.newest(SECOND)["evidence"][-1]["identifier"] == SECOND
    bank.pay("t3", 210_000, SECOND, THIRD, 40)
    assert bank.holds() == {MULE: 200_000, SECOND: 100_000, THIRD: 200_000}


def test_a_dispute_of_a_payment_to_a_proxy_alone_is_held_at_the_account_behind_it():
    bank = Bank()
    by_proxy(bank, "t0", 10_000, -60, SECOND)
    by_proxy(bank, "t1", 500_000, 0)
    bank.lay(claim("aoc-1441/1#0", 500_000, reference="t1", account=PROXY), level(account=PROXY))
    assert bank.holds() == {SECOND: 500_000}


def test_what_came_in_by_a_proxy_alone_counts_in_the_balance_of_the_account_behind_it():
    bank = stolen()
    by_proxy(bank, "t0", 10_000, -60, SECOND, balance=10_000)
    by_proxy(bank, "t2", 300_000, 30)
    assert bank.holds() == {MULE: 200_000, SECOND: 300_000}
    bank.pay("t3", 5_000, SECOND, SHOP, 50, balances=(120_000, None))
    assert bank.holds() == {MULE: 200_000, SECOND: 120_000}


def test_what_goes_on_to_a_proxy_alone_rests_there_while_nobody_knows_who_is_behind_it():
    bank = stolen()
    by_proxy(bank, "t2", 300_000, 30)
    assert bank.holds() == {MULE: 200_000, PROXY: 300_000}
    by_proxy(bank, "t4", 10_000, 60, SECOND)
    assert bank.holds() == {MULE: 190_000, SECOND: 310_000}


def test_where_the_payments_around_it_name_two_accounts_the_money_stays_at_the_proxy():
    bank = stolen()
    by_proxy(bank, "t0", 10_000, -60, SECOND)
    by_proxy(bank, "t2", 300_000, 30)
    by_proxy(bank, "t9", 100_000, 90, THIRD)
    assert bank.holds() == {MULE: 100_000, PROXY: 300_000, THIRD: 100_000}


def test_a_payment_to_a_proxy_alone_counts_once_when_the_other_bank_names_the_account():
    bank = stolen()
    by_proxy(bank, "t0", 10_000, -60, SECOND)
    by_proxy(bank, "t2", 300_000, 30)
    by_proxy(bank, "t2", 300_000, 30, SECOND)
    bank.pay("t3", 110_000, SECOND, THIRD, 40)
    assert bank.holds() == {MULE: 200_000, SECOND: 200_000, THIRD: 100_000}


def test_a_victim_who_is_paid_back_by_a_proxy_is_not_asked():
    bank = stolen()
    by_proxy(bank, "t0", 10_000, -60, VICTIM)
    by_proxy(bank, "t2", 300_000, 30)
    assert bank.holds() == {MULE: 200_000}


def test_a_shop_that_is_paid_by_its_proxy_alone_is_watched():
    bank = stolen()
    for number in range(12):
        payer = f"account:006:{number:010d}"
        bank.pay(f"s{number}", 400_000, payer, SHOP, -150 + 20 * number)
    by_proxy(bank, "t0", 10_000, -160, SHOP)
    by_proxy(bank, "t2", 100_000, 100)
    assert bank.holds() == {MULE: 400_000}


def test_by_a_policy_without_that_rule_what_goes_to_a_proxy_alone_rests_there():
    bank = stolen(load_policy("th-2026-11.8"))
    by_proxy(bank, "t0", 10_000, -60, SECOND)
    by_proxy(bank, "t2", 300_000, 30)
    assert bank.holds() == {MULE: 200_000, PROXY: 300_000}
