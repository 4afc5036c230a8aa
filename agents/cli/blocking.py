"""``freezeline blocking``: how many candidate pairs each blocking rule makes on given reports."""

from __future__ import annotations

import time
from pathlib import Path

import orjson
import typer
from rich.table import Table

from agents.console import console
from agents.failures import CommandError
from pipeline.clustering.blocking import RuleCount, count_pairs
from pipeline.clustering.normalised import StoredReport, normalise_report
from pipeline.contracts.invalid import InvalidEvent
from pipeline.contracts.reports import decode_report
from pipeline.policy.policy import load_policy


def register(app: typer.Typer) -> None:
    """Add ``blocking`` to ``app``."""
    app.command("blocking", short_help="Count the candidate pairs of each blocking rule.")(blocking)


def blocking(
    reports: Path = typer.Option(..., help="Report events, JSON lines."),
    as_json: bool = typer.Option(False, "--json", help="Print one line of JSON."),
) -> None:
    """Count the candidate pairs that each blocking rule makes, before anyone pays for them."""
    live, refused = read_live(reports)
    counted = count_pairs(live)
    if as_json:
        rules = [count._asdict() for count in counted]
        told = {"reports": len(live), "refused": refused, "rules": rules}
        typer.echo(orjson.dumps(told).decode())
        return
    console().print(table_of(counted))
    all_pairs = len(live) * (len(live) - 1) // 2
    refusal = f"; {refused:,} lines are no valid reports" if refused else ""
    typer.echo(f"{len(live):,} reports, {all_pairs:,} pairs if all were compared{refusal}.")


def read_live(path: Path) -> tuple[list[StoredReport], int]:
    """Return the newest word of each report in a file that is not withdrawn, and refused lines.

    Raises CommandError when the file cannot be read.
    """
    try:
        lines = [line for line in path.read_bytes().split(b"\n") if line.strip()]
    except OSError as error:
        raise CommandError(f"{path} cannot be read: {error.strerror}.") from None
    policy, now = load_policy(), time.time_ns() // 1_000_000
    newest: dict[str, StoredReport] = {}
    refused = 0
    for line in lines:
        try:
            report = normalise_report(decode_report(line), now, policy)
        except InvalidEvent:
            refused += 1
            continue
        known = newest.get(report.key)
        if known is None or known.rank < report.rank:
            newest[report.key] = report
    return [report for report in newest.values() if not report.withdrawn], refused


def table_of(counted: list[RuleCount]) -> Table:
    """Return the counts as a table."""
    table = Table("rule", "compared", title="Candidate pairs by blocking rule")
    for name in ("blocks", "largest", "pairs", "passed over"):
        table.add_column(name, justify="right")
    for one in counted:
        figures = (one.blocks, one.largest, one.pairs, one.passed_over)
        table.add_row(one.rule, one.what, *(f"{figure:,}" for figure in figures))
    return table
