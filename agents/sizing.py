"""How large a cluster must be: from payments a second and cases to partitions, workers and disks.

Every figure says how it was reckoned. What a payment, a report and a case cost was measured
(benchmarks/README.md: `throughput`, `footprint`, `clustering`, `account_growth`) on one core of
an AMD EPYC of 2026; on other machines the workers' numbers differ, the bytes do not.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

INTAKE_CPU_US = 6.5
"""Processor time of a payment in intake, µs (throughput)."""
POSTING_CPU_US = 2.9
"""Processor time of a posting in accounts, µs (throughput); a payment has two postings."""
CASE_POSTING_CPU_US = 142.0
"""Processor time of a posting at an account with a case, with its alerts, µs (account_growth, the
longest file)."""
REPORT_CPU_US = 573.0
"""Processor time of a report in clustering, µs (clustering, a million reports in state; 280 with
ten thousand)."""
CASE_SHARE = 0.001
"""The share of postings at accounts with a case, as in the benchmarks."""
HEADROOM = 3.0
"""A worker is planned to be idle two thirds of its time at peak: the measurements were of full
batches, a steady load of small ones costs more, and after a failure there is a backlog."""

EVENT_BYTES = 290
POSTING_BYTES = 95
"""A posting in the account-log (footprint)."""
LOOK_BACK_BYTES = 50
"""A posting in the store's look-back memory (footprint)."""
FILTER_BYTES = 1
GOING_BYTES = 2
"""What a worker keeps of a posting in its memory, at most: of finished hours (`finished_hours`),
and of those that go on or are just over (`lookback`)."""
INDEX_BYTES = 0.8
"""What RocksDB keeps of a posting in memory, beside its cache: the indexes and filters of its files
(`estimate-table-readers-mem` with 5 million postings of 72 hours)."""
CASE_STATE_BYTES = 556
CASE_RECORD_BYTES = 946
"""A case in the accounts' store, and its record in ``account-files`` (footprint)."""
REPORT_BYTES = 808
REPORT_STATE_BYTES = 432
REPORT_OUTPUT_BYTES = 1_254
"""A report, its share of clustering's store, and of the topics that clustering writes."""
ALERT_BYTES = 1_479
RECORD_OVERHEAD_BYTES = 40
"""What Kafka keeps beside a value: key, headers, its share of the batch and of the indexes."""

LOOK_BACK_HOURS = 72
GOING_HOURS = 3
LOG_HOURS = 84
REPORT_YEARS = 5
"""For how many years of reports, clusters and alerts disks and clustering's memory are planned:
they are kept for ever."""
COMPACTION = 2.0
"""A store or a compacted topic may hold everything twice while it is tidied up."""
STORE_MEMORY_MIB = 96
"""The cache (32) and the two write buffers (32 each) of a partition's store (`worker_spec`)."""
OPEN_FILE_BYTES = 17_000
OPEN_ENTRY_BYTES = 1_500
"""An open account file, and each of its postings and claims (`accounts/fold.py`)."""
WAITING_POSTING_BYTES = 400
"""A posting that waits until it goes into a block (`lookback`)."""
FILES_MEMORY_MIB = 212
"""What an accounts partition keeps beside its store when its limits are reached: 4,000 open files,
100,000 postings and claims in them (`accounts/fold.py`), 8,192 postings that wait (`lookback`)."""
PARTITION_MEMORY_MIB = STORE_MEMORY_MIB + FILES_MEMORY_MIB
WORKER_MEMORY_MIB = 350
CLUSTERING_MEMORY_GIB = 0.62
MILLION_REPORTS_MEMORY_GIB = 0.48
"""A clustering worker with few reports in state, and what each million of them adds (clustering:
0.58 with 10,000, 0.64 with 50,000, 1.10 with a million; beyond that it is reckoned on). A third of
a GiB a million is the benchmark's own, which leaves room for the clients of Kafka."""
GROWTH = 4
"""More partitions of the account-log stop all workers (`freezeline topics grow`): so they are for
four times the workers of today from the beginning."""

Unit = Literal["", "GiB", "MiB/s", "cores"]


@dataclass(frozen=True, slots=True)
class Load:
    """What a cluster is for."""

    tps: float
    """Payments a second at peak."""
    watched: int
    """Accounts with a case. Accounts without one cost nothing but their postings."""
    reports_a_day: int
    retention_days: float
    """How long ``transactions`` are kept."""
    mean_share: float = 0.3
    """The mean of a day as a share of its peak."""
    replicas: int = 3


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure of the plan."""

    name: str
    value: float
    unit: Unit
    how: str
    """The arithmetic."""


def plan(load: Load) -> list[Figure]:
    """Return the figures of a cluster for ``load``: workers, partitions, memory, disks, traffic."""
    intake = _workers(load.tps * INTAKE_CPU_US)
    accounts_us = 2 * (POSTING_CPU_US + CASE_SHARE * CASE_POSTING_CPU_US)
    accounts = _workers(load.tps * accounts_us)
    partitions = _power_of_two(max(4, GROWTH * max(intake, accounts)))
    # Without one worker its partitions go to the others.
    each = math.ceil(partitions / max(1, accounts - 1))
    return [
        *_processes(load, intake, accounts, accounts_us),
        Figure(
            "partitions of transactions, hold-updates, account-log and account-files",
            partitions,
            "",
            f"a power of two, at least {GROWTH} x {max(intake, accounts)} workers and at least 4",
        ),
        _accounts_memory(load, accounts, each),
        _clustering_memory(load),
        *_workers_disks(load, accounts),
        *_kafka(load),
    ]


def _accounts_memory(load: Load, accounts: int, partitions: int) -> Figure:
    share = max(1, accounts - 1)
    going = 2 * load.tps * GOING_HOURS * 3600
    each = FILTER_BYTES + INDEX_BYTES
    of_postings = (_remembered(load) * each + going * GOING_BYTES) / share / 2**20
    return Figure(
        "memory of an accounts worker",
        (WORKER_MEMORY_MIB + partitions * PARTITION_MEMORY_MIB + of_postings) / 1024,
        "GiB",
        f"{WORKER_MEMORY_MIB} MiB + {partitions} partitions x {PARTITION_MEMORY_MIB} MiB + "
        f"({_remembered(load):,.0f} postings in {LOOK_BACK_HOURS} h x {each:g} B + "
        f"{going:,.0f} in {GOING_HOURS} h at peak x {GOING_BYTES} B) / {share}",
    )


def _clustering_memory(load: Load) -> Figure:
    reports = _reports(load)
    return Figure(
        "memory of a clustering worker",
        CLUSTERING_MEMORY_GIB + reports / 1e6 * MILLION_REPORTS_MEMORY_GIB,
        "GiB",
        f"{CLUSTERING_MEMORY_GIB} GiB + {reports:,} reports in {REPORT_YEARS} years x "
        f"{MILLION_REPORTS_MEMORY_GIB} GiB a million",
    )


def _reports(load: Load) -> int:
    """Return how many reports are in state at the end of the years that are planned for."""
    return load.reports_a_day * 365 * REPORT_YEARS


def _remembered(load: Load) -> float:
    """Return how many postings the look-back memory of all accounts has."""
    return 2 * load.tps * load.mean_share * LOOK_BACK_HOURS * 3600


def _processes(load: Load, intake: int, accounts: int, accounts_us: float) -> Iterator[Figure]:
    yield Figure(
        "intake workers",
        intake,
        "",
        f"{load.tps:,.0f}/s x {INTAKE_CPU_US} µs x {HEADROOM:.0f}, and one that may fail",
    )
    yield Figure(
        "accounts workers",
        accounts,
        "",
        f"{load.tps:,.0f}/s x {accounts_us:.1f} µs x {HEADROOM:.0f}, and one that may fail",
    )
    busy = load.reports_a_day / 86_400 * 10 * REPORT_CPU_US / 1e6
    yield Figure(
        "clustering workers",
        2,
        "",
        "one at work and a warm standby; at ten times the day's mean it is busy "
        f"{busy * 100:.2g} % of the time",
    )
    yield Figure("cores for the workers", intake + accounts + 2, "cores", "one each")


def _workers_disks(load: Load, accounts: int) -> Iterator[Figure]:
    postings = _remembered(load)
    look_back = postings * LOOK_BACK_BYTES
    cases = load.watched * CASE_STATE_BYTES
    share = max(1, accounts - 1)
    yield Figure(
        "disk of an accounts worker",
        COMPACTION * (look_back + cases) / share / 2**30,
        "GiB",
        f"{COMPACTION:.0f} x ({postings:,.0f} postings in {LOOK_BACK_HOURS} h x "
        f"{LOOK_BACK_BYTES} B + {load.watched:,} cases x {CASE_STATE_BYTES} B) / {share}",
    )
    reports = _reports(load)
    yield Figure(
        "disk of a clustering worker",
        COMPACTION * reports * REPORT_STATE_BYTES / 2**30,
        "GiB",
        f"{COMPACTION:.0f} x {reports:,} reports in {REPORT_YEARS} years x {REPORT_STATE_BYTES} B",
    )


def _kafka(load: Load) -> Iterator[Figure]:
    mean = load.tps * load.mean_share
    event = EVENT_BYTES + RECORD_OVERHEAD_BYTES
    payments = mean * 86_400 * load.retention_days * event
    log = 2 * mean * LOG_HOURS * 3600 * POSTING_BYTES
    files = COMPACTION * load.watched * (CASE_RECORD_BYTES + RECORD_OVERHEAD_BYTES)
    a_report = REPORT_BYTES + REPORT_OUTPUT_BYTES + ALERT_BYTES + 4 * RECORD_OVERHEAD_BYTES
    reports = _reports(load) * a_report
    yield Figure(
        "Kafka's disks together",
        load.replicas * (payments + log + files + reports) / 2**30,
        "GiB",
        f"{load.replicas} replicas x (payments {_gib(payments)} in {load.retention_days:g} days x "
        f"{event} B + account-log {_gib(log)} in {LOG_HOURS} h x 2 x {POSTING_BYTES} B + cases "
        f"{_gib(files)} + reports and alerts {_gib(reports)} in {REPORT_YEARS} years)",
    )
    written = load.tps * (event + 2 * POSTING_BYTES)
    yield Figure(
        "written to Kafka at peak",
        written / 2**20,
        "MiB/s",
        f"{load.tps:,.0f}/s x ({event} + 2 x {POSTING_BYTES}) B, before replication",
    )
    yield Figure(
        "traffic between brokers at peak",
        written * (load.replicas - 1) / 2**20,
        "MiB/s",
        f"the same x {load.replicas - 1} further replicas",
    )
    yield Figure(
        "read from Kafka at peak",
        written / 2**20,
        "MiB/s",
        "each record once, by one worker; consumers of alerts read little beside it",
    )


def _workers(cpu_us_a_second: float) -> int:
    """Workers of one core each for so much processor time, and one that may fail."""
    return math.ceil(cpu_us_a_second * HEADROOM / 1e6) + 1


def _power_of_two(least: int) -> int:
    return int(2 ** math.ceil(math.log2(least)))


def _gib(size: float) -> str:
    return f"{size / 2**30:,.1f} GiB"
