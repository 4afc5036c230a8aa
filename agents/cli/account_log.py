"""``freezeline account-log show``: the internal log of what happens to accounts, for people."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import msgspec
import orjson
import typer

from agents.console import broker_errors, command_settings
from agents.failures import CommandError
from agents.kafka.reading import StoredRecord, TopicReader
from pipeline.contracts.account_log import (
    AccountEvents,
    Erasure,
    LogEntry,
    Postings,
    decode_log_entry,
    partition_of,
)
from pipeline.contracts.codec import rfc3339
from pipeline.contracts.invalid import InvalidEvent
from pipeline.topics import ACCOUNT_LOG

DEFAULT_LIMIT = 20
TICK = "tick"

_TIMES = ("at", "received_at", "published_at", "paid_at", "since")
"""Fields in milliseconds since 1970; people read them as RFC 3339."""

group = typer.Typer(
    help="Show the internal log of all that happens to accounts.", no_args_is_help=True
)


def register(app: typer.Typer) -> None:
    """Add ``account-log`` to ``app``."""
    app.add_typer(group, name="account-log")


@group.callback()
def _group() -> None:
    """Show the internal log of everything that happens to accounts."""


@group.command(short_help="Print the newest records as JSON lines.")
def show(
    partition: int | None = typer.Option(None, "--partition", min=0, help="Only this partition."),
    account: str | None = typer.Option(
        None, "--account", metavar="KEY", help="Only this account, such as account:004:1234567890."
    ),
    limit: int = typer.Option(
        DEFAULT_LIMIT, "--limit", min=1, help="How many records to show: the newest ones."
    ),
    ticks: bool = typer.Option(False, "--ticks", help="Show the ticks of the clock too."),
    bootstrap: str | None = typer.Option(
        None, "--bootstrap", metavar="HOST:PORT", help="Kafka's address, else FREEZELINE_BOOTSTRAP."
    ),
) -> None:
    """Print the newest records as JSON lines, the oldest of them first; money is in satang."""
    found: list[dict[str, Any]] = []
    with broker_errors(), TopicReader(command_settings(bootstrap)) as reader:
        partitions = reader.partitions(ACCOUNT_LOG)
        if partition is not None and partition not in partitions:
            raise CommandError(
                f"{ACCOUNT_LOG} has partitions 0 to {partitions[-1]}, there is no {partition}."
            )
        if account is not None:
            owner = partition_of(account, len(partitions))
            if partition not in (None, owner):
                raise CommandError(f"{account} is in partition {owner}, not {partition}.")
            partition = owner
        chosen = partitions if partition is None else [partition]
        for record in reader.newest_first(ACCOUNT_LOG, chosen):
            readable = readable_record(record, account)
            if readable is not None and (ticks or readable["kind"] != TICK):
                found.append(readable)
            if len(found) == limit:
                break
    for readable in reversed(found):
        sys.stdout.write(orjson.dumps(readable).decode() + "\n")


def readable_record(record: StoredRecord, account: str | None = None) -> dict[str, Any] | None:
    """Return a record as JSON for people, or None when nothing in it is about ``account``."""
    place: dict[str, Any] = {
        "partition": record.partition,
        "offset": record.offset,
        "written_at": rfc3339(record.timestamp),
    }
    try:
        entry = decode_log_entry(record.value)
    except InvalidEvent as why:
        return None if account else {**place, "kind": "unreadable", "reason": why.reason.value}
    if isinstance(entry, Postings | AccountEvents):
        listed = list(_about(entry, account))
        name = "postings" if isinstance(entry, Postings) else "events"
        return {**place, "kind": name, name: listed} if listed else None
    if isinstance(entry, Erasure):
        said = {"before": moment(entry.before), "hashes": len(entry.hashes)}
        return None if account else {**place, "kind": "erasure", **said}
    return None if account else {**place, "kind": TICK, "at": moment(entry.at)}


def _about(entry: LogEntry, account: str | None) -> Iterator[dict[str, Any]]:
    if isinstance(entry, Postings):
        for posting in entry.postings:
            if account in (None, posting.account):
                yield _fields(posting)
    elif isinstance(entry, AccountEvents):
        for event in entry.events:
            if account in (None, event.account):
                yield {"event": event.__struct_config__.tag, **_fields(event)}


def _fields(struct: msgspec.Struct) -> dict[str, Any]:
    """Return the fields that say something, by name; times as RFC 3339."""
    content = msgspec.structs.asdict(struct)
    return {
        name: moment(said) if name in _TIMES and isinstance(said, int) else said
        for name, said in content.items()
        if said is not None and said != ()
    }


def moment(at: int) -> str | int:
    """Return milliseconds as RFC 3339, or as they are when no calendar has them."""
    try:
        return rfc3339(at)
    except (ValueError, OverflowError, OSError):
        return at
