"""Child processes that do not outlive us, however we end."""

from __future__ import annotations

import ctypes
import signal
import sys

_PR_SET_PDEATHSIG = 1


def end_with_parent() -> None:
    """To be called in a new child process: the kernel kills it when its parent ends (Linux).

    A worker's state survives kill -9, so nothing softer is needed where nobody is left to wait.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
