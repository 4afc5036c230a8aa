"""``freezeline worker NAME``: one worker process, as a cluster runs it."""

from __future__ import annotations

import typer

from agents.settings import load_settings
from agents.worker import WorkerName, run


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command("worker")
    def worker(
        name: WorkerName = typer.Argument(..., help="Which worker: intake, clustering, accounts."),
    ) -> None:
        """Run one worker until SIGTERM or Ctrl-C (settings: FREEZELINE_* variables)."""
        raise typer.Exit(run(name, load_settings()))
