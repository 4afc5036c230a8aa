"""``freezeline erasures``: a person asks to be forgotten; asking for it, and finishing it."""

from __future__ import annotations

import datetime
import uuid

import msgspec
import orjson
import typer

from agents.console import broker_errors, command_settings
from agents.failures import CommandError
from agents.kafka.reading import TopicReader
from agents.kafka.sending import PREPARE, PublishError, connected_producer, publish
from agents.settings import Settings
from agents.upkeep.rewriting import NotSettled, rewrite
from pipeline.contracts.alerts import AlertKind, FreezeAlert
from pipeline.erasure import HASH_PREFIX, MAX_HASHES, erasure_hash
from pipeline.identity.canonical import is_canonical
from pipeline.policy.policy import load_policy
from pipeline.topics import ANALYST_DECISIONS, FREEZE_ALERTS

_BOOTSTRAP = typer.Option(
    None, "--bootstrap", metavar="HOST:PORT", help="Kafka's address, else FREEZELINE_BOOTSTRAP."
)

group = typer.Typer(help="Forget what is known of a person's identifiers.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add ``erasures`` to ``app``."""
    app.add_typer(group, name="erasures")


@group.command("request", short_help="Ask that a person's identifiers be forgotten.")
def request(
    identifiers: list[str] = typer.Argument(
        ..., help="Keys, as account:004:0123456789, phone:+66812345678 or name:somchai jaidee."
    ),
    reason: str = typer.Option(..., help="On what ground, for those who ask later; no names."),
    operator: str = typer.Option(..., help="Who decided: a staff reference, never a name."),
    source: str = typer.Option("aoc-1441", help="Where it was decided."),
    although_held: bool = typer.Option(
        False, "--although-held", help="Also when an alert about one of them stands: it will end."
    ),
    bootstrap: str | None = _BOOTSTRAP,
) -> None:
    """Ask that all received until now be forgotten where it names one of these identifiers.

    Only keyed hashes of them are sent. Workers act on it within seconds; the topics that are kept
    for good hold the old records until `freezeline erasures finish`.
    """
    names = sorted({*identifiers, *(also for name in identifiers for also in _implied(name))})
    for name in names:
        if not name.startswith("name:") and not is_canonical(name):
            raise CommandError("One of these is no identifier's key; nothing was asked for.")
    if len(names) > MAX_HASHES:
        raise CommandError(f"At most {MAX_HASHES} identifiers at once; nothing was asked for.")
    settings = command_settings(bootstrap, needs_hash_key=True)
    with broker_errors():
        if not although_held and _stand(settings, names):
            raise CommandError(
                "An alert about one of them stands; an erasure ends it. Wait for its end, or say "
                "--although-held. Nothing was asked for."
            )
        _publish(settings, names, reason, operator, source)
    typer.echo(
        f"Asked for: {len(names)} identifiers are forgotten within seconds. Run `freezeline "
        "erasures finish` to take them out of the topics that are kept for good."
    )


@group.command("finish", short_help="Rewrite the topics that are kept for good, without them.")
def finish(bootstrap: str | None = _BOOTSTRAP) -> None:
    """Rewrite the topics that are kept for good, without what was erased; the workers must run."""
    settings = command_settings(bootstrap, needs_hash_key=True)
    try:
        with broker_errors():
            done = rewrite(settings, load_policy())
    except NotSettled as why:
        raise CommandError(f"Nothing was cut off, begin again later: {why}.") from None
    except PublishError as error:
        raise CommandError(str(error)) from error
    for topic, copied, changed, left_out in done:
        typer.echo(f"{topic}: {copied:,} kept, {changed:,} changed, {left_out:,} left out")
    if not done:
        typer.echo("No topic that is kept for good names anything erased.")


def _implied(name: str) -> list[str]:
    """Return the other keys of the same thing: a phone as a PromptPay proxy, and back."""
    if name.startswith(("promptpay:phone:", "promptpay:nid:")):
        return [name.removeprefix("promptpay:")]
    return [f"promptpay:{name}"] if name.startswith(("phone:", "nid:")) else []


def _stand(settings: Settings, names: list[str]) -> bool:
    newest: dict[str, FreezeAlert] = {}
    with TopicReader(settings) as reader:
        for record in reader.forward(FREEZE_ALERTS):
            if (record.key or b"").decode("utf-8", "replace") not in names:
                continue
            alert = msgspec.json.decode(record.value or b"{}", type=FreezeAlert)
            known = newest.get(alert.alert_id)
            if known is None or known.version < alert.version:
                newest[alert.alert_id] = alert
    return any(alert.kind is not AlertKind.RELEASE for alert in newest.values())


def _publish(settings: Settings, names: list[str], reason: str, operator: str, source: str) -> None:
    # Senders know the newest key; hashes of the others are understood too.
    key = settings.national_id_keys()[-1]
    event = {
        "source": source,
        "decision_id": f"erasure-{uuid.uuid4()}",
        "kind": "made",
        "decided_at": datetime.datetime.now(datetime.UTC).isoformat(),
        "analyst": operator,
        "reason": reason,
        "verdict": "erase",
        "identifiers": [HASH_PREFIX + erasure_hash(name, key) for name in names],
    }
    value = PREPARE[ANALYST_DECISIONS](orjson.loads(orjson.dumps(event)), key)
    try:
        with connected_producer(settings) as producer:
            publish(producer, ANALYST_DECISIONS, [value], lambda _: None)
    except PublishError as error:
        raise CommandError(str(error)) from error
