"""How soon a worker is there, and how long alerts wait when a worker is killed.

*ready*: from the process's start with an empty state until ``/readyz`` says so. *restart* and
*takeover*: reports and payments keep coming, a worker gets kill -9, and is started again or has
another beside it; the figure is the longest that an alert has to wait. With ``--reports`` the state
of clustering is filled before, and the other workers begin with a copy of the stores, as an
operator would give it to them (`freezeline backup stores`).

``python -m benchmarks.takeover [--reports N] [--json]``
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from agents.local.cluster import LocalWorker
from agents.upkeep.store_backup import back_up_stores
from agents.worker import WorkerName
from benchmarks.command import command_line, tell
from benchmarks.latency import held_payment, prepare
from benchmarks.machine import Figures, machine, note, show, versions
from benchmarks.probes import timed
from benchmarks.publishing import publish
from benchmarks.stand import IDLE_SECONDS, BenchmarkError, Stand, metric_of
from benchmarks.told_reports import ToldReports
from pipeline.topics import FREEZE_ALERTS, REPORTS

PAIRS = 150
"""Reports and payments, as many of each, that are published around one kill."""
SPACING_SECONDS = 0.06
KILLED_AFTER_SECONDS = 3.0


def run(reports: int = 0) -> Figures:
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
        _fill_clustering(stand, reports)
        for number, name in enumerate(WorkerName):
            first = number * 4 * PAIRS
            restart[name.value] = _longest_wait(stand, first, _restarting(workers[name]))
            note(f"{name.value}: restarted, an alert waited {restart[name.value]} s at most")
            other = _another(stand, name)
            stand.wait_until_ready(other)
            if name is WorkerName.CLUSTERING:
                _wait_until_warm(stand, other)
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
        "reports_in_state": reports,
        "versions": versions(),
        "machine": machine(),
    }


def _fill_clustering(stand: Stand, reports: int) -> None:
    if not reports:
        return
    note(f"folding {reports:,} reports")
    told = ToldReports(seed=5).batches(reports, 500)
    values = ((0, record.value or b"") for records in told for record in records)
    asyncio.run(publish(stand.bootstrap, REPORTS, values))
    stand.wait_until_answered(WorkerName.CLUSTERING)
    stand.wait_until_answered(WorkerName.ACCOUNTS)
    for copied in back_up_stores(stand.folder / "state", _state_of_the_other(stand)):
        note(f"{copied.name}: copied, {copied.entries:,} rows")


def _wait_until_warm(stand: Stand, standby: LocalWorker) -> None:
    """Return when a warm standby has folded all that the owner has answered."""
    deadline = time.monotonic() + IDLE_SECONDS
    while (behind := metric_of(standby, "standby_lag_records")) is None or behind > 0:
        stand.check(standby)
        if time.monotonic() > deadline:
            raise BenchmarkError("The standby does not catch up.")
        time.sleep(0.2)


def _restarting(worker: LocalWorker) -> Callable[[], object]:
    def kill_and_start() -> None:
        worker.kill()
        worker.start()

    return kill_and_start


def _another(stand: Stand, name: WorkerName) -> LocalWorker:
    state = str(_state_of_the_other(stand))
    return stand.worker(name, state_dir=state, instance_id=f"{name.value}-1")


def _state_of_the_other(stand: Stand) -> Path:
    return stand.folder / "state-of-the-other"


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
    parser = command_line("takeover", __doc__)
    parser.add_argument("--reports", type=int, default=0, help="in clustering's state before")
    options = parser.parse_args()
    tell(options, lambda: run(options.reports), print_table)


if __name__ == "__main__":
    main()
