"""The process between Freezeline and the local Kafka: it ends Kafka when its owner is gone.

Run by path with ``python -I kafka_guard.py PID_FILE COMMAND…``, stdlib only. Its standard
input is a pipe from the owner: when the owner ends, in whatever way (kill -9 too), the pipe
closes. It lives in a session of its own, so Ctrl-C in the owner's terminal does not reach Kafka
before the owner has ended what still uses it.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

STOP_SECONDS = 15
"""How long Kafka may take to end by itself before it is killed."""


def main(arguments: list[str]) -> int:
    """Run the command until it ends or the owner is gone; return its exit code."""
    pid_file = Path(arguments[0])
    child = subprocess.Popen(arguments[1:], stdin=subprocess.DEVNULL, preexec_fn=_die_with_guard)
    # Written at once and whole: the next start reads it after a crash.
    temporary = pid_file.with_suffix(".new")
    temporary.write_text(f"{child.pid}\n")
    temporary.replace(pid_file)
    signal.signal(signal.SIGTERM, lambda _number, _frame: _end(child))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_watch_owner, args=(child,), daemon=True).start()
    code = child.wait()
    pid_file.unlink(missing_ok=True)
    return code


def _watch_owner(child: subprocess.Popen[bytes]) -> None:
    while os.read(0, 1024):
        pass
    _end(child)


def _end(child: subprocess.Popen[bytes]) -> None:
    """Ask the child to end, and kill it when it has not after STOP_SECONDS."""
    child.terminate()
    killer = threading.Timer(STOP_SECONDS, child.kill)
    killer.daemon = True
    killer.start()


def _die_with_guard() -> None:
    """On Linux, let the kernel end Kafka when the guard itself is killed."""
    if sys.platform != "linux":
        return
    import ctypes

    set_parent_death_signal = 1  # PR_SET_PDEATHSIG of <sys/prctl.h>
    ctypes.CDLL(None).prctl(set_parent_death_signal, signal.SIGTERM)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
