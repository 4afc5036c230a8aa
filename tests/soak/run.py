"""One soak: a constant load with small faults; nothing may grow, and the result must be right."""

from __future__ import annotations

import datetime
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agents.worker import WorkerName
from pipeline.simulation.scenario import simulate
from pipeline.topics import REPORTS
from tests.integration.stage import (
    HOURS_AGO,
    Told,
    as_sent,
    events_of,
    free_ports,
    settle,
    stage,
)
from tests.recovery.load import Load
from tests.recovery.verdict import judge
from tests.recovery.watch import AlertWatch
from tests.small_caches import COMMAND
from tests.soak.disturbances import Disturbances
from tests.soak.gauges import Gauges
from tests.soak.slopes import Series, Slope, slope_of

EVENTS_A_SECOND = 40.0
PAYMENTS_A_REPORT = 12
WORLD_SECONDS = 30.0
"""After so long a new day with new rings begins: in one long day cases grow with every report, so
that each event would rightly cost more than the one before."""
RINGS_A_WORLD = 20
"""Many small ones: what a ring costs varies by two thirds, with its reports and its payments' ways.
With four a world, the mean cost of an event went up and down by a tenth by chance alone."""
PERIODS = 300
"""Points of each series, at most; fewer in a short run, where one comes every half second."""
_FEWEST_SECONDS = 0.5
_TELL_SECONDS = 60.0

MEMORY_MIB_AN_HOUR = 64.0
HANDLES_AN_HOUR = 8.0
DISK_SHARE_AN_HOUR = 0.25
LATENCY_SHARE_AN_HOUR = 0.5
"""What is certainly more than these is a fault; the shares are of the median."""

Tell = Callable[[str], None]


@dataclass(slots=True)
class Soak:
    """What a run came to."""

    series: dict[str, Series]
    slopes: dict[str, Slope]
    faults_at: list[float]
    seconds: float
    result: dict[str, Any] = field(default_factory=dict)


def soak_run(folder: Path, seconds: float, seed: int, tell: Tell) -> Soak:
    """Run for ``seconds``, settle, and judge."""
    events = constant_load(seconds, seed)
    with stage(folder, ()) as cluster, ExitStack() as stack:
        cluster.worker_command = COMMAND
        port = free_ports(2 * len(WorkerName))
        for place, (tag, name) in enumerate((t, n) for t in ("0", "1") for n in WorkerName):
            cluster.add_worker(name, port + place, tag)
        cluster.wait_until_ready()
        tell(f"a broker and {len(cluster.workers)} workers are ready, {len(events)} events")
        records = as_sent(events, cluster.settings.national_id_key())
        load = Load(cluster.settings, records, EVENTS_A_SECOND)
        alerts = AlertWatch(cluster.settings)
        gauges = Gauges(cluster, lambda: load.published, max(_FEWEST_SECONDS, seconds / PERIODS))
        faults = Disturbances(cluster, seed, max(2.0, min(20.0, seconds / 10)))
        alerts.start()
        stack.callback(alerts.stop)
        load.start()
        stack.callback(load.abandon)
        gauges.start()
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            faults.go_on(min(end, time.monotonic() + _TELL_SECONDS))
            tell(f"{left / 60:5.1f} minutes left, {load.published} events published")
        gauges.stop()
        published = load.stop()
        cluster.wait_until_ready()
        settle(cluster)
        series = gauges.series | {"latency/": _latency(alerts, gauges.began)}
        slopes = {name: slope for name, s in series.items() if (slope := slope_of(s, seconds))}
        verdict = judge(cluster, events[:published])
        faults_at = [moment - gauges.began for moment in faults.moments]
        soak = Soak(series, slopes, faults_at, seconds)
        soak.result = {
            "minutes": round(seconds / 60, 2),
            "seed": seed,
            "published": published,
            "disturbances": dict(faults.done),
            "ended_by_themselves": faults.ended,
            "reports_alerted": len(alerts.first_seen),
            "slopes": {name: s.told(limit_of(name, s)) for name, s in sorted(slopes.items())},
            "growing": growing(slopes),
            "lost": len(verdict.lost),
            "differing": len(verdict.differing),
            "alerts": verdict.alerts,
        }
        return soak


def limit_of(name: str, slope: Slope) -> float | None:
    """Return by how much a figure may grow in an hour; None where it is only shown.

    Shown only: workers that are restarted, and the broker, whose heap fills up to its limit.
    """
    kind, _, whose = name.partition("/")
    if whose == "broker" or whose.endswith("-1"):
        return None
    match kind:
        case "memory":
            return MEMORY_MIB_AN_HOUR
        case "handles":
            return HANDLES_AN_HOUR
        case "disk":
            return DISK_SHARE_AN_HOUR * slope.median
        case _:
            return LATENCY_SHARE_AN_HOUR * slope.median


def constant_load(seconds: float, seed: int) -> list[Told]:
    """Return enough events for a run: small worlds, one after the other, that share nobody."""
    start = datetime.datetime.now(datetime.UTC) - datetime.timedelta(hours=HOURS_AGO)
    payments = int(EVENTS_A_SECOND * min(WORLD_SECONDS, seconds))
    reports = max(20, payments // PAYMENTS_A_REPORT)
    events: list[Told] = []
    while len(events) < EVENTS_A_SECOND * seconds:
        world = simulate(
            seed * 1_000 + len(events),
            rings=RINGS_A_WORLD,
            reports=reports,
            payments=payments,
            start=start,
        )
        told = events_of(world)
        for _, topic, event in told:
            if topic == REPORTS:
                # Agencies count their reports: each day would begin with the same numbers.
                event["report_id"] = f"{len(events)}-{event['report_id']}"
        events += told
    return events


def growing(slopes: Mapping[str, Slope]) -> list[str]:
    """Return what certainly grows by more than it may, a sentence each."""
    found = []
    for name, slope in sorted(slopes.items()):
        limit = limit_of(name, slope)
        if limit is not None and slope.exceeds(limit):
            found.append(
                f"{name} grows by {slope.an_hour:.1f} {slope.unit} an hour "
                f"({slope.low:.1f} to {slope.high:.1f}), and may by {limit:.1f}"
            )
    return found


def failed(result: Mapping[str, Any]) -> bool:
    """Whether anything is not as promised."""
    return any(result[key] for key in ("growing", "lost", "differing", "ended_by_themselves"))


def _latency(alerts: AlertWatch, began: float) -> Series:
    """The time from each report's entry into Kafka to its first alert, over the run."""
    epoch = time.time() - (time.monotonic() - began)
    series = Series("ms")
    for at, seen in sorted(alerts.first_seen.items()):
        series.add(at / 1000 - epoch, (seen - at / 1000) * 1000)
    return series
