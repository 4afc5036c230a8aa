"""``freezeline evaluate``: how good clusters and alerts are, against a truth."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec
import orjson
import typer
from rich.table import Table

from agents.console import console
from agents.failures import CommandError
from pipeline.evaluation.figures import Figure, Figures, Grouping, figures_of
from pipeline.evaluation.found import Found, gather
from pipeline.evaluation.money import Money
from pipeline.evaluation.told import identifiers_told, newest_reports
from pipeline.evaluation.truth import Truth, decode_truth
from pipeline.evaluation.worst import Case, lost_by_difficulty, worst_cases
from pipeline.policy.policy import load_policy


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command("evaluate", short_help="Compare clusters and alerts with a truth.")(evaluate)


def evaluate(
    truth: Annotated[Path, typer.Option(help="The truth, as `freezeline simulate` writes it.")],
    clusters: Annotated[Path, typer.Option(help="clusters.jsonl of `freezeline replay`.")],
    alerts: Annotated[Path, typer.Option(help="freeze-alerts.jsonl of `freezeline replay`.")],
    reports: Annotated[
        Path | None, typer.Option(help="The reports, to say more of what mixes clusters.")
    ] = None,
    transactions: Annotated[
        Path | None, typer.Option(help="The payments, for the figures about money.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Figures and cases as one line.")] = False,
) -> None:
    """Compare clusters and alerts with the truth: figures with 95 % intervals, and the worst cases.

    The truth needs {"reports": [{"report": …, "group": …}]}; rings, innocents' accounts and what
    each report means sharpen the figures.
    """
    known = _truth(truth)
    try:
        found = gather(_lines(clusters), _lines(alerts))
    except msgspec.MsgspecError as error:
        raise CommandError(
            f"Not the clusters and alerts of `freezeline replay`: {error}.", 1
        ) from None
    paid = _lines(transactions) if transactions is not None else None
    figures = figures_of(known, found, paid)
    told = None
    if reports is not None:
        told = identifiers_told(newest_reports(_lines(reports), load_policy()))
    worst = worst_cases(known, found, told)
    if as_json:
        lost = lost_by_difficulty(known, found)
        content = {"figures": figures, "worst": worst, "lost_by_difficulty": lost}
        typer.echo(orjson.dumps(msgspec.to_builtins(content), option=orjson.OPT_SORT_KEYS).decode())
        return
    _show(known, found, figures, worst)


def _truth(path: Path) -> Truth:
    try:
        return decode_truth(_bytes(path))
    except msgspec.MsgspecError as error:
        raise CommandError(f"{path} is no truth: {error}.", 1) from None


def _lines(path: Path) -> list[bytes]:
    return [line for line in _bytes(path).split(b"\n") if line.strip()]


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise CommandError(f"{path} cannot be read: {error.strerror}.") from None


def _show(truth: Truth, found: Found, figures: Figures, worst: list[Case]) -> None:
    out = console()
    table = Table(title="Figures (95 % interval)", title_justify="left", show_header=False)
    table.add_column("what", style="bold")
    table.add_column("figure", justify="right")
    for name, shown in shown_figures(figures):
        table.add_row(name, shown)
    out.print(table)
    lost = Table(title="Reports outside their group's cluster", title_justify="left")
    for column in ("difficulty", "reports", "outside"):
        lost.add_column(column, justify="left" if column == "difficulty" else "right")
    for difficulty, (reports, outside) in lost_by_difficulty(truth, found).items():
        lost.add_row(difficulty, f"{reports:,}", f"{outside:,}")
    out.print(lost)
    for number, case in enumerate(worst, 1):
        out.print(f"{number}. {case.what}", style="bold", markup=False, highlight=False)
        explain = f"; freezeline explain {case.alert_id}" if case.alert_id else ""
        out.print(f"   {case.kind}: {case.harm:,} {case.harm_in}{explain}", markup=False)
        for line in case.why:
            out.print(f"   - {line}", markup=False, highlight=False)


def shown_figures(figures: Figures) -> list[tuple[str, str]]:
    """Return every figure as (what, text), in the order in which people ask for them."""
    shown: list[tuple[str, str]] = []
    for name in figures.__struct_fields__:
        value = getattr(figures, name)
        if isinstance(value, Grouping):
            shown += [
                (f"{name} {part}", _text(getattr(value, part), True))
                for part in value.__struct_fields__
            ]
        elif isinstance(value, Money):
            shown += [(part, _sum(part, getattr(value, part))) for part in value.__struct_fields__]
        elif value is None:
            continue
        elif isinstance(value, Figure):
            shown.append((name, _text(value, not name.endswith("_s"))))
        else:
            shown.append((name, f"{value:,}"))
    return [(name.replace("_", " "), text) for name, text in shown]


def _sum(name: str, figure: float) -> str:
    """Return a figure about money: sums in satang, shares in percent."""
    if name.startswith("money_covered") or name.endswith("_share"):
        return f"{figure:.4%}"
    return f"{figure:,}"


def _text(figure: Figure, share: bool) -> str:
    if share:
        return f"{figure.value:.2%} ({figure.low:.2%} to {figure.high:.2%})"
    return f"{figure.value:,.1f} ({figure.low:,.1f} to {figure.high:,.1f})"
