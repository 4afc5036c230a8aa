"""Claims at a PromptPay proxy are met by the payment into the account that stands behind it."""

from __future__ import annotations

import itertools
import random
from collections import Counter
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.accounts.behind import Behind
from pipeline.contracts.account_log import Posting, Vouched
from pipeline.policy.policy import HOUR_MS, load_policy
from tests.pipeline.accounts.desk import MINUTE, MULE, NINE, VICTIM, answer, claim, credit, level
from tests.pipeline.accounts.office import Office
from tests.pipeline.accounts.workers import Workers

PROXY = "promptpay:phone:+66812345678"
NEXT = "account:006:2223334445"
"""The account to which the proxy was registered later."""
OTHER = "account:025:8889990001"

REPORTED = level(account=PROXY, reports=2, voices=2, verified_voices=2)
TOLD = claim("aoc-1441/1#0", 500_000, account=PROXY, payer=VICTIM, reference="R-77")
PAID = credit("bank/t1", 500_000, at=NINE + 3 * MINUTE)
"""The bank's event names the account alone."""


def by_proxy(transaction: str, amount: int, at: int = NINE, to: str = MULE) -> list[Posting]:
    """A payment whose event names the proxy as well: in its book, and in the account's."""
    paid = {"at": at, "other": OTHER}
    return [
        credit(transaction, amount, account=PROXY, references=(to,), **paid),
        credit(transaction, amount, account=to, **paid),
    ]


EARLIER = by_proxy("bank/t0", 70_000, at=NINE - 5 * HOUR_MS)


def test_what_was_paid_to_the_account_alone_is_held_there_though_nobody_reported_it():
    office = Office()
    office.lay(*EARLIER, PAID, REPORTED, TOLD)
    holds = {origin: a for (kind, origin), a in office.standing().items() if kind == "hold"}
    held = holds["bank/t1"]
    assert (held["account"], held["amount_satang"]) == (MULE, 500_000)
    assert (held["level"], held["cluster_id"]) == ("none", "cluster-1")
    (told,) = [one for one in held["evidence"] if one["kind"] == "claim"]
    assert (told["report"], told["identifier"]) == ("aoc-1441/1", PROXY)
    assert "a proxy of the account is reported" in held["reason_en"]


def test_what_is_not_seen_is_held_at_the_proxy_until_it_is_known_who_stands_behind_it():
    office = Office()
    office.lay(REPORTED, TOLD)
    assert office.holds() == {PROXY: 500_000}
    office.lay(*EARLIER)
    assert office.holds() == {MULE: 500_000}
    released = [a["release_reason"] for a in office.alerts() if a["kind"] == "release"]
    assert released == ["superseded", "passed_on"]  # the watch of the first report, then the hold
    assert ("watch", PROXY) in office.standing()
    office.lay(PAID)
    assert [origin for kind, origin in office.standing() if kind == "hold"] == ["bank/t1"]


@pytest.mark.parametrize(
    "paid",
    [
        credit("bank/t1", 700_000),
        credit("bank/t1", 500_000, at=NINE + 5 * 60 * MINUTE),
        credit("bank/t1", 500_000, other=OTHER),
    ],
    ids=["another amount", "another time", "another payer"],
)
def test_what_does_not_fit_is_not_disputed_by_it(paid: Posting):
    office = Office()
    office.lay(*EARLIER, paid, level(account=PROXY), TOLD)
    assert office.holds() == {}


def test_a_proxy_that_was_typed_once_needs_the_payer_or_a_reference_to_be_believed():
    bare = msgspec.structs.replace(TOLD, payer=None, reference=None)
    office = Office()
    office.lay(*EARLIER, PAID, level(account=PROXY), bare)
    assert office.holds() == {}
    office.lay(msgspec.structs.replace(bare, version=2, payer=VICTIM))
    assert office.holds() == {MULE: 500_000}


def test_a_proxy_that_no_verified_person_named_adds_to_what_is_known_of_an_account_only():
    unverified = level("light_brown", account=PROXY, verified_voices=0)
    told = msgspec.structs.replace(TOLD, verified=False)
    office = Office()
    office.lay(*EARLIER, PAID, unverified, told)
    assert office.holds() == {}
    office.lay(level(reports=4, voices=4, verified_voices=1))
    assert office.holds() == {MULE: 500_000}


def test_a_payment_that_was_seen_at_an_unverified_proxy_counts_where_others_reported_the_account():
    unverified = level("light_brown", account=PROXY, verified_voices=0)
    told = claim("aoc-1441/1#0", 70_000, account=PROXY, verified=False, payer=OTHER)
    office = Office()
    office.lay(*by_proxy("bank/t0", 70_000), unverified, told)
    assert office.holds() == {}
    office.lay(level(reports=4, voices=4, verified_voices=1))
    assert office.holds() == {MULE: 70_000}
    (held,) = [a for (kind, _), a in office.standing().items() if kind == "hold"]
    (paid,) = [one for one in held["evidence"] if one["kind"] == "payment"]
    assert paid["detail"] == "amount_time_payer"


def test_a_withdrawn_report_lets_go_of_what_was_meant():
    office = Office()
    office.lay(*EARLIER, PAID, REPORTED, TOLD)
    office.lay(msgspec.structs.replace(TOLD, version=2, withdrawn=True))
    assert "bank/t1" not in {origin for kind, origin in office.standing() if kind == "hold"}


def test_a_level_that_ends_lets_go_of_what_was_meant():
    office = Office()
    office.lay(*EARLIER, PAID, REPORTED, TOLD, level("none", account=PROXY, version=2, reports=0))
    assert office.holds() == {}


def test_a_bank_that_let_go_is_not_asked_again():
    office = Office()
    office.lay(*EARLIER, PAID, REPORTED, TOLD)
    (alert,) = [a for (kind, origin), a in office.standing().items() if origin == "bank/t1"]
    office.lay(answer("scb/1", "released", alert_id=alert["alert_id"]))
    assert "bank/t1" not in {origin for kind, origin in office.standing() if kind == "hold"}


def test_only_who_stood_behind_the_proxy_at_the_time_is_told():
    office = Office()
    later = by_proxy("bank/t9", 60_000, at=NINE + 5 * HOUR_MS, to=NEXT)
    last = by_proxy("bank/t10", 60_000, at=NINE + 6 * HOUR_MS, to=NEXT)
    beforehand = by_proxy("bank/t2", 60_000, at=NINE + HOUR_MS)
    office.lay(*EARLIER, *beforehand, *later, *last, REPORTED, TOLD)
    afterwards = msgspec.structs.replace(
        TOLD, claim_id="aoc-1441/2#0", paid_at=NINE + 5 * HOUR_MS + MINUTE
    )
    between = msgspec.structs.replace(TOLD, claim_id="aoc-1441/3#0", paid_at=NINE + 3 * HOUR_MS)
    office.lay(afterwards, between)
    to_accounts = [c for c in office.told() if c.account != VICTIM]
    told = {(c.claim_id, c.account): Vouched(c.vouched) for c in to_accounts}
    assert told == {
        ("aoc-1441/1#0~", MULE): Vouched.ALWAYS,
        ("aoc-1441/2#0~", NEXT): Vouched.ALWAYS,
        ("aoc-1441/3#0~", MULE): Vouched.IF_SEEN,
        ("aoc-1441/3#0~", NEXT): Vouched.IF_SEEN,
    }


def test_a_payment_that_shows_another_account_behind_the_proxy_takes_the_claim_away_again():
    office = Office()
    office.lay(*EARLIER, PAID, REPORTED, TOLD)
    office.lay(*by_proxy("bank/t5", 60_000, at=NINE - MINUTE, to=NEXT))
    office.lay(*by_proxy("bank/t6", 60_000, at=NINE + MINUTE, to=NEXT))
    assert "bank/t1" not in {origin for kind, origin in office.standing() if kind == "hold"}


def test_by_a_policy_without_that_rule_the_claim_waits_at_the_proxy():
    office = Office(policy=load_policy("th-2026-11.3"))
    office.lay(*EARLIER, PAID, REPORTED, TOLD)
    assert office.told() == []


@given(seed=st.integers(0, 10**9))
def test_who_stands_behind_a_proxy_is_kept_up_to_date_payment_by_payment(seed: int):
    draw = random.Random(seed)
    postings: dict[str, Posting] = {}
    behind = Behind(postings)
    times = range(12)
    for _ in range(draw.randrange(20)):
        key = f"bank/t{draw.randrange(6)}"
        references = draw.choice(((), (MULE,), (MULE,), (NEXT,), ("account:?:1",)))
        paid = credit(key, 1, account=PROXY, at=draw.choice(times), references=references)
        before, was = postings.get(key), {at: behind.around(at) for at in times}
        postings[key] = paid
        spans = behind.changed(key, before, paid)
        now = {at: behind.around(at) for at in times}
        assert now == {at: Behind(postings).around(at) for at in times}
        moved = {at for at in times if was[at] != now[at]}
        assert moved <= {at for at in times for first, last in spans if first <= at <= last}


@settings(deadline=None, max_examples=60)
@given(seed=st.integers(0, 10**9))
def test_any_order_on_any_partitions_gives_the_same_holds_and_asks_for_no_satang_twice(seed: int):
    draw = random.Random(seed)
    numbers = itertools.count()
    events: list[Any] = [draw.choice((REPORTED, level(account=PROXY), REPORTED))]
    events += [level(reports=3, voices=3, verified_voices=1)] * draw.randrange(2)
    events += [level("light_brown", account=PROXY, version=2)] * (draw.random() < 0.2)
    for number in itertools.islice(numbers, draw.randrange(1, 6)):
        at = NINE + draw.randrange(9) * MINUTE
        paid = {"at": at, "to": draw.choice((MULE, MULE, NEXT))}
        events += by_proxy(f"bank/t{number}", draw.choice((500_000, 70_000)), **paid)
    for number in itertools.islice(numbers, draw.randrange(4)):
        at = NINE + draw.randrange(9) * MINUTE
        events.append(credit(f"bank/t{number}", 500_000, at=at, account=draw.choice((MULE, NEXT))))
    for number in range(draw.randrange(1, 5)):
        voice = f"voice-{draw.randrange(3)}"
        facts = {"payer": draw.choice((None, VICTIM, OTHER)), "voice": voice}
        facts["paid_at"] = NINE + draw.randrange(9) * MINUTE
        facts["verified"] = draw.random() < 0.8
        told = claim(f"aoc-1441/{number}#0", 500_000, account=draw.choice((PROXY, MULE)), **facts)
        events.append(told)
        if draw.random() < 0.4:
            events.append(msgspec.structs.replace(told, version=2, withdrawn=draw.random() < 0.5))
    results = []
    for _ in range(2):
        results.append(Workers(load_policy(), draw).work_at_times(events))
        draw.shuffle(events)
    assert results[0] == results[1]
    assert PROXY not in {account for account, _ in results[0]}
    asked = Counter[str]()
    for (_, origin), satang in results[0].items():
        asked[origin] += satang
    paid_in = {e.transaction: e.amount for e in events if isinstance(e, Posting)}
    assert all(satang <= paid_in.get(origin, 500_000) for origin, satang in asked.items())
