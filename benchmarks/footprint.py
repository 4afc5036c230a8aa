"""How many bytes a payment, a report and a case take, in Kafka and in the workers' stores.

``python -m benchmarks.footprint [--payments N] [--reports N] [--json]``

The folds alone, over the stores of the workers (RocksDB); no Kafka. What ``freezeline size``
reckons with (agents/sizing.py) comes from here. Bytes in Kafka are those of the values.
"""

from __future__ import annotations

import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from agents.runtime.store import PartitionStore
from agents.runtime.worker_spec import RuntimeSettings
from benchmarks.command import command_line, tell
from benchmarks.machine import Figures, machine, note, show, versions
from benchmarks.payments import payments
from benchmarks.told_reports import ToldReports
from pipeline.accounts.fold import AccountsFold
from pipeline.clustering.fold import ClusteringFold
from pipeline.fold import Fold, LogRecord, Output
from pipeline.intake.fold import IntakeFold
from pipeline.policy.policy import load_policy
from pipeline.topics import ACCOUNT_FILES, ACCOUNT_LOG, FREEZE_ALERTS, TRANSACTIONS

PAYMENTS = 400_000
REPORTS = 20_000
_BATCH = 1_000


class _Stand:
    """A fold over a store of its own, which counts what leaves."""

    def __init__(self, path: Path, fold_of: type[ClusteringFold] | type[AccountsFold]) -> None:
        sizes = RuntimeSettings(bootstrap="", state_dir=path)
        self._path = path
        self._cache = sizes.store_cache_bytes, sizes.store_write_buffer_bytes
        self._store = PartitionStore.open(path, *self._cache)
        policy = load_policy()
        self._fold: Fold = (
            ClusteringFold(self._store, policy, 1)
            if fold_of is ClusteringFold
            else AccountsFold(self._store, policy, 0, 1)
        )
        self.sent: Counter[str] = Counter()
        """Bytes that left for each topic."""
        self.counted: Counter[str] = Counter()
        """Records that left for each topic."""

    def take(self, records: Sequence[LogRecord]) -> list[Output]:
        outputs = self._fold.apply(records).outputs
        self._store.persist(self._store.take_changes(), records[-1].offset + 1)
        for output in outputs:
            self.sent[output.topic] += len(output.value or b"") + len(output.key or b"")
            self.counted[output.topic] += 1
        return outputs

    def gauge(self, name: str) -> float:
        return self._fold.gauges()[name]

    def disk_bytes(self) -> int:
        """Close the store, and return the size of its files."""
        self._store.close()
        return sum(file.stat().st_size for file in self._path.rglob("*") if file.is_file())


def run(payment_count: int = PAYMENTS, report_count: int = REPORTS) -> Figures:
    """Measure and return the figures."""
    with tempfile.TemporaryDirectory(prefix="freezeline-footprint-") as folder:
        note(f"{payment_count:,} payments")
        figures = _payments(Path(folder) / "payments", payment_count)
        note(f"{report_count:,} reports")
        figures |= _reports(Path(folder) / "reports", report_count)
    return {**figures, "versions": versions(), "machine": machine()}


def _payments(path: Path, count: int) -> Figures:
    """Payments of accounts without a case: the account-log and the look-back memory."""
    intake, accounts = IntakeFold(TRANSACTIONS, 0, 1), _Stand(path, AccountsFold)
    event_bytes, log_bytes, offset = 0, 0, 0
    for batch in _batches(count):
        event_bytes += sum(len(record.value or b"") for record in batch)
        for output in intake.apply(batch).outputs:
            assert output.topic == ACCOUNT_LOG, "a payment was refused"
            log_bytes += len(output.value or b"")
            accounts.take([LogRecord(offset, batch[-1].timestamp, None, output.value)])
            offset += 1
    return {
        "event_bytes": round(event_bytes / count),
        "log_bytes_a_posting": round(log_bytes / count / 2),
        "look_back_bytes_a_posting": round(accounts.disk_bytes() / count / 2),
    }


def _reports(path: Path, count: int) -> Figures:
    """Reports through clustering and accounts: both states, and what leaves."""
    told = ToldReports(seed=5)
    clustering = _Stand(path / "clustering", ClusteringFold)
    accounts = _Stand(path / "accounts", AccountsFold)
    report_bytes, offset = 0, 0
    for batch in told.batches(count, 500):
        report_bytes += sum(len(record.value or b"") for record in batch)
        for output in clustering.take(batch):
            if output.topic == ACCOUNT_LOG:
                record = LogRecord(offset, batch[-1].timestamp, None, output.value)
                accounts.take([record])
                offset += 1
    cases = accounts.gauge("account_files")
    others = sum(clustering.sent.values()) - clustering.sent[ACCOUNT_LOG]
    return {
        "report_bytes": round(report_bytes / count),
        "reports_a_case": round(count / cases, 2),
        "clustering_state_bytes_a_report": round(clustering.disk_bytes() / count),
        "clustering_topics_bytes_a_report": round(others / count),
        "log_bytes_a_report": round(clustering.sent[ACCOUNT_LOG] / count),
        "case_state_bytes": round(accounts.disk_bytes() / cases),
        "file_record_bytes": round(accounts.sent[ACCOUNT_FILES] / accounts.counted[ACCOUNT_FILES]),
        "file_records_a_report": round(accounts.counted[ACCOUNT_FILES] / count, 2),
        "alert_bytes": round(accounts.sent[FREEZE_ALERTS] / accounts.counted[FREEZE_ALERTS]),
        "alerts_a_report": round(accounts.counted[FREEZE_ALERTS] / count, 2),
    }


def _batches(count: int) -> Iterator[list[LogRecord]]:
    now, batch = int(time.time() * 1000), list[LogRecord]()
    for number, payment in enumerate(payments(count, 0, 0)):
        batch.append(LogRecord(number, now, payment.key.encode(), payment.value))
        if len(batch) == _BATCH or number == count - 1:
            yield batch
            batch = []


def print_table(figures: Figures) -> None:
    """Print the figures."""
    rows = [
        (name.replace("_", " "), f"{value:,}")
        for name, value in figures.items()
        if isinstance(value, int | float)
    ]
    show("Footprint", ("what", "figure"), rows)


def main() -> None:
    """Run from the command line."""
    parser = command_line("footprint", __doc__)
    parser.add_argument("--payments", type=int, default=PAYMENTS)
    parser.add_argument("--reports", type=int, default=REPORTS)
    options = parser.parse_args()
    tell(options, lambda: run(options.payments, options.reports), print_table)


if __name__ == "__main__":
    main()
