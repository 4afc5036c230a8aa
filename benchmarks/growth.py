"""The hot spots of clustering and of account files in one run: how their time grows with size.

``worst_exponent`` is the largest slope of time against size in logarithms: 1 is linear, 2 would be
quadratic. The parts alone: ``cluster_growth`` and ``account_growth``.

``python -m benchmarks.growth [--json]``
"""

from __future__ import annotations

from benchmarks import account_growth, cluster_growth
from benchmarks.command import command_line, tell
from benchmarks.machine import Figures

_OF_ACCOUNTS = {
    "shop_postings": "exponent",
    "shop_postings_two_voices": "two_voices_exponent",
    "claims_at_one_account": "claims_exponent",
}


def run() -> Figures:
    """Measure and return the figures."""
    clustering, accounts = cluster_growth.run(), account_growth.run()
    exponents = {
        **clustering["exponents"],
        **{hot_spot: accounts[key] for hot_spot, key in _OF_ACCOUNTS.items()},
    }
    return {
        "worst_exponent": max(exponents.values()),
        "exponents": exponents,
        "clustering": clustering,
        "accounts": accounts,
        "versions": accounts["versions"],
        "machine": accounts["machine"],
    }


def print_table(figures: Figures) -> None:
    """Print the figures as people read them."""
    cluster_growth.print_table(figures["clustering"])
    account_growth.print_table(figures["accounts"])
    print(f"Worst exponent over all hot spots: {figures['worst_exponent']:.2f}")


def main() -> None:
    """Run from the command line."""
    tell(command_line("growth", __doc__).parse_args(), run, print_table)


if __name__ == "__main__":
    main()
