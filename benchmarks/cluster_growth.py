"""How the time of clustering grows where reports pile up: one account, one phone, one bank's range.

Each hot spot is folded at rising sizes, on a store of its own. The exponent is the slope of CPU
time against size in logarithms: 1 is linear, 2 would be quadratic.

``python -m benchmarks.cluster_growth [--json]``
"""

from __future__ import annotations

import gc
import hashlib
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import orjson

from benchmarks.clustering import BATCH, Stand
from benchmarks.command import command_line, tell
from benchmarks.machine import Figures, exponent, machine, note, show, versions
from benchmarks.told_reports import START_MS, STEP_MS, moment
from pipeline.fold import LogRecord

Suspects = Callable[[int], list[dict[str, str]]]

BANK = "004"
WARM_UP = 500


def one_account(place: int) -> list[dict[str, str]]:
    """Name one account, with a phone of its own in every tenth report."""
    suspects = [_account("1234567890")]
    return suspects if place % 10 else [*suspects, _phone(place)]


def one_phone(place: int) -> list[dict[str, str]]:
    """Name one phone, with another account each time: it becomes a public number."""
    return [_account(_far_apart(place)), _phone(0)]


def one_range(place: int) -> list[dict[str, str]]:
    """Name the next account of one bank's range: each has dozens of look-alikes."""
    return [_account(f"{2_000_000_000 + place:010d}")]


def one_ring(place: int) -> list[dict[str, str]]:
    """Name one of a ring's thousand accounts and one of its hundred handles, again and again."""
    scattered = place * 7_919
    handle = {"kind": "handle", "platform": "line", "handle": f"@ring{scattered % 100}"}
    return [_account(_far_apart(scattered % 1_000)), handle]


HOT_SPOTS: dict[str, tuple[Suspects, tuple[int, ...]]] = {
    "one_account": (one_account, (1_000, 10_000, 100_000)),
    "one_phone": (one_phone, (1_000, 3_000, 10_000)),
    "one_range": (one_range, (1_000, 3_000, 10_000)),
}


def _account(number: str) -> dict[str, str]:
    return {"kind": "account", "bank": BANK, "number": number}


def _phone(place: int) -> dict[str, str]:
    return {"kind": "phone", "number": f"08{place:08d}"}


def _far_apart(place: int) -> str:
    """Return a number that is one edit from hardly any other."""
    return f"{int(hashlib.sha256(b'%d' % place).hexdigest()[:12], 16) % 10**10:010d}"


def records_of(suspects: Suspects, count: int) -> Iterator[list[LogRecord]]:
    """Yield the records of a hot spot in batches, each report by another victim."""
    for first in range(0, count, BATCH):
        yield [_record(place, suspects(place)) for place in range(first, min(first + BATCH, count))]


def _record(place: int, suspects: list[dict[str, str]]) -> LogRecord:
    at = START_MS + place * STEP_MS
    account = next(s for s in suspects if s["kind"] == "account")
    event: dict[str, Any] = {
        "source": "aoc1441",
        "report_id": f"R{place:08d}",
        "kind": "submitted",
        "received_at": moment(at),
        "reporter": {"person": hashlib.sha256(b"%d" % place).hexdigest(), "verified_by": "thaid"},
        "suspects": suspects,
        "payments": [
            {
                "paid_at": moment(at - 3_600_000),
                "amount_satang": 10_000 + place * 37,
                "to": {"bank": BANK, "account": account["number"]},
            }
        ],
    }
    return LogRecord(place, at, None, orjson.dumps(event))


def cpu_seconds_of(suspects: Suspects, count: int) -> float:
    """Return the CPU time of folding and writing so many reports of a hot spot."""
    with tempfile.TemporaryDirectory(prefix="freezeline-growth-") as folder:
        stand = Stand(Path(folder) / "store")
        seconds = 0.0
        for records in records_of(suspects, count):
            began = time.process_time()
            stand.take(records)
            seconds += time.process_time() - began
        stand.store.close()
    return seconds


def run() -> Figures:
    """Measure and return the figures."""
    gc.set_threshold(200_000, 50, 50)  # as in a worker
    rows = {}
    for name, (suspects, sizes) in HOT_SPOTS.items():
        cpu_seconds_of(suspects, WARM_UP)
        seconds = []
        for size in sizes:
            seconds.append(cpu_seconds_of(suspects, size))
            note(f"{name}: {size:,} reports in {seconds[-1]:.1f} s of CPU")
        rows[name] = {
            "sizes": list(sizes),
            "cpu_seconds": [round(value, 2) for value in seconds],
            "us_per_report": [round(s / n * 1e6) for s, n in zip(seconds, sizes, strict=True)],
            "exponent": exponent(list(zip(sizes, seconds, strict=True))),
        }
    exponents = {name: row["exponent"] for name, row in rows.items()}
    return {
        "exponents": exponents,
        "worst_exponent": max(exponents.values()),
        "hot_spots": rows,
        "versions": versions(),
        "machine": machine(),
    }


def print_table(figures: Figures) -> None:
    """Print the figures as people read them."""
    show(
        "Clustering, time against size at hot spots",
        ("hot spot", "reports", "CPU µs a report", "exponent"),
        [
            (
                name,
                " / ".join(f"{size:,}" for size in row["sizes"]),
                " / ".join(f"{value:,}" for value in row["us_per_report"]),
                f"{row['exponent']:.2f}",
            )
            for name, row in figures["hot_spots"].items()
        ],
    )


def main() -> None:
    """Run from the command line."""
    tell(command_line("cluster_growth", __doc__).parse_args(), run, print_table)


if __name__ == "__main__":
    main()
