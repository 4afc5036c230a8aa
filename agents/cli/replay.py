"""``freezeline replay``: the same folds over files, with no broker."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import orjson
import typer

from agents.failures import CommandError
from pipeline.accounts.file import encode_file
from pipeline.accounts.parts import newest_files
from pipeline.contracts.codec import parse_rfc3339
from pipeline.policy.policy import DEFAULT_POLICY, PolicyError, load_policy
from pipeline.replay import Event, Replay
from pipeline.topics import (
    ACCOUNT_FILES,
    ANALYST_DECISIONS,
    FILED_REPORTS,
    FREEZE_ALERTS,
    HOLD_UPDATES,
    PLATFORM_REFERRALS,
    REPORTS,
    TRANSACTIONS,
    WATCHLIST,
    load_topics,
)


class _TimelineLine(msgspec.Struct):
    """One line of a timeline: which line (from 1) of which file came when (ms since 1970)."""

    at: int
    file: str
    line: int


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command("replay", short_help="Decide the same from files, without Kafka.")
    def replay(
        reports: Path = typer.Option(..., help="Report events, JSON lines."),
        transactions: Path = typer.Option(..., help="Transaction events, JSON lines."),
        hold_updates: Path | None = typer.Option(None, help="Hold updates, JSON lines."),
        analyst_decisions: Path | None = typer.Option(None, help="Decisions, JSON lines."),
        out: Path = typer.Option(..., help="The folder for the results."),
        timeline: Path | None = typer.Option(None, help='Order: {"at": ms, "file": …, "line": n}.'),
        until: str | None = typer.Option(None, help="Let the clock run on to this moment."),
        policy: str = typer.Option(DEFAULT_POLICY, help="The policy version to decide by."),
    ) -> None:
        """Run the same folds over files: what would have been said, and why.

        Without a timeline every event counts as published at its own time.
        """
        try:
            # Before the work, which may take an hour.
            out.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise _unwritable(out, error) from None
        try:
            run = Replay(load_policy(policy))
        except PolicyError as error:
            raise CommandError(f"{str(error)[0].upper()}{str(error)[1:]}.") from None
        files = {"reports": _lines(reports), "transactions": _lines(transactions)}
        files["hold-updates"] = _lines(hold_updates) if hold_updates is not None else []
        files["analyst-decisions"] = _lines(analyst_decisions) if analyst_decisions else []
        run.run(events_in_order(files, timeline))
        if until is not None:
            run.tick(_moment(until))
        try:
            for name, values in results(run).items():
                (out / name).write_bytes(b"".join(value + b"\n" for value in values))
                typer.echo(f"{out / name}: {len(values)}")
        except OSError as error:
            raise _unwritable(out, error) from None


def results(run: Replay) -> dict[str, list[bytes]]:
    """Return the lines of each result file by its name.

    Clusters, watchlist, account files and referrals in their newest version, clusters with all of
    their reports; alerts and filed reports in all versions, in order.
    """
    letters = [
        orjson.dumps(
            {
                "topic": topic,
                "headers": {
                    name: content.decode("utf-8", "replace") for name, content in o.headers
                },
                "value": (o.value or b"").decode("utf-8", "backslashreplace"),
            },
            option=orjson.OPT_SORT_KEYS,
        )
        for topic, outputs in sorted(run.outputs.items())
        if topic in load_topics().dead_letter_topics
        for o in outputs
    ]
    files = newest_files((o.key, o.value) for o in run.outputs.get(ACCOUNT_FILES, []))
    return {
        "clusters.jsonl": run.clusters(),
        "filed-reports.jsonl": run.values(FILED_REPORTS),
        "watchlist.jsonl": run.newest(WATCHLIST),
        "account-files.jsonl": [encode_file(files[account]) for account in sorted(files)],
        "platform-referrals.jsonl": run.newest(PLATFORM_REFERRALS),
        "freeze-alerts.jsonl": run.values(FREEZE_ALERTS),
        "dead-letters.jsonl": letters,
    }


def _lines(path: Path) -> list[bytes]:
    try:
        return [line for line in path.read_bytes().split(b"\n") if line.strip()]
    except OSError as error:
        raise CommandError(f"{path} cannot be read: {error.strerror}.") from None


def events_in_order(files: dict[str, list[bytes]], timeline: Path | None) -> Iterator[Event]:
    """Yield the events of all files in the order of the timeline, or of their own times."""
    topics = {
        "reports": REPORTS,
        "transactions": TRANSACTIONS,
        "hold-updates": HOLD_UPDATES,
        "analyst-decisions": ANALYST_DECISIONS,
    }
    if timeline is None:
        timed = [
            Event(_own_time(value), topics[name], value)
            for name, values in files.items()
            for value in values
        ]
        yield from sorted(timed, key=lambda event: event.at)
        return
    for number, raw in enumerate(_lines(timeline), 1):
        try:
            line = msgspec.json.decode(raw, type=_TimelineLine)
            if line.line < 1:
                raise IndexError
            value = files[line.file][line.line - 1]
        except (msgspec.MsgspecError, KeyError, IndexError):
            message = f"{timeline} line {number} names no event of the files."
            raise CommandError(message) from None
        yield Event(line.at, topics[line.file], value)


def _own_time(value: bytes) -> int:
    """Return when the event says it happened; 0 for what is not an event (a dead letter soon)."""
    try:
        content = orjson.loads(value)
        for field in ("received_at", "occurred_at", "decided_at"):
            if field in content:
                return parse_rfc3339(content[field])
        return 0
    except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError, ValueError):
        return 0


def _unwritable(out: Path, error: OSError) -> CommandError:
    return CommandError(f"{out} cannot be written: {error.strerror}.")


def _moment(text: str) -> int:
    try:
        return parse_rfc3339(text)
    except ValueError:
        raise CommandError(
            f"--until {text!r} is not a moment like 2026-11-24T09:00:00+07:00."
        ) from None
