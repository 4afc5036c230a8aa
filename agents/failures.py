"""How things end that cannot go on: a worker at once, by a named code; a command in one sentence.

A worker stops when going on would break the rule of state.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
import time
from enum import IntEnum
from pathlib import Path
from typing import NoReturn

log = logging.getLogger("freezeline")


class ExitCode(IntEnum):
    """What a worker's exit code says (beyond 0, a graceful stop)."""

    CRASHED = 1
    BROKER_UNREACHABLE = 69
    FOLD_RAISED = 70
    DEAD_LETTER_LIMIT = 71
    NOT_ACKNOWLEDGED = 72
    STORE_UNUSABLE = 73
    STATE_AHEAD_OF_LOG = 74
    PORT_UNUSABLE = 75


class StoreUnusable(Exception):
    """A state store cannot be opened, read or written; the message names the folder, no values."""


def raised_at(error: BaseException) -> str:
    """Return where an exception was raised: its message may quote a record, this does not."""
    where, trace = "", error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        where = f"{code.co_filename}:{trace.tb_lineno} in {code.co_qualname}"
        trace = trace.tb_next
    return where


def stop_process(code: ExitCode, event: str, **ids: object) -> NoReturn:
    """Log ``event`` with ``ids`` and end the process at once; nothing more is sent or written.

    ``ids`` are names, numbers and identifiers of records, never their content.
    """
    log.critical(event, extra={"exit_code": int(code), **ids})
    for handler in [*log.handlers, *logging.getLogger().handlers]:
        handler.flush()
    sys.stderr.flush()
    sys.stdout.flush()
    os._exit(code)


def end_within(seconds: float, code: int) -> int:
    """Return ``code``, for the process to end with; after ``seconds`` it ends in any case.

    All is closed and said by then. But what our libraries have left behind may wait for a Kafka
    that is away, and whoever starts workers again would wait for the end of this one.
    """

    def end() -> None:
        time.sleep(seconds)
        os._exit(code)

    threading.Thread(target=end, daemon=True).start()
    return code


def made_folder(folder: Path) -> Path:
    """Return ``folder``, made where it is missing; ends the process when that cannot be."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = f"{folder} cannot be made: {error.strerror}"
        stop_process(ExitCode.STORE_UNUSABLE, "store_unusable", reason=reason)
    return folder


EXIT_USAGE = 2
"""The exit code for a wrong setting, a wrong argument or a Kafka that does not answer."""

EXIT_INTERRUPTED = 130
"""What shells make of Ctrl-C: 128 and the signal's number."""


class CommandError(Exception):
    """A command cannot do what it was asked; the message is one sentence for the user."""

    def __init__(self, sentence: str, exit_code: int = EXIT_USAGE) -> None:
        """Say ``sentence`` and end with ``exit_code``."""
        super().__init__(sentence)
        self.exit_code = exit_code
