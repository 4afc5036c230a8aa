"""The truth fits the events, and every difficulty is there."""

from collections import Counter, defaultdict

import orjson
import pytest

from pipeline.contracts.reports import decode_report
from pipeline.contracts.transactions import decode_transaction
from pipeline.identity.handle import normalise_handle
from pipeline.identity.phone import normalise_phone
from pipeline.identity.promptpay import normalise_promptpay
from pipeline.identity.url import normalise_url
from pipeline.simulation.scenario import simulate

DIFFICULTIES = (
    "amount_off",
    "bank_by_name",
    "bank_detection",
    "bank_missing",
    "corrected",
    "courier_phone",
    "grouped_number",
    "laundering_list",
    "malicious",
    "misspelt_account",
    "misspelt_onto_innocent",
    "mistaken",
    "no_payment",
    "own_account",
    "payment_without_reference",
    "person",
    "police_case",
    "promptpay_only",
    "qr_payload",
    "recycled_phone",
    "reference_known",
    "repeated",
    "romanised_name",
    "several_agencies",
    "thai_digits",
    "unverified",
    "withdrawn",
)


@pytest.fixture(scope="module")
def payments(scenario):
    """Every payment's event of the payer's bank by its key."""
    found = {}
    for event in scenario.transactions:
        payment = decode_transaction(orjson.dumps(event))
        if payment.source == f"bank-{payment.payer.bank}":
            found[payment.key] = payment
    return found


@pytest.fixture(scope="module")
def reports(scenario):
    """Every report's first word by its key."""
    found = {}
    for event in scenario.reports:
        report = decode_report(orjson.dumps(event))
        found.setdefault(report.key, report)
    return found


def _account(party):
    return f"account:{party.bank}:{party.account}"


@pytest.mark.parametrize("seed", [1, 2, 3, 4, 5])
def test_every_difficulty_is_there(seed, start):
    truth = simulate(seed, payments=4_000, start=start).truth
    missing = [name for name in DIFFICULTIES if not truth["difficulties"].get(name)]
    assert missing == []
    assert any(s["after_own_report"] for s in truth["stolen_payments"])
    assert any(s["after_first_report"] for s in truth["stolen_payments"])
    assert truth["innocents"]["look_alikes"]
    assert truth["mule_spending"]
    assert truth["payments_told_by_both_banks"]
    assert truth["shared_phones"]


def test_every_report_has_its_truth(scenario, reports):
    told = [truth["report"] for truth in scenario.truth["reports"]]
    assert sorted(told) == sorted(reports)
    rings = {ring["id"] for ring in scenario.truth["rings"]}
    for truth in scenario.truth["reports"]:
        honest = truth["role"] in ("malicious", "brigade", "mistaken")
        assert (truth["ring"] is None) == honest
        assert honest or truth["ring"] in rings


def test_the_sources_are_those_of_the_centre(reports):
    sources = {report.source for report in reports.values()}
    wanted = {"aoc-1441", "etda-1212", "ccib", "royal-thai-police", "meta", "bank-fraud-desk"}
    assert wanted <= sources
    assert any(source.startswith("telco-") for source in sources)
    assert any(source.startswith("bank-0") for source in sources)


def test_one_victim_is_one_person_at_every_agency(scenario, reports):
    persons = defaultdict(set)
    calls = Counter()
    for truth in scenario.truth["reports"]:
        if truth["role"] == "victim" and reports[truth["report"]].reporter.person:
            persons[truth["victim"]].add(reports[truth["report"]].reporter.person)
            calls[truth["victim"]] += 1
    assert all(len(each) == 1 for each in persons.values())
    assert max(calls.values()) >= 2


def test_stolen_payments_are_real_and_go_to_a_mule(scenario, payments, reports):
    mules = {ring["id"]: set(ring["accounts"]) for ring in scenario.truth["rings"]}
    for stolen in scenario.truth["stolen_payments"]:
        payment = payments[stolen["transaction"]]
        assert payment.amount_satang == stolen["amount_satang"]
        assert payment.transaction_id == stolen["reference"]
        assert _account(payment.payer) == stolen["victim_account"]
        assert _account(payment.payee) == stolen["mule_account"]
        assert stolen["mule_account"] in mules[stolen["ring"]]
        for report in stolen["reports"]:
            received = reports[report].received_at
            assert received > payment.occurred_at


def test_onward_transfers_start_where_the_money_came_in(scenario, payments):
    guilty = {
        key
        for ring in scenario.truth["rings"]
        for key in [*ring["accounts"], *ring["onward_accounts"], *ring["wallets"]]
    }
    hops = Counter()
    banks = defaultdict(set)
    for transfer in scenario.truth["transfers"]:
        assert transfer["from"] in guilty
        assert transfer["to"] in guilty
        assert payments[transfer["transaction"]].amount_satang == transfer["amount_satang"]
        hops[transfer["hop"]] += 1
        banks[transfer["ring"]].add(transfer["to"].split(":")[1])
    assert {2, 3, 4} <= set(hops)
    assert all(len(each) >= 2 for each in banks.values())


def test_innocents_and_rings_share_no_account(scenario):
    guilty = {
        key
        for ring in scenario.truth["rings"]
        for key in [*ring["accounts"], *ring["onward_accounts"]]
    }
    innocents = set(scenario.truth["innocents"]["accounts"])
    assert not guilty & innocents
    for pair in scenario.truth["innocents"]["look_alikes"]:
        assert pair["account"] in innocents
        mine, other = pair["account"].split(":"), pair["of"].split(":")
        if pair["same_number"]:
            assert mine[2] == other[2]
            assert mine[1] != other[1]
        else:
            assert mine[1] == other[1]
            assert sum(a != b for a, b in zip(mine[2], other[2], strict=True)) == 1


def test_balances_add_up(scenario):
    """In time order each account's balance changes by exactly its payments, where it is told."""
    balance: dict[str, int] = {}
    seen = set()
    checked = 0
    for event in scenario.transactions:
        payment = decode_transaction(orjson.dumps(event))
        if payment.key in seen:
            continue
        seen.add(payment.key)
        sides = (
            (payment.payer, -payment.amount_satang, payment.payer_balance_satang),
            (payment.payee, payment.amount_satang, payment.payee_balance_satang),
        )
        for party, amount, after in sides:
            key = _account(party)
            if after is not None and key in balance:
                assert after == balance[key] + amount
                checked += 1
            if after is not None:
                assert after >= 0
                balance[key] = after
            elif key in balance:
                balance[key] += amount
    assert checked > 10_000


def test_some_banks_give_no_balance(scenario):
    silent = [e for e in scenario.transactions if "payer_balance_satang" not in e]
    assert 0 < len(silent) < len(scenario.transactions) / 2


def test_payments_by_promptpay_name_proxy_and_account(scenario):
    proxied = [e["payee"] for e in scenario.transactions if "promptpay" in e["payee"]]
    assert sum("account" in payee for payee in proxied) > len(scenario.transactions) / 10


def test_the_true_identifiers_are_canonical(scenario):
    for ring in scenario.truth["rings"]:
        for key in ring["phones"]:
            assert normalise_phone(key.removeprefix("phone:")).key == key
        for key in ring["handles"]:
            _, platform, name = key.split(":", 2)
            assert normalise_handle(platform, name).key == key
        for key in ring["urls"]:
            assert normalise_url(key.removeprefix("url:")).key == key
        for key in ring["promptpay"]:
            proxy = "0066" + key.removeprefix("promptpay:phone:+66")
            assert normalise_promptpay(proxy).key == key


def test_a_report_without_a_slip_is_off_by_minutes_only(scenario, payments, reports):
    truths = {truth["report"]: truth for truth in scenario.truth["reports"]}
    for key, truth in truths.items():
        if truth["role"] != "victim":
            continue
        told = reports[key].payments
        assert len(told) == len(truth["transactions"])
        for disputed, transaction in zip(told, truth["transactions"], strict=True):
            real = payments[transaction]
            assert abs((disputed.paid_at - real.occurred_at).total_seconds()) <= 26 * 60
            if disputed.reference is not None:
                assert disputed.reference == real.transaction_id
                assert disputed.amount_satang == real.amount_satang
