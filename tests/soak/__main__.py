"""``python -m tests.soak --minutes 30``: a constant load with small faults; nothing may grow.

One broker and two workers of every kind, all on this machine. What happens is told on stderr, a
picture is written, and the last line on stdout is one JSON object. Exit code 1 when memory, file
handles, disk or latency certainly grow by more than they may, or the result is not replay's.
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

from tests.soak.picture import draw
from tests.soak.run import failed, soak_run


def main() -> int:
    """Run it; return 0 when everything is as promised."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=30.0, help="how long")
    parser.add_argument("--seed", type=int, default=7, help="the same seed, the same faults")
    parser.add_argument(
        "--picture", type=Path, default=Path("soak.png"), help="where the picture goes"
    )
    asked = parser.parse_args()
    os.environ.setdefault("FREEZELINE_HASH_KEY", secrets.token_hex(32))
    # An end from outside ends the workers and the broker too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    folder = Path(tempfile.mkdtemp(prefix="freezeline-soak-"))
    keep = False
    try:
        soak = soak_run(
            folder,
            asked.minutes * 60,
            asked.seed,
            lambda line: print(line, file=sys.stderr, flush=True),
        )
        keep = failed(soak.result)
    finally:
        if not keep:
            shutil.rmtree(folder, ignore_errors=True)
    draw(asked.picture, soak.series, soak.slopes, soak.faults_at, soak.seconds)
    for name, told in soak.result["slopes"].items():
        limit = told["limit_an_hour"]
        print(
            f"{name:24} {told['median']:10.1f} {told['unit']:15} {told['an_hour']:+9.1f} an hour "
            f"({told['low']:+.1f} to {told['high']:+.1f}), "
            f"{'shown only' if limit is None else f'may be {limit:.1f}'}"
        )
    for sentence in soak.result["growing"]:
        print(f"FAULT: {sentence}.")
    for worker in soak.result["ended_by_themselves"]:
        print(f"FAULT: {worker} ended by itself.")
    if keep:
        print(f"logs and data are in {folder}")
    print(f"the picture is {asked.picture}")
    print(json.dumps(soak.result), flush=True)
    return int(failed(soak.result))


if __name__ == "__main__":
    sys.exit(main())
