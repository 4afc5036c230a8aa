"""Places where a test can end the process at the worst moment; nobody else sets one."""

from __future__ import annotations

import os
import signal
from enum import StrEnum


class Moment(StrEnum):
    """The moments of the rule of state, in their order within one slice of a batch."""

    FOLDED = "folded"
    """Nothing has left yet."""
    SENT = "sent"
    """All outputs but the last ones are with the producer."""
    ACKNOWLEDGED = "acknowledged"
    """The alerts are in Kafka, the account files that follow from them are not."""
    ANSWERED = "answered"
    """Everything is acknowledged, the state is not written."""
    WRITTEN = "written"
    """The state is written, the group's offset has not followed."""


class FailPoint:
    """Ends the process, as kill -9 does, when it passes a moment for the n-th time."""

    def __init__(self, setting: str | None) -> None:
        """Take a setting such as ``answered:12``; None never ends anything.

        Raises ValueError when the setting is something else.
        """
        moment, _, count = (setting or "").partition(":")
        self._moment = Moment(moment) if setting else None
        self._left = int(count) if setting else 0

    def passing(self, moment: Moment) -> None:
        """Say that the process is at this moment."""
        if moment is not self._moment:
            return
        self._left -= 1
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
