"""``python -m evaluation [--only STAGE …] [--small]``: see README.md beside this file.

Writes report.json and README.md; ends with one line of JSON. ``--only`` runs some stages again and
keeps the newest figures of the others.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from evaluation import febrl, measure
from evaluation.calibration import calibration_figures
from evaluation.report import headline, write_readme
from evaluation.runs import World
from evaluation.small import small_figures

HERE = Path(__file__).parent
SEEDS = (101, 102, 103)
"""Never used to make a model: those who estimate weights from scenarios use seeds below 100."""
TINY, MEDIUM, TEAMS, LARGE = 120, 1_500, 5_000, 50_000
MULES = 10_000
MONEY, HOPS = 400, 7
MONEY_SEEDS = range(301, 311)
LEVELS = ("easy", "default", "hard")

Json = dict[str, Any]


def _febrl() -> Json:
    if febrl.installed():
        return measure.febrl_figures()
    print("FEBRL is left out: uv sync --extra evaluate brings it.", file=sys.stderr)
    return {}


def _worlds() -> list[Json]:
    return [
        measure.world_figures(World(seed, size, level), holds=True)
        for size in (TINY, MEDIUM)
        for level in LEVELS
        for seed in SEEDS
    ]


def _teams() -> list[Json]:
    """Worlds whose rings have several who talk to victims, each with contacts of their own."""
    return [measure.world_figures(World(seed, TEAMS, "teams"), holds=False) for seed in SEEDS]


def _large() -> list[Json]:
    return [measure.world_figures(World(seed, LARGE, "default"), holds=False) for seed in SEEDS[:2]]


def _large_holds() -> list[Json]:
    return [measure.world_figures(World(SEEDS[2], LARGE, "default"), holds=True)]


def _orders() -> Json:
    worlds = [World(SEEDS[0], TINY, level) for level in LEVELS]
    # Reports that melt into one cluster make each report slow, so a hard world is a small one.
    worlds += [World(SEEDS[0], MEDIUM, "default"), World(SEEDS[0], MEDIUM // 3, "hard")]
    return measure.order_figures(worlds)


def _changes() -> Json:
    return measure.change_figures([World(seed, TINY, "hard") for seed in SEEDS])


def _money() -> list[Json]:
    """Worlds in which money goes through two to seven accounts, splits and is mixed."""
    worlds = [World(seed, MONEY, "default", HOPS) for seed in MONEY_SEEDS]
    return [{**asdict(world), **measure.money_figures(world)} for world in worlds]


def _calibration() -> Json:
    measure.note("calibration of the model's bits")
    return calibration_figures(World(seed, MEDIUM, "default") for seed in SEEDS)


def _splink() -> Json:
    if importlib.util.find_spec("splink") is None:
        print("Splink is left out: uv sync --extra splink brings it.", file=sys.stderr)
        return {}
    # Only where it is asked for: its packages are large and start slowly.
    from evaluation.splink_beside import splink_figures

    return splink_figures(World(SEEDS[0], MEDIUM, "default"))


STAGES: dict[str, Callable[[], Any]] = {
    "febrl": _febrl,
    "worlds": _worlds,
    "teams": _teams,
    "large": _large,
    "large_holds": _large_holds,
    "orders": _orders,
    "neighbours": lambda: measure.neighbour_figures(MULES),
    "brigades": measure.brigade_figures,
    "changes": _changes,
    "money": _money,
    "calibration": _calibration,
    "splink": _splink,
}


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m evaluation",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--only", nargs="+", choices=STAGES, default=list(STAGES), metavar="STAGE")
    parser.add_argument("--small", action="store_true", help="the small worlds that tests check")
    options = parser.parse_args()
    if options.small:
        _write(HERE / "small.json", small_figures())
        return
    path = HERE / "report.json"
    results: Json = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    for stage in options.only:
        results[stage] = STAGES[stage]()
        # What took long is not lost to what comes after it.
        _write(path, results)
    # Read again: the page shows what is committed, in the order in which it is written there.
    results = json.loads(path.read_text(encoding="utf-8"))
    write_readme(HERE / "README.md", results)
    print(json.dumps(headline(results)))


def _write(path: Path, results: Json) -> None:
    text = json.dumps(results, indent=1, ensure_ascii=False, sort_keys=True)
    path.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
