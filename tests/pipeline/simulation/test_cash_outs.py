"""Worlds in which stolen money leaves at machines, from the simulation to the money figures."""

from __future__ import annotations

import orjson
import pytest

from evaluation.runs import lines, replayed, truth_of
from pipeline.contracts.transactions import decode_transaction
from pipeline.evaluation.money import money_of
from pipeline.simulation.scenario import simulate


@pytest.fixture(scope="module")
def worlds(start):
    size = {"rings": 6, "reports": 60, "payments": 2_000, "start": start}
    return {share: simulate(5, cash=share, **size) for share in (0, 0.5)}


def test_cash_comes_on_top_and_is_told_in_the_truth(worlds):
    plain, cash = worlds[0], worlds[0.5]
    assert "cash_outs" not in plain.truth
    assert all("cash" not in event["payee"] for event in plain.transactions)
    out = [event for event in cash.transactions if event["payee"] == {"cash": True}]
    told = {each["transaction"]: each for each in cash.truth["cash_outs"]}
    keys = {decode_transaction(orjson.dumps(event)).key for event in out}
    assert told.keys() < keys
    assert all(each["to"] == "cash" for each in told.values())
    assert {event["channel"] for event in out} == {"atm"}
    stolen = [each["amount_satang"] for each in plain.truth["stolen_payments"]]
    assert [each["amount_satang"] for each in cash.truth["stolen_payments"]] == stolen


def test_what_left_in_cash_is_less_to_reach_and_all_that_rests_is_held_as_before(worlds):
    money = {}
    for share, world in worlds.items():
        found, _, _ = replayed(world)
        money[share] = money_of(truth_of(world), found, lines(world.transactions))
    plain, cash = money[0], money[0.5]
    assert cash.stolen_satang == plain.stolen_satang
    assert cash.resting_satang < 0.8 * plain.resting_satang
    assert cash.reachable_at_alert_satang < plain.reachable_at_alert_satang
    assert cash.money_covered > 0.99
    assert cash.innocent_satang <= plain.innocent_satang


@pytest.mark.parametrize("share", [-0.1, 1.1])
def test_a_share_that_is_none_is_refused(share, start):
    with pytest.raises(ValueError, match="from 0 to 1"):
        simulate(5, cash=share, start=start)
