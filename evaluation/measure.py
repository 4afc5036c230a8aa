"""The stages of an evaluation; each returns figures ready for JSON."""

from __future__ import annotations

import sys
from collections import Counter
from typing import Any

import msgspec

from evaluation import brigades, changes, febrl, neighbours
from evaluation.baselines import BASELINES
from evaluation.runs import ORDERS, World, clustered, lines, orders_agree, replayed, truth_of
from pipeline.evaluation.figures import Figures, figures_of
from pipeline.evaluation.found import Found, gather
from pipeline.evaluation.grouping import parts_of, scores_of
from pipeline.evaluation.money import money_of
from pipeline.evaluation.told import identifiers_told, newest_reports
from pipeline.evaluation.truth import Truth
from pipeline.evaluation.worst import lost_by_difficulty, worst_cases
from pipeline.policy.policy import load_policy

Json = dict[str, Any]
_PLACES = 4


def note(text: str) -> None:
    """Say on stderr what is being done."""
    print(f"  {text}", file=sys.stderr, flush=True)


def world_figures(world: World, *, holds: bool) -> Json:
    """Run a world; without ``holds`` the reports alone, which is much faster.

    The answer has the figures, what the naive matchers reach, and the worst cases.
    """
    note(f"world of {world.reports:,} reports, {world.difficulty}, seed {world.seed}")
    scenario = world.scenario()
    truth = truth_of(scenario)
    reports = lines(scenario.reports)
    if holds:
        found, _, seconds = replayed(scenario)
    else:
        clusters, seconds = clustered(reports)
        found = gather(clusters, [])
    told = newest_reports(reports, load_policy())
    figures = figures_of(truth, found, lines(scenario.transactions) if holds else None)
    return {
        **msgspec.structs.asdict(world_name(world)),
        "holds": holds,
        "seconds": round(seconds, 1),
        "figures": flat(figures, holds=holds),
        "baselines": {name: _f1(truth, matcher(told)) for name, matcher in BASELINES.items()},
        "outside": lost_by_difficulty(truth, found),
        "worst": msgspec.to_builtins(worst_cases(truth, found, identifiers_told(told))),
    }


def money_figures(world: World) -> Json:
    """Run a world with all payments; return the figures about money alone."""
    note(f"money: {world.reports:,} reports, seed {world.seed}, {world.hops or 'usual'} hops")
    scenario = world.scenario()
    found, _, _ = replayed(scenario)
    money = money_of(truth_of(scenario), found, lines(scenario.transactions))
    return msgspec.structs.asdict(money)


class _Name(msgspec.Struct, frozen=True):
    reports: int
    difficulty: str
    seed: int


def world_name(world: World) -> _Name:
    """Return what a world is called in the report."""
    return _Name(world.reports, world.difficulty, world.seed)


def _f1(truth: Truth, found: dict[str, str]) -> list[float]:
    """Return the pairwise F1 and the B-cubed F of a grouping."""
    known = {r.report: r.group or f"alone {r.report}" for r in truth.speaking()}
    scores = scores_of(parts_of(known, {k: v for k, v in found.items() if k in known}))
    return [round(scores.pairwise.f1, _PLACES), round(scores.b_cubed.f1, _PLACES)]


def flat(figures: Figures, *, holds: bool) -> Json:
    """Return figures as name to value or [value, low, high]; without holds only the clusters'."""
    found: Json = {}
    for name, value in msgspec.to_builtins(figures).items():
        if name in ("clusters", "whole_rings"):
            for part, figure in value.items():
                found[f"{name}_{part}"] = _three(figure)
        elif name == "money":
            found.update(value or {})
        elif isinstance(value, dict):
            if holds:
                found[name] = _three(value)
        elif holds or name in _OF_CLUSTERS:
            found[name] = value
    return found


_OF_CLUSTERS = (
    "reports",
    "groups",
    "found_clusters",
    "largest_wrong_cluster",
    "most_strangers",
    "mixed_clusters",
)


def _three(figure: dict[str, float]) -> list[float]:
    return [round(figure[part], _PLACES) for part in ("value", "low", "high")]


def febrl_figures() -> Json:
    """Run FEBRL 1, 2 and 3, with all fields and with number and name only."""
    found: Json = {}
    for number in febrl.SETS:
        truth = febrl.truth(number)
        for all_fields in (True, False):
            name = f"febrl{number}_{'all' if all_fields else 'number_and_name'}"
            note(name)
            clusters, seconds = clustered(febrl.reports(number, all_fields=all_fields))
            run = gather(clusters, [])
            figures = flat(figures_of(truth, run), holds=False)
            figures["largest_cluster"] = _largest(run)
            figures["truths_largest"] = max(Counter(truth.groups().values()).values())
            figures["seconds"] = round(seconds, 1)
            found[name] = figures
    note("febrl3 in three orders")
    found["orders_equal"] = orders_agree(febrl.reports(3, all_fields=True))
    return found


def _largest(run: Found) -> int:
    return max((cluster.report_count for cluster in run.clusters.values()), default=0)


def order_figures(worlds: list[World]) -> Json:
    """Fold each world's reports in every arrival order."""
    found = {}
    for world in worlds:
        name = f"{world.reports} {world.difficulty} {world.seed}"
        note(f"{len(ORDERS)} orders of world {name}")
        found[name] = orders_agree(lines(world.scenario().reports))
    return found


def neighbour_figures(mules: int) -> Json:
    """Run one-digit neighbours."""
    note(f"{mules:,} mules among {neighbours.ACCOUNTS:,} sequential accounts")
    return neighbours.measure(mules)._asdict()


def brigade_figures() -> Json:
    """Run brigades."""
    note("brigades")
    return brigades.measure()._asdict()


def change_figures(worlds: list[World]) -> Json:
    """Compare worlds with what would have been, had all been known from the start."""
    note("withdrawals, corrections, late hubs")
    counted: Counter[str] = Counter()
    for world in worlds:
        counted.update(changes.measure(world)._asdict())
    return dict(counted)
