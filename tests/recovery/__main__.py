"""``python -m tests.recovery --kills 50 --seed 7``: the promise of "nothing lost" under fire.

Three brokers, two workers of every kind, a steady load and a seeded sequence of faults, all on
this machine. What happens is told on stderr; the last line on stdout is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import os
import secrets
import shutil
import signal
import sys
import tempfile
from pathlib import Path

from tests.recovery.run import failed, recovery_run


def main() -> int:
    """Run it; return 0 when everything is as promised."""
    parser = argparse.ArgumentParser(prog="python -m tests.recovery", description=__doc__)
    parser.add_argument("--kills", type=int, default=50, help="how often a worker is killed")
    parser.add_argument("--seed", type=int, default=7, help="the same seed, the same faults")
    parser.add_argument("--json", action="store_true", help="tell nothing but the result")
    parser.add_argument(
        "--keep", action="store_true", help="keep logs and data also when all is well"
    )
    asked = parser.parse_args()
    os.environ.setdefault("FREEZELINE_HASH_KEY", secrets.token_hex(32))
    # An end from outside ends the site too: workers, brokers, data.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    folder = Path(tempfile.mkdtemp(prefix="freezeline-recovery-"))

    def tell(line: str) -> None:
        if not asked.json:
            print(line, file=sys.stderr, flush=True)

    tell(f"logs and data are in {folder}")
    keep = True
    try:
        result = recovery_run(folder, asked.kills, asked.seed, tell)
        bad = failed(result)
        keep = asked.keep or bad
        print(json.dumps(result), flush=True)
    except KeyboardInterrupt:
        return 130
    finally:
        if not keep:
            shutil.rmtree(folder, ignore_errors=True)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
