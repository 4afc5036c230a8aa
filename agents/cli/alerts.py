"""``freezeline alerts``: the freeze alerts as an operations centre reads them, or as JSON lines."""

from __future__ import annotations

import enum
import sys
from collections.abc import Callable, Iterable, Iterator

import msgspec
import typer
from rich.table import Table
from rich.text import Text

from agents.console import (
    account_name,
    account_with_bank,
    bank_name,
    broker_errors,
    command_settings,
    console,
    kind_text,
    level_text,
    reason_in,
    thai_moment,
    thai_time,
)
from agents.failures import CommandError
from agents.kafka.reading import StoredRecord, TopicReader
from pipeline.accounts.reasons import baht
from pipeline.contracts.alerts import AlertKind, FreezeAlert
from pipeline.contracts.codec import parse_rfc3339
from pipeline.identity.banks import UNKNOWN_BANK, parse_bank
from pipeline.topics import FREEZE_ALERTS

DEFAULT_LIMIT = 50
SHORT_ID_CHARS = 8
"""How much of an alert's id a table shows; `freezeline explain` takes it."""
_TABLE_COLUMNS = 130
_DECODER = msgspec.json.Decoder(FreezeAlert)

Told = tuple[StoredRecord, FreezeAlert]
"""One version of an alert with the record that it came in."""


class Language(enum.StrEnum):
    """The language of the reasons."""

    EN = "en"
    TH = "th"


_BOOTSTRAP = typer.Option(
    None, "--bootstrap", metavar="HOST:PORT", help="Kafka's address, else FREEZELINE_BOOTSTRAP."
)


def register(app: typer.Typer) -> None:
    """Add ``alerts`` to ``app``."""
    app.command("alerts", short_help="Show freeze alerts, newest first, or follow them.")(alerts)


def alerts(
    follow: bool = typer.Option(
        False, "--follow", "-f", help="Wait for new alerts and print each as it comes; Ctrl-C ends."
    ),
    bank: str | None = typer.Option(
        None, "--bank", help="Only alerts to this bank: its code or its name (014, SCB)."
    ),
    as_json: bool = typer.Option(False, "--json", help="Print each alert as one line of JSON."),
    all_versions: bool = typer.Option(
        False, "--all-versions", help="Show every version, not only the newest of each alert."
    ),
    limit: int | None = typer.Option(
        None, "--limit", min=1, help=f"How many alerts to show, {DEFAULT_LIMIT} unless said."
    ),
    language: Language = typer.Option(Language.EN, "--lang", help="The language of the reasons."),
    wide: bool = typer.Option(False, "--wide", help="Show whole ids and versions too."),
    bootstrap: str | None = _BOOTSTRAP,
) -> None:
    """Show freeze alerts, newest first: what is asked of which bank, for how much, and why.

    With --follow, alerts from now on come as they are told; --limit N shows the last N before.
    """
    code = None if bank is None else _bank_code(bank)
    with broker_errors(), TopicReader(command_settings(bootstrap)) as reader:
        if not follow:
            told = chosen(reader, code, all_versions, limit or DEFAULT_LIMIT)
            (_print_json if as_json else _table_printer(language, wide))(told)
            return
        arriving = reader.follow(FREEZE_ALERTS)
        before = chosen(reader, code, all_versions, limit) if limit else []
        show = _print_json if as_json else _line_printer(language, wide)
        show(reversed(before))
        shown = {(record.partition, record.offset) for record, _alert in before}
        try:
            for record in arriving:
                alert = read_alert(record)
                if alert is None or (record.partition, record.offset) in shown:
                    continue
                if code in (None, alert.bank):
                    show([(record, alert)])
        except KeyboardInterrupt:
            return


def read_alert(record: StoredRecord) -> FreezeAlert | None:
    """Return the alert in a record of the topic, or None when it holds none."""
    try:
        return _DECODER.decode(record.value or b"")
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None


def chosen(reader: TopicReader, bank: str | None, all_versions: bool, limit: int) -> list[Told]:
    """Return the newest alerts (the newest version of each, or all), newest first."""
    found = _newest(reader.newest_first(FREEZE_ALERTS), all_versions)
    return list(_first(limit, (told for told in found if bank in (None, told[1].bank))))


def _newest(records: Iterable[StoredRecord], all_versions: bool) -> Iterator[Told]:
    seen: set[str] = set()
    for record in records:
        alert = read_alert(record)
        if alert is None or (alert.alert_id in seen and not all_versions):
            continue
        seen.add(alert.alert_id)
        if _replaced(alert) and not all_versions:
            continue
        yield record, alert


def _replaced(alert: FreezeAlert) -> bool:
    """Whether another alert about the same money has taken its place, so nobody need read it."""
    return alert.superseded_by is not None


def _first(count: int, found: Iterator[Told]) -> Iterator[Told]:
    # Not itertools.islice with zip: nothing more may be read from Kafka than what is shown.
    for number, told in enumerate(found, start=1):
        yield told
        if number == count:
            return


def _bank_code(bank: str) -> str:
    code, _changes = parse_bank(bank)
    if code == UNKNOWN_BANK and bank != UNKNOWN_BANK:
        raise CommandError(f"No bank is called {bank!r}: give its three-digit code, such as 014.")
    return code


def _print_json(told: Iterable[Told]) -> None:
    for record, _alert in told:
        sys.stdout.write((record.value or b"").decode() + "\n")
    sys.stdout.flush()


def _table_printer(language: Language, wide: bool) -> Callable[[Iterable[Told]], None]:
    def show(told: Iterable[Told]) -> None:
        listed = list(told)
        terminal = console()
        if not listed:
            terminal.print("There are no alerts yet.")
        elif terminal.width < _TABLE_COLUMNS:
            # Ten columns would leave each a few letters wide.
            _line_printer(language, wide)(listed)
        else:
            terminal.print(table_of(listed, language, wide))
        _say_times_are_thai(bool(listed))

    return show


def _say_times_are_thai(shown: bool) -> None:
    if shown and sys.stdout.isatty():
        console().print(Text("Times are Thailand's (UTC+7).", style="dim"))


def table_of(told: Iterable[Told], language: Language, wide: bool) -> Table:
    """Return the alerts as a table, a row each."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("time", "kind", "bank", "account"):
        table.add_column(name, no_wrap=True)
    table.add_column("baht", justify="right", no_wrap=True)
    table.add_column("level", no_wrap=True)
    table.add_column("why", ratio=1, overflow="fold")
    table.add_column("holds until", no_wrap=True)
    table.add_column("alert", no_wrap=True)
    if wide:
        table.add_column("version", justify="right", no_wrap=True)
    for record, alert in told:
        row: list[str | Text] = [
            thai_time(record.timestamp),
            kind_text(alert),
            bank_name(alert.bank),
            account_name(alert.account, whole=wide),
            _amount(alert),
            level_text(alert.level),
            reason_in(alert, language),
            thai_moment(alert.holds_until),
            alert.alert_id if wide else alert.alert_id[:SHORT_ID_CHARS],
        ]
        if wide:
            row.append(str(alert.version))
        table.add_row(*row, style="dim" if alert.kind is AlertKind.RELEASE else "")
    return table


def line_of(record: StoredRecord, alert: FreezeAlert, language: Language, wide: bool) -> Text:
    """Return the alert as one line (a terminal folds it), with how long it took to come."""
    line = Text(f"{thai_time(record.timestamp)}  ")
    line.append_text(kind_text(alert))
    line.append(f"  {account_with_bank(alert.account)}")
    if not alert.account.startswith(f"account:{alert.bank}:"):
        line.append(f" (to bank {bank_name(alert.bank)})")
    amount = _amount(alert)
    if amount:
        line.append(f"  {amount} baht", style="bold")
    line.append("  ").append_text(level_text(alert.level))
    line.append(f"  {reason_in(alert, language)}")
    if alert.holds_until is not None:
        line.append(f"  until {thai_moment(alert.holds_until)}")
    line.append(
        f"  {alert.alert_id if wide else alert.alert_id[:SHORT_ID_CHARS]} v{alert.version}",
        style="dim",
    )
    if alert.caused_by != "tick":
        taken = record.timestamp - parse_rfc3339(alert.caused_at)
        line.append(f"  {taken:,} ms", style="dim")
    return line


def _line_printer(language: Language, wide: bool) -> Callable[[Iterable[Told]], None]:
    terminal = console()

    def show(told: Iterable[Told]) -> None:
        for record, alert in told:
            terminal.print(line_of(record, alert, language, wide), soft_wrap=True)

    return show


def _amount(alert: FreezeAlert) -> str:
    """The amount to hold; where nothing is to be held, nothing (what is disputed says why)."""
    if alert.kind is AlertKind.HOLD:
        return baht(alert.amount_satang)
    if alert.kind is AlertKind.VICTIM_STILL_PAYING:
        return baht(alert.disputed_satang)
    return ""
