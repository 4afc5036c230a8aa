"""What a report says of payments: whose book, who paid, and who is therefore no suspect."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from pipeline.accounts.credits import fits
from pipeline.clustering.claims import claim_events
from pipeline.contracts.transactions import decode_transaction
from pipeline.intake.fold import postings_of
from pipeline.policy.policy import load_policy
from tests.pipeline.clustering.scenarios import (
    RECORDED_AT,
    Run,
    account,
    pay,
    phone,
    report,
    stored,
)

POLICY = load_policy()
AT = "2026-11-20T09:00:00+07:00"
WALLET = {"bank": "TrueMoney", "account": "0812345678"}
MULE = {"bank": "004", "account": "1112223334"}
VICTIM = {"bank": "014", "account": "9998887776"}


def payment(payer: dict[str, Any], payee: dict[str, Any]) -> bytes:
    sides = {"payer": payer, "payee": payee, "occurred_at": AT, "amount_satang": 150_000}
    return orjson.dumps({"source": "kbank", "transaction_id": "TX1", **sides})


def told(payer: dict[str, Any] | None, payee: dict[str, Any]) -> dict[str, Any]:
    said = {"paid_at": AT, "amount_satang": 150_000, "to": payee, "from": payer}
    return report("1", [account("1112223334")], payments=[said])


@pytest.mark.parametrize(
    ("paid_from", "payer", "fitting"),
    [
        (WALLET, WALLET, True),
        (WALLET, {"promptpay": "0812345678"}, True),
        (WALLET, VICTIM, True),
        (VICTIM, VICTIM, True),
        (VICTIM, WALLET, False),
    ],
)
def test_a_claim_of_who_paid_from_a_wallet_fits_the_payment_whatever_its_bank_calls_the_payer(
    paid_from: dict[str, Any], payer: dict[str, Any], fitting: bool
) -> None:
    report_ = stored(told(paid_from, MULE), POLICY)
    claim = claim_events(None, report_, report_)[0]
    postings = postings_of(decode_transaction(payment(payer, MULE)), RECORDED_AT)
    seen = next(posting for posting in postings if posting.account == claim.account)
    assert fits(claim, seen, POLICY.claims) == fitting


def test_a_claim_at_promptpay_is_in_the_book_that_the_banks_event_names() -> None:
    payee = {"bank": "พร้อมเพย์", "account": "0812345678"}
    report_ = stored(told(None, payee), POLICY)
    claim = claim_events(None, report_, report_)[0]
    postings = postings_of(decode_transaction(payment(VICTIM, payee)), RECORDED_AT)
    assert claim.account in {posting.account for posting in postings}


def test_the_phone_of_the_wallet_that_paid_is_no_suspect() -> None:
    paid = pay("1112223334", 150_000, AT, **{"from": WALLET})
    found = stored(
        report("1", [account("1112223334"), phone("0812345678")], payments=[paid]), POLICY
    )
    assert found.identifiers == ("account:004:1112223334",)
    assert [p.payer for p in found.payments] == [""]


@pytest.mark.parametrize(
    ("bank", "typed"), [("TrueMoney", "081234569"), ("พร้อมเพย์", "081-234-569")]
)
def test_a_mistyped_wallet_joins_no_strangers_account(bank: str, typed: str) -> None:
    run = Run()
    run.feed([report(str(n), [account("0812345679")]) for n in range(3)])
    run.feed([report("9", [account(typed, bank), phone("0899999991")])])
    members = run.cluster_of("phone:+66899999991")["members"]
    assert "account:004:0812345679" not in members
    assert "phone:081234569" in members


NID = "ab" * 32


@pytest.mark.parametrize(
    ("paid_from", "suspects"),
    [
        (WALLET, [{"kind": "promptpay", "proxy": "0812345678"}]),
        (WALLET, [phone("0812345678"), {"kind": "promptpay", "proxy": "0812345678"}]),
        ({"promptpay": "0812345678"}, [phone("0812345678")]),
        ({"promptpay": "0812345678"}, [account("0812345678", "TrueMoney")]),
        ({"promptpay": f"nid:{NID}"}, [{"kind": "person", "name": "ก", "national_id": NID}]),
    ],
)
def test_whoever_paid_is_no_suspect_by_phone_or_by_proxy(
    paid_from: dict[str, Any], suspects: list[dict[str, Any]]
) -> None:
    paid = pay("1112223334", 150_000, AT, **{"from": paid_from})
    told_ = report("1", [account("1112223334"), *suspects], payments=[paid])
    assert stored(told_, POLICY).identifiers == ("account:004:1112223334",)


def test_another_phone_than_the_payers_stays_a_suspect() -> None:
    paid = pay("1112223334", 150_000, AT, **{"from": WALLET})
    suspects = [phone("0812345679"), {"kind": "promptpay", "proxy": "0899999999"}]
    found = stored(report("1", suspects, payments=[paid]), POLICY)
    assert {"phone:+66812345679", "phone:+66899999999"} < set(found.identifiers)
