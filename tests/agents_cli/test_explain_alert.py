"""Explaining an alert: evidence in bits, the rules with their figures, what would change it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import orjson
from rich.console import Console

from agents.cli.alerts import Language
from agents.cli.explain import Case, tree_of
from agents.cli.explain_identifier import Known, tree_of_identifier
from agents.cli.explain_rules import rules_of
from agents.kafka.reading import StoredRecord
from pipeline.accounts.file import AccountFile, decode_file
from pipeline.contracts.alerts import AlertKind, FreezeAlert
from pipeline.contracts.clusters import Cluster
from pipeline.contracts.codec import parse_rfc3339
from pipeline.policy.policy import load_policy
from pipeline.replay import Event, Replay
from pipeline.topics import ACCOUNT_FILES, CLUSTERS, FREEZE_ALERTS, REPORTS, TRANSACTIONS
from tests.pipeline.clustering.scenarios import account, pay, phone, report

GOLDEN = Path(__file__).parent / "explained_hold.txt"
NUMBER, BANK = "4041234567", "014"
KEY = f"account:{BANK}:{NUMBER}"
PAID_AT = "2026-11-20T10:00:00+07:00"
AT = parse_rfc3339("2026-11-20T10:15:00+07:00")
SATANG = 1_500_000


def disputed(number: str = NUMBER, bank: str | None = BANK, **more: Any) -> dict[str, Any]:
    suspects = [account(number, bank), phone("0812345678")]
    paid = [pay(number, SATANG, PAID_AT, bank, reference="TX-1")] if bank else []
    return report("1", suspects, payments=paid, minute=10, **more)


def second() -> dict[str, Any]:
    return report("2", [account(NUMBER, BANK), phone("0812345678")], minute=12)


def payment() -> dict[str, Any]:
    return {
        "source": "kbank",
        "transaction_id": "TX-1",
        "occurred_at": PAID_AT,
        "payer": {"bank": "004", "account": "1112223334"},
        "payee": {"bank": BANK, "account": NUMBER},
        "amount_satang": SATANG,
        "channel": "mobile",
        "payee_balance_satang": 980_050,
    }


def replayed(reports: list[dict[str, Any]], payments: list[dict[str, Any]]) -> Replay:
    run = Replay(load_policy())
    events = [(REPORTS, each) for each in reports] + [(TRANSACTIONS, each) for each in payments]
    run.run(Event(AT + n, topic, orjson.dumps(each)) for n, (topic, each) in enumerate(events))
    return run


def case_of(run: Replay, kind: AlertKind) -> Case:
    """Return the case of the alert whose newest version is of a kind; of releases the replaced."""
    by_id: dict[str, list[FreezeAlert]] = {}
    for value in run.values(FREEZE_ALERTS):
        alert = msgspec.json.decode(value, type=FreezeAlert)
        by_id.setdefault(alert.alert_id, []).append(alert)
    found = [told for told in by_id.values() if told[-1].kind is kind]
    versions = max(found, key=lambda told: told[-1].superseded_by or "")
    record = StoredRecord(FREEZE_ALERTS, 0, 0, AT, None, None, ())
    case = Case([(record, each) for each in versions], policy=load_policy())
    case.file = file_of(run)
    clusters = [msgspec.json.decode(value, type=Cluster) for value in run.newest(CLUSTERS)]
    wanted = case.asked.cluster_id
    case.cluster = next((each for each in clusters if each.cluster_id == wanted), None)
    return case


def file_of(run: Replay, number: str = NUMBER) -> AccountFile:
    files = [decode_file(value) for value in run.newest(ACCOUNT_FILES)]
    return next(each for each in files if each.account.endswith(number) and each.level)


def text(tree: object) -> str:
    terminal = Console(width=200)
    with terminal.capture() as captured:
        terminal.print(tree)
    return "\n".join(line.rstrip() for line in captured.get().splitlines()) + "\n"


def test_a_hold_is_explained_as_it_always_was() -> None:
    run = replayed([disputed(), second()], [payment()])
    told = text(tree_of(case_of(run, AlertKind.HOLD), Language.EN))
    assert told == GOLDEN.read_text(encoding="utf-8")


def test_a_watch_says_which_rule_forbids_a_hold() -> None:
    run = replayed([disputed(verified=False)], [])
    told = text(tree_of(case_of(run, AlertKind.WATCH), Language.EN))
    assert "nothing is held, as its sentence says why" in told
    assert "no   level light brown does not act; light grey needs" in told
    assert "light grey needs at least 1 verified person(s)" in told
    assert "would let it act: then holds are asked for" in told


def test_a_number_typed_once_is_said_to_be_unconfirmed() -> None:
    run = replayed([disputed()], [])
    told = text(tree_of(case_of(run, AlertKind.WATCH), Language.EN))
    assert "yes  level light grey may act" in told
    assert "no   1 report names the number, which may be a slip: until 2 do" in told
    assert "0 of 2" not in told
    assert "no   payments that nobody disputes are not held: 1 of 3 verified persons" in told


def test_a_number_whose_payment_was_seen_is_said_to_be_confirmed() -> None:
    run = replayed([disputed()], [payment()])
    told = text(tree_of(case_of(run, AlertKind.HOLD), Language.EN))
    assert "yes  the number is confirmed: a disputed payment was seen in it" in told
    assert "no   payments that nobody disputes are not held: 1 of 2 verified persons" in told


def test_a_number_of_an_unusual_length_is_said_to_be_unconfirmed() -> None:
    short = NUMBER[:-1]
    run = replayed([disputed(short)], [])
    rules = rules_of(file_of(run, short), load_policy())
    assert any("no number of this length" in rule.said for rule in rules if not rule.allows)


def test_what_was_replaced_says_how_it_ended() -> None:
    run = replayed([disputed(), second()], [payment()])
    told = text(tree_of(case_of(run, AlertKind.RELEASE), Language.EN))
    assert "it ended: superseded" in told
    assert "now speaks of the same money" in told


def test_an_account_shows_its_rules_and_the_levels_above() -> None:
    run = replayed([disputed()], [])
    told = text(tree_of_identifier(Known(), KEY, file_of(run)))
    assert "Rules, as the account is now" in told
    assert "yes  it is clear which bank to ask" in told


def test_without_a_bank_or_a_report_the_rules_say_so() -> None:
    run = replayed([disputed(bank=None)], [])
    rules = rules_of(file_of(run), load_policy())
    assert (False, "its bank is not known, so there is nobody to ask") in rules
    (only,) = rules_of(AccountFile(account=KEY), load_policy())
    assert not only.allows
