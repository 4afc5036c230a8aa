"""``python -m benchmarks [--json]``: every benchmark but the peers, one after the other.

Each runs in a process of its own, so that none finds another's memory. About an hour; each can be
run by itself, and most in another size (``python -m benchmarks.NAME --help``).
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from typing import Any

NAMES = (
    "throughput",
    "latency",
    "clustering",
    "growth",
    "lookback",
    "backlog",
    "rebuild",
    "partitions",
    "takeover",
    "trace",
)


def main() -> int:
    """Run them all; return 1 when one of them failed."""
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m benchmarks")
    parser.add_argument("--json", action="store_true", help="end with a JSON object in one line")
    options = parser.parse_args()
    figures: dict[str, Any] = {}
    failed = False
    for name in NAMES:
        command = [sys.executable, "-m", f"benchmarks.{name}", "--json"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as running:
            assert running.stdout is not None
            *table, last = running.stdout.read().splitlines() or [""]
        print("\n".join(table), flush=True)
        if running.returncode:
            print(f"{name} failed.", file=sys.stderr)
            failed = True
        else:
            figures[name] = json.loads(last)
    if options.json:
        print(json.dumps(figures))
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
