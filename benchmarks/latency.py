"""From publishing to the alert being read, at several loads, beside a bare chain of two hops.

``python -m benchmarks.latency [--probes N] [--rates R,R,…] [--json]``
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from itertools import pairwise
from typing import NamedTuple

import orjson
from kafka import KafkaAdminClient

from agents.worker import WorkerName
from benchmarks.command import command_line, tell
from benchmarks.machine import Figures, machine, note, percentile, show, versions
from benchmarks.probes import Probe, payment_to_a_case, publish, report_about, timed
from benchmarks.stand import BenchmarkError, Stand
from pipeline.contracts.alerts import AlertKind
from pipeline.topics import FREEZE_ALERTS, REPORTS, TRANSACTIONS, load_topics

PROBES = 200
"""Measured of each kind at each load."""
WARM_UP = 20
"""Probes before those that are measured: connections, caches, first calls."""
SPACING_SECONDS = 0.05
RATES = (0, 500, 2_000, 5_000, 10_000, 20_000, 40_000)
"""Payments a second beside the probes; the curve ends where the chain is saturated."""
JUDGED_AT = 2_000
"""The load of the ratios: more than twice the mean of PromptPay's record month."""
SATURATED_MS = 2_000.0
"""A median above this means that the load is more than can be worked off."""

_BARE = ("bench-in", "bench-middle", "bench-out")
_KINDS = ("bare", "report", "transaction")


class _Point(NamedTuple):
    """What was measured at one load; milliseconds of the probes by kind."""

    rate: int
    bare_load: int
    load: int
    milliseconds: dict[str, list[float]]


def run(probes: int = PROBES, rates: Sequence[int] = RATES) -> Figures:
    """Measure and return the figures. Raises BenchmarkError."""
    points = []
    with Stand() as stand:
        _make_bare_topics(stand)
        note("starting the workers")
        workers = [stand.worker(name) for name in WorkerName]
        for worker in workers:
            stand.wait_until_ready(worker)
        with ExitStack() as hops:
            for number, (source, target) in enumerate(pairwise(_BARE)):
                # As in the product, only what is asked for leaves the last hop.
                wanted = "probes" if number else "all"
                arguments = (stand.bootstrap, source, target, wanted)
                output = hops.enter_context(stand.module("benchmarks.bare_hop", *arguments))
                if output.readline() != "ready\n":
                    raise BenchmarkError("A hop of the bare chain did not start.")
            for number, rate in enumerate(rates):
                first = 2 * number * (probes + WARM_UP)
                points.append(_at_load(stand, rate, probes + WARM_UP, first))
                stand.wait_until_answered(*WorkerName)
                if percentile(points[-1].milliseconds["transaction"], 0.5) > SATURATED_MS:
                    break
        for worker in workers:
            stand.end(worker)
    return _figures(points, probes)


def print_table(figures: Figures) -> None:
    """Print the figures as people read them."""
    rows = []
    for point in figures["curve"]:
        row = [f"{point['load_per_s']:,}"]
        for kind in _KINDS:
            row.append(f"{point[f'{kind}_p50_ms']:.1f} / {point[f'{kind}_p99_ms']:.1f}")
        for kind in _KINDS[1:]:
            ratios = [point[f"{kind}_{p}_ms"] / point[f"bare_{p}_ms"] for p in ("p50", "p99")]
            row.append(" / ".join(f"{ratio:.1f}" for ratio in ratios))
        rows.append(row)
    show(
        f"Latency, published to read, p50 / p99 in ms, {figures['probes']} probes of each kind",
        ("payments/s", "bare chain", "report", "transaction", "report to bare", "tx to bare"),
        rows,
    )


def main() -> None:
    """Run from the command line."""
    parser = command_line("latency", __doc__)
    parser.add_argument("--probes", type=int, default=PROBES, help="of each kind, at each load")
    parser.add_argument("--rates", default=",".join(map(str, RATES)), help="payments a second")
    options = parser.parse_args()
    rates = [int(rate) for rate in options.rates.split(",")]
    tell(options, lambda: run(options.probes, rates), print_table)


def _at_load(stand: Stand, rate: int, count: int, first: int) -> _Point:
    """Measure the bare chain, then the product, at one load."""
    note(f"{rate:,} payments a second: bare chain")
    paid = [payment_to_a_case(first + index) for index in range(count)]
    bare_probes = [Probe(_BARE[0], payment.key, payment.value) for payment in paid]
    with _load(stand, _BARE[0], rate) as load:
        bare = asyncio.run(
            timed(stand.bootstrap, bare_probes, _BARE[-1], _bare_key, SPACING_SECONDS)
        )
    bare_load = load[0]
    note(f"{rate:,} payments a second: reports and transactions")
    known, awaited, probes = prepare(stand, count, first)
    with _load(stand, TRANSACTIONS, rate) as load:
        taken = asyncio.run(
            timed(stand.bootstrap, probes, FREEZE_ALERTS, held_payment, SPACING_SECONDS / 2)
        )
    milliseconds = {
        "bare": [bare[probe.key] for probe in bare_probes[WARM_UP:]],
        "report": [taken[key] for key in known[WARM_UP:]],
        "transaction": [taken[key] for key in awaited[WARM_UP:]],
    }
    return _Point(rate, bare_load, load[0], milliseconds)


def prepare(stand: Stand, count: int, first: int) -> tuple[list[str], list[str], list[Probe]]:
    """Return the keys of payments that are known, of payments that are awaited, and the probes.

    These are in turn a report about a known payment and a payment that a report has told of.
    """
    known = [payment_to_a_case(first + index) for index in range(count)]
    awaited = [payment_to_a_case(first + count + index) for index in range(count)]
    asyncio.run(publish(stand.bootstrap, TRANSACTIONS, [p.value for p in known]))
    told = [report_about(first + count + index, p) for index, p in enumerate(awaited)]
    asyncio.run(publish(stand.bootstrap, REPORTS, told))
    for names in ((WorkerName.INTAKE, WorkerName.CLUSTERING), (WorkerName.ACCOUNTS,)):
        stand.wait_until_answered(*names)
    probes = []
    for index, (seen, unseen) in enumerate(zip(known, awaited, strict=True)):
        probes.append(Probe(REPORTS, seen.key, report_about(first + index, seen)))
        probes.append(Probe(TRANSACTIONS, unseen.key, unseen.value))
    return [p.key for p in known], [p.key for p in awaited], probes


@contextlib.contextmanager
def _load(stand: Stand, topic: str, rate: int) -> Iterator[list[int]]:
    """Keep up a load; afterwards the list holds the payments a second that it came to."""
    reached = [0]
    if not rate:
        yield reached
        return
    partitions = load_topics()[TRANSACTIONS].partitions
    arguments = (stand.bootstrap, topic, str(partitions), str(rate))
    with stand.module("benchmarks.load", *arguments) as output:
        if output.readline() != "ready\n":
            raise BenchmarkError("The load did not start.")
        yield reached
        stand.ask_to_end()
        reached[0] = int(output.readline())


def _bare_key(value: bytes) -> str:
    content = orjson.loads(value)
    return f"{content['source']}/{content['transaction_id']}"


def held_payment(value: bytes) -> str | None:
    alert = orjson.loads(value)
    hold = alert["kind"] == AlertKind.HOLD.value
    return str(alert["origin"]) if hold else None


def _make_bare_topics(stand: Stand) -> None:
    admin = KafkaAdminClient(bootstrap_servers=stand.bootstrap)
    partitions = load_topics()[TRANSACTIONS].partitions
    try:
        admin.create_topics(
            {name: {"num_partitions": partitions, "replication_factor": 1} for name in _BARE},
            wait_for_metadata=True,
        )
    finally:
        admin.close()


def _figures(points: Sequence[_Point], probes: int) -> Figures:
    curve = []
    for point in points:
        row: Figures = {"load_per_s": point.rate, "reached_per_s": point.load}
        row["bare_reached_per_s"] = point.bare_load
        for kind in _KINDS:
            for name, share in (("p50", 0.50), ("p99", 0.99)):
                row[f"{kind}_{name}_ms"] = round(percentile(point.milliseconds[kind], share), 2)
        curve.append(row)
    figures: Figures = {"probes": probes, "curve": curve}
    for row in curve:
        if row["load_per_s"] == JUDGED_AT:
            for kind in _KINDS[1:]:
                for name in ("p50", "p99"):
                    ratio = row[f"{kind}_{name}_ms"] / row[f"bare_{name}_ms"]
                    figures[f"{kind}_{name}_ratio"] = round(ratio, 2)
    return {**figures, "machine": machine(), "versions": versions()}


if __name__ == "__main__":
    main()
