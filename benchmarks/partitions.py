"""How long the account-log's growth to twice the partitions takes, and the rebuild after it.

``python -m benchmarks.partitions [--transactions N] [--files N] [--json]``
"""

from __future__ import annotations

import asyncio
import time

from agents.upkeep.growth import grow, prospect, wait_for_standstill
from agents.worker import WorkerName
from benchmarks.alerts_read import alert_records
from benchmarks.command import command_line, tell
from benchmarks.machine import Figures, machine, note, show, versions
from benchmarks.stand import BenchmarkError, Stand
from benchmarks.throughput import (
    CASES,
    SHARE_AT_CASES,
    open_cases,
    publish_payments,
    run_accounts,
    run_intake,
)
from pipeline.topics import ACCOUNT_LOG, load_topics

TRANSACTIONS_PUBLISHED = 500_000
_STILL_SECONDS = 60.0


def run(transactions: int = TRANSACTIONS_PUBLISHED, files: int = CASES) -> Figures:
    """Measure and return the figures. Raises BenchmarkError."""
    with Stand() as stand:
        into_cases = round(transactions * 2 * SHARE_AT_CASES)
        note(f"publishing {transactions:,} payments")
        asyncio.run(publish_payments(stand.bootstrap, transactions, into_cases, files))
        open_cases(stand, files)
        run_intake(stand)
        run_accounts(stand)
        told = asyncio.run(alert_records(stand.bootstrap))
        after = 2 * load_topics()[ACCOUNT_LOG].partitions
        wait_for_standstill(stand.settings, _STILL_SECONDS, note)
        found = prospect(stand.settings, after)
        note(f"from {found.before} to {found.after} partitions")
        began, cpu = time.perf_counter(), time.process_time()
        grow(stand.settings, after, note)
        seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
        note("accounts: the rebuild")
        began = time.perf_counter()
        worker = stand.worker(WorkerName.ACCOUNTS)
        stand.wait_until_ready(worker)
        stand.wait_until_answered(WorkerName.ACCOUNTS)
        ready = time.perf_counter() - began
        stand.end(worker)
        if asyncio.run(alert_records(stand.bootstrap)) != told:
            raise BenchmarkError("An alert was told again.")
    postings = 2 * transactions
    return {
        "growth_s": round(seconds, 1),
        "growth_cpu_s": round(cpu, 1),
        "cpu_us_a_posting": round(cpu / postings * 1e6, 2),
        "ready_after_s": round(ready, 1),
        "log_records": sum(found.records.values()),
        "file_records": sum(found.files.values()),
        "transactions": transactions,
        "files": files,
        "machine": machine(),
        "versions": versions(),
    }


def print_table(figures: Figures) -> None:
    """Print the figures as people read them."""
    show(
        f"Twice the partitions: {2 * figures['transactions']:,} postings in "
        f"{figures['log_records']:,} log records, {figures['files']:,} accounts with a case",
        ("", "seconds", "CPU s"),
        [
            ("the growth", f"{figures['growth_s']}", f"{figures['growth_cpu_s']}"),
            ("the accounts worker is ready again", f"{figures['ready_after_s']}", ""),
        ],
    )


def main() -> None:
    """Run from the command line."""
    parser = command_line("partitions", __doc__)
    parser.add_argument("--transactions", type=int, default=TRANSACTIONS_PUBLISHED)
    parser.add_argument("--files", type=int, default=CASES, help="accounts with a case")
    options = parser.parse_args()
    tell(options, lambda: run(options.transactions, options.files), print_table)


if __name__ == "__main__":
    main()
