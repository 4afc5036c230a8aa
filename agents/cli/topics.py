"""``freezeline topics``: show what is declared, apply it to Kafka, check Kafka against it."""

from __future__ import annotations

import orjson
import typer

from agents.cli import CommandError
from agents.kafka_settings import BrokerUnreachableError
from agents.settings import Settings, load_settings
from agents.topic_admin import apply_topics, check_topics
from pipeline.contracts.asyncapi import build_asyncapi
from pipeline.topics import Topic, load_topics

_HOUR_MS = 3_600_000
_DAY_MS = 24 * _HOUR_MS

_BOOTSTRAP = typer.Option(
    None, "--bootstrap", metavar="HOST:PORT", help="Kafka's address, else FREEZELINE_BOOTSTRAP."
)

group = typer.Typer(help="Show, apply and check the topics of topics.yaml.", no_args_is_help=True)


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
def apply(bootstrap: str | None = _BOOTSTRAP) -> None:
    """Create, widen and set topics; never shrink or delete one."""
    settings = _settings(bootstrap)
    try:
        done = apply_topics(settings, load_topics())
        left = check_topics(settings, load_topics())
    except BrokerUnreachableError as error:
        raise CommandError(str(error)) from error
    for sentence in done or ["Nothing to do: every topic is as declared."] * (not left):
        typer.echo(sentence)
    for difference in left:
        typer.echo(f"left as it is: {difference.sentence}", err=True)


@group.command()
def check(bootstrap: str | None = _BOOTSTRAP) -> None:
    """Name every difference in Kafka; exit code 1 if any."""
    try:
        differences = check_topics(_settings(bootstrap), load_topics())
    except BrokerUnreachableError as error:
        raise CommandError(str(error)) from error
    for difference in differences:
        typer.echo(difference.sentence)
    if differences:
        raise typer.Exit(1)
    typer.echo("Every topic is as declared.")


@group.command()
def asyncapi() -> None:
    """Print the AsyncAPI 3.1 document of all topics and events, as JSON."""
    typer.echo(orjson.dumps(build_asyncapi(load_topics()), option=orjson.OPT_INDENT_2))


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
