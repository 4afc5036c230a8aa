"""Files of any length: the same alerts as deciding over the whole file, stored in parts."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

import msgspec
import orjson
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from pipeline.accounts import fold as fold_module
from pipeline.accounts import holds, pairing, parts
from pipeline.accounts.causes import alert_output, cause_of
from pipeline.accounts.differences import Cause
from pipeline.accounts.file import AccountFile, add_event, add_posting
from pipeline.accounts.fold import AccountsFold
from pipeline.accounts.versions import bank_behind, differ
from pipeline.contracts.account_log import (
    CASH,
    AccountEvent,
    AccountEvents,
    Claim,
    Leg,
    Notice,
    Posting,
    Postings,
    Step,
    Tick,
    encode_log_entry,
)
from pipeline.fold import LogRecord, Output
from pipeline.policy.policy import HOUR_MS, Policy, load_policy
from pipeline.state import MemoryState
from pipeline.topics import ACCOUNT_FILES, ACCOUNT_LOG, FREEZE_ALERTS
from tests.pipeline.accounts.desk import MINUTE, MULE, NINE, VICTIM, answer, claim, credit, level
from tests.pipeline.accounts.oracle import decide_whole

POLICIES = (load_policy("th-2026-11"), load_policy())
"""One that follows no money, and the newest."""
PROXY = "promptpay:phone:+66812345678"
PAYERS = (VICTIM, "account:006:1231231234", "wallet:truemoney:1")


@pytest.fixture(params=[(3, 10**6, 20_000, 1), (3, 0, 1, 1), (128, 10**6, 20_000, 0)])
def policy(request, monkeypatch):
    """Blocks of three entries or of many; files kept open, or read anew for each batch."""
    block, postings, files, version = request.param
    monkeypatch.setattr(parts, "BLOCK_ENTRIES", block)
    monkeypatch.setattr(parts, "LISTED_BLOCKS", 2)
    monkeypatch.setattr(fold_module, "POSTINGS_IN_MEMORY", postings)
    monkeypatch.setattr(fold_module, "FILES_IN_MEMORY", files)
    monkeypatch.setattr(holds, "MAX_HOLDS_AN_ACCOUNT", 4)
    monkeypatch.setattr(pairing, "FEW", 0 if block == 3 else 16)
    monkeypatch.setattr(pairing, "MEANT_PAYMENTS", block)
    return POLICIES[version]


def any_posting(draw: random.Random, account: str) -> Posting:
    number = draw.randrange(14)
    spent = draw.random() < 0.25
    amount = draw.choice((15_000, 50_000, 52_000, 500_000))
    return Posting(
        account=account,
        transaction=draw.choice(("bank/t", "uetr/u")) + str(number),
        at=NINE + draw.choice((-26 * HOUR_MS, -30 * MINUTE, 0, number * MINUTE, 3 * HOUR_MS)),
        amount=-amount if spent else amount,
        other=draw.choice(PAYERS),
        balance=draw.choice((None, None, 0, 40_000, 600_000)),
        references=tuple(
            draw.sample(
                ("tx:r1", "r2", "e2e:u3", "account:011:777", "account:002:5", "returns:t4"),
                draw.randrange(3),
            )
        ),
    )


def any_event(draw: random.Random, account: str, alerts: Sequence[str]) -> AccountEvent:
    number = draw.randrange(6)
    match draw.randrange(10):
        case 8 | 9:
            return any_step(draw, account)
        case 0 | 1 | 2:
            return any_claim(draw, account, number)
        case 3 | 4:
            name = draw.choice(("black", "light_grey", "light_grey", "dark_grey", "light_brown"))
            voices = draw.randrange(4)
            return level(
                draw.choice((name, "none")) if draw.random() < 0.2 else name,
                account=account,
                version=draw.randrange(1, 9),
                since=NINE + draw.choice((0, 20 * MINUTE)),
                police_filed=draw.random() < 0.2,
                voices=voices,
                verified_voices=voices,
                cluster=draw.choice(("one", "one", "two")),
                misspelt=draw.random() < 0.3,
                slip_of=tuple(sorted(draw.sample(PAYERS[:2], draw.choice((0, 0, 1, 2))))),
                evidence=(
                    ("named_together", "account:025:2", "1 report"),
                    ("look_alike", draw.choice((PAYERS[1], SHOP)), "4.0 bits"),
                )[: draw.randrange(3)],
            )
        case 5:
            return Notice(
                account=account,
                transaction=f"bank/n{draw.randrange(3)}",
                version=draw.randrange(1, 4),
                active=draw.random() < 0.7,
                payee=draw.choice((PROXY, SHOP)),
                amount=70_000,
                at=NINE,
                level="black",
                cluster=draw.choice(("one", "two")),
                published_at=NINE,
                caused_by="aoc-1441/1",
            )
        case _:
            return answer(
                f"scb/{draw.randrange(5)}",
                draw.choice(("held", "released", "refused", "seized", "police_filed")),
                account=account,
                at=NINE + draw.randrange(5) * HOUR_MS,
                alert_id=draw.choice(alerts) if alerts else None,
                balance=draw.choice((None, None, 30_000, 450_000)),
            )


def any_claim(draw: random.Random, account: str, number: int) -> Claim:
    told = claim(
        f"aoc-1441/{number // 2}#{number}",
        draw.choice((50_000, 51_000, 500_000)),
        account=account,
        version=draw.randrange(1, 4),
        withdrawn=draw.random() < 0.15,
        verified=draw.random() < 0.6,
        voice=f"voice-{draw.randrange(3)}",
        police_filed=draw.random() < 0.2,
        paid_at=NINE + draw.choice((-20 * MINUTE, 0, 8 * MINUTE, 3 * HOUR_MS)),
        payer=draw.choice((None, None, VICTIM, PAYERS[1])),
        reference=draw.choice((None, None, "r1", "t3", "uetr/u4")),
        typed=draw.choice((None, None, None, SHOP, account)),
    )
    if told.typed is None:
        return told
    if told.typed == account:
        # What the payer's book says of a claim of this account.
        name = draw.choice(("r1", "t3", "bank/t2", None, None))
        said = {"payer": VICTIM, "reference": name, "vouched": number % 2}
        return msgspec.structs.replace(told, claim_id=told.claim_id + "~~", **said)
    if draw.random() < 0.4:
        # What another account's file asks about this account's payments out.
        typed = draw.choice((SHOP, PROXY, PAYERS[1], "account:006:1231231243"))
        return msgspec.structs.replace(told, payer=account, typed=typed)
    vouched, cluster = ((0, ""), (1, "two"), (2, "two"), (2, "three"))[number % 4]
    return msgspec.structs.replace(told, vouched=vouched, cluster=cluster)


def any_step(draw: random.Random, account: str) -> Step:
    hop, first = draw.randrange(1, 6), draw.randrange(30_000)
    transaction = draw.choice(("bank/t", "uetr/u")) + str(draw.randrange(14))
    marks = ((first, draw.randrange(1, 20_000)), (first + 20_000, 400_000))
    share = sum(length for _, length in marks)
    return Step(
        account=account,
        origin=draw.choice(("bank/elsewhere", "bank/t3", "uetr/u4")),
        hop=hop,
        transaction=transaction,
        sender=draw.choice(PAYERS),
        version=draw.randrange(1, 4),
        marks=draw.choice((marks, marks[:1], ())),
        legs=(Leg(hop, transaction, VICTIM, account, NINE, 500_000, share),),
        accounts=draw.choice((0, 1, 2, 3, 900)),
        stolen=500_000,
        since=NINE + 20 * MINUTE,
        until=NINE + draw.choice((40, 72)) * HOUR_MS,
        cluster=draw.choice(("one", "two")),
        published_at=NINE,
        caused_by="aoc-1441/1",
        by_report=draw.random() < 0.5,
    )


SHOP = "account:002:9990001112"


def in_cash(posting: Posting) -> Posting:
    """Let some payments be cash; now and then another event of the same payment names somebody."""
    is_cash = posting.transaction.endswith(("1", "3", "5")) and posting.balance != 0
    return msgspec.structs.replace(posting, other=CASH) if is_cash else posting


def told_in_cash(event: AccountEvent) -> AccountEvent:
    """Let some claims that name no payer be about cash."""
    if not isinstance(event, Claim) or event.payer is not None or event.version == 2:
        return event
    return msgspec.structs.replace(event, cash=True)


class Naive:
    """The accounts' rules with nothing kept but the file itself."""

    def __init__(self, account: str, policy: Policy) -> None:
        self.policy = policy
        self.file = AccountFile(account=account)
        self.now = 0
        self.has_case = False
        self.early: list[Posting] = []

    def lay(self, step: list[Posting] | list[AccountEvent] | Tick) -> list[Output]:
        cause = None
        if isinstance(step, Tick):
            self.now = max(self.now, step.at)
            if self.file.due is not None and self.file.due <= self.now:
                cause = Cause("tick", NINE)
        else:
            for event in step:
                if isinstance(event, Posting):
                    if not self.has_case:
                        self.early.append(event)
                    elif add_posting(self.file, event) and cause is None:
                        cause = Cause(event.transaction, NINE)
                else:
                    self.has_case = True
                    if not isinstance(event, Notice):
                        while self.early:
                            add_posting(self.file, self.early.pop())
                    if add_event(self.file, event):
                        cause = cause_of(event, LogRecord(0, NINE, None, None))
        if cause is None:
            return []
        whole = decide_whole(self.file, self.policy, self.now)
        self.file.due = whole.due
        behind = bank_behind(self.file)
        bank = behind[1] if behind else None
        out = differ(self.file, whole, bank, self.policy, cause)
        said = [alert_output(a, cause.at if cause.by_report else None) for a in out.alerts]
        told = AccountEvents([*out.events()])
        sent = [Output(ACCOUNT_LOG, None, encode_log_entry(told), (), 0)] * bool(told.events)
        return sent + said


def steps(
    seed: int, account: str, count: int, alerts: list[str], cash: bool = False
) -> Iterator[object]:
    """Postings one by one and in groups, events, ticks; alerts are those that were said so far."""
    draw = random.Random(seed)
    now, opened = NINE, False
    for _ in range(count):
        kind = draw.random()
        if kind < 0.6:
            made = [any_posting(draw, account) for _ in range(draw.choice((1, 1, 1, 4)))]
            yield [in_cash(posting) for posting in made] if cash else made
        elif kind < 0.9:
            events = [any_event(draw, account, alerts) for _ in range(draw.choice((1, 1, 2)))]
            events = [told_in_cash(event) for event in events] if cash else events
            opened = opened or not all(isinstance(event, Notice) for event in events)
            yield events
        else:
            # The look-back memory must not forget anything before the case: the naive one does not.
            now += draw.choice((MINUTE, HOUR_MS, 20 * HOUR_MS)) if opened else 1
            yield Tick(now)


def record(offset: int, step: object) -> LogRecord:
    entry = step
    if isinstance(step, list):
        entry = Postings(step) if isinstance(step[0], Posting) else AccountEvents(step)
    return LogRecord(offset, NINE, None, encode_log_entry(entry))


def leaving(outputs: list[Output]) -> list[Output]:
    return [o for o in outputs if o.topic != ACCOUNT_FILES]


@pytest.mark.parametrize("account", [MULE, PROXY])
@pytest.mark.parametrize("cash", [False, True])
@given(seed=st.integers(0, 10**9))
@settings(
    deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@example(seed=138412558)
def test_each_record_gives_what_deciding_over_the_whole_file_gives(policy, account, cash, seed):
    fold, naive, alerts = AccountsFold(MemoryState(), policy, 0, 1), Naive(account, policy), []
    for offset, step in enumerate(steps(seed, account, 50, alerts, cash)):
        expected = naive.lay(step)
        assert leaving(fold.apply([record(offset, step)]).outputs) == expected
        for output in expected:
            if output.topic == FREEZE_ALERTS:
                alerts.append(orjson.loads(output.value)["alert_id"])


def crowd(draw: random.Random, count: int) -> Iterator[list[Posting] | list[AccountEvent]]:
    """Yield many claims and payments of nearly one amount and time, in any order, and newer ones.

    Each claim and payment has several of the other kind that it fits, so that all depend on all.
    """
    for _ in range(count):
        number = draw.randrange(count // 3)
        minute = draw.randrange(count)
        if draw.random() < 0.5:
            amount = draw.choice((50_000, 50_000, 55_000, 61_000))
            more = {"other": draw.choice(PAYERS), "references": (f"r{number % 9}",)}
            yield [credit(f"bank/t{number}", amount, at=NINE + minute * MINUTE, **more)]
        else:
            made = claim(
                f"aoc-1441/{number}#0",
                draw.choice((50_000, 50_000, 58_000)),
                version=draw.randrange(1, 5),
                withdrawn=draw.random() < 0.1,
                voice=f"voice-{draw.randrange(count // 4)}",
                paid_at=NINE + minute * MINUTE,
                payer=draw.choice((None, None, *PAYERS)),
                reference=draw.choice((None, None, None, f"r{draw.randrange(9)}")),
            )
            voices = draw.randrange(1, 4)
            yield [made, level(version=draw.randrange(1, 99), verified_voices=voices)]


@given(seed=st.integers(0, 10**9))
@settings(
    deadline=None, max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_a_crowd_of_claims_and_payments_of_one_amount_gives_what_the_whole_file_gives(policy, seed):
    fold, naive = AccountsFold(MemoryState(), policy, 0, 1), Naive(MULE, policy)
    for offset, step in enumerate(crowd(random.Random(seed), 120)):
        expected = naive.lay(step)
        assert leaving(fold.apply([record(offset, step)]).outputs) == expected


def test_payments_that_a_claim_is_not_held_against_are_counted(monkeypatch):
    monkeypatch.setattr(pairing, "MEANT_PAYMENTS", 2)
    fold = AccountsFold(MemoryState(), load_policy(), 0, 1)
    payments = [[credit(f"bank/t{n}", 50_000, at=NINE + n * MINUTE)] for n in range(3)]
    counts = [
        fold.apply([record(n, step)]).counts["limit_hits", "payments_a_claim"]
        for n, step in enumerate([[level()], [claim("aoc-1441/1#0", 50_000)], *payments])
    ]
    assert counts == [0, 0, 0, 0, 1]
