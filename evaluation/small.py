"""Small worlds, run in seconds: the tests compare them with the committed small.json."""

from __future__ import annotations

from typing import Any

from evaluation import brigades, measure, neighbours
from evaluation.runs import World, lines, orders_agree

Json = dict[str, Any]
WORLDS = (World(201, 240, "default"), World(202, 160, "hard"), World(203, 320, "teams"))
MULES = 40

HIGHER_IS_BETTER = (
    "clusters_pairwise_f1",
    "clusters_b_cubed_f",
    "hold_recall",
    "mule_recall",
    "hold_precision",
    "money_covered_of_reported",
    "money_covered",
)
COUNTED_ROUGHLY = ("most_strangers", "accounts_wrongly_inside")
LOWER_IS_BETTER = (
    *COUNTED_ROUGHLY,
    "innocents_held_at_end",
    "honest_held_at_end",
    "innocents_held",
    "holds",
    "over_hold_satang",
)
SLACK = 0.005
"""Shares may fall by so much: moving one report of a small world is no harm by itself. So what is
`COUNTED_ROUGHLY` may grow by one, or by a twentieth; a hold may not."""


def small_figures() -> Json:
    """Run the small worlds, neighbours and brigades, and one world in three orders."""
    found: Json = {}
    for world in WORLDS:
        figures = measure.world_figures(world, holds=True)["figures"]
        found[f"{world.difficulty} {world.reports}"] = {
            name: value[0] if isinstance(value, list) else value
            for name, value in figures.items()
            if name in HIGHER_IS_BETTER or name in LOWER_IS_BETTER
        }
    found["neighbours"] = {"innocents_held": neighbours.measure(MULES).innocents_held}
    found["brigades"] = {"holds": brigades.measure().holds}
    found["orders_equal"] = orders_agree(lines(WORLDS[0].scenario().reports))
    return found


def worse(committed: Json, now: Json) -> list[str]:
    """Return each figure that is worse than the committed one, with both values."""
    found = []
    for part, figures in committed.items():
        if not isinstance(figures, dict):
            continue
        for name, before in figures.items():
            value = now[part][name]
            lower = name in HIGHER_IS_BETTER and value < before - SLACK
            most = before + max(1, before // 20) if name in COUNTED_ROUGHLY else before
            if lower or (name in LOWER_IS_BETTER and value > most):
                found.append(f"{part}: {name} was {before}, is {value}")
    return found
