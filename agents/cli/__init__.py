"""The command ``freezeline``: one file a command group, each adds itself with ``register``."""

from __future__ import annotations

import contextlib
import importlib
import logging
import signal
import sys
from collections.abc import Iterator, Sequence

import typer

from agents.failures import EXIT_INTERRUPTED, EXIT_USAGE, CommandError
from agents.settings import SettingsError
from agents.version import freezeline_version

COMMAND_MODULES = (
    "up",
    "demo",
    "worker",
    "topics",
    "publish",
    "alerts",
    "dead_letters",
    "erasures",
    "account_log",
    "account",
    "replay",
    "simulate",
    "evaluate",
    "blocking",
    "explain",
    "doctor",
    "size",
    "trace",
    "backup",
    "restore",
)
"""Modules of this package in the order of ``freezeline --help``."""

app = typer.Typer(
    name="freezeline",
    help="Victims' reports and banks' payments in, exact freeze alerts out.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def main() -> None:
    """Run the command line and exit: errors are one sentence on stderr."""
    # What libraries log while a command runs is not the user's business; workers log by themselves.
    logging.getLogger("kafka").setLevel(logging.CRITICAL)
    try:
        with _interrupts_kill():
            register_commands(app, sys.argv[1:])
        app()
    except SettingsError as error:
        _fail(str(error), EXIT_USAGE)
    except CommandError as error:
        _fail(str(error), error.exit_code)
    except KeyboardInterrupt:
        sys.exit(EXIT_INTERRUPTED)
    except BrokenPipeError:
        # The reader of our output (head, less) has left; say nothing more, not even at exit.
        sys.stderr.close()
        sys.exit(0)


def register_commands(target: typer.Typer, arguments: Sequence[str]) -> None:
    """Add the command that ``arguments`` begin with, or all of them for help.

    One command alone starts faster than all of them, whose imports take a second.
    """
    asked = arguments[0].replace("-", "_") if arguments else ""
    names = (asked,) if asked in COMMAND_MODULES else COMMAND_MODULES
    for name in names:
        importlib.import_module(f"{__name__}.{name}").register(target)


@contextlib.contextmanager
def _interrupts_kill() -> Iterator[None]:
    """Let Ctrl-C end the process at once, without an exception, while modules are loaded.

    Python raises ``KeyboardInterrupt`` wherever it happens to be. While it imports, that is often
    the weak-reference callback of a module's lock, which prints the exception and goes on: the
    user's Ctrl-C would be lost. Nothing has been started yet that would have to be stopped.
    """
    before = signal.getsignal(signal.SIGINT)
    if before is not signal.default_int_handler:  # ignored behind nohup, or an embedder's own
        yield
        return
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@app.callback(invoke_without_command=True)
def _root(
    context: typer.Context,
    show_version: bool = typer.Option(False, "--version", help="Print the version and exit."),
) -> None:
    del context
    if show_version:
        typer.echo(freezeline_version())
        raise typer.Exit


def _fail(sentence: str, exit_code: int) -> None:
    typer.echo(sentence, err=True)
    sys.exit(exit_code)
