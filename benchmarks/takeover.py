"""How soon a worker is there, and how long alerts wait when a worker is killed.

*ready*: from the process's start with an empty state until ``/readyz`` says so. *restart* and
*takeover*: reports and payments keep coming, a worker gets kill -9, and is started again or has
another beside it; the figure is the longest that an alert has to wait.

``python -m benchmarks.takeover [--json]``
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from agents.local_cluster import LocalWorker
from agents.worker import WorkerName
from benchmarks.command import command_line, tell
from benchmarks.latency import held_payment, prepare
from benchmarks.machine import Figures, machine, note, show, versions
from benchmarks.probes import timed
from benchmarks.stand import Stand
from pipeline.topics import FREEZE_ALERTS

PAIRS = 150
"""Reports and payments, as many of each, that are published around one kill."""
SPACING_SECONDS = 0.06
KILLED_AFTER_SECONDS = 3.0


def run() -> Figures:
    """Measure and return the figures, in seconds."""
    ready, restart, takeover = {}, {}, {}
    with Stand() as stand:
        workers = {}
        for name in WorkerName:
            began = time.perf_counter()
            workers[name] = stand.worker(name)
            stand.wait_until_ready(workers[name])
            ready[name.value] = round(time.perf_counter() - began, 2)
            note(f"{name.value}: ready after {ready[name.value]} s")
        for number, name in enumerate(WorkerName):
            first = number * 4 * PAIRS
            restart[name.value] = _longest_wait(stand, first, _restarting(workers[name]))
            note(f"{name.value}: restarted, an alert waited {restart[name.value]} s at most")
            other = _another(stand, name)
            stand.wait_until_ready(other)
            killed = workers[name].kill
            takeover[name.value] = _longest_wait(stand, first + 2 * PAIRS, killed)
            note(f"{name.value}: taken over, an alert waited {takeover[name.value]} s at most")
            workers[name].start()
            stand.wait_until_ready(workers[name])
            stand.end(other)
    return {
        "ready_s": ready,
        "restart_s": restart,
        "takeover_s": takeover,
        "versions": versions(),
        "machine": machine(),
    }


def _restarting(worker: LocalWorker) -> Callable[[], object]:
    def kill_and_start() -> None:
        worker.kill()
        worker.start()

    return kill_and_start


def _another(stand: Stand, name: WorkerName) -> LocalWorker:
    state = Path(stand.folder) / "state-of-the-other"
    return stand.worker(name, state_dir=str(state), instance_id=f"{name.value}-1")


def _longest_wait(stand: Stand, first: int, kill: Callable[[], object]) -> float:
    _, _, probes = prepare(stand, PAIRS, first)
    answers = timed(stand.bootstrap, probes, FREEZE_ALERTS, held_payment, SPACING_SECONDS)
    with ThreadPoolExecutor(1) as beside:
        waiting = beside.submit(asyncio.run, answers)
        time.sleep(KILLED_AFTER_SECONDS)
        # From this thread: a worker ends with the thread that started it.
        kill()
        waits = waiting.result()
    return round(max(waits.values()) / 1000, 2)


def print_table(figures: Figures) -> None:
    """Print the figures as people read them."""
    rows = [
        [name, *(f"{figures[key][name]:.1f}" for key in ("ready_s", "restart_s", "takeover_s"))]
        for name in figures["ready_s"]
    ]
    columns = ("worker", "ready", "kill -9 and restart", "kill -9, another takes over")
    show("Seconds until a worker is ready; the longest wait for an alert", columns, rows)


def main() -> None:
    """Run from the command line."""
    tell(command_line("takeover", __doc__).parse_args(), run, print_table)


if __name__ == "__main__":
    main()
