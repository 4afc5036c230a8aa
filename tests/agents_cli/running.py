"""Runs one command in this process, as ``freezeline`` does, and gives back what it said."""

from __future__ import annotations

import importlib
from typing import NamedTuple

import typer
from typer.testing import CliRunner

from agents.failures import EXIT_USAGE, CommandError
from agents.settings import SettingsError


class Ran(NamedTuple):
    """What a command left behind."""

    exit_code: int
    out: str
    err: str


def freezeline(*arguments: str, given: bytes = b"") -> Ran:
    """Run ``freezeline ARGUMENTS`` with ``given`` on stdin."""
    app = typer.Typer(rich_markup_mode=None)
    app.callback()(lambda: None)
    module = arguments[0].replace("-", "_")
    importlib.import_module(f"agents.cli.{module}").register(app)
    result = CliRunner().invoke(app, arguments, input=given)
    error = result.exception
    if isinstance(error, CommandError):
        return Ran(error.exit_code, result.stdout, result.stderr + str(error))
    if isinstance(error, SettingsError):
        return Ran(EXIT_USAGE, result.stdout, result.stderr + str(error))
    if error is not None and not isinstance(error, SystemExit):
        raise error
    return Ran(result.exit_code, result.stdout, result.stderr)
