"""The accounts' fold: which alerts come of an account's log, and that order does not matter."""

from __future__ import annotations

import itertools

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.accounts.fold import AccountsFold
from pipeline.contracts.account_log import Notice, Tick
from pipeline.fold import LogRecord
from pipeline.policy.policy import HOUR_MS, load_policy
from pipeline.state import MemoryState
from tests.pipeline.accounts.desk import (
    MINUTE,
    MULE,
    NINE,
    VICTIM,
    Desk,
    answer,
    claim,
    credit,
    level,
)

PAID = credit("bank/t1", 500_000)
CLAIMED = claim("aoc-1441/1#0", 500_000, reference="t1")
GREY = level()


@pytest.mark.parametrize("order", list(itertools.permutations([PAID, CLAIMED, GREY])))
def test_payment_and_report_in_any_order_give_one_hold_for_the_disputed_amount(order):
    desk = Desk()
    desk.lay(*order)
    (standing,) = desk.standing().values()
    assert (standing["kind"], standing["origin"]) == ("hold", "bank/t1")
    assert standing["amount_satang"] == 500_000
    assert standing["bank"] == "014"
    assert standing["policy_version"] == desk.policy.version


def test_the_same_events_again_change_nothing():
    desk = Desk()
    desk.lay(PAID, CLAIMED, GREY)
    assert desk.lay(PAID, CLAIMED, GREY) == []


def test_a_hold_under_the_reports_own_payment_is_superseded_when_the_payment_is_seen():
    desk = Desk()
    first = desk.lay(CLAIMED, level(reports=2))[-1]
    assert first["origin"] == "report/aoc-1441/1#0"
    later = desk.lay(PAID)
    release = next(a for a in later if a["kind"] == "release")
    hold = next(a for a in later if a["kind"] == "hold")
    assert release["alert_id"] == first["alert_id"]
    assert release["version"] == first["version"] + 1
    assert release["superseded_by"] == hold["alert_id"]


def test_a_number_that_was_typed_once_is_watched_until_the_payment_is_seen():
    desk = Desk()
    desk.lay(CLAIMED, GREY)
    (standing,) = desk.standing().values()
    assert standing["kind"] == "watch"
    assert "check the number" in standing["reason_en"]
    desk.lay(PAID)
    (standing,) = desk.standing().values()
    assert (standing["kind"], standing["origin"]) == ("hold", "bank/t1")


@pytest.mark.parametrize(
    "confirmed_by",
    [
        [level(reports=2)],
        [level("black")],
        [GREY, credit("bank/t9", 700_000), claim("ccib/9#0", 700_000, reference="t9")],
    ],
    ids=["a second report", "a laundering list", "another disputed payment that was seen"],
)
def test_what_confirms_the_number_lets_a_payment_be_held_before_it_is_seen(confirmed_by):
    desk = Desk()
    desk.lay(claim("aoc-1441/1#0", 500_000), *confirmed_by)
    assert desk.standing()["hold", "report/aoc-1441/1#0"]["amount_satang"] == 500_000


def test_at_a_bank_that_publishes_nothing_one_verified_person_is_enough():
    policy = load_policy()
    claims = policy.claims.model_copy(update={"silent_banks": frozenset({"014"})})
    desk = Desk(policy=policy.model_copy(update={"claims": claims}))
    desk.lay(CLAIMED, GREY)
    assert [kind for kind, _ in desk.standing()] == ["hold"]


def test_what_nobody_disputes_is_not_held_where_the_number_may_be_a_slip():
    slip = level(reports=3, voices=3, verified_voices=3, misspelt=True)
    desk = Desk()
    desk.lay(slip, credit("bank/t5", 250_000, at=NINE + HOUR_MS))
    assert "hold" not in {kind for kind, _ in desk.standing()}
    desk.lay(msgspec.structs.replace(slip, version=2, misspelt=False))
    assert desk.standing()["hold", "bank/t5"]["amount_satang"] == 250_000


def test_an_unverified_report_leads_to_a_watch_and_never_to_a_hold():
    desk = Desk()
    desk.lay(PAID, claim("aoc-1441/1#0", 500_000, verified=False), level("light_brown"))
    assert [kind for kind, _ in desk.standing()] == ["watch"]


def test_an_unverified_claim_at_an_acting_account_needs_the_payment_itself():
    desk = Desk()
    desk.lay(GREY, claim("etda-1212/9#0", 700_000, verified=False))
    assert [kind for kind, _ in desk.standing()] == ["watch"]
    desk.lay(credit("bank/t9", 700_000))
    assert desk.standing()["hold", "bank/t9"]["amount_satang"] == 700_000


def test_a_hold_is_never_above_the_newest_known_balance():
    desk = Desk()
    desk.lay(CLAIMED, GREY, credit("bank/t1", 500_000, balance=510_000))
    spent = credit("bank/t2", -450_000, at=NINE + MINUTE, balance=60_000)
    desk.lay(spent)
    assert desk.standing()["hold", "bank/t1"]["amount_satang"] == 60_000


def test_the_holds_of_one_account_together_stay_within_its_balance():
    desk = Desk()
    desk.lay(
        GREY,
        credit("bank/t1", 300_000, balance=300_000),
        credit("bank/t2", 300_000, at=NINE + MINUTE, balance=400_000),
        claim("aoc-1441/1#0", 300_000, reference="t1"),
        claim("aoc-1441/2#0", 300_000, reference="t2"),
    )
    holds = [a for (kind, _), a in desk.standing().items() if kind == "hold"]
    assert sum(a["amount_satang"] for a in holds) == 400_000
    assert len(holds) == 2


def test_money_that_is_gone_releases_the_hold_with_that_reason():
    desk = Desk()
    desk.lay(CLAIMED, GREY, credit("bank/t1", 500_000, balance=500_000))
    came = desk.lay(credit("bank/t2", -500_000, at=NINE + MINUTE, balance=0))
    release = next(a for a in came if a["kind"] == "release")
    assert release["release_reason"] == "money_gone"


def test_a_withdrawn_report_releases_its_hold_and_says_so_in_thai_and_english():
    desk = Desk()
    desk.lay(PAID, CLAIMED, GREY)
    gone = msgspec.structs.replace(CLAIMED, version=2, withdrawn=True)
    came = desk.lay([gone, level("none", version=2)])
    release = next(a for a in came if a["kind"] == "release")
    assert release["release_reason"] == "report_withdrawn"
    assert "withdrawn" in release["reason_en"]
    assert "ถอน" in release["reason_th"]
    assert desk.standing() == {}


def test_a_hold_ends_when_the_clock_says_so_and_not_before():
    desk = Desk()
    desk.lay(PAID, CLAIMED, GREY)
    ends = CLAIMED.received_at + desk.policy.holds.hours * HOUR_MS
    assert desk.lay(Tick(ends - 1)) == []
    release = next(a for a in desk.lay(Tick(ends)) if a["kind"] == "release")
    assert release["release_reason"] == "clock_out"


def test_a_police_complaint_prolongs_the_hold():
    desk = Desk()
    desk.lay(PAID, CLAIMED, GREY)
    before = desk.standing()["hold", "bank/t1"]["holds_until"]
    desk.lay(answer("ccib/1", "police_filed"))
    after = desk.standing()["hold", "bank/t1"]
    assert after["holds_until"] > before
    assert after["version"] == 2


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        ("released", "released_by_bank"),
        ("refused", "refused_by_bank"),
        ("seized", "seized"),
    ],
)
def test_what_the_bank_or_police_ended_is_released_with_their_reason(status, reason):
    desk = Desk()
    hold = desk.lay(PAID, CLAIMED, GREY)[-1]
    came = desk.lay(answer("scb/1", status, alert_id=hold["alert_id"]))
    assert next(a for a in came if a["kind"] == "release")["release_reason"] == reason


def test_one_voice_at_two_agencies_is_one_hold_before_the_payment_is_known():
    desk = Desk()
    desk.lay(
        level(reports=2),
        claim("aoc-1441/1#0", 500_000, voice="same"),
        claim("etda-1212/7#0", 500_000, voice="same", paid_at=NINE + 5 * MINUTE),
    )
    holds = [a for (kind, _), a in desk.standing().items() if kind == "hold"]
    assert [a["amount_satang"] for a in holds] == [500_000]


def test_two_victims_of_the_same_amount_dispute_two_payments():
    desk = Desk()
    desk.lay(
        GREY,
        credit("bank/t1", 500_000),
        credit("bank/t2", 500_000, at=NINE + MINUTE),
        claim("aoc-1441/1#0", 500_000),
        claim("aoc-1441/2#0", 500_000),
    )
    assert {origin for kind, origin in desk.standing() if kind == "hold"} == {
        "bank/t1",
        "bank/t2",
    }


def test_a_payment_after_the_report_is_held_and_its_payer_is_told():
    desk = Desk()
    late = credit("bank/t5", 250_000, at=NINE + 30 * MINUTE)
    desk.lay(level(voices=3, verified_voices=3), late)
    assert desk.standing()["hold", "bank/t5"]["amount_satang"] == 250_000
    (notice,) = desk.notices()
    assert isinstance(notice, Notice)
    assert (notice.account, notice.active) == (VICTIM, True)
    came = desk.lay(notice)
    assert [a["kind"] for a in came] == ["victim_still_paying"]
    assert came[0]["bank"] == "004"


def test_what_nobody_disputes_is_held_for_two_persons_once_a_payment_of_theirs_was_seen():
    desk = Desk()
    late = credit("bank/t5", 250_000, at=NINE + 30 * MINUTE)
    desk.lay(CLAIMED, level(reports=2, voices=2, verified_voices=2), late)
    assert ("hold", "bank/t5") not in desk.standing()
    assert [notice.transaction for notice in desk.notices()] == ["bank/t5"]
    desk.lay(PAID)
    assert {origin for kind, origin in desk.standing() if kind == "hold"} == {"bank/t1", "bank/t5"}


def test_by_a_policy_without_that_rule_two_persons_are_enough():
    desk = Desk(policy=load_policy("th-2026-11.3"))
    late = credit("bank/t5", 250_000, at=NINE + 30 * MINUTE)
    desk.lay(level(reports=2, voices=2, verified_voices=2), late)
    assert ("hold", "bank/t5") in desk.standing()


def test_a_number_of_a_length_that_its_bank_does_not_give_out_waits_for_its_payment():
    short = MULE[:-1]
    desk = Desk()
    named = level(account=short, reports=5, voices=5, verified_voices=5)
    desk.lay(claim("aoc-1441/1#0", 500_000, account=short), named)
    assert [kind for kind, _ in desk.standing()] == ["watch"]
    desk.lay(msgspec.structs.replace(PAID, account=short))
    assert [kind for kind, _ in desk.standing()] == ["hold"]


def test_one_verified_report_alone_warns_the_payers_and_holds_only_what_it_disputes():
    desk = Desk()
    desk.lay(PAID, CLAIMED, GREY, credit("bank/t5", 250_000, at=NINE + 30 * MINUTE))
    assert {origin for kind, origin in desk.standing() if kind == "hold"} == {"bank/t1"}
    assert [notice.transaction for notice in desk.notices()] == ["bank/t5"]


def test_a_claim_that_the_accounts_own_payments_belie_holds_nothing():
    desk = Desk()
    mistyped = claim("ccib/4#0", 880_000)
    desk.lay(
        mistyped, level(voices=2, verified_voices=1), credit("bank/t6", 300_000, balance=900_000)
    )
    ((kind, _),) = desk.standing()
    assert kind == "watch"
    assert "check the number" in desk.standing()[kind, MULE]["reason_en"]
    desk.lay(credit("bank/t7", 880_000))
    assert desk.standing()["hold", "bank/t7"]["amount_satang"] == 880_000


def test_anybodys_payment_says_nothing_about_a_payment_that_nobody_has_published():
    desk = Desk()
    desk.lay(claim("ccib/4#0", 3_000_000), level(reports=2), credit("bank/t6", 100))
    (standing,) = desk.standing().values()
    assert (standing["kind"], standing["amount_satang"]) == ("hold", 3_000_000)


def test_an_account_without_its_bank_is_watched_because_nobody_could_hold():
    desk = Desk()
    nowhere = "account:?:1112223334"
    desk.lay(level(account=nowhere), claim("ccib/4#0", 3_000_000, account=nowhere))
    (standing,) = desk.standing().values()
    assert standing["kind"] == "watch"
    assert "bank is not known" in standing["reason_en"]


def test_a_payers_bank_is_told_once_though_the_payee_has_a_proxys_book_as_well():
    desk = Desk()
    desk.lay(level(voices=2, verified_voices=2), credit("bank/t5", 250_000, at=NINE + HOUR_MS))
    (notice,) = desk.notices()
    proxy = msgspec.structs.replace(notice, payee="promptpay:phone:+66812345678", cluster="c2")
    other = Desk()
    desk.lay(notice, proxy)
    other.lay(proxy, notice)
    ((key, alert),) = other.standing().items()
    assert alert["cluster_id"] == notice.cluster == desk.standing()[key]["cluster_id"]


def test_small_sums_that_nobody_disputes_are_watched_and_not_held():
    desk = Desk()
    known = level(voices=3, verified_voices=3)
    desk.lay(known, credit("bank/t6", 15_000, at=NINE + 30 * MINUTE))
    assert [kind for kind, _ in desk.standing()] == ["watch"]


def test_a_payment_into_an_account_without_a_case_says_nothing():
    desk = Desk()
    assert desk.lay(PAID) == []
    assert desk.fold.gauges() == {"account_files": 0.0}


def test_a_record_that_is_not_of_the_log_is_a_dead_letter():
    desk = Desk()
    folded = desk.fold.apply([LogRecord(1, NINE, None, b"\x93nonsense")])
    (letter,) = folded.outputs
    assert letter.topic == "account-log-dead-letters"
    assert letter.value == b"\x93nonsense"


def test_a_fold_that_lost_its_disk_says_nothing_new_after_files_and_log_are_read_again():
    desk = Desk()
    events = [PAID, CLAIMED, GREY, credit("bank/t5", 250_000, at=NINE + 30 * MINUTE)]
    desk.lay(*events)
    files = [
        LogRecord(i, NINE, o.key, o.value)
        for i, o in enumerate(desk.outputs)
        if o.topic == "account-files"
    ]
    again = Desk()
    again.fold = AccountsFold(MemoryState(), again.policy, 0, 1)
    again.fold.restore(files)
    assert again.lay(*events) == []
    hold = desk.standing()["hold", "bank/t1"]
    came = again.lay(answer("scb/1", "seized", alert_id=hold["alert_id"]))
    release = next(a for a in came if a["kind"] == "release")
    assert (release["alert_id"], release["version"]) == (hold["alert_id"], hold["version"] + 1)


EVENTS = [
    PAID,
    CLAIMED,
    GREY,
    level("dark_grey", version=2, police_filed=True, verified_voices=2),
    credit("bank/t1", 500_000, balance=900_000),
    credit("bank/t2", -300_000, at=NINE + 5 * MINUTE, balance=600_000),
    credit("bank/t3", 200_000, at=NINE + 40 * MINUTE),
    claim("etda-1212/4#0", 200_000, paid_at=NINE + 39 * MINUTE, verified=False),
    claim("aoc-1441/8#0", 90_000),
    claim("aoc-1441/8#0", 90_000, version=2, withdrawn=True),
    answer("scb/1", "held", balance=550_000, at=NINE + 50 * MINUTE),
    Tick(NINE + HOUR_MS),
]


@settings(deadline=None)
@given(st.permutations(EVENTS), st.lists(st.sampled_from(EVENTS), max_size=6))
def test_any_order_and_any_repeats_give_the_same_standing_alerts(order, repeats):
    def content(desk):
        return {
            key: (a["amount_satang"], a["disputed_satang"], a["level"], a["holds_until"])
            for key, a in desk.standing().items()
        }

    one, other = Desk(), Desk()
    one.lay(*EVENTS)
    other.lay(*order, *repeats)
    assert content(one) == content(other)
    assert MULE in one.fold._with_file


def test_at_a_number_that_may_be_a_slip_only_a_payment_that_was_seen_is_held():
    desk = Desk()
    desk.lay(claim("aoc-1441/1#0", 500_000), level(misspelt=True))
    assert [kind for kind, _ in desk.standing()] == ["watch"]
    desk.lay(PAID)
    assert [kind for kind, _ in desk.standing()] == ["hold"]


def test_the_clock_of_a_partition_can_be_seen() -> None:
    desk = Desk()
    assert "newest_tick_seconds" not in desk.fold.gauges()
    desk.lay(Tick(NINE + HOUR_MS), Tick(NINE))
    assert desk.fold.gauges()["newest_tick_seconds"] == (NINE + HOUR_MS) / 1000
