"""One run: a site under load, the planned faults one after the other, and the verdict."""

from __future__ import annotations

import dataclasses
import datetime
import os
import platform
import statistics
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from importlib.metadata import version
from pathlib import Path
from typing import Any

from agents.local.kafka_jars import KAFKA_VERSION
from pipeline.simulation.scenario import Scenario, simulate
from tests.integration.stage import HOURS_AGO, Told, as_sent
from tests.recovery.decisions import events_with_decisions
from tests.recovery.faults import strike
from tests.recovery.load import Load
from tests.recovery.plan import Fault, plan
from tests.recovery.site import Site, Stuck, site
from tests.recovery.verdict import judge, overwritten
from tests.recovery.watch import AlertWatch

EVENTS_A_SECOND = 40.0
_SECONDS_A_FAULT = 60
"""How long the load must be able to last: faults, recoveries and pauses on a busy machine."""
_PAYMENTS_A_REPORT = 12
_SHOWN = 20
"""Most identifiers of each list that the result names."""

Tell = Callable[[str], None]


@dataclasses.dataclass(slots=True)
class Seconds:
    """What was measured of each kind of fault."""

    answered: defaultdict[str, list[float]]
    """From the blow until everything published until then is answered."""
    whole: defaultdict[str, list[float]]
    """From the beginning of the fault until all that was taken away is back and ready."""


def recovery_run(folder: Path, kills: int, seed: int, tell: Tell) -> dict[str, Any]:
    """Run it in ``folder``; return the result as the last line of the command has it."""
    faults = plan(kills, seed)
    events = events_with_decisions(_scenario(seed, len(faults)), seed)
    result: dict[str, Any] = {"seed": seed}
    with site(folder) as built, ExitStack() as stack:
        tell(f"three brokers and {len(built.workers)} workers are ready")
        key = built.cluster.settings.national_id_key()
        records = as_sent(events, key)
        load = Load(built.cluster.settings, records, EVENTS_A_SECOND)
        alerts = AlertWatch(built.cluster.settings)
        alerts.start()
        stack.callback(alerts.stop)
        load.start()
        stack.callback(load.abandon)
        began = time.monotonic()
        seconds = Seconds(defaultdict(list), defaultdict(list))
        stuck = None
        try:
            for fault in faults:
                _one(built, fault, seconds, lambda line: tell(f"{_clock(began)} {line}"))
        except Stuck as error:
            stuck = str(error)
            tell(f"STUCK: {stuck}")
        exhausted = load.exhausted
        published = load.stop()
        tell(f"{_clock(began)} {published} events published, the load stops")
        if stuck is None:
            stuck = _settle(built, tell)
        lag = built.progress.newest.lag if built.progress.newest is not None else -1
        silence, standstill = alerts.longest_silence(), built.progress.longest_standstill
        # The replay gets what was published, and nothing else.
        result |= _judged(built, events[:published])
        result |= {
            "kills": built.kills,
            "faults": dict(Counter(fault.kind.value for fault in faults)),
            "longest_silence_s": round(max(silence, standstill), 1),
            "longest_report_to_alert_s": round(silence, 1),
            "longest_standstill_s": round(standstill, 1),
            "reports_alerted": len(alerts.first_seen),
            "recover_s": _figures(seconds.answered),
            "whole_s": _figures(seconds.whole),
            "stuck": stuck,
            "lag": lag,
            "ended_by_themselves": dict(built.ended),
            "critical": sorted(set(built.critical())),
            "slow_stops": built.slow_stops,
            "bad_stops": built.bad_stops,
            "said_again": built.logged("said_again"),
            "published": published,
            "sent_again": load.sent_again,
            "load_exhausted": exhausted,
            "seconds": round(time.monotonic() - began),
            "machine": _machine(),
            "versions": _versions(),
        }
    return result


def failed(result: dict[str, Any]) -> bool:
    """Whether anything is not as promised."""
    return bool(
        result["lost"]
        or result["differing"]
        or result["stuck"]
        or result["lag"]
        or result["slow_stops"]
        or result["bad_stops"]
    )


def _scenario(seed: int, faults: int) -> Scenario:
    """A day that ended some hours ago, so that no clock runs out; long enough for all faults."""
    payments = int(EVENTS_A_SECOND * _SECONDS_A_FAULT * (faults + 2))
    reports = payments // _PAYMENTS_A_REPORT
    start = datetime.datetime.now(datetime.UTC) - datetime.timedelta(hours=HOURS_AGO)
    return simulate(
        seed, rings=max(4, reports // 50), reports=reports, payments=payments, start=start
    )


def _one(site: Site, fault: Fault, seconds: Seconds, tell: Tell) -> None:
    began = time.monotonic()
    done = strike(site, fault)
    recovered_at = site.recovered()
    whole = recovered_at - began
    answered = site.progress.answered_after(site.struck_at)
    answered = min(answered, recovered_at - site.struck_at)
    seconds.answered[fault.kind.value].append(answered)
    seconds.whole[fault.kind.value].append(whole)
    tell(
        f"{fault.number:3} {fault.kind.value}: {done}; "
        f"answers again after {answered:.1f} s, all is well after {whole:.1f} s"
    )
    site.wait(fault.chance.uniform(0.0, 2.0))


def _settle(built: Site, tell: Tell) -> str | None:
    try:
        built.settled()
    except Stuck as error:
        tell(f"STUCK: {error}")
        return str(error)
    return None


def _judged(built: Site, events: Sequence[Told]) -> dict[str, Any]:
    verdict = judge(built.cluster, events)
    return {
        "lost": len(verdict.lost),
        "differing": len(verdict.differing),
        "raw_repeats": verdict.raw_repeats,
        "unequal_repeats": len(verdict.unequal_repeats),
        "alerts": verdict.alerts,
        "reports": verdict.reports,
        "overwritten": overwritten(built.cluster),
        "which": (verdict.lost + verdict.differing + verdict.unequal_repeats)[:_SHOWN],
    }


def _clock(began: float) -> str:
    seconds = int(time.monotonic() - began)
    return f"{seconds // 60:3}:{seconds % 60:02}"


def _figures(seconds: dict[str, list[float]]) -> dict[str, dict[str, float]]:
    return {
        kind: {"median": round(statistics.median(found), 1), "max": round(max(found), 1)}
        for kind, found in sorted(seconds.items())
    }


def _machine() -> dict[str, Any]:
    return {
        "system": platform.platform(),
        "processors": os.cpu_count(),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9, 1),
    }


def _versions() -> dict[str, str]:
    packages = ("freezeline", "faust-streaming", "aiokafka", "rocksdict")
    return {
        "python": platform.python_version(),
        "kafka": KAFKA_VERSION,
        **{package: version(package) for package in packages},
    }
