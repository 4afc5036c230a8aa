"""How soon an accounts worker without its disk is back: account files, then the log, silently.

``python -m benchmarks.rebuild [--transactions N] [--files N] [--json]``
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from kafka import KafkaAdminClient, KafkaConsumer, TopicPartition

from agents.local.cluster import START_SECONDS, LocalWorker
from agents.worker import WorkerName
from benchmarks.alerts_read import alert_records
from benchmarks.command import command_line, tell
from benchmarks.machine import Figures, machine, note, show, versions
from benchmarks.stand import BenchmarkError, Stand, records_in
from benchmarks.throughput import (
    CASES,
    SHARE_AT_CASES,
    open_cases,
    publish_payments,
    run_accounts,
    run_intake,
)
from pipeline.topics import ACCOUNT_FILES, ACCOUNT_LOG

TRANSACTIONS = 3_000_000
"""Six million postings: a rebuild of some seconds, as processes take most of one to start."""
_POLL_SECONDS = 0.05


def run(transactions: int = TRANSACTIONS, files: int = CASES) -> Figures:
    """Measure and return the figures. Raises BenchmarkError."""
    with Stand() as stand:
        into_cases = round(transactions * 2 * SHARE_AT_CASES)
        note(f"publishing {transactions:,} payments")
        asyncio.run(publish_payments(stand.bootstrap, transactions, into_cases, files))
        open_cases(stand, files)
        opened = _ends(stand)
        run_intake(stand)
        note("accounts: an ordinary run")
        ordinary = run_accounts(stand)
        told = asyncio.run(alert_records(stand.bootstrap))
        note("accounts: without its disk")
        stand.lose_disk(WorkerName.ACCOUNTS)
        _forget(stand, opened)
        began = time.perf_counter()
        worker = stand.worker(WorkerName.ACCOUNTS)
        samples = _watched(stand, worker)
        whole = time.perf_counter() - began
        stand.end(worker)
        if asyncio.run(alert_records(stand.bootstrap)) != told:
            raise BenchmarkError("The rebuild was not silent.")
    ordinary_per_s = 2 * transactions * ordinary.share / ordinary.seconds
    again_per_s = 2 * transactions * _folded_a_second(samples)
    restored, restoring_s = _restored(samples)
    return {
        "files_restored": restored,
        "files_per_s": round(restored / restoring_s),
        "ordinary_postings_per_s": round(ordinary_per_s),
        "rebuild_postings_per_s": round(again_per_s),
        "rebuild_ratio_to_ordinary": round(again_per_s / ordinary_per_s, 2),
        "ready_after_s": round(whole, 1),
        "transactions": transactions,
        "files": files,
        "machine": machine(),
        "versions": versions(),
    }


def print_table(figures: Figures) -> None:
    """Print the figures as people read them."""
    show(
        f"An accounts worker without its disk: {figures['files']:,} accounts with a case, "
        f"{2 * figures['transactions']:,} postings; ready after {figures['ready_after_s']} s",
        ("", "per second"),
        [
            ("records of account files restored", f"{figures['files_per_s']:,}"),
            ("postings, ordinary run", f"{figures['ordinary_postings_per_s']:,}"),
            ("postings, folded again", f"{figures['rebuild_postings_per_s']:,}"),
        ],
    )


def main() -> None:
    """Run from the command line."""
    parser = command_line("rebuild", __doc__)
    parser.add_argument("--transactions", type=int, default=TRANSACTIONS)
    parser.add_argument("--files", type=int, default=CASES, help="accounts with a case")
    options = parser.parse_args()
    tell(options, lambda: run(options.transactions, options.files), print_table)


class _Sample(NamedTuple):
    at: float
    restored: int
    folded: int


def _watched(stand: Stand, worker: LocalWorker) -> list[_Sample]:
    """Watch what comes back of account files and of the log, until the worker is ready."""
    samples: list[_Sample] = []
    deadline = time.monotonic() + START_SECONDS
    while not worker.ready:
        stand.check(worker)
        if time.monotonic() > deadline:
            raise BenchmarkError("The worker did not come back.")
        restored = records_in(worker, ACCOUNT_FILES, "restored_records")
        samples.append(_Sample(time.perf_counter(), restored, records_in(worker, ACCOUNT_LOG)))
        time.sleep(_POLL_SECONDS)
    return samples


def _restored(samples: Sequence[_Sample]) -> tuple[int, float]:
    """Return how many account files came back after the first, and in how many seconds.

    Partitions are rebuilt in turns: the seconds between, in which none came back, do not count.
    """
    pairs = [(before, after) for before, after in pairwise(samples) if before.restored]
    seconds = sum(
        after.at - before.at for before, after in pairs if after.restored > before.restored
    )
    if not seconds:
        raise BenchmarkError("The account files came back too fast to measure: take more files.")
    return samples[-1].restored - pairs[0][0].restored, seconds


def _folded_a_second(samples: Sequence[_Sample]) -> float:
    """Return which part of the log was folded again a second, from the first record to the last.

    That includes the start of processes, and the account files of the partitions that came later.
    """
    first = next(sample for sample in samples if sample.folded)
    last = next(sample for sample in samples if sample.folded == samples[-1].folded)
    if first is last:
        raise BenchmarkError("There was too little to do: take more transactions.")
    return (1 - first.folded / last.folded) / (last.at - first.at)


def _ends(stand: Stand) -> dict[TopicPartition, int]:
    consumer = KafkaConsumer(bootstrap_servers=stand.bootstrap)
    try:
        found = consumer.partitions_for_topic(ACCOUNT_LOG) or ()
        return dict(consumer.end_offsets([TopicPartition(ACCOUNT_LOG, p) for p in found]))
    finally:
        consumer.close()


def _forget(stand: Stand, before: dict[TopicPartition, int]) -> None:
    """Let the log lose what opened the cases: cases live longer than the log is kept."""
    admin = KafkaAdminClient(bootstrap_servers=stand.bootstrap)
    try:
        admin.delete_records(before)
    finally:
        admin.close()


if __name__ == "__main__":
    main()
