"""How much one worker process of a stage gets done, beside a loop that only reads and parses.

``python -m benchmarks.throughput [--transactions N] [--files N] [--json]``
"""

from __future__ import annotations

import asyncio
import statistics
from collections.abc import Iterator

from agents.worker import WorkerName
from benchmarks.alerts_read import alert_count, alerts_about
from benchmarks.cases import case_records
from benchmarks.command import command_line, tell
from benchmarks.machine import Figures, machine, note, show, versions
from benchmarks.payments import payments
from benchmarks.peers.comparison import FILES, compare
from benchmarks.peers.race import stopped
from benchmarks.peers.roster import PEERS
from benchmarks.publishing import publish, spread
from benchmarks.stand import (
    BenchmarkError,
    Stand,
)
from benchmarks.working_off import Rate, work_off
from pipeline.topics import ACCOUNT_LOG, TRANSACTIONS, load_topics

TRANSACTIONS_PUBLISHED = 400_000
LEAST_TRANSACTIONS = 100_000
"""With fewer, the first records that a reader gets would be all of them."""
CASES = 100_000
SHARE_AT_CASES = 0.001
"""Share of the postings that are at accounts with a case."""

_UNLIMITED = str(10**9)


def run(transactions: int = TRANSACTIONS_PUBLISHED, files: int = CASES) -> Figures:
    """Measure and return the figures. Raises BenchmarkError."""
    with Stand() as stand:
        into_cases = round(transactions * 2 * SHARE_AT_CASES)
        note(f"publishing {transactions:,} payments")
        hits = asyncio.run(publish_payments(stand.bootstrap, transactions, into_cases, files))
        open_cases(stand, files)
        bare = [_bare(stand, transactions)]
        note("intake: payments to postings")
        intake = run_intake(stand)
        bare.append(_bare(stand, transactions))
        note("accounts: postings to look-back memory, files and alerts")
        accounts = run_accounts(stand)
        bare.append(_bare(stand, transactions))
        seen = asyncio.run(alerts_about(stand.bootstrap, hits))
        note("two intake workers, as many payments again")
        two = run_two_intakes(stand, transactions, into_cases, files)
    figures = _figures((transactions, files), bare, intake, accounts, (2 * len(hits), seen))
    note("the whole chain, and stock Faust doing the same double-entry work")
    stock = tuple(peer for peer in PEERS if peer.name == "stock-faust")
    beside = compare(LEAST_TRANSACTIONS * 2, FILES, stock)
    return {
        "ratio_to_stock_faust": beside["ratio_to_stock_faust"],
        **figures,
        "two_intakes_per_s": round(transactions * two.share / two.seconds),
        "stock": beside,
    }


def print_table(figures: Figures) -> None:
    """Print the figures as people read them."""
    rows = [
        ("bare loop: read and parse", f"{figures['bare_per_s']:,}", "1.00", _us(figures, "bare")),
        (
            "intake, transactions",
            f"{figures['intake_per_s']:,}",
            f"{figures['intake_ratio_to_bare']:.2f}",
            _us(figures, "intake"),
        ),
        (
            "accounts, postings",
            f"{figures['accounts_postings_per_s']:,}",
            f"{figures['accounts_ratio_to_bare']:.2f}",
            _us(figures, "accounts"),
        ),
    ]
    show(
        f"Throughput, one process each: {figures['transactions']:,} transactions, "
        f"{figures['files']:,} accounts with a case, "
        f"alerts {figures['alerts_seen']:,} of {figures['alerts_expected']:,}",
        ("", "per second", "to bare", "CPU µs each"),
        rows,
    )
    print(f"The chain is {figures['ratio_to_stock_faust']} times as fast as stock Faust.")
    print(f"Two intake workers: {figures['two_intakes_per_s']:,} transactions a second together.")


def main() -> None:
    """Run from the command line."""
    parser = command_line("throughput", __doc__)
    parser.add_argument("--transactions", type=int, default=TRANSACTIONS_PUBLISHED)
    parser.add_argument("--files", type=int, default=CASES, help="accounts with a case")
    options = parser.parse_args()
    if options.transactions < LEAST_TRANSACTIONS or options.files < 1:
        parser.error(f"at least {LEAST_TRANSACTIONS:,} transactions and one file are needed")
    tell(options, lambda: run(options.transactions, options.files), print_table)


async def publish_payments(bootstrap: str, count: int, into_cases: int, files: int) -> set[str]:
    """Publish the payments; return the keys of those into accounts with a case."""
    partitions = load_topics()[TRANSACTIONS].partitions
    hits: set[str] = set()

    def records() -> Iterator[tuple[int, bytes]]:
        for payment in payments(count, into_cases, files):
            if payment.into_case:
                hits.add(payment.key)
            yield spread(payment.payer.number, partitions), payment.value

    await publish(bootstrap, TRANSACTIONS, records())
    return hits


def open_cases(stand: Stand, files: int) -> None:
    """Let an accounts worker open the files of the accounts with a case."""
    note(f"opening {files:,} accounts with a case")
    records = case_records(files, load_topics()[ACCOUNT_LOG].partitions)
    asyncio.run(publish(stand.bootstrap, ACCOUNT_LOG, records))
    worker = stand.worker(WorkerName.ACCOUNTS)
    stand.wait_until_ready(worker)
    stand.wait_until_answered(WorkerName.ACCOUNTS)
    stand.end(worker)
    opened = asyncio.run(alert_count(stand.bootstrap))
    if opened != files:
        raise BenchmarkError(f"{opened:,} of {files:,} accounts with a case were opened.")


def _bare(stand: Stand, transactions: int) -> dict[str, float]:
    note("bare loop over the same payments")
    return stand.figures("benchmarks.bare_reader", stand.bootstrap, TRANSACTIONS, str(transactions))


def run_intake(stand: Stand) -> Rate:
    """Let an intake worker post all payments."""
    # No accounts worker reads meanwhile: flow control must not wait for it.
    worker = stand.worker(WorkerName.INTAKE, accounts_lag_limit=_UNLIMITED)
    rate = work_off(stand, TRANSACTIONS, worker)
    stand.end(worker)
    return rate


def run_two_intakes(stand: Stand, transactions: int, into_cases: int, files: int) -> Rate:
    """Let two intake workers, which are up before, post as many payments again."""
    settings = {"accounts_lag_limit": _UNLIMITED, "session_timeout_ms": "60000"}
    other = {"instance_id": "intake-1", "state_dir": str(stand.folder / "state-of-the-other")}
    workers = [
        stand.worker(WorkerName.INTAKE, **settings),
        stand.worker(WorkerName.INTAKE, **settings, **other),
    ]
    for worker in workers:
        stand.wait_until_ready(worker)
    with stopped([worker.process for worker in workers if worker.process is not None]):
        asyncio.run(publish_payments(stand.bootstrap, transactions, into_cases, files))
    rate = work_off(stand, TRANSACTIONS, *workers)
    for worker in workers:
        stand.end(worker)
    return rate


def run_accounts(stand: Stand) -> Rate:
    """Let an accounts worker take in all postings, or fold them again when its disk is gone."""
    worker = stand.worker(WorkerName.ACCOUNTS)
    rate = work_off(stand, ACCOUNT_LOG, worker)
    stand.end(worker)
    return rate


def _figures(
    size: tuple[int, int],
    bare: list[dict[str, float]],
    intake: Rate,
    accounts: Rate,
    alerts: tuple[int, int],
) -> Figures:
    transactions, files = size
    postings = 2 * transactions
    bare_per_s = [figures["per_s"] for figures in bare]
    bare_us = statistics.median(figures["cpu_us"] for figures in bare)
    intake_per_s = transactions * intake.share / intake.seconds
    accounts_per_s = postings * accounts.share / accounts.seconds
    intake_us, accounts_us = _cpu_us(intake, transactions), _cpu_us(accounts, postings)
    chain = None
    if intake_us is not None and accounts_us is not None:
        chain = round((intake_us + 2 * accounts_us) / bare_us, 2)
    return {
        "intake_ratio_to_bare": round(intake_per_s / statistics.mean(bare_per_s[:2]), 3),
        "accounts_ratio_to_bare": round(accounts_per_s / statistics.mean(bare_per_s[1:]), 3),
        "chain_cpu_ratio_to_bare": chain,
        "intake_per_s": round(intake_per_s),
        "accounts_postings_per_s": round(accounts_per_s),
        "bare_per_s": round(statistics.median(bare_per_s)),
        "bare_runs_per_s": [round(each) for each in bare_per_s],
        "bare_cpu_us": round(bare_us, 2),
        "intake_cpu_us": intake_us,
        "accounts_cpu_us": accounts_us,
        "transactions": transactions,
        "postings": postings,
        "files": files,
        "alerts_expected": alerts[0],
        "alerts_seen": alerts[1],
        "machine": machine(),
        "versions": versions(),
    }


def _cpu_us(rate: Rate, count: int) -> float | None:
    if rate.cpu_seconds is None:
        return None
    return round(rate.cpu_seconds / (count * rate.share) * 1e6, 2)


def _us(figures: Figures, name: str) -> str:
    found = figures[f"{name}_cpu_us"]
    return "" if found is None else f"{found:.1f}"


if __name__ == "__main__":
    main()
