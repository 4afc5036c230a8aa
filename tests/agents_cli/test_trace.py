"""``freezeline trace``: the tree, JSON and pictures of where stolen money went."""

from __future__ import annotations

import io
from xml.etree import ElementTree

import msgspec
import pytest
from rich.console import Console

from agents.cli.trace import json_of, origins_meant, tree_of
from pipeline.accounts.money_trail import trail_of
from pipeline.accounts.parts import newest_files
from pipeline.contracts.account_log import CASH
from pipeline.contracts.alerts import FreezeAlert
from pipeline.policy.policy import load_policy
from pipeline.state import scan_prefix
from tests.pipeline.accounts.desk import MINUTE, MULE, NINE, SHOP, VICTIM, credit, level
from tests.pipeline.accounts.test_tracing import (
    CLAIMED,
    SECOND,
    THIRD,
    Bank,
    stolen,
    with_trace,
)


@pytest.fixture
def bank() -> Bank:
    made = stolen()
    made.pay("t2", 300_000, MULE, SECOND, 30, references=["e2e:E2"])
    made.pay("t3", 20_000, MULE, SHOP, 31)
    made.pay("t4", 100_000, SECOND, THIRD, 32)
    return made


def files_of(bank: Bank):
    rows = [(key[1:], value) for prefix in (b"f", b"p") for key, value in rows_of(bank, prefix)]
    return newest_files(rows)


def rows_of(bank: Bank, prefix: bytes):
    return scan_prefix(bank.fold._state, prefix)


def alerts_of(bank: Bank) -> list[FreezeAlert]:
    return [msgspec.convert(alert, FreezeAlert) for alert in bank.alerts.values()]


def trail(bank: Bank):
    found = trail_of("bank/t1", files_of(bank), alerts_of(bank), bank.policy)
    assert found is not None
    return found


def test_a_trail_has_every_payment_and_what_rests_where(bank):
    content = json_of(trail(bank))
    assert [(p["hop"], p["transaction"], p["share"]) for p in content["payments"]] == [
        (1, "bank/t1", 500_000),
        (2, "bank/t2", 300_000),
        (2, "bank/t3", 20_000),
        (3, "bank/t4", 100_000),
    ]
    assert {a["account"]: (a["came"], a["resting"], a["asked"]) for a in content["accounts"]} == {
        MULE: (500_000, 180_000, 180_000),
        SECOND: (300_000, 200_000, 200_000),
        SHOP: (20_000, 20_000, 0),
        THIRD: (100_000, 100_000, 100_000),
    }


def test_the_tree_says_who_got_how_much_and_what_is_held(bank):
    console = Console(width=200, record=True, file=io.StringIO())
    console.print(tree_of(trail(bank)))
    text = console.export_text()
    assert "5,000.00 baht stolen from 004" in text
    assert "hold 1,000.00 baht" in text
    assert "too small to hold" in text
    assert "rests: 5,000.00 baht; asked to hold: 4,800.00 baht" in text


def test_where_a_limit_ended_the_trace_it_says_so():
    bank = stolen(with_trace(hops=1))
    bank.pay("t2", 300_000, MULE, SECOND, 30)
    (place,) = trail(bank).places
    assert place.ends == [("bank/t2", "trace_hops")]


def in_cash(bank: Bank) -> Bank:
    """Some of it leaves in cash, at two banks."""
    bank.lay(credit("bank/atm1", -50_000, NINE + 40 * MINUTE, other=CASH))
    bank.lay(credit("bank/atm2", -200_000, NINE + 41 * MINUTE, account=SECOND, other=CASH))
    return bank


def test_what_left_in_cash_is_an_end_with_the_share_of_it(bank):
    found = trail(in_cash(bank))
    content = json_of(found)
    assert [(p["hop"], p["transaction"], p["share"], p["amount"]) for p in content["payments"]] == [
        (1, "bank/t1", 500_000, 500_000),
        (2, "bank/t2", 300_000, 300_000),
        (2, "bank/t3", 20_000, 20_000),
        (2, "bank/atm1", 50_000, 50_000),
        (3, "bank/t4", 100_000, 100_000),
        (3, "bank/atm2", 200_000, 200_000),
    ]
    out = [p for p in content["payments"] if p["payee"] == CASH]
    assert [p["payer"] for p in out] == [MULE, SECOND]
    assert content["left_in_cash_satang"] == 250_000
    assert {p.account: (p.resting, p.in_cash, p.ends) for p in found.places} == {
        MULE: (130_000, 50_000, [("bank/atm1", "left_in_cash")]),
        SECOND: (0, 200_000, [("bank/atm2", "left_in_cash")]),
        SHOP: (20_000, 0, []),
        THIRD: (100_000, 0, []),
    }
    assert sum(p.resting + p.in_cash for p in found.places) == found.stolen


def test_the_tree_and_the_picture_show_what_left_in_cash(bank):
    found = trail(in_cash(bank))
    console = Console(width=200, record=True, file=io.StringIO())
    console.print(tree_of(found))
    text = console.export_text()
    assert "500.00 of 500.00 baht left in cash  bank/atm1" in text
    assert "2,000.00 of 2,000.00 baht left in cash  bank/atm2" in text
    assert "rests: 2,500.00 baht; left in cash: 2,500.00 baht; asked to hold: 2,300.00 baht" in text
    assert "the trace ends" not in text
    pictures = pytest.importorskip("agents.cli.trail_picture", reason="drawsvg is not installed")
    svg = pictures.svg_of(found)
    ElementTree.fromstring(svg)
    assert "left in cash 500.00" in svg
    assert "left in cash 2,000.00" in svg
    assert "trace ends here" not in svg
    assert "bank/atm2" in pictures.html_of([found])


def test_only_the_share_of_it_that_was_stolen_left_in_cash():
    bank = Bank()
    bank.lay(credit("bank/own", 30_000, NINE - MINUTE, other=CASH))
    bank.pay("t1", 500_000, VICTIM, MULE, 0)
    bank.lay(credit("bank/atm1", -100_000, NINE + MINUTE, other=CASH), CLAIMED, level())
    (_, out) = trail(bank).legs
    assert (out.payee, out.amount, out.share) == (CASH, 100_000, 70_000)


def test_at_the_last_hop_cash_is_an_end_and_no_limit():
    bank = stolen(with_trace(hops=1))
    bank.lay(credit("bank/atm1", -50_000, NINE + 40 * MINUTE, other=CASH))
    (place,) = trail(bank).places
    assert place.ends == [("bank/atm1", "left_in_cash")]
    assert not any(name == "limit_hits" for name, *_ in bank.counts)


def test_what_a_shop_takes_out_in_cash_is_its_own():
    rules = load_policy().trace.ordinary_trade
    trade = {"payers": 1, "hours": 0, "traced_percent": 90, "fast_minutes": 0}
    bank = stolen(with_trace(ordinary_trade=rules.model_copy(update=trade)))
    bank.pay("p1", 400_000, THIRD, SHOP, 5)
    bank.pay("t2", 300_000, MULE, SHOP, 30)
    bank.lay(credit("bank/atm1", -600_000, NINE + 60 * MINUTE, account=SHOP, other=CASH))
    (shop,) = [place for place in trail(bank).places if place.account == SHOP]
    assert (shop.ends, shop.in_cash) == ([("bank/atm1", "ordinary_trade")], 0)


def test_a_withdrawal_whose_payment_is_in_dispute_no_more_is_no_end():
    bank = in_cash(stolen())
    assert trail(bank).in_cash == 50_000
    bank.lay(msgspec.structs.replace(CLAIMED, version=2, withdrawn=True))
    (place,) = trail(bank).places
    assert (place.in_cash, place.ends) == (0, [])


def test_what_a_victim_paid_in_as_cash_has_no_account_where_it_was_stolen():
    bank = Bank()
    bank.lay(credit("bank/t1", 500_000, other=CASH), CLAIMED, level())
    bank.pay("t2", 300_000, MULE, SECOND, 30)
    found = trail(bank)
    console = Console(width=200, record=True, file=io.StringIO())
    console.print(tree_of(found))
    assert "5,000.00 baht paid in as cash" in console.export_text()
    pictures = pytest.importorskip("agents.cli.trail_picture", reason="drawsvg is not installed")
    ElementTree.fromstring(pictures.svg_of(found))
    held = bank.newest(SECOND)
    assert [one["payer"] for one in held["evidence"] if "payer" in one] == [CASH, MULE]


@pytest.mark.parametrize(
    "what", ["bank/t1", "t1", MULE, "004 5556667778", "cluster-1", SECOND, "006 2223334445"]
)
def test_a_trail_is_found_by_case_account_or_payment(bank, what):
    if what == "004 5556667778":
        assert origins_meant(what, files_of(bank), alerts_of(bank)) == []
    else:
        assert origins_meant(what, files_of(bank), alerts_of(bank)) == ["bank/t1"]


def test_a_trail_is_found_by_the_id_of_any_of_its_alerts(bank):
    for alert in alerts_of(bank):
        if alert.kind == "hold":
            found = origins_meant(alert.alert_id[:8], files_of(bank), [alert])
            assert found == ["bank/t1"]


def test_the_picture_is_well_formed_and_names_every_account(bank):
    pictures = pytest.importorskip("agents.cli.trail_picture", reason="drawsvg is not installed")
    svg = pictures.svg_of(trail(bank))
    ElementTree.fromstring(svg)
    page = pictures.html_of([trail(bank)])
    for account in (VICTIM, MULE, SECOND, THIRD, SHOP):
        assert account.rpartition(":")[2][-4:] in svg
        assert account in page
    assert "E2" in page


def test_a_policy_that_follows_nothing_has_no_trail(bank):
    policy = load_policy("th-2026-11")
    assert trail_of("bank/t1", files_of(bank), alerts_of(bank), policy) is None
