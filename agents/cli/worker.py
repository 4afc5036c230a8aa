"""``freezeline worker NAME``: one worker process, as a cluster runs it."""

from __future__ import annotations

import logging
import os

import typer

from agents.settings import load_settings
from agents.worker import WorkerName, run


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command("worker", short_help="Run one worker until SIGTERM or Ctrl-C.")
    def worker(
        name: WorkerName = typer.Argument(..., help="Which worker: intake, clustering, accounts."),
    ) -> None:
        """Run one worker until SIGTERM or Ctrl-C (settings: FREEZELINE_* variables)."""
        code = run(name, load_settings())
        logging.shutdown()
        # All is closed. Taking a large state apart, object by object, would only make whoever
        # waits for this worker's end wait longer: ten seconds and more.
        os._exit(code)
