"""``freezeline restore``: puts back what ``freezeline backup`` has copied."""

from __future__ import annotations

from pathlib import Path

import typer

from agents.console import broker_errors, command_settings
from agents.failures import CommandError
from agents.upkeep.backup_format import BackupError
from agents.upkeep.record_copy import CopyError
from agents.upkeep.store_backup import restore_stores
from agents.upkeep.topic_restore import restore_topics

group = typer.Typer(
    help="Put back the workers' stores, or fill an empty Kafka.", no_args_is_help=True
)


def register(app: typer.Typer) -> None:
    """Add ``restore`` to ``app``."""
    app.add_typer(group, name="restore")


@group.command()
def stores(
    source: Path = typer.Argument(..., metavar="FROM", help="The folder of the backup."),
    state_dir: Path | None = typer.Option(None, help="Of which worker, else FREEZELINE_STATE_DIR."),
    replace: bool = typer.Option(False, "--replace", help="Also where there is a store."),
) -> None:
    """Put a worker's stores back; it must not run."""
    try:
        into = state_dir or command_settings(None).state_dir
        for name in restore_stores(source, into, replace=replace):
            typer.echo(f"{name}: restored")
    except (BackupError, OSError) as error:
        raise CommandError(str(error), 1) from error


@group.command(short_help="Fill an empty Kafka with a backup's topics.")
def topics(
    source: Path = typer.Argument(..., metavar="FROM", help="The folder of the backup."),
    bootstrap: str | None = typer.Option(
        None, "--bootstrap", metavar="HOST:PORT", help="Kafka's address, else FREEZELINE_BOOTSTRAP."
    ),
) -> None:
    """Fill an empty Kafka with a backup's topics and positions; then start the workers."""
    try:
        with broker_errors():
            restore_topics(command_settings(bootstrap), source, typer.echo)
    except BackupError as error:
        raise CommandError(str(error), 1) from error
    except CopyError as error:
        raise CommandError(f"{error}: delete the topics, and do this again.") from error
