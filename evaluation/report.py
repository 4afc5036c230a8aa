"""The report of an evaluation: README.md's tables, and the one line of JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

Json = dict[str, Any]
_MARK = "<!-- written by `make evaluate` below this line -->"
_TINY = 120
_STAGES = ("worlds", "teams", "large", "large_holds")
_FIGURES = (
    ("clusters_pairwise_f1", "pairwise F1"),
    ("clusters_b_cubed_f", "B-cubed F"),
    ("whole_rings_pairwise_f1", "F1 of whole rings"),
    ("largest_wrong_cluster", "largest wrong cluster"),
    ("most_strangers", "strangers in it"),
    ("accounts_wrongly_inside", "accounts wrongly inside"),
    ("innocent_hold_rate", "held, no mule's"),
    ("honest_hold_rate", "held, honest customers'"),
    ("mule_recall", "mule recall"),
    ("hold_recall", "hold recall"),
)
_MONEY = (
    ("stolen_satang", "stolen, baht"),
    ("reachable_at_alert_satang", "reachable at the alert"),
    ("resting_reported_satang", "of all reported, still somewhere at the end"),
    ("money_covered_of_reported", "held of it"),
    ("resting_satang", "of matched payments, still somewhere"),
    ("money_covered", "held of that"),
    ("asked_satang", "asked, baht"),
    ("innocent_satang", "wrongly asked, baht"),
    ("innocent_satang_share", "wrongly asked, share"),
    ("disputed_satang", "disputed by mistake, baht"),
    ("over_hold_satang", "over-hold, satang"),
    ("median_hops", "median hops"),
    ("report_to_last_hold_median_s", "report to last hold, median s"),
)
_SHARES = {
    "money_covered_of_reported": "resting_reported_satang",
    "money_covered": "resting_satang",
}
"""Shares of money, and what they are shares of."""
_SUMMED = (*_SHARES.values(), "asked_satang", "innocent_satang", "over_hold_satang")


def headline(results: Json) -> Json:
    """Return the figures that a reader compares first; worst of all seeds and sizes.

    ``worlds_*`` are over default worlds of 1,500 reports and more.
    """
    every = _every(results)
    worlds = [w for w in every if w["difficulty"] == "default" and w["reports"] > _TINY]
    tiny = [w for w in every if w["difficulty"] == "default" and w["reports"] <= _TINY]
    hard = [w for w in every if w["difficulty"] == "hard" and w["reports"] > _TINY]
    teams = [w for w in every if w["difficulty"] == "teams"]
    held = [world for world in worlds if world["holds"]]
    febrl = results.get("febrl", {})
    orders = [*results.get("orders", {}).values(), febrl.get("orders_equal", True)]
    line: Json = {
        "febrl3_f1": _value(febrl, "febrl3_all", "clusters_pairwise_f1"),
        "febrl3_b3": _value(febrl, "febrl3_all", "clusters_b_cubed_f"),
        "febrl3_number_and_name_f1": _value(
            febrl, "febrl3_number_and_name", "clusters_pairwise_f1"
        ),
        "worlds_f1": _lowest(worlds, "clusters_pairwise_f1"),
        "worlds_b3": _lowest(worlds, "clusters_b_cubed_f"),
        "worlds_largest_wrong_cluster": _highest(worlds, "largest_wrong_cluster"),
        "worlds_most_strangers": _highest(worlds, "most_strangers"),
        "tiny_worlds_f1": _lowest(tiny, "clusters_pairwise_f1"),
        "hard_worlds_f1": _lowest(hard, "clusters_pairwise_f1"),
        "teams_worlds_f1": _lowest(teams, "clusters_pairwise_f1"),
        "innocent_hold_rate": _highest(held, "innocent_hold_rate"),
        "honest_hold_rate": _highest(held, "honest_hold_rate"),
        "mule_recall": _lowest(held, "mule_recall"),
        "hold_recall": _lowest(held, "hold_recall"),
        **money_of_all([*(world["figures"] for world in held), *results.get("money", [])]),
        "neighbours_held": results.get("neighbours", {}).get("innocents_held"),
        "brigade_holds": results.get("brigades", {}).get("holds"),
        "brigades_visible": results.get("brigades", {}).get("visible"),
        "changes_differ": _differing(results.get("changes", {})),
        "orders_equal": all(orders),
    }
    for name, figures in results.get("splink", {}).items():
        line[f"splink_{name}_f1"], line[f"splink_{name}_b3"] = figures["f1"], figures["b3"]
    return line


def money_of_all(runs: list[Json]) -> Json:
    """Return the figures about money over several runs together: sums, and shares of sums."""
    sums = Counter[str]()
    for figures in runs:
        for name in _SUMMED:
            sums[name] += figures.get(name, 0)
        for share, whole in _SHARES.items():
            sums[share] += figures.get(share, 1) * figures.get(whole, 0)
    return {
        **{name: round(sums[name] / max(1, sums[whole]), 6) for name, whole in _SHARES.items()},
        "innocent_satang_share": round(sums["innocent_satang"] / max(1, sums["asked_satang"]), 6),
        "over_hold_satang": sums["over_hold_satang"],
    }


def _every(results: Json) -> list[Json]:
    return [world for stage in _STAGES for world in results.get(stage, [])]


def _differing(changes: Json) -> int:
    return sum(v for k, v in changes.items() if k.endswith(("differ", "differs")))


def _value(results: Json, part: str, name: str) -> float | None:
    figure = results.get(part, {}).get(name)
    return figure[0] if figure else None


def _first(figure: Any) -> float:
    return figure[0] if isinstance(figure, list) else figure


def _lowest(worlds: Iterable[Json], name: str) -> float | None:
    return min((_first(world["figures"][name]) for world in worlds), default=None)


def _highest(worlds: Iterable[Json], name: str) -> float | None:
    return max((_first(world["figures"][name]) for world in worlds), default=None)


def write_readme(path: Path, results: Json) -> None:
    """Write the tables below the mark; what stands above it is written by hand."""
    above = path.read_text(encoding="utf-8").partition(_MARK)[0]
    worlds = _every(results)
    parts = [
        _MARK,
        _febrl(results.get("febrl", {})),
        _worlds(worlds),
        _money(worlds, results.get("money", [])),
        _baselines(worlds),
        _outside(worlds),
        _special(results),
        _calibration(results.get("calibration", {})),
        _splink(results.get("splink", {})),
        _worst(worlds),
    ]
    path.write_text(above + "\n\n".join(part for part in parts if part) + "\n", encoding="utf-8")


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table in Markdown."""
    lines = [f"| {' | '.join(columns)} |", f"|{'---|' * len(columns)}"]
    lines += [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join(lines)


def _text(figure: Any) -> str:
    if figure is None:
        return "-"
    if isinstance(figure, list):
        value, low, high = figure
        return f"{value:.4f} ({low:.3f} to {high:.3f})"
    return f"{figure:,}" if isinstance(figure, int) else f"{figure:.4f}"


def _febrl(results: Json) -> str:
    rows = [
        (
            name.replace("_", " "),
            _text(figures["clusters_pairwise_f1"]),
            _text(figures["clusters_pairwise_precision"]),
            _text(figures["clusters_pairwise_recall"]),
            _text(figures["clusters_b_cubed_f"]),
            f"{figures['largest_cluster']} ({figures['truths_largest']})",
        )
        for name, figures in results.items()
        if isinstance(figures, dict)
    ]
    columns = ("FEBRL", "pairwise F1", "precision", "recall", "B-cubed F", "largest (true)")
    return f"## FEBRL\n\n{table(columns, rows)}" if rows else ""


def _calibration(found: Json) -> str:
    if not found:
        return ""
    rows = [
        (low, f"{counts['links']:,}", _text(share), "█" * round(20 * share), f"{odds:+.1f}")
        for low, counts in sorted(found["bits"].items(), key=lambda row: float(row[0]))
        for share, odds in [(counts["right"] / counts["links"], counts["odds_bits"])]
    ]
    by_bits = table(("bits from", "links", "right", "", "odds in bits"), rows)
    ranked = sorted(found["kinds"].items(), key=lambda item: (-item[1]["links"], item[0]))
    kinds = [
        (
            kind,
            f"{c['bits']:.1f}",
            f"{c['links']:,}",
            _text(c["right"] / c["links"]),
            f"{c['odds_bits']:+.1f}",
        )
        for kind, c in ranked
    ]
    columns = ("evidence", "bits in the model, mean", "links", "right", "odds in bits")
    return f"## Calibration of the bits\n\n{by_bits}\n\n{table(columns, kinds)}"


def _named(world: Json) -> str:
    return f"{world['reports']:,} {world['difficulty']} {world['seed']}"


def _both(scores: list[float]) -> str:
    return " / ".join(f"{score:.3f}" for score in scores)


def _worlds(worlds: list[Json]) -> str:
    rows = [
        (_named(world), *(_text(world["figures"].get(name)) for name, _ in _FIGURES))
        for world in worlds
    ]
    columns = ("world (reports, level, seed)", *(title for _, title in _FIGURES))
    return f"## Worlds\n\n{table(columns, rows)}"


def _money(worlds: list[Json], of_hops: list[Json]) -> str:
    runs = [
        (_named(world), world["figures"]) for world in worlds if "money_covered" in world["figures"]
    ]
    runs += [(f"{_named(run)}, 2 to {run['hops']} hops", run) for run in of_hops]
    rows = [(name, *(_sum(part, run.get(part)) for part, _ in _MONEY)) for name, run in runs]
    columns = ("world", *(title for _, title in _MONEY))
    return f"## Money\n\n{table(columns, rows)}" if rows else ""


def _sum(name: str, figure: float | None) -> str:
    """Return a sum as baht, but over-hold, of which every satang counts; others as they are.

    Runs of before a figure was known have none.
    """
    if figure is None:
        return ""
    if name.endswith("_satang") and name != "over_hold_satang":
        return f"{figure / 100:,.2f}"
    return f"{figure:,}"


def _baselines(worlds: list[Json]) -> str:
    if not worlds:
        return ""
    names = list(worlds[0]["baselines"])
    rows = [
        (_named(world), *(_both(world["baselines"][name]) for name in names))
        for world in worlds
        if world["reports"] > _TINY
    ]
    title = "## What simple matchers reach (pairwise F1 / B-cubed F)"
    return f"{title}\n\n{table(('world', *names), rows)}"


def _outside(worlds: list[Json]) -> str:
    """Reports outside their group's cluster, by what is difficult in them, summed by level."""
    levels = list(dict.fromkeys(world["difficulty"] for world in worlds))
    counts: dict[str, dict[str, list[int]]] = {}
    for world in worlds:
        for name, (shown, outside) in world["outside"].items():
            by_level = counts.setdefault(name, {}).setdefault(world["difficulty"], [0, 0])
            by_level[0] += shown
            by_level[1] += outside
    rows = [
        (name.replace("_", " "), *(_of(by_level.get(level)) for level in levels))
        for name, by_level in sorted(counts.items())
    ]
    title = "## Reports outside their group's cluster, by difficulty"
    return f"{title}\n\n{table(('difficulty', *levels), rows)}"


def _of(counts: list[int] | None) -> str:
    return f"{counts[1]:,} of {counts[0]:,}" if counts else "-"


def _special(results: Json) -> str:
    rows = [
        (f"{part} {name}".replace("_", " "), figure)
        for part in ("neighbours", "brigades", "changes", "orders")
        for name, value in results.get(part, {}).items()
        for name, figure in _rows_of(name, value)
    ]
    return f"## Neighbours, brigades, changes, orders\n\n{table(('what', 'figure'), rows)}"


def _rows_of(name: str, value: Any) -> list[tuple[str, str]]:
    """Return a figure's row; of one with several parts a row for each."""
    if not isinstance(value, dict):
        return [(name, str(value))]
    return [(f"{name} ({part})", str(figure)) for part, figure in value.items()]


def _splink(results: Json) -> str:
    order = ("f1", "b3", "largest", "seconds")
    rows = [
        (name.replace("_", " "), *(str(each[part]) for part in order))
        for name, each in results.items()
    ]
    columns = ("data, model", "pairwise F1", "B-cubed F", "largest cluster", "seconds")
    return f"## Splink on the same data, in batch\n\n{table(columns, rows)}" if rows else ""


def _worst(worlds: list[Json]) -> str:
    chosen = [w for w in worlds if w["difficulty"] == "default" and w["reports"] > _TINY][:1]
    if not chosen:
        return ""
    lines = [f"## The ten worst cases (seed {chosen[0]['seed']}, default)"]
    for number, case in enumerate(chosen[0]["worst"], 1):
        lines.append(
            f"\n{number}. **{case['what']}** ({case['kind']}: {case['harm']} {case['harm_in']})"
        )
        lines += [f"   - {why}" for why in case["why"]]
    return "\n".join(lines)
