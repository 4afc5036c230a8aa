"""``freezeline simulate``: write a scenario with its truth as files."""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer

from pipeline.simulation.difficulty import DEFAULT, LEVELS
from pipeline.simulation.scenario import Scenario, simulate

DEFAULT_START = "2026-11-02T08:00:00+07:00"
_FILES = {"report": "reports", "transaction": "transactions"}


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command("simulate", short_help="Make scam rings among honest payments, with the truth.")(
        run
    )


def run(
    out: Annotated[Path, typer.Option(help="Folder for the files; made if it is missing.")],
    seed: Annotated[int, typer.Option(help="The same seed gives the same bytes.")] = 1,
    rings: Annotated[int, typer.Option(min=1, help="Scam rings.")] = 6,
    reports: Annotated[int, typer.Option(min=0, help="Distinct reports.")] = 120,
    payments: Annotated[int, typer.Option(min=0, help="Payments, honest and stolen.")] = 20_000,
    difficulty: Annotated[
        str, typer.Option(help=f"How hard it is: {', '.join(LEVELS)}.")
    ] = DEFAULT,
    hops: Annotated[
        int | None, typer.Option(min=2, help="Accounts that stolen money goes through at most.")
    ] = None,
    cash: Annotated[
        float, typer.Option(min=0, max=1, help="How often stolen money leaves in cash.")
    ] = 0,
    start: Annotated[
        str, typer.Option(help="When the day of payments begins, RFC 3339 with an offset.")
    ] = DEFAULT_START,
) -> None:
    """Make scam rings among honest payments, with the truth beside them.

    Writes reports.jsonl, transactions.jsonl, timeline.jsonl (which line of which file comes when;
    the first line is 1) and truth.json.
    """
    if difficulty not in LEVELS:
        raise typer.BadParameter(f"not one of {', '.join(LEVELS)}", param_hint="--difficulty")
    scenario = simulate(
        seed,
        rings=rings,
        reports=reports,
        payments=payments,
        difficulty=difficulty,
        hops=hops,
        cash=cash,
        start=_start(start),
    )
    try:
        write_scenario(scenario, out)
    except OSError as error:
        raise typer.BadParameter(
            f"cannot write the scenario: {error.strerror}", param_hint="--out"
        ) from None
    typer.echo(
        f"{len(scenario.reports)} report events, {len(scenario.transactions)} payment events, "
        f"{rings} rings: {out}"
    )


def write_scenario(scenario: Scenario, out: Path) -> None:
    """Write the four files into a folder, which is made if it is missing."""
    out.mkdir(parents=True, exist_ok=True)
    _write_lines(out / "reports.jsonl", scenario.reports)
    _write_lines(out / "transactions.jsonl", scenario.transactions)
    _write_lines(
        out / "timeline.jsonl",
        (
            {"at": at, "file": _FILES[stream], "line": index + 1}
            for at, stream, index in scenario.timeline
        ),
    )
    options = orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE
    (out / "truth.json").write_bytes(orjson.dumps(scenario.truth, option=options))


def _write_lines(path: Path, rows: Iterable[dict[str, Any]]) -> None:
    with path.open("wb") as file:
        for row in rows:
            file.write(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE))


def _start(text: str) -> datetime.datetime:
    try:
        start = datetime.datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(
            "not a moment such as 2026-11-02T08:00:00+07:00", param_hint="--start"
        ) from None
    if start.tzinfo is None:
        raise typer.BadParameter(
            "needs an offset, such as 2026-11-02T08:00:00+07:00", param_hint="--start"
        )
    return start
