"""``freezeline account show``: all that is known of one account, as people read it."""

from __future__ import annotations

import re
import time

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from agents.cli.alerts import read_alert
from agents.console import (
    account_with_bank,
    broker_errors,
    command_settings,
    console,
    level_text,
    thai_moment,
    thai_time,
    told_of,
    visible,
)
from agents.failures import CommandError
from agents.kafka.reading import StoredRecord, TopicReader
from pipeline.accounts.balance import known_balance
from pipeline.accounts.file import AccountFile
from pipeline.accounts.parts import account_of, newest_files
from pipeline.accounts.reasons import baht
from pipeline.contracts.account_log import CASH, partition_of
from pipeline.contracts.alerts import AlertKind, FreezeAlert
from pipeline.contracts.codec import parse_rfc3339
from pipeline.identity.payee import normalise_book
from pipeline.topics import ACCOUNT_FILES, FREEZE_ALERTS

DEFAULT_POSTINGS = 20
_HOUR_MS = 3_600_000
_BANK_AND_NUMBER = re.compile(r"(?:(?P<bank>.*?)[\s/]+)?(?P<number>\d[\d\s\-]*)")

group = typer.Typer(help="Show the file of one account.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add ``account`` to ``app``."""
    app.add_typer(group, name="account")


@group.callback()
def _group() -> None:
    """Show the file of one account."""


@group.command(short_help="Show an account's level, claims, postings and alerts.")
def show(
    account: str = typer.Argument(
        metavar="ACCOUNT",
        help='Bank and number ("004 1234567890", "SCB 123-4-56789-0") or a key, such as '
        "account:004:1234567890 or promptpay:phone:+66812345678.",
    ),
    postings: int = typer.Option(
        DEFAULT_POSTINGS, "--postings", min=0, help="How many postings to show: the newest."
    ),
    bootstrap: str | None = typer.Option(
        None, "--bootstrap", metavar="HOST:PORT", help="Kafka's address, else FREEZELINE_BOOTSTRAP."
    ),
) -> None:
    """Show an account's level, claims, postings and what is asked of its bank now."""
    key = account_key(account)
    with broker_errors(), TopicReader(command_settings(bootstrap)) as reader:
        file = account_file(reader, key)
        if file is None:
            raise CommandError(
                f"There is no file of {account_with_bank(key)} ({visible(key)}): "
                "no report and no case is about it.",
                1,
            )
        alerts = open_alerts(reader, file)
    terminal = console()
    _print_level(terminal, file)
    _print_alerts(terminal, alerts)
    _print_claims(terminal, file)
    _print_answers(terminal, file)
    _print_postings(terminal, file, postings)


def account_key(account: str) -> str:
    """Return the canonical key of an account as a person names it."""
    text = account.strip()
    if ":" in text:
        return text
    found = _BANK_AND_NUMBER.fullmatch(text)
    if found is not None:
        normalised = normalise_book(found["bank"], found["number"])
        if normalised.key is not None:
            return normalised.key
    raise CommandError(
        f'{text!r} is no account: write bank and number ("004 1234567890") or a whole key.'
    )


def account_file(reader: TopicReader, key: str) -> AccountFile | None:
    """Return the newest file of an account, or None when it has none."""
    wanted = key.encode()
    owner = partition_of(key, len(reader.partitions(ACCOUNT_FILES)))
    records = reader.forward(ACCOUNT_FILES, [owner])
    parts = ((r.key, r.value) for r in records if r.key and account_of(r.key) == wanted)
    return newest_files(parts).get(key)


def open_alerts(reader: TopicReader, file: AccountFile) -> list[FreezeAlert]:
    """Return the newest version of each alert about the account that is not released."""
    missing = {identity for identity, said in file.said.items() if said.open}
    found: list[FreezeAlert] = []
    key = file.account.encode()
    records = reader.newest_first(FREEZE_ALERTS) if missing else iter(())
    for record in records:
        alert = _alert_of(record, key)
        if alert is None or alert.alert_id not in missing:
            continue
        missing.discard(alert.alert_id)
        if alert.kind is not AlertKind.RELEASE:
            found.append(alert)
        if not missing:
            break
    return found


def _alert_of(record: StoredRecord, key: bytes) -> FreezeAlert | None:
    return read_alert(record) if record.key == key else None


def _print_level(terminal: Console, file: AccountFile) -> None:
    terminal.print(Text(account_with_bank(file.account), style="bold"))
    terminal.print(Text(f"  key      {visible(file.account)} (file version {file.version})"))
    level = file.level
    if level is None:
        terminal.print("  level    none: no report names this account")
    else:
        line = Text("  level    ").append_text(level_text(level.level))
        line.append(
            f", {'may act' if level.acting else 'does not act'}, since {thai_time(level.since)}"
        )
        terminal.print(line)
        police = ", police complaint filed" if level.police_filed else ""
        terminal.print(
            f"  reports  {level.reports} by {level.voices} person(s), "
            f"{level.verified_voices} verified{police}"
        )
        terminal.print(f"  cluster  {visible(level.cluster)} (version {level.cluster_version})")
        if level.scam_types:
            terminal.print(f"  scam     {', '.join(level.scam_types)}")
    balance = known_balance(file)
    terminal.print(f"  balance  {'not known' if balance is None else baht(balance) + ' baht'}")
    if file.limited:
        terminal.print("  The oldest postings are left out: the file has reached its limit.")


def _print_alerts(terminal: Console, alerts: list[FreezeAlert]) -> None:
    holds = [alert for alert in alerts if alert.kind is AlertKind.HOLD]
    total = sum(alert.amount_satang for alert in holds)
    terminal.print(Text(f"\nAsked now: {baht(total)} baht in {len(holds)} hold(s)", style="bold"))
    if not alerts:
        return
    now = time.time_ns() // 1_000_000
    table = _table("kind", "baht>", "of disputed>", "until", "left>", "payment", "alert")
    for alert in sorted(alerts, key=lambda one: (one.holds_until or "", one.alert_id)):
        is_hold = alert.kind is AlertKind.HOLD
        table.add_row(
            alert.kind.value.replace("_", " "),
            baht(alert.amount_satang) if is_hold else "",
            baht(alert.disputed_satang),
            thai_moment(alert.holds_until),
            time_left(alert.holds_until, now),
            visible(alert.origin),
            f"{alert.alert_id} v{alert.version}",
        )
    terminal.print(table)


def time_left(until: str | None, now: int) -> str:
    """Return how long a clock still runs, in hours and minutes; nothing without a clock."""
    if until is None:
        return ""
    left = parse_rfc3339(until) - now
    if left <= 0:
        return "over"
    hours, rest = divmod(left, _HOUR_MS)
    return f"{hours} h {rest // 60_000:02d} min"


def _print_claims(terminal: Console, file: AccountFile) -> None:
    terminal.print(Text(f"\nClaims: {len(file.claims)}", style="bold"))
    if not file.claims:
        return
    table = _table("report", "paid", "baht>", "from", "reference", "reporter", "state")
    for claim in sorted(file.claims.values(), key=lambda one: (-one.paid_at, one.claim_id)):
        state = "withdrawn" if claim.withdrawn else "stands"
        if claim.typed is not None:
            state += f", {told_of(claim.typed)}"
        table.add_row(
            visible(claim.report),
            thai_time(claim.paid_at),
            baht(claim.amount),
            CASH if claim.cash else account_with_bank(claim.payer) if claim.payer else "not given",
            visible(claim.reference or ""),
            "verified" if claim.verified else "not verified",
            f"{state}, police" if claim.police_filed else state,
            style="dim" if claim.withdrawn else "",
        )
    terminal.print(table)


def _print_answers(terminal: Console, file: AccountFile) -> None:
    if not file.answers:
        return
    terminal.print(Text(f"\nAnswers of banks and police: {len(file.answers)}", style="bold"))
    table = _table("time", "status", "held>", "from", "alert")
    for answer in sorted(file.answers.values(), key=lambda one: (-one.at, one.update_id)):
        table.add_row(
            thai_time(answer.at),
            answer.status.replace("_", " "),
            "" if answer.held is None else baht(answer.held),
            visible(answer.update_id),
            visible(answer.alert_id or ""),
        )
    terminal.print(table)


def _print_postings(terminal: Console, file: AccountFile, count: int) -> None:
    shown = f", the newest {count}" if len(file.postings) > count else ""
    terminal.print(Text(f"\nPostings: {len(file.postings):,}{shown}", style="bold"))
    newest = sorted(file.postings.values(), key=lambda one: (-one.at, one.transaction))[:count]
    if not newest:
        return
    table = _table("time", "baht>", "", "with", "balance after>", "payment")
    for posting in newest:
        incoming = posting.amount >= 0
        table.add_row(
            thai_time(posting.at),
            f"{'+' if incoming else '-'}{baht(abs(posting.amount))}",
            "from" if incoming else "to",
            account_with_bank(posting.other),
            "" if posting.balance is None else _signed(posting.balance),
            visible(posting.transaction),
        )
    terminal.print(table)


def _signed(satang: int) -> str:
    return baht(satang) if satang >= 0 else f"-{baht(-satang)}"


def _table(*columns: str) -> Table:
    """Return a table; a column whose name ends with ">" is right-aligned."""
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    for column in columns:
        right = column.endswith(">")
        table.add_column(
            column.rstrip(">"), justify="right" if right else "left", no_wrap=right, overflow="fold"
        )
    return table
