"""What a report costs the fold of clustering, with few and with a million reports in its state.

On the store of the worker (RocksDB), without Kafka. ``growth_10k_to_1m`` is the time per report at
the largest size over that at the smallest.

``python -m benchmarks.clustering [--sizes 10000,100000,1000000] [--json]``
"""

from __future__ import annotations

import gc
import statistics
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from agents.runtime.store import PartitionStore
from agents.runtime.worker_spec import RuntimeSettings
from benchmarks.command import command_line, tell
from benchmarks.machine import Figures, machine, note, percentile, show, versions
from benchmarks.told_reports import ToldReports
from pipeline.clustering.fold import ClusteringFold
from pipeline.fold import LogRecord
from pipeline.policy.policy import load_policy

SIZES = (10_000, 100_000, 1_000_000)
BATCH = 500
"""Reports in a batch while a backlog is worked off."""
MEASURED = 20_000
ALONE = 5_000
"""Reports that are folded and written one by one, for the time of one report."""
_PARTITIONS = 4
_NOTE_EVERY = 100_000


class Stand:
    """A fold over a store of its own, and the clock."""

    def __init__(self, path: Path) -> None:
        sizes = RuntimeSettings(bootstrap="", state_dir=path)
        self.path = path
        self.store = PartitionStore.open(
            path, sizes.store_cache_bytes, sizes.store_write_buffer_bytes
        )
        self.fold = ClusteringFold(self.store, load_policy(), _PARTITIONS)

    def take(self, records: list[LogRecord]) -> float:
        """Fold and write records as a worker does; return the seconds that it took."""
        began = time.perf_counter()
        self.fold.apply(records)
        self.store.persist(self.store.take_changes(), records[-1].offset + 1)
        return time.perf_counter() - began

    def disk_bytes(self) -> int:
        """Return the size of the store's files."""
        return sum(file.stat().st_size for file in self.path.rglob("*") if file.is_file())


class Measured(NamedTuple):
    """What was measured with a number of reports in state."""

    reports: int
    per_s: float
    cpu_us: float
    """CPU time of a report: what other programs on the machine disturb least."""
    p50_ms: float
    p99_ms: float
    longest_ms: float
    rss_gb: float
    disk_bytes_per_report: float


def run(sizes: tuple[int, ...] = SIZES) -> Figures:
    """Measure and return the figures."""
    gc.set_threshold(200_000, 50, 50)  # as in a worker
    told = ToldReports(seed=5)
    with tempfile.TemporaryDirectory(prefix="freezeline-clustering-") as folder:
        stand = Stand(Path(folder) / "store")
        done, rows = 0, []
        for size in sizes:
            _fill(stand, told, size - done)
            rows.append(_measure(stand, told, size))
            done = size + MEASURED + ALONE
        stand.store.close()
        reopened = _reopening(Path(folder) / "store")
    last = rows[-1]
    return {
        "reports_per_s_at_1m": round(last.per_s),
        "growth_10k_to_1m": round(rows[0].per_s / last.per_s, 2),
        "cpu_growth_10k_to_1m": round(last.cpu_us / rows[0].cpu_us, 2),
        "p99_ms_at_1m": last.p99_ms,
        "rss_gb_at_1m": last.rss_gb,
        "largest_size": last.reports,
        "opening_s": reopened,
        "sizes": [row._asdict() for row in rows],
        "versions": versions(),
        "machine": machine(),
    }


def _fill(stand: Stand, told: ToldReports, count: int) -> None:
    filled = 0
    for records in told.batches(count, BATCH):
        stand.take(records)
        filled += len(records)
        if filled % _NOTE_EVERY == 0:
            note(f"{filled:,} reports folded")


def _measure(stand: Stand, told: ToldReports, size: int) -> Measured:
    batches = list(told.batches(MEASURED, BATCH))
    gc.collect()
    began = time.process_time()
    seconds = [stand.take(records) for records in batches]
    cpu_seconds = time.process_time() - began
    alone = [stand.take([record]) * 1000 for record in told.records(ALONE)]
    measured = Measured(
        size,
        round(MEASURED / sum(seconds)),
        round(cpu_seconds / MEASURED * 1e6),
        round(statistics.median(alone), 3),
        round(percentile(alone, 0.99), 3),
        round(max(alone), 1),
        round(resident_gb(), 3),
        round(stand.disk_bytes() / size),
    )
    note(f"{measured}")
    return measured


def _reopening(path: Path) -> float:
    began = time.perf_counter()
    Stand(path).store.close()
    return round(time.perf_counter() - began, 2)


def resident_gb() -> float:
    """Return this process's memory."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    (line,) = (line for line in status.splitlines() if line.startswith("VmRSS:"))
    return int(line.split()[1]) / 2**20


def print_table(figures: Figures) -> None:
    """Print the figures as people read them."""
    show(
        f"Clustering, one fold on its store: {figures['growth_10k_to_1m']} times the time per "
        f"report at the largest size; opened again in {figures['opening_s']} s",
        (
            "reports in state",
            "per second",
            "CPU µs",
            "p50 ms",
            "p99 ms",
            "longest ms",
            "RSS GB",
            "disk B each",
        ),
        [[f"{value:,}" for value in row.values()] for row in figures["sizes"]],
    )


def main() -> None:
    """Run from the command line."""
    parser = command_line("clustering", __doc__)
    parser.add_argument("--sizes", default=",".join(map(str, SIZES)), help="reports in state")
    options = parser.parse_args()
    sizes = tuple(int(size) for size in options.sizes.split(","))
    if list(sizes) != sorted(set(sizes)) or sizes[0] < 1:
        parser.error("--sizes takes rising numbers")
    tell(options, lambda: run(sizes), print_table)


if __name__ == "__main__":
    main()
