"""A backlog of payments is worked off, and reports come meanwhile: how long do they wait?

``python -m benchmarks.backlog [--transactions N] [--json]``

The payments lie in Kafka before the workers start. Then one report a second is published about a
payment that was made before, each with an account of its own; its alert must not wait behind the
backlog. Beside it: the memory of every worker.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import orjson

from agents.kafka.lag import LagReader
from agents.local.cluster import LocalWorker
from agents.worker import WorkerName
from benchmarks.command import command_line, tell
from benchmarks.machine import Figures, machine, note, percentile, show, versions
from benchmarks.payments import payments
from benchmarks.probes import Probe, payment_to_a_case, publish, report_about, timed
from benchmarks.publishing import publish as publish_batches
from benchmarks.publishing import spread
from benchmarks.stand import Stand
from pipeline.topics import FREEZE_ALERTS, REPORTS, TRANSACTIONS, load_topics

TRANSACTIONS_PUBLISHED = 1_000_000
REPORTS_PUBLISHED = 20
SPACING_SECONDS = 0.5
_SAMPLE_SECONDS = 0.25


class Memory:
    """Samples the memory of worker processes in a thread of its own."""

    def __init__(self, workers: list[LocalWorker]) -> None:
        self._workers = workers
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)
        self.most: dict[str, float] = {worker.name.value: 0.0 for worker in workers}
        """Largest resident memory by worker, MiB."""

    def __enter__(self) -> Memory:
        """Begin."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """End."""
        self._stop.set()
        self._thread.join()

    def _sample(self) -> None:
        while not self._stop.wait(_SAMPLE_SECONDS):
            for worker in self._workers:
                name = worker.name.value
                self.most[name] = max(self.most[name], _resident_mib(worker))


def run(transactions: int = TRANSACTIONS_PUBLISHED, reports: int = REPORTS_PUBLISHED) -> Figures:
    """Measure and return the figures. Raises BenchmarkError."""
    with Stand() as stand:
        paid = [payment_to_a_case(index) for index in range(reports)]
        # The payments that reports will be about come first, so they are known at once.
        asyncio.run(publish(stand.bootstrap, TRANSACTIONS, [p.value for p in paid]))
        first = [stand.worker(name) for name in WorkerName]
        for worker in first:
            stand.wait_until_ready(worker)
        stand.wait_until_answered(WorkerName.INTAKE)
        stand.wait_until_answered(WorkerName.ACCOUNTS)
        for worker in first:
            stand.end(worker)
        note(f"publishing {transactions:,} payments")
        asyncio.run(publish_batches(stand.bootstrap, TRANSACTIONS, _records(transactions)))
        note("working off the backlog, with reports in between")
        began = time.perf_counter()
        workers = [stand.worker(name) for name in WorkerName]
        for worker in workers:
            stand.wait_until_ready(worker)
        probes = [
            Probe(REPORTS, payment.key, report_about(index, payment))
            for index, payment in enumerate(paid)
        ]
        with Memory(workers) as memory:
            taken = asyncio.run(
                timed(stand.bootstrap, probes, FREEZE_ALERTS, _origin, SPACING_SECONDS)
            )
            left = _lag(stand)
            stand.wait_until_answered(WorkerName.INTAKE)
            stand.wait_until_answered(WorkerName.ACCOUNTS)
        seconds = time.perf_counter() - began
        for worker in workers:
            stand.end(worker)
    milliseconds = list(taken.values())
    return {
        "transactions": transactions,
        "transactions_per_s": round(transactions / seconds),
        "reports": reports,
        "left_after_the_last_report": left,
        "report_p50_ms": round(percentile(milliseconds, 0.5), 1),
        "report_max_ms": round(max(milliseconds), 1),
        "most_memory_mib": {name: round(mib) for name, mib in memory.most.items()},
        "machine": machine(),
        "versions": versions(),
    }


def print_table(figures: Figures) -> None:
    """Print the figures as people read them."""
    show(
        f"A backlog of {figures['transactions']:,} payments, worked off at "
        f"{figures['transactions_per_s']:,}/s ({figures['left_after_the_last_report']:,} were "
        f"left when the last of {figures['reports']} reports was answered)",
        ("", "figure"),
        [
            ("report → alert, median ms", f"{figures['report_p50_ms']:,}"),
            ("report → alert, longest ms", f"{figures['report_max_ms']:,}"),
            *((f"{n}, MiB at most", f"{m:,}") for n, m in figures["most_memory_mib"].items()),
        ],
    )


def main() -> None:
    """Run from the command line."""
    parser = command_line("backlog", __doc__)
    parser.add_argument("--transactions", type=int, default=TRANSACTIONS_PUBLISHED)
    parser.add_argument("--reports", type=int, default=REPORTS_PUBLISHED)
    options = parser.parse_args()
    tell(options, lambda: run(options.transactions, options.reports), print_table)


def _records(count: int) -> Iterator[tuple[int, bytes]]:
    partitions = load_topics()[TRANSACTIONS].partitions
    for payment in payments(count, 0, 0):
        yield spread(payment.payer.number, partitions), payment.value


def _origin(value: bytes) -> str:
    return str(orjson.loads(value)["origin"])


def _lag(stand: Stand) -> int:
    with LagReader(stand.settings) as reader:
        return reader.lag()[WorkerName.INTAKE.value]


def _resident_mib(worker: LocalWorker) -> float:
    """Return a worker's resident memory; 0 where the system does not tell (not Linux)."""
    assert worker.process is not None
    about = Path(f"/proc/{worker.process.pid}/status")
    if not about.is_file():
        return 0.0
    line = next((ln for ln in about.read_text().splitlines() if ln.startswith("VmRSS:")), "")
    return int(line.split()[1]) / 1024 if line else 0.0


if __name__ == "__main__":
    main()
