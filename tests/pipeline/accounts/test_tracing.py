"""Following the money: steps from account to account, holds where it rests, and its ends."""

from __future__ import annotations

import msgspec
import orjson
import pytest

from pipeline.accounts.fold import AccountsFold
from pipeline.contracts.account_log import (
    AccountEvent,
    AccountEvents,
    Posting,
    Postings,
    Tick,
    decode_log_entry,
    encode_log_entry,
)
from pipeline.fold import LogRecord
from pipeline.policy.policy import HOUR_MS, Policy, load_policy
from pipeline.state import MemoryState
from tests.pipeline.accounts.desk import MINUTE, MULE, NINE, SHOP, VICTIM, answer, claim, level

SECOND = "account:006:2223334445"
THIRD = "account:002:3334445556"
PROXY = "promptpay:phone:+66812345678"
CLAIMED = claim("aoc-1441/1#0", 500_000, reference="t1")


class Bank:
    """One partition for all accounts: what it sends to itself is folded until nothing is left."""

    def __init__(self, policy: Policy | None = None) -> None:
        self.policy = policy or load_policy()
        self.fold = AccountsFold(MemoryState(), self.policy, 0, 1)
        self.alerts: dict[str, dict] = {}
        self.counts: dict = {}
        self.records = 0

    def pay(self, number: str, amount: int, payer: str, payee: str, minute: int, **more) -> None:
        """One payment, entered in both books; balances by ``payer`` and ``payee``."""
        balances = more.pop("balances", (None, None))
        at, names = NINE + minute * MINUTE, tuple(more.pop("references", ()))
        out = Posting(payer, f"bank/{number}", at, -amount, payee, balances[0], names)
        self.lay(out, Posting(payee, f"bank/{number}", at, amount, payer, balances[1], names))

    def lay(self, *events: Posting | AccountEvent | Tick) -> None:
        waiting = []
        for event in events:
            entry = event
            if isinstance(event, Posting):
                entry = Postings([event])
            elif not isinstance(event, Tick):
                entry = AccountEvents([event])
            waiting.append(encode_log_entry(entry))
        while waiting:
            record = LogRecord(self.records, NINE, None, waiting.pop(0))
            self.records += 1
            folded = self.fold.apply([record])
            for name, count in folded.counts.items():
                self.counts[name] = self.counts.get(name, 0) + count
            for output in folded.outputs:
                if output.topic == "account-log":
                    waiting.append(output.value)
                elif output.topic == "freeze-alerts":
                    alert = orjson.loads(output.value)
                    self.alerts[alert["alert_id"]] = alert

    def holds(self, origin: str = "bank/t1") -> dict[str, int]:
        return {
            a["account"]: a["amount_satang"]
            for a in self.alerts.values()
            if a["kind"] == "hold" and a["origin"] == origin
        }

    def newest(self, account: str, origin: str = "bank/t1") -> dict:
        return next(
            a
            for a in self.alerts.values()
            if (a["account"], a["origin"]) in ((account, origin), (account, account))
        )


def stolen(policy: Policy | None = None) -> Bank:
    """5,000 baht come into the mule's account at nine, and are reported at twenty past."""
    bank = Bank(policy)
    bank.pay("t1", 500_000, VICTIM, MULE, 0)
    bank.lay(CLAIMED, level())
    return bank


def with_trace(**figures) -> Policy:
    policy = load_policy()
    return policy.model_copy(update={"trace": policy.trace.model_copy(update=figures)})


def test_money_that_went_on_before_the_report_is_held_where_it_is():
    bank = Bank()
    bank.pay("t1", 500_000, VICTIM, MULE, 0)
    bank.pay("t2", 300_000, MULE, SECOND, 1)
    bank.pay("t3", 100_000, SECOND, THIRD, 2)
    bank.lay(CLAIMED, level())
    assert bank.holds() == {MULE: 200_000, SECOND: 200_000, THIRD: 100_000}


@pytest.mark.parametrize("first", ["payer's bank", "payee's bank"])
@pytest.mark.parametrize("stated", [None, 200_000])
@pytest.mark.parametrize("told", [PROXY, "account:?:0000000022"])
def test_a_payment_that_one_bank_says_of_a_proxy_and_the_other_of_its_account_is_in_the_account(
    first: str, stated: int | None, told: str
):
    bank = stolen()
    at = NINE + MINUTE
    by_payer = [
        Posting(MULE, "uetr/t2", at, -300_000, told, stated),
        Posting(told, "uetr/t2", at, 300_000, MULE),
    ]
    by_payee = [
        Posting(MULE, "uetr/t2", at, -300_000, SECOND),
        Posting(SECOND, "uetr/t2", at, 300_000, MULE, 300_000),
    ]
    events = [by_payer, by_payee] if first == "payer's bank" else [by_payee, by_payer]
    for postings in events:
        bank.lay(*postings)
    assert bank.holds() == {MULE: 200_000, SECOND: 300_000}


def test_what_a_swindler_pays_back_is_the_victims_and_is_held_with_nobody():
    bank = stolen()
    bank.pay("t2", 300_000, MULE, SECOND, 30)
    bank.pay("t3", 100_000, SECOND, VICTIM, 31)
    bank.pay("t4", 50_000, MULE, VICTIM, 32)
    assert bank.holds() == {MULE: 150_000, SECOND: 200_000}


def test_by_a_policy_without_that_rule_it_is_followed_to_the_victim_too():
    bank = stolen(load_policy("th-2026-11.5"))
    bank.pay("t2", 100_000, MULE, VICTIM, 30)
    assert bank.holds() == {MULE: 400_000, VICTIM: 100_000}


def test_money_that_goes_on_after_the_report_is_followed_as_it_moves():
    bank = stolen()
    assert bank.holds() == {MULE: 500_000}
    bank.pay("t2", 300_000, MULE, SECOND, 30)
    assert bank.holds() == {MULE: 200_000, SECOND: 300_000}
    bank.pay("t3", 300_000, SECOND, THIRD, 31)
    assert bank.holds() == {MULE: 200_000, THIRD: 300_000}
    assert bank.newest(SECOND)["release_reason"] == "money_gone"


def test_a_withdrawn_report_releases_the_holds_of_all_accounts_behind():
    bank = stolen()
    bank.pay("t2", 500_000, MULE, SECOND, 30)
    bank.pay("t3", 200_000, SECOND, THIRD, 31)
    bank.lay(msgspec.structs.replace(CLAIMED, version=2, withdrawn=True))
    assert bank.holds() == {}
    assert bank.newest(THIRD)["release_reason"] == "trace_ended"


def test_a_late_payment_before_the_others_corrects_all_accounts_behind():
    bank = stolen()
    bank.pay("t2", 500_000, MULE, SECOND, 30)
    bank.pay("t0", 200_000, SHOP, MULE, -5)
    assert bank.holds() == {MULE: 200_000, SECOND: 300_000}


def test_a_returned_payment_is_held_where_it_came_back_to():
    bank = stolen()
    bank.pay("t2", 300_000, MULE, SECOND, 30)
    bank.pay("t3", 300_000, SECOND, MULE, 40, references=["returns:t2"])
    assert bank.holds() == {MULE: 500_000}


@pytest.mark.parametrize("method", ["fifo-1", "pro_rata-1", "fifo-2", "pro_rata-2"])
def test_money_that_goes_round_comes_to_rest(method):
    bank = stolen(with_trace(method=method))
    for lap in range(9):
        bank.pay(f"a{lap}", 500_000, MULE, SECOND, 30 + 2 * lap)
        bank.pay(f"b{lap}", 500_000, SECOND, MULE, 31 + 2 * lap)
    assert bank.counts["limit_hits", "trace_hops"] > 0
    assert sum(bank.holds().values()) <= 500_000


def test_a_trace_ends_at_the_last_hop_and_says_so():
    bank = stolen(with_trace(hops=2))
    bank.pay("t2", 500_000, MULE, SECOND, 30)
    bank.pay("t3", 500_000, SECOND, THIRD, 31)
    assert bank.holds() == {}
    assert bank.counts["limit_hits", "trace_hops"] == 1


def test_a_trace_goes_to_no_more_accounts_than_the_policy_says():
    bank = stolen(with_trace(accounts=4, small_sum_satang=0, small_payment_satang=0))
    for number in range(6):
        bank.pay(f"t{number + 2}", 50_000, MULE, f"account:006:{number:010d}", 30 + number)
    assert len(bank.holds()) == 4
    assert bank.counts["limit_hits", "trace_accounts"] == 3


def test_where_the_policy_wants_verified_disputes_others_are_not_followed():
    bank = Bank(with_trace(verified=True))
    bank.pay("t1", 500_000, VICTIM, MULE, 0)
    bank.lay(msgspec.structs.replace(CLAIMED, verified=False), level())
    bank.pay("t2", 300_000, MULE, SECOND, 30)
    assert bank.holds() == {MULE: 200_000}


def test_a_hold_behind_is_at_most_the_balance_there():
    bank = stolen()
    bank.pay("t2", 500_000, MULE, SECOND, 30, balances=(0, 500_000))
    bank.lay(answer("ktb/1", "held", account=SECOND, balance=120_000))
    assert bank.holds() == {SECOND: 120_000}


def test_small_payments_are_watched_up_to_the_sum_that_the_policy_says():
    bank = stolen(with_trace(small_payment_satang=40_000, small_payments_satang=100_000))
    for number in range(3):
        bank.pay(f"t{number + 2}", 33_000, MULE, SHOP, 30 + number)
    assert bank.holds() == {MULE: 401_000}
    assert "too small" in bank.newest(SHOP)["reason_en"]
    bank.pay("t5", 33_000, MULE, SHOP, 40)
    assert bank.holds() == {MULE: 368_000, SHOP: 132_000}


def test_one_payment_that_is_not_small_brings_the_small_ones_with_it():
    bank = stolen(with_trace(small_payment_satang=40_000, small_payments_satang=100_000))
    bank.pay("t2", 33_000, MULE, SHOP, 30)
    bank.pay("t3", 40_000, MULE, SHOP, 31)
    assert bank.holds() == {MULE: 427_000, SHOP: 73_000}


def test_a_small_share_of_a_payment_is_watched_up_to_the_sum_that_the_policy_says():
    policy = {"small_payment_satang": 40_000, "small_share_percent": 20}
    bank = stolen(with_trace(small_payments_satang=100_000, **policy))
    bank.pay("t2", 90_000, MULE, SHOP, 30)
    bank.pay("t3", 410_000, VICTIM, SHOP, 29)
    bank.pay("t4", 500_000, SHOP, SECOND, 31)
    assert bank.holds() == {MULE: 410_000}
    assert "too small" in bank.newest(SECOND)["reason_en"]


def test_a_large_share_of_a_payment_is_held():
    policy = {"small_payment_satang": 40_000, "small_share_percent": 20}
    bank = stolen(with_trace(small_payments_satang=100_000, **policy))
    bank.pay("t2", 100_000, MULE, SHOP, 30)
    bank.pay("t3", 400_000, VICTIM, SHOP, 29)
    bank.pay("t4", 500_000, SHOP, SECOND, 31)
    assert bank.holds() == {MULE: 400_000, SECOND: 100_000}


def test_a_small_sum_is_watched_with_the_reason_and_many_of_them_are_held():
    bank = stolen(with_trace(small_payment_satang=0))
    bank.pay("t2", 30_000, MULE, SHOP, 30)
    assert bank.holds() == {MULE: 470_000}
    assert bank.newest(SHOP)["kind"] == "watch"
    assert "too small" in bank.newest(SHOP)["reason_en"]
    bank.pay("t3", 30_000, MULE, SHOP, 31)
    assert bank.holds() == {MULE: 440_000, SHOP: 60_000}
    assert bank.newest(SHOP, SHOP)["kind"] != "watch"


def test_a_shop_is_watched_and_the_trace_ends_there():
    bank = stolen()
    for number in range(12):
        payer = f"account:006:{number:010d}"
        bank.pay(f"s{number}", 400_000, payer, SHOP, -150 + 20 * number)
    bank.pay("t2", 100_000, MULE, SHOP, 100)
    bank.pay("t3", 5_000_000, SHOP, THIRD, 900)
    assert bank.holds() == {MULE: 400_000}
    assert bank.newest(SHOP)["kind"] == "release" or "trade" in bank.newest(SHOP)["reason_en"]


def test_what_comes_by_a_proxy_is_held_once_at_the_account_behind_it():
    bank = Bank()
    at = NINE
    bank.lay(
        Posting(VICTIM, "bank/t1", at, -500_000, MULE),
        Posting(MULE, "bank/t1", at, 500_000, VICTIM, 500_000),
        Posting(PROXY, "bank/t1", at, 500_000, VICTIM, None, (MULE,)),
    )
    bank.lay(msgspec.structs.replace(CLAIMED, account=PROXY), level(account=PROXY))
    assert bank.holds() == {MULE: 500_000}
    bank.lay(CLAIMED, level())
    assert bank.holds() == {MULE: 500_000}
    bank.pay("t2", 300_000, MULE, SECOND, 30)
    assert bank.holds() == {MULE: 200_000, SECOND: 300_000}


def test_a_disputed_payment_on_the_way_belongs_to_its_own_dispute():
    bank = stolen()
    bank.pay("t2", 500_000, MULE, SECOND, 30)
    bank.lay(
        claim("aoc-1441/2#0", 500_000, reference="t2", account=SECOND),
        level(account=SECOND),
    )
    assert bank.holds() == {}
    assert bank.holds("bank/t2") == {SECOND: 500_000}


def test_the_clock_of_the_dispute_ends_the_holds_behind():
    bank = stolen()
    bank.pay("t2", 500_000, MULE, SECOND, 30)
    bank.lay(Tick(CLAIMED.received_at + bank.policy.holds.hours * HOUR_MS))
    assert bank.holds() == {}
    assert bank.newest(SECOND)["release_reason"] == "clock_out"


def test_an_alert_names_the_payments_on_the_way_and_the_method():
    bank = Bank()
    bank.pay("t1", 500_000, VICTIM, MULE, 0)
    bank.pay("t2", 600_000, MULE, SECOND, 1, references=["tx:B2", "e2e:E2"])
    bank.lay(CLAIMED, level())
    alert = bank.newest(SECOND)
    assert alert["method"] == "fifo-2"
    way = [e for e in alert["evidence"] if e["kind"] in ("stolen_payment", "transfer")]
    assert [(e["transaction"], e["amount_satang"], e["share_satang"]) for e in way] == [
        ("bank/t1", 500_000, 500_000),
        ("bank/t2", 600_000, 500_000),
    ]
    assert way[1]["references"] == ["tx:B2", "e2e:E2"]
    assert (way[0]["payer"], way[1]["payer"]) == (VICTIM, MULE)
    assert alert["account_total_satang"] == 500_000


def test_an_account_without_its_bank_is_watched():
    bank = stolen()
    bank.pay("t2", 500_000, MULE, "account:?:4445556667", 30)
    assert bank.holds() == {}
    assert "bank is not known" in bank.newest("account:?:4445556667")["reason_en"]


def test_without_a_trace_in_the_policy_nothing_is_followed():
    bank = stolen(load_policy("th-2026-11"))
    bank.pay("t2", 300_000, MULE, SECOND, 30)
    assert bank.holds() == {MULE: 500_000}


def test_what_a_batch_tells_other_accounts_leaves_together_and_before_its_alerts():
    entries = [
        Postings([Posting(MULE, f"bank/in{n}", NINE + n, 100_000, VICTIM) for n in range(3)]),
        AccountEvents([level()]),
        *(AccountEvents([claim(f"aoc-1441/{n}#0", 100_000, reference=f"in{n}")]) for n in range(3)),
        Postings([Posting(MULE, f"bank/out{n}", NINE + 9 + n, -100_000, SECOND) for n in range(3)]),
    ]
    records = [LogRecord(n, NINE, None, encode_log_entry(each)) for n, each in enumerate(entries)]
    together = AccountsFold(MemoryState(), load_policy(), 0, 1).apply(records)
    topics = [output.topic for output in together.outputs]
    assert topics.count("account-log") == 1
    assert topics[0] == "account-log"
    assert set(topics[1:]) == {"freeze-alerts", "account-files"}
    one_by_one = AccountsFold(MemoryState(), load_policy(), 0, 1)
    apart = [output for record in records for output in one_by_one.apply([record]).outputs]

    def told(outputs: list) -> list:
        values = [output.value for output in outputs if output.topic == "account-log"]
        return [event for value in values for event in decode_log_entry(value).events]

    def said(outputs: list) -> list:
        return [output for output in outputs if output.topic == "freeze-alerts"]

    assert told(together.outputs) == told(apart)
    assert said(together.outputs) == said(apart)


def test_money_asked_for_and_let_go_is_counted_to_the_satang_and_adds_up():
    bank = Bank()
    bank.pay("t1", 500_000, VICTIM, MULE, 0, balances=(None, 500_000))
    bank.lay(level(), CLAIMED)
    assert bank.counts["asked_satang", "disputed_payment"] == 500_000
    bank.pay("t2", 300_000, MULE, SECOND, 5, balances=(200_000, 310_000))
    assert bank.counts["asked_satang", "traced_money"] == 300_000
    assert bank.counts["let_go_satang", "lowered"] == 300_000
    bank.lay(msgspec.structs.replace(CLAIMED, version=2, withdrawn=True))
    assert bank.counts["let_go_satang", "report_withdrawn"] == 200_000
    assert bank.counts["let_go_satang", "trace_ended"] == 300_000
    assert bank.holds() == {}

    def whole(name: str) -> int:
        return sum(count for key, count in bank.counts.items() if key[0] == name)

    assert whole("asked_satang") == whole("let_go_satang") == 800_000
