"""``freezeline topics``: show what is declared, apply it to Kafka, check Kafka, export it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path

import orjson
import typer

from agents.failures import CommandError
from agents.kafka.access import ONE_A_ROLE, Principals, PrincipalsError, load_principals
from agents.kafka.access_export import acl_commands, as_yaml, strimzi_resources
from agents.kafka.access_rules import NoAuthorizerError, apply_access, check_access
from agents.kafka.client_settings import BrokerUnreachableError
from agents.kafka.topic_admin import apply_topics, check_topics
from agents.settings import Settings, load_settings
from agents.upkeep.growth import GrowthRefused, Prospect, grow, prospect, wait_for_standstill
from agents.upkeep.record_copy import CopyError
from pipeline.contracts.asyncapi import build_asyncapi
from pipeline.topics import Topic, load_topics

_HOUR_MS = 3_600_000
_DAY_MS = 24 * _HOUR_MS

_BOOTSTRAP = typer.Option(
    None, "--bootstrap", metavar="HOST:PORT", help="Kafka's address, else FREEZELINE_BOOTSTRAP."
)

_PRINCIPALS = typer.Option(
    None, "--principals", metavar="FILE", help="Which users have which role; else one a role."
)

group = typer.Typer(help="Show, apply and check the topics of topics.yaml.", no_args_is_help=True)


class Format(StrEnum):
    """What ``export`` writes."""

    STRIMZI = "strimzi"
    ACLS = "acls"
    ASYNCAPI = "asyncapi"


def register(app: typer.Typer) -> None:
    """Add ``topics`` to ``app``."""
    app.add_typer(group, name="topics")


@group.command()
def show() -> None:
    """Show what each topic is for, who writes, who reads."""
    for topic in load_topics().values():
        writers, readers = ", ".join(topic.producers), ", ".join(topic.consumers)
        partitions = f"{topic.partitions} partition{'s' * (topic.partitions != 1)}"
        typer.secho(topic.name, bold=True)
        typer.echo(f"  {topic.purpose}")
        typer.echo(f"  {writers} -> {readers}; {partitions}, kept {_kept(topic)}")


@group.command()
def apply(
    bootstrap: str | None = _BOOTSTRAP,
    acls: bool = typer.Option(False, "--acls", help="Add missing access rules as well."),
    principals: Path | None = _PRINCIPALS,
) -> None:
    """Create, widen and set topics; never shrink or delete one.

    Compacted topics and the account-log keep the partitions that they have.
    """
    settings, users = _settings(bootstrap), _principals(principals)
    with _one_sentence():
        done = apply_topics(settings, load_topics())
        if acls:
            done += apply_access(settings, load_topics(), users)
        left = check_topics(settings, load_topics())
    for sentence in done or ["Nothing to do: every topic is as declared."] * (not left):
        typer.echo(sentence)
    for difference in left:
        typer.echo(f"left as it is: {difference.sentence}", err=True)


@group.command()
def check(
    bootstrap: str | None = _BOOTSTRAP,
    acls: bool = typer.Option(False, "--acls", help="The access rules as well."),
    principals: Path | None = _PRINCIPALS,
) -> None:
    """Name every difference in Kafka; exit code 1 if any."""
    settings, users = _settings(bootstrap), _principals(principals)
    with _one_sentence():
        differences = check_topics(settings, load_topics())
        if acls:
            differences += check_access(settings, load_topics(), users)
    for difference in differences:
        typer.echo(difference.sentence)
    if differences:
        raise typer.Exit(1)
    typer.echo(f"Every topic {'and every access rule ' if acls else ''}is as declared.")


@group.command("grow", short_help="Give the account-log more partitions.")
def grow_account_log(
    to: int = typer.Option(..., "--to", help="How many partitions: a multiple of today's."),
    dry_run: bool = typer.Option(False, "--dry-run", help="Look, and change nothing."),
    wait: float = typer.Option(0.0, min=0.0, help="Seconds to wait until all stands still."),
    bootstrap: str | None = _BOOTSTRAP,
) -> None:
    """Give the account-log more partitions, with the accounts' history; all workers stop for it.

    Exit code 1 when it is not safe. What was cut short is gone on with by the same command.
    """
    settings = _settings(bootstrap)
    with _one_sentence():
        if dry_run:
            _show(prospect(settings, to))
            return
        # A number that can never be is refused before anybody stops a worker for it.
        prospect(settings, to)
        wait_for_standstill(settings, wait, typer.echo)
        grow(settings, to, typer.echo)


def _show(found: Prospect) -> None:
    records, files = sum(found.records.values()), sum(found.files.values())
    share = 1 - found.before / found.after
    typer.echo(
        f"From {found.before} to {found.after} partitions: {records:,} records of the account-log "
        f"and {files:,} of account-files are looked through, about {share:.0%} of the accounts "
        "get another owner."
    )
    if found.copied:
        typer.echo(f"An earlier attempt has filled {len(found.copied)} of the new partitions.")
    for sentence in found.hindrances:
        typer.echo(f"Before: {sentence}", err=True)
    if found.hindrances:
        raise typer.Exit(1)


@group.command(short_help="Print Strimzi resources, access rules, or AsyncAPI.")
def export(
    form: Format = typer.Option(..., "--format", help="What to write, on standard output."),
    principals: Path | None = _PRINCIPALS,
    cluster: str = typer.Option("freezeline", help="strimzi: the name of the Kafka resource."),
    replicas: int = typer.Option(3, min=1, max=15, help="strimzi: replicas of each topic."),
    tls: bool = typer.Option(False, "--tls", help="strimzi: certificates instead of passwords."),
) -> None:
    """Print topics and users for Strimzi, access rules as commands, or the AsyncAPI document."""
    topics, users = load_topics(), _principals(principals)
    if form is Format.ASYNCAPI:
        typer.echo(orjson.dumps(build_asyncapi(topics), option=orjson.OPT_INDENT_2))
    elif form is Format.ACLS:
        typer.echo(acl_commands(topics, users), nl=False)
    else:
        resources = strimzi_resources(
            topics,
            users,
            cluster=cluster,
            replicas=replicas,
            authentication="tls" if tls else "scram-sha-512",
        )
        typer.echo(as_yaml(resources), nl=False)


@contextmanager
def _one_sentence() -> Iterator[None]:
    try:
        yield
    except GrowthRefused as refused:
        raise CommandError(str(refused), 1) from refused
    except CopyError as error:
        raise CommandError(f"{error}: do this again, it goes on where it was.") from error
    except (BrokerUnreachableError, NoAuthorizerError) as error:
        raise CommandError(str(error)) from error


def _principals(path: Path | None) -> Principals:
    try:
        return ONE_A_ROLE if path is None else load_principals(path)
    except PrincipalsError as error:
        raise CommandError(f"{error}.") from error


def _settings(bootstrap: str | None) -> Settings:
    overrides = {} if bootstrap is None else {"bootstrap": bootstrap}
    return load_settings(needs_hash_key=False, **overrides)


def _kept(topic: Topic) -> str:
    if topic.compact:
        return "as the newest record of each key"
    assert topic.retention_ms is not None
    if topic.retention_ms < 0:
        return "for ever"
    if topic.retention_ms % _DAY_MS == 0:
        return f"{topic.retention_ms // _DAY_MS} days"
    return f"{topic.retention_ms // _HOUR_MS} hours"
