"""``freezeline dead-letters``: what could not be taken, why, and sending it once more."""

from __future__ import annotations

import hashlib
import sys
from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

import typer
from rich.table import Table

from agents.console import (
    broker_errors,
    command_settings,
    console,
    thai_time,
    visible,
    visible_bytes,
)
from agents.failures import CommandError
from agents.kafka.reading import StoredRecord, TopicReader
from agents.kafka.sending import PublishError, connected_producer, publish_records
from pipeline.contracts.dead_letters import ATTEMPT, CUT, ORIGINAL_BYTES, PREFIX
from pipeline.contracts.invalid import Reason
from pipeline.fold import Output
from pipeline.topics import ACCOUNT_LOG, dead_letters_of, load_topics

FAILS_AGAIN = frozenset(
    {
        Reason.EMPTY,
        Reason.TOO_LARGE,
        Reason.REGISTRY_MAGIC_BYTE,
        Reason.NOT_JSON,
        Reason.NOT_UTF8,
        Reason.NUL_CHARACTER,
        Reason.RAW_NATIONAL_ID,
    }
)
"""Reasons that lie in the bytes alone: no newer Freezeline and no later time will take them."""

SHOWN_CHARACTERS = 4_000
"""How much of a value `show` prints, unless told to print all."""

_ERRORS_PREFIX = "__connect.errors."
_TOPIC = typer.Option(
    None, "--topic", help="Only those of this topic, such as reports; else of every topic."
)
_REASON = typer.Option(None, "--reason", help="Only those with this reason, such as bad_time.")
_BOOTSTRAP = typer.Option(
    None, "--bootstrap", metavar="HOST:PORT", help="Kafka's address, else FREEZELINE_BOOTSTRAP."
)

group = typer.Typer(
    help="Show refused events and why, and send them again.",
    no_args_is_help=True,
)


class Letter(NamedTuple):
    """One dead letter; ``topic`` is the one in which the record stood at first."""

    topic: str
    record: StoredRecord

    @property
    def name(self) -> str:
        """Its number for people: topic and place among the topic's dead letters."""
        between = f"{self.record.partition}:" if self.record.partition else ""
        return f"{self.topic}:{between}{self.record.offset}"

    @property
    def reason(self) -> str:
        """The closed reason."""
        return self.said(f"{PREFIX}reason") or "unknown"

    @property
    def attempt(self) -> int:
        """How often it has been sent back."""
        said = self.said(ATTEMPT)
        return int(said) if said.isascii() and said.isdecimal() and len(said) < 6 else 0

    @property
    def place(self) -> str:
        """Where the record stands in its own topic: partition and offset."""
        numbers = (self.said(f"{PREFIX}original.{name}") for name in ("partition", "offset"))
        return ":".join(numbers)

    def said(self, header: str) -> str:
        """Return what a header says, safe to look at; nothing when it is not there."""
        content = self.record.header(header)
        return "" if content is None else visible_bytes(content)


def register(app: typer.Typer) -> None:
    """Add ``dead-letters`` to ``app``."""
    app.add_typer(group, name="dead-letters")


@group.command("list")
def list_letters(
    topic: str | None = _TOPIC,
    reason: str | None = _REASON,
    each: int | None = typer.Option(
        None, "--each", metavar="N", min=1, help="Show the newest N one by one, not the counts."
    ),
    bootstrap: str | None = _BOOTSTRAP,
) -> None:
    """Count dead letters by topic and reason, with the newest of each."""
    counts: Counter[tuple[str, str]] = Counter()
    newest: dict[tuple[str, str], Letter] = {}
    listed: list[Letter] = []
    with broker_errors(), TopicReader(command_settings(bootstrap)) as reader:
        for letter in _letters(reader, _topics(topic), _reason(reason)):
            kind = (letter.topic, letter.reason)
            counts[kind] += 1
            newest.setdefault(kind, letter)
            if each is not None and len(listed) < each:
                listed.append(letter)
    if not counts:
        typer.echo("There are no dead letters" + (" of this kind." if topic or reason else "."))
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    if each is not None:
        for name in ("letter", "since", "reason", "field", "original offset"):
            table.add_column(name, no_wrap=name != "field", overflow="fold")
        for letter in sorted(listed, key=lambda one: -one.record.timestamp):
            since = thai_time(letter.record.timestamp)
            field = letter.said(f"{PREFIX}field")
            table.add_row(letter.name, since, letter.reason, field, letter.place)
    else:
        table.add_column("topic", no_wrap=True)
        table.add_column("reason", no_wrap=True)
        table.add_column("letters", justify="right")
        table.add_column("newest", no_wrap=True)
        table.add_column("since", no_wrap=True)
        table.add_column("its field", overflow="fold")
        for kind, count in sorted(counts.items()):
            letter = newest[kind]
            since, field = thai_time(letter.record.timestamp), letter.said(f"{PREFIX}field")
            table.add_row(*kind, f"{count:,}", letter.name, since, field)
    console().print(table)


@group.command(short_help="Show one dead letter, written so that it does no harm.")
def show(
    letter: str = typer.Argument(
        metavar="LETTER", help="Which one, as `list` names it: reports:17 (or 17 with --topic)."
    ),
    topic: str | None = typer.Option(None, "--topic", help="The topic, when LETTER is a number."),
    raw: bool = typer.Option(False, "--raw", help="Write the original bytes and nothing else."),
    whole: bool = typer.Option(
        False, "--whole", help=f"Show all of it, not only {SHOWN_CHARACTERS:,} characters."
    ),
    bootstrap: str | None = _BOOTSTRAP,
) -> None:
    """Show one dead letter: its headers and the original bytes, written so that they do no harm."""
    name, partition, offset = _place(letter, topic)
    with broker_errors(), TopicReader(command_settings(bootstrap)) as reader:
        found = reader.record(dead_letters_of(name), partition, offset)
    if found is None:
        raise CommandError(f"There is no dead letter {letter} (any more).", 1)
    kept = Letter(name, found)
    if raw:
        sys.stdout.buffer.write(found.value or b"")
        sys.stdout.buffer.flush()
        return
    typer.echo("The original event may hold personal data: treat it so.", err=True)
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    table.add_row("since", f"{thai_time(found.timestamp)} (UTC+7)")
    table.add_row("key", visible_bytes(found.key) if found.key is not None else "(none)")
    for header, content in found.headers:
        table.add_row(visible(header), visible_bytes(content))
    terminal = console()
    terminal.print(table)
    text = visible_bytes(found.value)
    cut = len(text) - SHOWN_CHARACTERS
    terminal.print(f"\n{len(found.value or b''):,} bytes:")
    terminal.print(text if whole else text[:SHOWN_CHARACTERS], soft_wrap=True)
    if cut > 0 and not whole:
        terminal.print(f"… and {cut:,} characters more (--whole shows them).")
    if (parts := kept.said(CUT)) != "":
        terminal.print(
            f"The record was too large to be kept whole ({parts} cut; its value has "
            f"{kept.said(ORIGINAL_BYTES)} bytes): it stands at {kept.place} of {name}."
        )


@group.command(short_help="Send dead letters back to their topic.")
def replay(
    topic: str | None = _TOPIC,
    reason: str | None = _REASON,
    force: bool = typer.Option(
        False, "--force", help="Also those whose reason can only come again."
    ),
    yes: bool = typer.Option(False, "--yes", "-y", help="Do not ask first."),
    bootstrap: str | None = _BOOTSTRAP,
) -> None:
    """Send dead letters back to their topic as they were; the same bytes are sent once.

    It helps after an upgrade, or once a date is no longer in the future. What is wrong in the
    bytes themselves (such as not_json) stays, unless --force: repair it with `show --raw` and
    publish it. So does what was too large to be kept whole. Dead letters stay where they are, and
    a valid event counts once however often sent.
    """
    settings = command_settings(bootstrap)
    wanted = _reason(reason)
    if wanted in FAILS_AGAIN and not force:
        raise CommandError(f"The same bytes would be refused again as {reason} (--force sends).", 1)
    left = cut = 0
    outputs: dict[bytes, Output] = {}
    with broker_errors(), TopicReader(settings) as reader:
        for letter in _letters(reader, _topics(topic), wanted):
            if letter.said(CUT):
                cut += 1
                continue
            if not force and letter.reason in FAILS_AGAIN:
                left += 1
                continue
            outputs.setdefault(_fingerprint(letter), sent_back(letter))
    if left:
        typer.echo(f"Left out: {left:,} that would be refused again (--force sends them).")
    if cut:
        typer.echo(f"Left out: {cut:,} of which only a part was kept, as they were too large.")
    if not outputs:
        typer.echo("There is nothing to send.")
        return
    if not yes and sys.stdin.isatty():
        typer.confirm(f"Send {len(outputs):,} records back to their topics?", abort=True)
    try:
        with broker_errors(), connected_producer(settings) as producer:
            sent = publish_records(producer, reversed(outputs.values()))
    except PublishError as error:
        raise CommandError(str(error)) from error
    typer.echo(f"Sent {sent.count:,} back in {sent.seconds:.2f} s.")


def sent_back(letter: Letter) -> Output:
    """Return the original record with its own headers and how often it has been sent back."""
    headers = [
        (name, content)
        for name, content in letter.record.headers
        if not name.startswith((PREFIX, _ERRORS_PREFIX))
    ]
    headers.append((ATTEMPT, str(letter.attempt + 1).encode()))
    partition = None
    if letter.topic == ACCOUNT_LOG:
        # Only there the place is part of the meaning: it is the account's owner.
        partition = int(letter.said(f"{PREFIX}original.partition") or 0)
    return Output(letter.topic, letter.record.key, letter.record.value, tuple(headers), partition)


def _letters(reader: TopicReader, topics: list[str], reason: Reason | None) -> Iterator[Letter]:
    """Yield dead letters topic by topic, newest first."""
    for topic in topics:
        for record in reader.newest_first(dead_letters_of(topic)):
            letter = Letter(topic, record)
            if reason is None or letter.reason == reason.value:
                yield letter


def _fingerprint(letter: Letter) -> bytes:
    key, value = letter.record.key or b"", letter.record.value or b""
    place = f"{letter.topic}\0{len(key)}\0".encode()
    return hashlib.sha256(place + key + value).digest()


def _topics(topic: str | None) -> list[str]:
    letters = load_topics().dead_letter_topics
    declared = list(letters.values())
    if topic is None:
        return declared
    name = letters.get(topic, topic)
    if name not in declared:
        raise CommandError(
            f"{topic} has no dead letters: the topics that have are {', '.join(declared)}."
        )
    return [name]


def _reason(reason: str | None) -> Reason | None:
    try:
        return None if reason is None else Reason(reason)
    except ValueError:
        raise CommandError(
            f"{reason} is no reason: the reasons are {', '.join(one.value for one in Reason)}."
        ) from None


def _place(letter: str, topic: str | None) -> tuple[str, int, int]:
    """Read ``17``, ``reports:17`` or ``reports:2:17`` (the middle is a partition)."""
    name, *numbers = letter.split(":") if ":" in letter else [topic or "", letter]
    valid = 1 <= len(numbers) <= 2 and all(n.isascii() and n.isdecimal() for n in numbers)
    if not name or not valid:
        raise CommandError(f"Name the letter as `dead-letters list` does (reports:17): {letter!r}.")
    partition = int(numbers[0]) if len(numbers) == 2 else 0
    return _topics(name)[0], partition, int(numbers[-1])
