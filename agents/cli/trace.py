"""``freezeline trace``: the way of stolen money, from the victim's payment to where it rests."""

from __future__ import annotations

from pathlib import Path

import msgspec
import orjson
import typer
from rich.text import Text
from rich.tree import Tree

from agents.cli.account import account_key
from agents.cli.alerts import read_alert
from agents.console import (
    account_with_bank,
    broker_errors,
    command_settings,
    console,
    thai_time,
    visible,
)
from agents.failures import CommandError
from agents.kafka.reading import TopicReader
from pipeline.accounts.credits import names_of
from pipeline.accounts.ends import LEFT_IN_CASH
from pipeline.accounts.file import AccountFile
from pipeline.accounts.money_trail import MoneyTrail, Place, origins_at, trail_of
from pipeline.accounts.moving import owner_of_part
from pipeline.accounts.parts import newest_files
from pipeline.accounts.reasons import baht
from pipeline.contracts.account_log import CASH, Leg
from pipeline.contracts.alerts import AlertKind, FreezeAlert
from pipeline.policy.policy import PolicyError, load_policy
from pipeline.topics import ACCOUNT_FILES, FREEZE_ALERTS

MAX_TRAILS = 20
"""Stolen payments that are shown at once; of the rest only the number is said."""

MIN_ID_CHARS = 8


def register(app: typer.Typer) -> None:
    """Add ``trace`` to ``app``."""
    app.command("trace", short_help="Show where stolen money went, and what rests where.")(trace)


def trace(
    what: str = typer.Argument(
        metavar="CASE|ACCOUNT|TRANSACTION",
        help="A cluster's or an alert's id (its first 8 characters are enough), an account as in "
        "`account show`, or a payment by any of its names.",
    ),
    as_json: bool = typer.Option(False, "--json", help="Print JSON, one trail a line."),
    svg: Path | None = typer.Option(None, "--svg", help="Write the first trail as a picture."),
    page: Path | None = typer.Option(None, "--html", help="Write a page with all trails."),
    policy: str | None = typer.Option(None, help="The policy to show it by, else the newest."),
    bootstrap: str | None = typer.Option(
        None, "--bootstrap", metavar="HOST:PORT", help="Kafka's address, else FREEZELINE_BOOTSTRAP."
    ),
) -> None:
    """Show where stolen money went: payments, shares, what rests where, what banks are asked."""
    try:
        rules = load_policy(policy) if policy is not None else load_policy()
    except PolicyError as error:
        raise CommandError(f"{str(error)[0].upper()}{str(error)[1:]}.") from None
    with broker_errors(), TopicReader(command_settings(bootstrap)) as reader:
        alerts: dict[str, FreezeAlert] = {}
        for record in reader.forward(FREEZE_ALERTS):
            alert = read_alert(record)
            if alert is not None and alert.version >= _version(alerts, alert.alert_id):
                alerts[alert.alert_id] = alert
        # What an owner left behind when its accounts moved away is older than it says.
        count = len(reader.partitions(ACCOUNT_FILES))
        files = newest_files(
            (r.key, r.value)
            for r in reader.forward(ACCOUNT_FILES)
            if r.key is not None and owner_of_part(r.key, count) == r.partition
        )
    origins = origins_meant(what, files, list(alerts.values()))
    found = (trail_of(each, files, alerts.values(), rules) for each in origins[:MAX_TRAILS])
    trails = [trail for trail in found if trail is not None]
    if not trails:
        raise CommandError(f"No stolen money is traced for {visible(what)}.", 1)
    if svg is not None or page is not None:
        _draw(trails, svg, page)
    if as_json:
        for trail in trails:
            typer.echo(orjson.dumps(json_of(trail)))
        return
    terminal = console()
    for trail in trails:
        terminal.print(tree_of(trail))
    if len(origins) > MAX_TRAILS:
        terminal.print(f"… and {len(origins) - MAX_TRAILS} more stolen payments.")


def _draw(trails: list[MoneyTrail], svg: Path | None, page: Path | None) -> None:
    # Only who wants a picture waits for what draws it.
    from agents.cli.trail_picture import html_of, svg_of

    try:
        if svg is not None:
            svg.write_text(svg_of(trails[0]), encoding="utf-8")
        if page is not None:
            page.write_text(html_of(trails), encoding="utf-8")
    except OSError as error:
        raise CommandError(f"{error.filename} cannot be written: {error.strerror}.") from None


def _version(alerts: dict[str, FreezeAlert], alert_id: str) -> int:
    known = alerts.get(alert_id)
    return known.version if known is not None else 0


def origins_meant(what: str, files: dict[str, AccountFile], alerts: list[FreezeAlert]) -> list[str]:
    """Return the stolen payments that a case, account or payment is about, in order."""
    text = what.strip()
    holds = [alert for alert in alerts if alert.origin and alert.kind is not AlertKind.WATCH]
    if len(text) >= MIN_ID_CHARS:
        ids = {
            alert.origin
            for alert in holds
            if alert.cluster_id.startswith(text) or alert.alert_id.startswith(text)
        }
        if ids:
            return sorted(ids)
    try:
        key = account_key(text)
    except CommandError:
        key = ""
    if key in files:
        return sorted(origins_at(files[key]))
    return sorted(
        {
            posting.transaction
            for file in files.values()
            for posting in file.postings.values()
            if text in names_of(posting)
        }
    )


def json_of(trail: MoneyTrail) -> dict[str, object]:
    """Return a trail for programs: amounts in satang, times in milliseconds since 1970."""
    return {
        "origin": trail.origin,
        "stolen_satang": trail.stolen,
        "left_in_cash_satang": trail.in_cash,
        "method": trail.method,
        "payments": [
            dict(zip(Leg.__struct_fields__, msgspec.to_builtins(leg), strict=True))
            for leg in trail.legs
        ],
        "accounts": [msgspec.to_builtins(place) for place in trail.places],
    }


def tree_of(trail: MoneyTrail) -> Tree:
    """Return a trail as a tree: under each account the payments with which the money went on."""
    first = trail.legs[0]
    by_cash = first.payer == CASH
    how = "paid in as cash" if by_cash else f"stolen from {account_with_bank(first.payer)}"
    title = Text(f"{baht(trail.stolen)} baht {how}")
    title.append(f"  {visible(trail.origin)}  ({trail.method})", style="dim")
    tree = Tree(title)
    places = {place.account: place for place in trail.places}
    asked = sum(place.asked for place in trail.places)
    shown: set[tuple[int, str]] = set()
    for leg in trail.legs:
        if leg.hop == 1:
            _add(tree, leg, trail, places, shown)
    resting = sum(place.resting for place in trail.places)
    gone = f"left in cash: {baht(trail.in_cash)} baht; " if trail.in_cash else ""
    tree.add(f"rests: {baht(resting)} baht; {gone}asked to hold: {baht(asked)} baht")
    return tree


def _add(
    tree: Tree,
    leg: Leg,
    trail: MoneyTrail,
    places: dict[str, Place],
    shown: set[tuple[int, str]],
) -> None:
    in_cash = leg.payee == CASH
    line = Text(f"{thai_time(leg.at)}  {baht(leg.share)} of {baht(leg.amount)} baht ")
    line.append("left in " if in_cash else "to ")
    line.append(account_with_bank(leg.payee), style="bold")
    line.append(f"  {visible(leg.transaction)}", style="dim")
    branch = tree.add(line)
    if in_cash:
        return
    if (leg.hop, leg.payee) in shown:
        branch.add(Text("as above", style="dim"))
        return
    shown.add((leg.hop, leg.payee))
    place = places[leg.payee]
    if place.hop == leg.hop:
        _add_place(branch, place)
    for onward in trail.legs:
        if onward.hop == leg.hop + 1 and onward.payer == leg.payee:
            _add(branch, onward, trail, places, shown)


def _add_place(branch: Tree, place: Place) -> None:
    if place.asked:
        branch.add(Text(f"hold {baht(place.asked)} baht", style="bold red"))
    elif place.watched is not None:
        branch.add(Text(place.watched, style="yellow"))
    if place.resting and place.resting != place.asked:
        branch.add(f"rests here: {baht(place.resting)} baht")
    for payment, limit in place.ends:
        if limit == LEFT_IN_CASH:
            continue  # it has a line of its own, with how much it was
        branch.add(Text(f"the trace ends with {visible(payment)}: {limit.replace('_', ' ')}"))
