"""``freezeline doctor``: looks at everything and says what is wrong and what to do."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import orjson
import typer

from agents.console import command_settings
from agents.doctor import examine
from agents.failures import CommandError
from agents.findings import Finding, State
from agents.kafka.access import ONE_A_ROLE, Principals, PrincipalsError, load_principals
from pipeline.topics import load_topics

_MARKS = {State.OK: "ok    ", State.NOTE: "look  ", State.WRONG: "WRONG "}
_COLOURS = {State.OK: None, State.NOTE: "yellow", State.WRONG: "red"}


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command("doctor", short_help="Say what is wrong with Kafka, workers, clocks and disks.")
    def doctor(
        worker: list[str] = typer.Option(
            [], "--worker", metavar="HOST:PORT", help="A worker's address for health; repeatable."
        ),
        acls: bool = typer.Option(False, "--acls", help="The access rules as well."),
        principals: Path | None = typer.Option(
            None, "--principals", metavar="FILE", help="Which users have which role; with --acls."
        ),
        as_json: bool = typer.Option(False, "--json", help="Every finding as one JSON array."),
        bootstrap: str | None = typer.Option(
            None,
            "--bootstrap",
            metavar="HOST:PORT",
            help="Kafka's address, else FREEZELINE_BOOTSTRAP.",
        ),
    ) -> None:
        """Look at Kafka, topics, workers, clocks, disks; exit code 1 if something is wrong."""
        found: list[Finding] = []
        asked = examine(
            command_settings(bootstrap),
            load_topics(),
            workers=worker,
            principals=_principals(principals) if acls or principals is not None else None,
        )
        for finding in asked:
            found.append(finding)
            if not as_json:
                _say(finding)
        if as_json:
            findings = [dataclasses.asdict(finding) for finding in found]
            typer.echo(orjson.dumps(findings, option=orjson.OPT_INDENT_2))
        wrong = sum(finding.state is State.WRONG for finding in found)
        if not as_json:
            said = f"{wrong} of {len(found)} findings are" if wrong else "Nothing is"
            typer.echo(f"\n{said} wrong.")
        if wrong:
            raise typer.Exit(1)


def _say(finding: Finding) -> None:
    colour = _COLOURS[finding.state]
    typer.secho(_MARKS[finding.state], fg=colour, nl=False)
    typer.echo(f"{finding.about}: {finding.sentence}")
    if finding.advice:
        typer.echo(f"      -> {finding.advice}")


def _principals(path: Path | None) -> Principals:
    try:
        return ONE_A_ROLE if path is None else load_principals(path)
    except PrincipalsError as error:
        raise CommandError(f"{error}.") from error
