"""One run: a fresh Kafka, the payments in two parts, and the processor time of who works them off.

The first part warms up (a JVM compiles, caches fill) and is worked off to its end. Then the
processes are stopped (SIGSTOP) while the second part is published, and the clock runs from the
moment they go on until an independent reader has read the last alert.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from agents.local.parent_death import end_with_parent
from benchmarks.machine import Figures
from benchmarks.peers.alerts import Alert, AlertReader
from benchmarks.peers.backlog import Part
from benchmarks.peers.roster import Process
from benchmarks.publishing import publish
from benchmarks.stand import IDLE_SECONDS, BenchmarkError
from pipeline.topics import TRANSACTIONS

AFTER_SECONDS = 1.0
"""How long processor time is counted after the last alert: commits and writes that follow it."""
_END_SECONDS = 10.0

Runner = subprocess.Popen[bytes]


@dataclass(frozen=True)
class Race:
    """What every run has in common."""

    parts: tuple[Part, Part]
    kinds: frozenset[str]
    """The kinds of alert that each payment into an account with a case must lead to."""

    def alerts(self, part: Part) -> set[Alert]:
        """Return the alerts that a part must lead to."""
        return {(key, kind) for key in part.into_cases for kind in self.kinds}


async def run(
    bootstrap: str,
    race: Race,
    start: Callable[[], Sequence[Runner]],
    check: Callable[[], None],
) -> Figures:
    """Let what ``start`` starts work both parts off; return the figures of the second.

    Raises:
        BenchmarkError: a process ended, an alert is missing, or one came that nobody asked for.
    """
    first, second = race.parts
    wanted = [race.alerts(part) for part in race.parts]
    await publish(bootstrap, TRANSACTIONS, first.records)
    reader = AlertReader(bootstrap)
    await reader.start()
    try:
        began = time.perf_counter()
        processes = start()
        warmed = await reader.read_all(wanted[0], set(), IDLE_SECONDS, check)
        await reader.read_for(AFTER_SECONDS, wanted[0])
        warm_cpu = sum(_cpu_seconds(processes))
        with stopped(processes):
            await publish(bootstrap, TRANSACTIONS, second.records)
        before, went_on = _cpu_seconds(processes), time.perf_counter()
        ended = await reader.read_all(wanted[1], wanted[0], IDLE_SECONDS, check)
        await reader.read_for(AFTER_SECONDS, wanted[0] | wanted[1])
        used = [now - then for now, then in zip(_cpu_seconds(processes), before, strict=True)]
    finally:
        await reader.stop()
    count, cpu = len(second.records), sum(used)
    expected = len(wanted[0]) + len(wanted[1])
    return {
        "transactions": count,
        "seconds": round(ended - went_on, 2),
        "per_s": round(count / (ended - went_on)),
        "cpu_us": round(cpu / count * 1e6, 2),
        "cpu_us_by_process": [round(each / count * 1e6, 2) for each in used],
        "per_cpu_s": round(count / cpu),
        "warm_up": {
            "transactions": len(first.records),
            "seconds_with_start": round(warmed - began, 2),
            "cpu_us_with_start": round(warm_cpu / len(first.records) * 1e6, 2),
        },
        "alerts_expected": expected,
        "alerts_seen": expected,
        "alert_repeats": reader.records - expected,
    }


class Processes:
    """The processes of one peer; as a context manager it ends them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._running: list[tuple[Runner, Path]] = []

    def __enter__(self) -> Processes:
        return self

    def __exit__(self, *_exception: object) -> None:
        for process, _ in self._running:
            if process.poll() is None:
                process.send_signal(signal.SIGCONT)
                process.terminate()
        for process, _ in self._running:
            try:
                process.wait(_END_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def start(self, wanted: Sequence[Process]) -> list[Runner]:
        """Start them all."""
        for number, each in enumerate(wanted):
            log_file = self._folder / f"process-{number}.log"
            with log_file.open("wb") as log:
                process = subprocess.Popen(
                    each.command,
                    env={**os.environ, **each.environment},
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                    preexec_fn=end_with_parent,
                )
            self._running.append((process, log_file))
        return [process for process, _ in self._running]

    def check(self) -> None:
        """Raise BenchmarkError when one has ended."""
        for process, log_file in self._running:
            if process.poll() is not None:
                lines = log_file.read_text(errors="replace").strip().splitlines()
                raise BenchmarkError(
                    f"It ended with {process.returncode}: {lines[-1] if lines else 'said nothing'}"
                )


@contextlib.contextmanager
def stopped(processes: Sequence[Runner]) -> Iterator[None]:
    """Keep processes still (SIGSTOP) while the context lasts."""
    for process in processes:
        process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        for process in processes:
            process.send_signal(signal.SIGCONT)


def _cpu_seconds(processes: Sequence[Runner]) -> list[float]:
    """Return the processor time of each process and of the children that it has awaited."""
    found = []
    for process in processes:
        fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
        ticks = sum(int(field) for field in fields[11:15])
        found.append(ticks / os.sysconf("SC_CLK_TCK"))
    return found
