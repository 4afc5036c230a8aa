"""The demo: a scenario of scam rings among honest traffic, played through the real thing."""

from __future__ import annotations

import datetime
import shutil
import statistics
import threading
import time
from collections import Counter, deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import msgspec
import orjson
from rich.console import Console
from rich.table import Table
from rich.text import Text

from agents.console import bank_name, kind_text
from agents.console import console as make_console
from agents.kafka.lag import LagReader
from agents.kafka.reading import StoredRecord, TopicReader
from agents.kafka.sending import PREPARE, connected_producer, outgoing
from agents.local.cluster import LocalCluster
from agents.settings import Settings
from pipeline.accounts.matching import BY_AMOUNT, BY_PAYER, BY_REFERENCE
from pipeline.accounts.reasons import baht
from pipeline.contracts.alerts import AlertKind, FreezeAlert
from pipeline.contracts.cloudevents import REPORTED_AT
from pipeline.contracts.codec import parse_rfc3339
from pipeline.evaluation.figures import Figures, figures_of
from pipeline.evaluation.found import gather
from pipeline.evaluation.money import Money
from pipeline.evaluation.truth import decode_truth
from pipeline.filing import with_all_reports
from pipeline.fold import Output
from pipeline.simulation.scenario import Scenario, simulate
from pipeline.topics import (
    CLUSTERS,
    FILED_REPORTS,
    FREEZE_ALERTS,
    REPORTS,
    TRANSACTIONS,
    load_topics,
)

PLAY_SECONDS = 40.0
"""How long the scenario's day is played: events come evenly, each report at its place."""

SHOWN_ALERTS = 40
"""Alerts printed one by one; after that only the count moves."""

BROKEN_EVENTS = (b'{"transaction_id": 12', b"\x00\x00\x00\x00\x01{}", b'{"amount_satang": 1.5}')
"""What a bank's first attempts look like: they end up as dead letters and disturb nothing."""

_FOUND = {
    BY_REFERENCE: "found by reference",
    BY_PAYER: "found by amount, time, payer",
    BY_AMOUNT: "found by amount and time",
}
_WHO_COLUMN = 29
SETTLE_SECONDS = 60.0
_BURST_SECONDS = 0.02
_PROGRESS_SECONDS = 5.0
_JOIN_SECONDS = 5.0


@dataclass(slots=True)
class AlertWatcher:
    """An independent reader of the alerts, as an operations centre would run one."""

    console: Console
    latencies: list[float] = field(default_factory=list)
    asked: list[tuple[float, int]] = field(default_factory=list)
    """Of each new hold: milliseconds from its cause until it was read, and satang."""
    kinds: Counter[str] = field(default_factory=Counter)
    newest: dict[str, FreezeAlert] = field(default_factory=dict)
    values: list[bytes] = field(default_factory=list)
    seen: int = 0
    shown: int = 0

    def watch(self, settings: Settings, stop: threading.Event) -> None:
        """Read until ``stop`` is set."""
        with TopicReader(settings) as reader:
            for record in reader.follow(FREEZE_ALERTS, stop):
                self._take(record)

    def _take(self, record: StoredRecord) -> None:
        now = time.time() * 1000
        alert = msgspec.json.decode(record.value or b"", type=FreezeAlert)
        self.seen += 1
        self.kinds[alert.kind] += 1
        self.values.append(record.value or b"")
        new = alert.alert_id not in self.newest or alert.release_reason not in (None, "superseded")
        self.newest[alert.alert_id] = alert
        milliseconds = now - parse_rfc3339(alert.caused_at)
        if new and alert.kind is AlertKind.HOLD:
            self.asked.append((milliseconds, alert.amount_satang))
        if record.header(REPORTED_AT) is not None:
            self.latencies.append(milliseconds)
        self.shown += new
        if new and self.shown <= SHOWN_ALERTS:
            self.console.print(
                alert_line(alert, milliseconds), no_wrap=True, overflow="ellipsis", crop=True
            )
        elif new and self.shown == SHOWN_ALERTS + 1:
            self.console.print("  … more alerts come, counted below")


def alert_line(alert: FreezeAlert, milliseconds: float) -> Text:
    """Return an alert as a line: how long after its cause, bank, account, baht, level and why."""
    line = Text(f"{milliseconds:5,.0f} ms ", style="dim")
    line.append_text(kind_text(alert))
    line.truncate(_WHO_COLUMN, pad=True)
    amount = baht(alert.amount_satang or alert.disputed_satang)
    number = alert.account.rpartition(":")[2]
    line.append(f" {bank_name(alert.bank):<9.9} {number:<14.14} {amount:>12} ฿ ", style="")
    line.append(f"{alert.level.replace('_', ' '):<11} {why_in_short(alert)}", style="")
    return line


def why_in_short(alert: FreezeAlert) -> str:
    """Return why in a few words; `freezeline explain` tells the whole."""
    if alert.kind is AlertKind.HOLD:
        hops = [each.detail or "" for each in alert.evidence if each.kind == "transfer"]
        if hops:
            return f"stolen money that went on, {hops[-1]}"
        if not any(each.kind == "claim" for each in alert.evidence):
            return "paid to a reported account"
        found = [each.detail or "" for each in alert.evidence if each.kind == "payment"]
        return f"disputed, {_FOUND[found[0]] if found else 'payment not seen yet'}"
    sentence = alert.reason_en.rstrip(".")
    return sentence.rpartition("; " if alert.kind is AlertKind.WATCH else ": ")[2]


@dataclass(slots=True)
class Played:
    """What was published, and how fast."""

    reports: int = 0
    payments: int = 0
    seconds: float = 0.0


class World(NamedTuple):
    """Which scenario is played, and how large it is."""

    seed: int
    rings: int
    reports: int
    payments: int


def run_demo(data_dir: Path, world: World, http_port: int) -> int:
    """Run the whole demo; return the exit code. Everything it started has ended afterwards."""
    console = make_console()
    shutil.rmtree(data_dir, ignore_errors=True)
    console.print("Freezeline: a real Kafka, three workers, one day of payments", style="bold")
    console.print("Making the scenario …")
    now = datetime.datetime.now(datetime.UTC)
    scenario = _scenario_until(now, world)
    console.print("Starting Kafka and the workers (the first time downloads Kafka, 43 MB) …")
    cluster = LocalCluster.start(data_dir, http_port=http_port)
    try:
        for worker in cluster.workers:
            base = f"http://127.0.0.1:{worker.http_port}"
            console.print(f"  {worker.name.value:<11}{base}/metrics  {base}/livez  {base}/readyz")
        watcher = AlertWatcher(console)
        stop = threading.Event()
        watching = threading.Thread(
            target=watcher.watch, args=(cluster.settings, stop), daemon=True
        )
        watching.start()
        played = play(scenario, cluster, console, watcher)
        settled = settle(cluster, console)
        stop.set()
        watching.join(_JOIN_SECONDS)
        summary(console, cluster, scenario, played, watcher, settled)
        return 0 if settled and cluster.ended_worker() is None else 1
    finally:
        console.print("Stopping the workers and Kafka …")
        cluster.stop()


def _scenario_until(now: datetime.datetime, world: World) -> Scenario:
    """Return the scenario placed so that its last event is now."""
    seed, rings, reports, payments = world
    trial = simulate(seed, rings=rings, reports=reports, payments=0, start=now)
    length = max(at for at, _, _ in trial.timeline) - trial.timeline[0][0]
    start = now - datetime.timedelta(milliseconds=length + 600_000)
    return simulate(seed, rings=rings, reports=reports, payments=payments, start=start)


def play(
    scenario: Scenario, cluster: LocalCluster, console: Console, watcher: AlertWatcher
) -> Played:
    """Publish the scenario in its order, evenly over the playing time."""
    played = Played()
    records = _records(scenario, cluster.settings.national_id_key())
    with connected_producer(cluster.settings) as producer:
        started = time.monotonic()
        told = started
        while records:
            due = int(len(scenario.timeline) * (time.monotonic() - started) / PLAY_SECONDS)
            while records and played.reports + played.payments <= due:
                record = records.popleft()
                producer.send(
                    record.topic, key=record.key, value=record.value, headers=list(record.headers)
                )
                played.reports += record.topic == REPORTS
                played.payments += record.topic == TRANSACTIONS
            if time.monotonic() - told > _PROGRESS_SECONDS:
                told = time.monotonic()
                console.print(
                    f"  … {played.payments:,} payments, {played.reports} reports published, "
                    f"{watcher.seen} alerts so far",
                    style="dim",
                )
            time.sleep(_BURST_SECONDS)
        producer.flush(30)
    played.seconds = time.monotonic() - started
    return played


def _records(scenario: Scenario, key: bytes) -> deque[Output]:
    """Return the scenario's events as partners send them: checked, hashed, with their headers."""
    sources = {
        "report": (REPORTS, scenario.reports),
        "transaction": (TRANSACTIONS, scenario.transactions),
    }
    records: deque[Output] = deque(Output(TRANSACTIONS, None, bad) for bad in BROKEN_EVENTS)
    for _, stream, index in scenario.timeline:
        topic, events = sources[stream]
        records.append(outgoing(topic, PREPARE[topic](events[index], key)))
    return records


def settle(cluster: LocalCluster, console: Console) -> bool:
    """Wait until every worker has answered everything; return whether it did in time."""
    deadline = time.monotonic() + SETTLE_SECONDS
    with LagReader(cluster.settings) as reader:
        while time.monotonic() < deadline:
            lag = reader.lag()
            if not any(lag.values()):
                time.sleep(0.5)
                return True
            time.sleep(0.2)
    console.print(f"The workers are still behind: {lag}", style="bold red")
    return False


def summary(
    console: Console,
    cluster: LocalCluster,
    scenario: Scenario,
    played: Played,
    watcher: AlertWatcher,
    settled: bool,
) -> None:
    """Print what came of it, against the scenario's truth."""
    figures = _evaluated(cluster, scenario, watcher)
    table = Table(title="Summary", show_header=False, title_justify="left")
    table.add_column("what", style="bold")
    table.add_column("figure")
    rings = len(scenario.truth["rings"])
    table.add_row("reports in", f"{played.reports} (with corrections, withdrawals and repeats)")
    table.add_row(
        "payments in",
        f"{played.payments:,} in {played.seconds:.0f} s: "
        f"{played.payments / played.seconds:,.0f} payments/s, as fast as the demo plays them",
    )
    table.add_row(
        "clusters",
        f"{figures.found_clusters} found for {rings} rings; pairs of reports put together rightly: "
        f"{figures.clusters.pairwise_precision.value:.1%}, pairs found of those that evidence can "
        f"reach: {figures.clusters.pairwise_recall.value:.1%}",
    )
    holds = [alert for alert in watcher.newest.values() if alert.kind is AlertKind.HOLD]
    asked = sum(alert.amount_satang for alert in holds)
    stolen = sum(payment["amount_satang"] for payment in scenario.truth["stolen_payments"])
    table.add_row("alerts", ", ".join(f"{n} {kind}" for kind, n in sorted(watcher.kinds.items())))
    table.add_row(
        "holds standing",
        f"{len(holds)} for {baht(asked)} baht, at honest customers' "
        f"accounts: {figures.honest_held_at_end}, at no mule's: {figures.innocents_held_at_end}; "
        f"stolen in the scenario: {baht(stolen)} baht",
    )
    if figures.money is not None:
        table.add_row("stolen money", _reached(figures.money, watcher))
    table.add_row("money followed", _followed(holds))
    letters = f"{_dead_letters(cluster)}, {len(BROKEN_EVENTS)} of them broken on purpose"
    table.add_row("dead letters", letters)
    if len(watcher.latencies) > 1:
        centiles = statistics.quantiles(watcher.latencies, n=100, method="inclusive")
        table.add_row(
            "report to alert",
            f"p50 {centiles[49]:.0f} ms, p99 {centiles[98]:.0f} ms, from the report's entry into "
            "Kafka to the alert in an independent reader",
        )
    table.add_row("everything answered", "yes" if settled else "NO")
    console.print(table)


def _reached(money: Money, watcher: AlertWatcher) -> str:
    """Say how much of the stolen money could be reached, how much is asked for, and how soon."""
    reachable = money.reachable_at_alert_satang
    found = (
        f"of {baht(money.stolen_satang)} baht that victims reported, {baht(reachable)} "
        f"({reachable / max(1, money.stolen_satang):.1%}) were still within five accounts when the "
        f"report came; of what is there now of matched payments, {money.money_covered:.2%} is held"
    )
    if not watcher.asked:
        return found
    half, nearly_all = within(watcher.asked, 0.5), within(watcher.asked, 0.99)
    return (
        f"{found}; half of the money was asked for within {half:.0f} ms of the event that told of "
        f"it, 99 % within {nearly_all:.0f} ms"
    )


def within(asked: list[tuple[float, int]], share: float) -> float:
    """Return within how many ms so much of all money was asked for; ``asked`` is (ms, satang)."""
    so_far, whole = 0, sum(satang for _, satang in asked)
    for milliseconds, satang in sorted(asked):
        so_far += satang
        if so_far >= whole * share:
            return milliseconds
    return 0.0


def _followed(holds: list[FreezeAlert]) -> str:
    """Say how much of the stolen money is asked for where it went on to."""
    traced = [a for a in holds if any(each.kind == "transfer" for each in a.evidence)]
    if not traced:
        return "none has gone on"
    hops = max(int((e.detail or "hop 0")[4:]) for a in traced for e in a.evidence if e.payer)
    asked = sum(alert.amount_satang for alert in traced)
    return (
        f"{baht(asked)} baht asked for at {len({a.account for a in traced})} further accounts of "
        f"{len({a.bank for a in traced})} banks, up to hop {hops}"
    )


def _evaluated(cluster: LocalCluster, scenario: Scenario, watcher: AlertWatcher) -> Figures:
    with TopicReader(cluster.settings) as reader:
        clusters = [r.value for r in reader.newest_by_key(CLUSTERS).values() if r.value]
        filed = [r.value for r in reader.newest_by_key(FILED_REPORTS).values() if r.value]
    truth = decode_truth(orjson.dumps(scenario.truth))
    found = gather(with_all_reports(clusters, filed), watcher.values)
    # The alerts' clock is ours, the payments' the scenario's: a day was played in a minute.
    return figures_of(truth, found, map(orjson.dumps, scenario.transactions), one_clock=False)


def _dead_letters(cluster: LocalCluster) -> int:
    names = {topic.dead_letters for topic in load_topics().values() if topic.dead_letters}
    with TopicReader(cluster.settings) as reader:
        return sum(1 for name in names for _ in reader.forward(name))
