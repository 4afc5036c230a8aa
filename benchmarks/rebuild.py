"""How soon an accounts worker without its disk is back: account files, then the log, silently.

``python -m benchmarks.rebuild [--transactions N] [--files N] [--json]``
"""

from __future__ import annotations

import asyncio
import time

from kafka import KafkaAdminClient, KafkaConsumer, TopicPartition

from agents.local.cluster import LocalWorker
from agents.worker import WorkerName
from benchmarks.alerts_read import alert_records
from benchmarks.command import command_line, tell
from benchmarks.machine import Figures, machine, note, show, versions
from benchmarks.stand import IDLE_SECONDS, BenchmarkError, Stand, records_in
from benchmarks.throughput import (
    CASES,
    SHARE_AT_CASES,
    TRANSACTIONS_PUBLISHED,
    open_cases,
    publish_payments,
    run_accounts,
    run_intake,
)
from benchmarks.working_off import Rate, work_off
from pipeline.topics import ACCOUNT_FILES, ACCOUNT_LOG

_POLL_SECONDS = 0.05


def run(transactions: int = TRANSACTIONS_PUBLISHED, files: int = CASES) -> Figures:
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
        restored, seconds = _restored(stand, worker)
        again = work_off(stand, ACCOUNT_LOG, worker)
        stand.wait_until_ready(worker)
        whole = time.perf_counter() - began
        stand.end(worker)
        if asyncio.run(alert_records(stand.bootstrap)) != told:
            raise BenchmarkError("The rebuild was not silent.")
    postings = 2 * transactions
    return {
        "files_restored": restored,
        "files_per_s": round(restored / seconds),
        "ordinary_postings_per_s": round(_per_s(ordinary, postings)),
        "rebuild_postings_per_s": round(_per_s(again, postings)),
        "rebuild_ratio_to_ordinary": round(_per_s(again, postings) / _per_s(ordinary, postings), 2),
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
    parser.add_argument("--transactions", type=int, default=TRANSACTIONS_PUBLISHED)
    parser.add_argument("--files", type=int, default=CASES, help="accounts with a case")
    options = parser.parse_args()
    tell(options, lambda: run(options.transactions, options.files), print_table)


def _restored(stand: Stand, worker: LocalWorker) -> tuple[int, float]:
    """Watch the account files come back; return how many records, and in how many seconds."""
    deadline = time.monotonic() + IDLE_SECONDS
    first: tuple[float, int] | None = None
    last = (0.0, 0)
    while not records_in(worker, ACCOUNT_LOG):
        stand.check(worker)
        if time.monotonic() > deadline:
            raise BenchmarkError("The account files were not restored.")
        count = records_in(worker, ACCOUNT_FILES, "restored_records")
        if count > last[1]:
            last = (time.perf_counter(), count)
            first = first or last
        time.sleep(_POLL_SECONDS)
    if first is None or last[1] == first[1]:
        raise BenchmarkError("The account files came back too fast to measure: take more files.")
    return last[1] - first[1], last[0] - first[0]


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


def _per_s(rate: Rate, count: int) -> float:
    return count * rate.share / rate.seconds


if __name__ == "__main__":
    main()
