"""Freezeline's own workers over the same payments: intake and accounts, one process each."""

from __future__ import annotations

import asyncio
import time

from agents.worker import WorkerName
from benchmarks.alerts_read import alert_count
from benchmarks.cases import case_records
from benchmarks.machine import Figures
from benchmarks.peers import race
from benchmarks.peers.backlog import Part
from benchmarks.publishing import publish
from benchmarks.stand import IDLE_SECONDS, BenchmarkError, Stand
from pipeline.contracts.alerts import AlertKind
from pipeline.topics import ACCOUNT_LOG, load_topics

KINDS = frozenset({AlertKind.HOLD.value, AlertKind.VICTIM_STILL_PAYING.value})
SETTINGS = (
    "intake and accounts, one process each, usual settings; "
    "session timeout 60 s (a run stops them for a moment)"
)
_SESSION_MS = "60000"


def run(parts: tuple[Part, Part], files: int) -> Figures:
    """Open the accounts with a case, then let the workers work the payments off.

    Raises BenchmarkError.
    """
    with Stand() as stand:
        _open_cases(stand, files)
        workers = []

        def start() -> list[race.Runner]:
            names = (WorkerName.ACCOUNTS, WorkerName.INTAKE)
            workers.extend(stand.worker(name, session_timeout_ms=_SESSION_MS) for name in names)
            return [worker.process for worker in workers if worker.process is not None]

        def check() -> None:
            for worker in workers:
                stand.check(worker)

        figures = asyncio.run(race.run(stand.bootstrap, race.Race(parts, KINDS), start, check))
        for worker in workers:
            stand.end(worker)
    return figures


def _open_cases(stand: Stand, files: int) -> None:
    records = case_records(files, load_topics()[ACCOUNT_LOG].partitions)
    asyncio.run(publish(stand.bootstrap, ACCOUNT_LOG, records))
    worker = stand.worker(WorkerName.ACCOUNTS)
    # Only a worker that is ready has a group whose lag can be asked for; on a busy machine that
    # may take longer than the stand's own patience.
    deadline = time.monotonic() + IDLE_SECONDS
    while not worker.ready:
        stand.check(worker)
        if time.monotonic() > deadline:
            raise BenchmarkError(f"The accounts worker is not ready in {IDLE_SECONDS:.0f} s.")
        time.sleep(0.2)
    stand.wait_until_answered(WorkerName.ACCOUNTS)
    stand.end(worker)
    opened = asyncio.run(alert_count(stand.bootstrap))
    if opened != files:
        raise BenchmarkError(f"{opened:,} of {files:,} accounts with a case were opened.")
