"""``freezeline publish``: a partner's events from a file of JSON lines into Kafka."""

from __future__ import annotations

import codecs
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

import orjson
import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from agents.console import broker_errors, command_settings, console
from agents.failures import CommandError
from agents.kafka.sending import (
    PREPARE,
    Published,
    PublishError,
    connected_producer,
    parse_event,
    prepare_report,
    publish,
)
from agents.national_ids import Event
from agents.settings import Settings
from pipeline.contracts.codec import MAX_EVENT_BYTES
from pipeline.contracts.invalid import InvalidEvent, Reason
from pipeline.topics import ANALYST_DECISIONS, HOLD_UPDATES, REPORTS, TRANSACTIONS

MAX_NAMED_LINES = 20
"""How many bad lines are named one by one; of the rest only the number is said."""

EXIT_BAD_LINES = 1
"""The exit code when a line is not a valid event."""

_FILE = typer.Argument(metavar="FILE", help="JSON lines, one event on each; - reads from stdin.")
_SKIP = typer.Option(
    False, "--skip-invalid", help="Publish the valid lines although others are not."
)
_BOOTSTRAP = typer.Option(
    None, "--bootstrap", metavar="HOST:PORT", help="Kafka's address, else FREEZELINE_BOOTSTRAP."
)

# Fields that are sent too, but under another name once the national ID in them is hashed.
_HASHED = re.compile(r"\$\.(reporter\.national_id|suspects\[\d+\]\.payload)")

group = typer.Typer(
    help="Check events from a file of JSON lines and publish them.", no_args_is_help=True
)


@dataclass(slots=True)
class Checked:
    """The lines of a file: what may be sent, and what is wrong with the others."""

    events: list[bytes] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    unknown: dict[str, int] = field(default_factory=dict)
    """Fields that no contract knows, with the first line that has them; they are not sent."""


def register(app: typer.Typer) -> None:
    """Add ``publish`` to ``app``."""
    app.add_typer(group, name="publish")


@group.command()
def reports(
    file: str = _FILE, skip_invalid: bool = _SKIP, bootstrap: str | None = _BOOTSTRAP
) -> None:
    """Publish victims' reports, their corrections and withdrawals.

    Raw national IDs are hashed here, with the partners' shared key (FREEZELINE_HASH_KEY_FILE or
    FREEZELINE_HASH_KEY): write "national_id" with 13 digits in "reporter" or in a person.
    """
    _run(REPORTS, file, skip_invalid, bootstrap)


@group.command()
def transactions(
    file: str = _FILE, skip_invalid: bool = _SKIP, bootstrap: str | None = _BOOTSTRAP
) -> None:
    """Publish payments as a bank sees them."""
    _run(TRANSACTIONS, file, skip_invalid, bootstrap)


@group.command()
def hold_updates(
    file: str = _FILE, skip_invalid: bool = _SKIP, bootstrap: str | None = _BOOTSTRAP
) -> None:
    """Publish what a bank or the police did about an alert."""
    _run(HOLD_UPDATES, file, skip_invalid, bootstrap)


@group.command(short_help="Publish what analysts decided, or took back.")
def decisions(
    file: str = _FILE, skip_invalid: bool = _SKIP, bootstrap: str | None = _BOOTSTRAP
) -> None:
    """Publish what analysts decided: the same, not the same, a public number; or taken back."""
    _run(ANALYST_DECISIONS, file, skip_invalid, bootstrap)


def check_lines(topic: str, lines: BinaryIO, *hash_keys: bytes) -> Checked:
    """Check every line; blank ones are passed over. ``hash_keys``: the oldest first."""
    checked = Checked()
    prepare = PREPARE[topic]
    if topic == REPORTS:
        prepare = partial(prepare_report, later_keys=hash_keys[1:])
    for number, line in _lines(lines):
        try:
            if line is None:
                raise InvalidEvent(Reason.TOO_LARGE)
            event = parse_event(line)
            value = prepare(event, hash_keys[0])
        except InvalidEvent as why:
            checked.problems.append(_problem(number, why))
            continue
        checked.events.append(value)
        for path in unknown_fields(event, value):
            checked.unknown.setdefault(path, number)
    return checked


def unknown_fields(event: Event, sent: bytes) -> list[str]:
    """Return the paths of fields of ``event`` that are not among those that are ``sent``."""
    found = _unknown(event, orjson.loads(sent), "$")
    return [path for path in found if not _HASHED.fullmatch(path)]


def _run(topic: str, file: str, skip_invalid: bool, bootstrap: str | None) -> None:
    settings = command_settings(bootstrap, needs_hash_key=True)
    with _opened(file) as lines:
        checked = check_lines(topic, lines, *settings.national_id_keys())
    for path, number in checked.unknown.items():
        typer.echo(f"line {number}: {path} is not a field of this event, it is left out", err=True)
    for problem in checked.problems[:MAX_NAMED_LINES]:
        typer.echo(problem, err=True)
    bad = len(checked.problems)
    if bad > MAX_NAMED_LINES:
        typer.echo(f"and {bad - MAX_NAMED_LINES:,} more lines", err=True)
    if bad and not skip_invalid:
        raise CommandError(
            f"Nothing was published: {_events(bad, 'line')} of {bad + len(checked.events):,} "
            f"{'is' if bad == 1 else 'are'} not valid (--skip-invalid publishes the others).",
            EXIT_BAD_LINES,
        )
    if not checked.events:
        raise CommandError(f"There is no valid event in {_name(file)}.", EXIT_BAD_LINES)
    sent = _send(settings, topic, checked.events)
    skipped = f", {_events(bad, 'invalid line')} skipped" if bad else ""
    typer.echo(
        f"Published {_events(sent.count, 'event')} to {topic} in {sent.seconds:.2f} s{skipped}."
    )


def _send(settings: Settings, topic: str, events: list[bytes]) -> Published:
    terminal = console(stderr=True)
    bar = Progress(
        TextColumn("publishing"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=terminal,
        transient=True,
        disable=not terminal.is_terminal,
    )
    try:
        with broker_errors(), connected_producer(settings) as producer, bar:
            task = bar.add_task("publishing", total=len(events))
            return publish(producer, topic, events, lambda count: bar.update(task, completed=count))
    except PublishError as error:
        raise CommandError(str(error)) from error


def _lines(lines: BinaryIO) -> Iterator[tuple[int, bytes | None]]:
    """Yield each line that is not blank with its number; None for one beyond the limit."""
    number = 0
    while line := lines.readline(MAX_EVENT_BYTES + 2):
        number += 1
        if number == 1:
            # Some editors begin a file so; it is no part of the event.
            line = line.removeprefix(codecs.BOM_UTF8)
        if len(line) > MAX_EVENT_BYTES and not line.endswith(b"\n"):
            while (rest := lines.readline(MAX_EVENT_BYTES)) and not rest.endswith(b"\n"):
                pass
            yield number, None
        elif line.strip():
            yield number, line.strip()


def _problem(number: int, why: InvalidEvent) -> str:
    reason = why.reason
    if reason is Reason.MISSING_FIELD:
        return f"line {number}: {why.field} is missing ({reason.value})"
    if reason is Reason.RAW_NATIONAL_ID:
        return f"line {number}: {why.field} holds a national ID in the clear ({reason.value})"
    if reason is Reason.NOT_JSON:
        return f"line {number}: one JSON object is expected on each line ({reason.value})"
    if why.field and why.field != "$":
        return f"line {number}: {why.field} is not valid ({reason.value})"
    return f"line {number}: the event is not valid ({reason.value})"


def _unknown(event: Any, kept: Any, path: str) -> Iterator[str]:
    if isinstance(event, dict) and isinstance(kept, dict):
        for name, content in event.items():
            if name in kept:
                yield from _unknown(content, kept[name], f"{path}.{name}")
            elif content is not None:
                yield f"{path}.{name}"
    elif isinstance(event, list) and isinstance(kept, list):
        for number, (before, after) in enumerate(zip(event, kept, strict=False)):
            yield from _unknown(before, after, f"{path}[{number}]")


def _opened(file: str) -> BinaryIO:
    if file == "-":
        return sys.stdin.buffer
    try:
        return Path(file).open("rb")
    except OSError as error:
        raise CommandError(f"{file} cannot be read: {error.strerror}.") from error


def _name(file: str) -> str:
    return "stdin" if file == "-" else file


def _events(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
