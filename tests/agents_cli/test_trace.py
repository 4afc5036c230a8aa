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
from pipeline.contracts.alerts import FreezeAlert
from pipeline.policy.policy import load_policy
from pipeline.state import scan_prefix
from tests.pipeline.accounts.desk import MULE, SHOP, VICTIM
from tests.pipeline.accounts.test_tracing import SECOND, THIRD, Bank, stolen, with_trace


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
