"""What a figure was measured on, and how figures are printed."""

from __future__ import annotations

import importlib.metadata
import math
import os
import platform
import statistics
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from agents.local.kafka_jars import KAFKA_VERSION
from agents.version import freezeline_version

Figures = dict[str, Any]
"""What a benchmark reports, ready for JSON."""

_PACKAGES = ("faust-streaming", "aiokafka", "msgspec", "orjson", "rocksdict")


def machine() -> Figures:
    """Describe the machine; ``load_1m`` tells how busy it was with other things."""
    return {
        "cpu": _cpu_name(),
        "cores": os.cpu_count(),
        "memory_gb": _memory_gb(),
        "system": f"{platform.system()} {platform.release()}",
        "load_1m": round(os.getloadavg()[0], 2),
    }


def versions() -> dict[str, str]:
    """Return the versions of what was measured."""
    found = {name: importlib.metadata.version(name) for name in _PACKAGES}
    own = {"freezeline": freezeline_version(), "python": platform.python_version()}
    return {**own, "kafka": KAFKA_VERSION, **found}


def percentile(values: Sequence[float], share: float) -> float:
    """Return the smallest value that at least ``share`` of the values do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def exponent(times: Sequence[tuple[int, float]]) -> float:
    """Return the slope of time against size in logarithms, by least squares: 1 is linear."""
    sizes = [math.log(size) for size, _ in times]
    seconds = [math.log(max(spent, 1e-6)) for _, spent in times]
    return round(statistics.linear_regression(sizes, seconds).slope, 3)


def note(text: str) -> None:
    """Say on stderr what is being done."""
    print(f"  {text}", file=sys.stderr, flush=True)


def show(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table and the machine."""
    table = Table()
    for place, column in enumerate(columns):
        table.add_column(column, justify="right" if place else "left")
    for row in rows:
        table.add_row(*row)
    console = Console()
    console.print(title, soft_wrap=True, highlight=False)
    console.print(table)
    about = machine()
    console.print(
        f"{about['cpu']}, {about['cores']} cores, {about['memory_gb']} GB, {about['system']}, "
        f"Python {platform.python_version()}, Kafka {KAFKA_VERSION}, "
        f"load {about['load_1m']} in the last minute",
        soft_wrap=True,
        highlight=False,
    )


def _cpu_name() -> str:
    about = Path("/proc/cpuinfo")
    if about.is_file():
        for line in about.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _memory_gb() -> float:
    return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1)
