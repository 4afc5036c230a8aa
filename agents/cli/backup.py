"""``freezeline backup``: copies of the workers' stores, and of all topics."""

from __future__ import annotations

from pathlib import Path

import typer

from agents.console import broker_errors, command_settings
from agents.failures import CommandError, StoreUnusable
from agents.upkeep.backup_format import BackupError
from agents.upkeep.store_backup import back_up_stores
from agents.upkeep.topic_backup import back_up_topics

group = typer.Typer(help="Copy the workers' stores, or all topics, to files.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add ``backup`` to ``app``."""
    app.add_typer(group, name="backup")


@group.command(short_help="Copy a worker's state stores, also while it runs.")
def stores(
    to: Path = typer.Argument(..., help="An empty folder, or a new one."),
    state_dir: Path | None = typer.Option(None, help="Of which worker, else FREEZELINE_STATE_DIR."),
) -> None:
    """Copy a worker's state stores, also while it runs; each with its position in its log."""
    try:
        for copied in back_up_stores(state_dir or command_settings(None).state_dir, to):
            typer.echo(
                f"{copied.name}: {copied.entries:,} entries, up to offset {copied.next_offset:,}"
            )
    except (BackupError, StoreUnusable, OSError) as error:
        raise CommandError(str(error), 1) from error


@group.command(short_help="Copy all topics and the workers' positions.")
def topics(
    to: Path = typer.Argument(..., help="An empty folder, or a new one."),
    bootstrap: str | None = typer.Option(
        None, "--bootstrap", metavar="HOST:PORT", help="Kafka's address, else FREEZELINE_BOOTSTRAP."
    ),
) -> None:
    """Copy all topics and the workers' positions, also while the workers run."""
    try:
        with broker_errors():
            manifest = back_up_topics(command_settings(bootstrap), to, typer.echo)
    except (BackupError, OSError) as error:
        raise CommandError(str(error), 1) from error
    total = sum(each.records for each in manifest.partitions)
    typer.echo(f"{total:,} records are in {to}.")
