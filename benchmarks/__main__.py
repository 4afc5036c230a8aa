"""``python -m benchmarks [--json]``: throughput, then latency, with their usual sizes."""

from __future__ import annotations

import argparse
import json

from benchmarks import latency, throughput
from benchmarks.stand import ending_well


def main() -> None:
    """Run both."""
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m benchmarks")
    parser.add_argument("--json", action="store_true", help="end with a JSON object in one line")
    options = parser.parse_args()
    with ending_well():
        first = throughput.run()
        throughput.print_table(first)
        second = latency.run()
        latency.print_table(second)
        if options.json:
            print(json.dumps({"throughput": first, "latency": second}))


if __name__ == "__main__":
    main()
