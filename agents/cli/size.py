"""``freezeline size``: how large a cluster must be, with the arithmetic."""

from __future__ import annotations

import dataclasses

import orjson
import typer

from agents.sizing import Load, plan


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command("size", short_help="Reckon how large a cluster must be for a load.")
    def size(
        tps: float = typer.Option(..., min=0.1, max=1e7, help="Payments a second at peak."),
        watched: int = typer.Option(..., min=0, max=10**10, help="Accounts with a case."),
        reports: int = typer.Option(3_000, min=0, max=10**8, help="Reports a day."),
        retention: float = typer.Option(7.0, min=0.1, help="Days that transactions are kept."),
        mean_share: float = typer.Option(
            0.3, min=0.01, max=1.0, help="A day's mean load as a share of its peak."
        ),
        replicas: int = typer.Option(3, min=1, max=15, help="Replicas of each topic."),
        as_json: bool = typer.Option(False, "--json", help="The figures as one JSON array."),
    ) -> None:
        """Reckon partitions, workers, memory, disks and traffic for a load."""
        figures = plan(Load(tps, watched, reports, retention, mean_share, replicas))
        if as_json:
            rows = [dataclasses.asdict(figure) for figure in figures]
            typer.echo(orjson.dumps(rows, option=orjson.OPT_INDENT_2))
            return
        for figure in figures:
            number = f"{figure.value:,.0f}" if figure.value >= 10 else f"{figure.value:.2g}"
            typer.echo(f"{f'{number} {figure.unit}'.strip():>14}  {figure.name}")
            typer.echo(f"{'':16}= {figure.how}")
