"""The chain from payment to alert in other stream processors, beside Freezeline's own.

``python -m benchmarks.peers [--transactions N] [--files N] [--only NAME …] [--json]``
"""

from __future__ import annotations

import sys

from benchmarks.command import command_line, tell
from benchmarks.machine import Figures, show
from benchmarks.peers.comparison import (
    FILES,
    LEAST_TRANSACTIONS,
    TRANSACTIONS_MEASURED,
    compare,
)
from benchmarks.peers.roster import PEERS


def print_table(figures: Figures) -> None:
    """Print the figures as people read them, and what could not be measured."""
    rows = []
    for name, each in figures["peers"].items():
        if "per_s" in each:
            alerts = f"{each['alerts_seen']:,} (+{each['alert_repeats']:,})"
            rows.append((name, f"{each['per_s']:,}", f"{each['cpu_us']:.1f}", alerts))
    columns = ("", "transactions/s", "CPU µs each", "alerts (repeats)")
    show("The chain from payment to alert, on two processes or threads each", columns, rows)
    for ratio, value in figures.items():
        if ratio.startswith("ratio_"):
            print(f"{ratio}: {value}")
    for name, each in figures["peers"].items():
        if "not_measured" in each:
            print(f"{name} was not measured: {each['not_measured']}")


def main() -> None:
    """Run from the command line; ends with 1 when a peer could not be measured."""
    names = [peer.name for peer in PEERS]
    parser = command_line("peers", __doc__)
    parser.add_argument("--transactions", type=int, default=TRANSACTIONS_MEASURED)
    parser.add_argument("--files", type=int, default=FILES, help="accounts with a case")
    parser.add_argument("--only", nargs="+", choices=names, default=names, metavar="NAME")
    options = parser.parse_args()
    if options.transactions < LEAST_TRANSACTIONS or options.files < options.transactions // 100:
        parser.error(
            f"at least {LEAST_TRANSACTIONS:,} transactions are needed, "
            "and an account with a case for each hundred of them"
        )
    chosen = tuple(peer for peer in PEERS if peer.name in options.only)
    sizes = options.transactions, options.files
    figures = tell(options, lambda: compare(*sizes, chosen), print_table)
    sys.exit(any("not_measured" in each for each in figures["peers"].values()))


if __name__ == "__main__":
    main()
