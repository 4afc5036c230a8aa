"""``python -m tests.fuzz [--events N] [--seed N]``: hostile input in bulk; exit 1 on a fault."""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path

from tests.fuzz.kinds import KINDS
from tests.fuzz.run import fuzz

PARTS = 20
"""The workers settle, and their memory is looked at, this many times."""
MEMORY_GROWTH_MIB = 64
"""How much a worker's memory may grow in the second half of a run: what is kept of good events
(caches, open files) has its bounds, which are small here, and bad ones leave nothing."""


def main() -> int:
    """Run, print what became of it, and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m tests.fuzz")
    parser.add_argument("--events", type=int, default=20_000, help="bad events (20,000)")
    parser.add_argument("--seed", type=int, default=7, help="which ones (7)")
    options = parser.parse_args()
    os.environ.setdefault("FREEZELINE_HASH_KEY", "a key that only the fuzzer knows, 32 bytes")
    with tempfile.TemporaryDirectory(prefix="freezeline-fuzz-") as folder:
        part = max(200, options.events // PARTS)
        verdict = fuzz(Path(folder), options.events, options.seed, part)
    refused = sum(verdict.refused.values())
    print(
        f"{verdict.events:,} events of {len(KINDS)} kinds in {verdict.seconds:.0f} s: "
        f"{refused:,} refused with {len({r for _, r in verdict.refused})} reasons; "
        f"{verdict.held:,} of {verdict.pairs:,} good reports in between have their hold."
    )
    print("Memory, MiB, after each part: " + json.dumps(_by_worker(verdict.memory)))
    faults = [*verdict.faults, *_growing(verdict.memory)]
    for fault in faults:
        print(f"FAULT: {fault}.")
    return int(bool(faults))


def _by_worker(memory: list[dict[str, int]]) -> dict[str, list[int]]:
    return {name: [part[name] for part in memory] for name in (memory[0] if memory else {})}


def _growing(memory: list[dict[str, int]]) -> list[str]:
    return [
        f"{name} grew by {parts[-1] - parts[len(parts) // 2]} MiB in the second half"
        for name, parts in _by_worker(memory).items()
        if parts[-1] - parts[len(parts) // 2] > MEMORY_GROWTH_MIB
    ]


if __name__ == "__main__":
    sys.exit(main())
