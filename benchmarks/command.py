"""How a benchmark is run from the command line: its figures as a table, and as JSON if asked."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable

from benchmarks.machine import Figures
from benchmarks.stand import ending_well


def command_line(name: str, about: str | None) -> argparse.ArgumentParser:
    """Return the parser of ``python -m benchmarks.NAME``, to which sizes can be added."""
    parser = argparse.ArgumentParser(
        description=about,
        prog=f"python -m benchmarks.{name}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--json", action="store_true", help="end with a JSON object in one line")
    return parser


def tell(
    options: argparse.Namespace,
    run: Callable[[], Figures],
    print_table: Callable[[Figures], None],
) -> Figures:
    """Measure, print and return the figures; however it ends, nothing is left running."""
    with ending_well():
        figures = run()
        print_table(figures)
        if options.json:
            print(json.dumps(figures))
    return figures
