"""``freezeline explain``: why an alert stands or ended, as a tree that a person can read."""

from __future__ import annotations

import re
from dataclasses import dataclass

import msgspec
import typer
from rich.text import Text
from rich.tree import Tree

from agents.cli.account import account_file, account_key
from agents.cli.alerts import Language, Told, read_alert
from agents.cli.explain_identifier import (
    add_edge,
    read_known,
    tree_of_identifier,
    tree_of_pair,
)
from agents.cli.explain_rules import add_rules, rule_sentence, rule_that_acted, what_would_change
from agents.console import (
    account_with_bank,
    broker_errors,
    command_settings,
    console,
    kind_text,
    level_text,
    reason_in,
    thai_moment,
    thai_time,
    told_of,
    visible,
)
from agents.failures import CommandError
from agents.kafka.reading import TopicReader
from pipeline.accounts.file import AccountFile
from pipeline.accounts.matching import BY_AMOUNT, BY_PAYER, BY_REFERENCE, UNMATCHED
from pipeline.accounts.reasons import baht
from pipeline.contracts.alerts import AlertKind, Evidence, FreezeAlert
from pipeline.contracts.clusters import Cluster, Edge
from pipeline.policy.policy import Policy, PolicyError, load_policy
from pipeline.topics import CLUSTERS, FREEZE_ALERTS

MIN_PREFIX_CHARS = 4
MAX_LISTED = 30
"""How many edges, reports or claims are listed; of the rest only the number is said."""

_UUID_CHARS = 36
_ID_PREFIX = re.compile(r"[0-9a-f-]{4,36}")
_KEY = re.compile(r"(?:account|phone|promptpay|handle|url|wallet|nid):\S.*|[^\s/]+/\S+")
"""An identifier's key, or a report: source and reference."""
_CLUSTER = msgspec.json.Decoder(Cluster)
_HOW = {
    BY_REFERENCE: "found by the reference that the victim gave",
    BY_PAYER: "found by amount, time and payer",
    BY_AMOUNT: "found by amount and time only",
    UNMATCHED: "not seen yet: the amount is what the victim says",
    "payment_to_suspect": "nobody disputes it yet: it came into an account that may be acted on",
}


@dataclass(slots=True)
class Case:
    """What is known of one alert: its versions (oldest first), its account and its cluster."""

    versions: list[Told]
    file: AccountFile | None = None
    cluster: Cluster | None = None
    policy: Policy | None = None

    @property
    def alert(self) -> FreezeAlert:
        """The newest version."""
        return self.versions[-1][1]

    @property
    def asked(self) -> FreezeAlert:
        """The newest version that asked for something: of a released alert, the one before."""
        asking = [one for _record, one in self.versions if one.kind is not AlertKind.RELEASE]
        return asking[-1] if asking else self.alert


def register(app: typer.Typer) -> None:
    """Add ``explain`` to ``app``."""
    app.command("explain", short_help="Explain an alert, an account, or what ties two.")(explain)


def explain(
    alert_id: str = typer.Argument(
        metavar="ALERT|ACCOUNT|REPORT",
        help=f"An alert's id, or its first {MIN_PREFIX_CHARS} characters or more; an account, "
        "another identifier's key or a report (source/reference).",
    ),
    other: str | None = typer.Argument(
        None, metavar="OTHER", help="A second account, identifier or report: what ties both."
    ),
    language: Language = typer.Option(Language.EN, "--lang", help="The language of the reason."),
    bootstrap: str | None = typer.Option(
        None, "--bootstrap", metavar="HOST:PORT", help="Kafka's address, else FREEZELINE_BOOTSTRAP."
    ),
) -> None:
    """Explain an alert, an account, or a pair: evidence in bits, rules, what would change it.

    Of an alert: its versions, the reports and the payment behind it, level and cluster.
    """
    if other is not None or not _ID_PREFIX.fullmatch(alert_id.strip().lower()):
        _explain_identifiers([alert_id, other] if other is not None else [alert_id], bootstrap)
        return
    prefix = alert_id.strip().lower()
    with broker_errors(), TopicReader(command_settings(bootstrap)) as reader:
        case = read_case(reader, prefix)
    console().print(tree_of(case, language))


def _explain_identifiers(targets: list[str], bootstrap: str | None) -> None:
    try:
        keys = [target if _KEY.fullmatch(target) else account_key(target) for target in targets]
    except CommandError:
        raise CommandError(
            f"{' and '.join(map(repr, targets))}: no alert's id (`freezeline alerts` shows them), "
            "account, identifier's key or report.",
            1,
        ) from None
    with broker_errors(), TopicReader(command_settings(bootstrap)) as reader:
        known, identifiers = read_known(reader, keys)
        file = account_file(reader, identifiers[0]) if len(identifiers) == 1 else None
    if len(identifiers) > 1:
        console().print(tree_of_pair(known, identifiers[0], identifiers[1]))
    else:
        console().print(tree_of_identifier(known, identifiers[0], file))


def read_case(reader: TopicReader, prefix: str) -> Case:
    """Gather everything about the one alert whose id begins with ``prefix``.

    Raises CommandError when there is none, or more than one.
    """
    told: dict[str, dict[int, Told]] = {}
    for record in reader.newest_first(FREEZE_ALERTS):
        known_id = record.header("ce_id")
        if known_id is not None and not known_id.startswith(prefix.encode()):
            continue
        alert = read_alert(record)
        if alert is None or not alert.alert_id.startswith(prefix):
            continue
        told.setdefault(alert.alert_id, {})[alert.version] = (record, alert)
        if len(prefix) == _UUID_CHARS and alert.version == 1:
            break
    if not told:
        raise CommandError(
            f"No alert's id begins with {prefix}: `freezeline alerts` shows them.", 1
        )
    if len(told) > 1:
        some = ", ".join(sorted(told)[:3])
        raise CommandError(f"{len(told)} alerts' ids begin with {prefix}: {some} … Give more.", 1)
    versions = next(iter(told.values()))
    case = Case([versions[version] for version in sorted(versions)])
    case.file = account_file(reader, case.alert.account)
    case.cluster = _cluster(reader, case.asked.cluster_id)
    try:
        case.policy = load_policy(case.asked.policy_version)
    except PolicyError:
        case.policy = None
    return case


def tree_of(case: Case, language: Language) -> Tree:
    """Return the case as a tree."""
    alert = case.alert
    title = kind_text(alert).append(f"  {account_with_bank(alert.account)}", style="bold")
    if alert.kind is AlertKind.HOLD:
        title.append(f"  {baht(alert.amount_satang)} baht", style="bold")
    tree = Tree(title)
    tree.add(Text(reason_in(alert, language)))
    _add_versions(tree, case)
    _add_claims(tree, case)
    _add_payment(tree, case.asked)
    _add_level(tree, case)
    acted = tree.add(Text("Rule that acted", style="bold"))
    acted.add(Text(rule_that_acted(alert)))
    if case.asked.kind is not AlertKind.VICTIM_STILL_PAYING:
        add_rules(tree, case.file, case.policy)
    _add_cluster(tree, case)
    changes = tree.add(Text("What would change the answer", style="bold"))
    for sentence in what_would_change(alert, case.file, case.policy):
        changes.add(Text(sentence))
    return tree


def _add_versions(tree: Tree, case: Case) -> None:
    alert = case.alert
    branch = tree.add(
        Text("Alert ", style="bold").append(f"{alert.alert_id}, version {alert.version}", "default")
    )
    for record, one in case.versions:
        line = Text(f"v{one.version}  {thai_time(record.timestamp)}  ").append_text(kind_text(one))
        if one.kind is AlertKind.HOLD:
            line.append(f"  {baht(one.amount_satang)} of {baht(one.disputed_satang)} baht")
            line.append(f", until {thai_moment(one.holds_until)}")
        if one.release_reason is not None:
            line.append(f"  {one.release_reason.replace('_', ' ')}")
        if one.superseded_by is not None:
            line.append(f", replaced by {one.superseded_by}")
        line.append(f"  caused by {visible(one.caused_by)}", style="dim")
        branch.add(line)
    branch.add(Text(f"about {visible(alert.origin)}", style="dim"))


def _add_claims(tree: Tree, case: Case) -> None:
    claims = [one for one in case.asked.evidence if one.kind == "claim"]
    if not claims:
        return
    known = {} if case.file is None else {c.report: c for c in case.file.claims.values()}
    branch = tree.add(Text(f"Claims ({len(claims)})", style="bold"))
    for one in claims[:MAX_LISTED]:
        verified = "reporter verified" if one.detail == "verified" else "reporter not verified"
        line = Text(f"report {visible(one.report or '?')}: {_money_and_time(one)}, {verified}")
        if one.identifier is not None:
            line.append(f", {told_of(one.identifier)}", style="yellow")
        claim = known.get(one.report or "")
        if claim is not None and claim.withdrawn:
            line.append(", withdrawn since", style="yellow")
        elif claim is not None and claim.police_filed:
            line.append(", police complaint filed")
        branch.add(line)
    _add_rest(branch, len(claims))


def _add_payment(tree: Tree, alert: FreezeAlert) -> None:
    trail = [one for one in alert.evidence if one.kind in ("stolen_payment", "transfer")]
    if trail:
        branch = tree.add(Text(f"Way of the money, by {alert.method or '?'}", style="bold"))
        for one in trail[:MAX_LISTED]:
            share = f"{baht(one.share_satang or 0)} of {baht(one.amount_satang or 0)} baht stolen"
            to = account_with_bank(one.identifier or "?")
            branch.add(Text(f"{thai_moment(one.at)}  {share}, to {to}  {one.transaction}"))
        _add_rest(branch, len(trail))
        return
    for one in alert.evidence:
        if one.kind != "payment":
            continue
        paying = alert.kind is AlertKind.VICTIM_STILL_PAYING
        branch = tree.add(
            Text("Payment ", style="bold").append(visible(one.transaction or "?"), "default")
        )
        way = "to" if paying else "from"
        branch.add(
            Text(f"{_money_and_time(one)}, {way} {account_with_bank(one.identifier or '?')}")
        )
        how = (
            "it went to an account that may be acted on"
            if paying
            else _HOW.get(one.detail or "", "")
        )
        if how:
            branch.add(Text(how))
        return
    if alert.kind is AlertKind.HOLD:
        tree.add(Text("Payment ", style="bold").append(_HOW[UNMATCHED], "default"))


def _add_level(tree: Tree, case: Case) -> None:
    asked = case.asked
    paying = asked.kind is AlertKind.VICTIM_STILL_PAYING
    title = Text("Level of the account that was paid " if paying else "Level ", style="bold")
    branch = tree.add(title.append_text(level_text(asked.level)))
    for one in asked.evidence:
        if one.kind == "level" and one.detail:
            branch.add(Text(f"then: {one.detail}"))
    level = None if case.file is None else case.file.level
    if level is not None and not paying:
        police = ", police complaint filed" if level.police_filed else ""
        branch.add(
            Text(
                f"now: {level.level.replace('_', ' ')}, "
                f"{'may act' if level.acting else 'does not act'}; {level.reports} reports, "
                f"{level.voices} voices, {level.verified_voices} verified{police}"
            )
        )
    policy = case.policy
    rule = None
    if policy is not None:
        rule = next((one for one in policy.levels if one.level == asked.level), None)
    branch.add(
        Text(f"policy {asked.policy_version}" + (f": {rule_sentence(rule)}" if rule else ""))
    )


def _add_cluster(tree: Tree, case: Case) -> None:
    asked, cluster = case.asked, case.cluster
    if not asked.cluster_id:
        return
    branch = tree.add(Text("Cluster ", style="bold").append(asked.cluster_id, "default"))
    if cluster is None:
        branch.add(Text("it is not in the topic of clusters (any more)"))
        return
    if cluster.merged_into is not None:
        branch.add(Text(f"went into cluster {cluster.merged_into}"))
    if cluster.split_from is not None:
        branch.add(Text(f"was a part of cluster {cluster.split_from}"))
    saw = f" (the alert saw {asked.cluster_version})" if asked.cluster_version else ""
    branch.add(
        Text(
            f"version {cluster.version} now{saw}: "
            f"{cluster.report_count} reports by {cluster.voices} person(s), "
            f"{len(cluster.members)} identifiers"
        )
    )
    reports = branch.add(Text(f"reports ({cluster.report_count})"))
    for report in cluster.reports[:MAX_LISTED]:
        reports.add(Text(visible(report)))
    _add_rest(reports, cluster.report_count)
    needed = case.policy.clustering.one_edit_bits if case.policy is not None else None
    _add_edges(branch, "joined by", cluster.edges, asked.account, needed)
    title = "looks like (joins nothing, acts on nothing)"
    _add_edges(branch, title, cluster.relations, asked.account, needed)
    if cluster.review is not None:
        branch.add(Text(f"for a person to look at: {visible(cluster.review)}", style="yellow"))


def _add_edges(
    branch: Tree, title: str, edges: list[Edge], account: str, needed: float | None
) -> None:
    """List edges with their evidence, those of the account itself first, then the strongest.

    ``needed`` are the bits from which on look-alikes may join, where that is known.
    """
    if not edges:
        return
    listed = branch.add(Text(f"{title} ({len(edges)})"))
    order = sorted(edges, key=lambda one: (account not in (one.a, one.b), -one.bits, one.a, one.b))
    for one in order[:MAX_LISTED]:
        add_edge(listed, one, needed)
    _add_rest(listed, len(order))


def _add_rest(branch: Tree, count: int) -> None:
    if count > MAX_LISTED:
        branch.add(Text(f"and {count - MAX_LISTED:,} more", style="dim"))


def _money_and_time(one: Evidence) -> str:
    amount = "an unknown amount" if one.amount_satang is None else f"{baht(one.amount_satang)} baht"
    return f"{amount} at {thai_moment(one.at)}" if one.at is not None else amount


def _cluster(reader: TopicReader, cluster_id: str) -> Cluster | None:
    if not cluster_id:
        return None
    wanted = cluster_id.encode()
    newest = reader.newest_by_key(CLUSTERS, lambda key: key == wanted)
    try:
        return _CLUSTER.decode(newest[wanted].value or b"") if wanted in newest else None
    except msgspec.MsgspecError:
        return None
