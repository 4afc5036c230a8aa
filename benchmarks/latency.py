"""How long it takes from publishing to the alert being read, beside a bare chain of two hops.

``python -m benchmarks.latency [--events N] [--spacing-ms MS] [--json]``
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import ExitStack
from itertools import pairwise

import orjson
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from kafka import KafkaAdminClient

from agents.worker import WorkerName
from benchmarks.machine import Figures, machine, note, percentile, show, versions
from benchmarks.payments import Payment, case_account, now_rfc3339, ordinary_account, payment
from benchmarks.stand import BenchmarkError, Stand, ending_well
from pipeline.contracts.alerts import AlertKind
from pipeline.topics import FREEZE_ALERTS, REPORTS, TRANSACTIONS

EVENTS = 200
SPACING_MS = 50.0
WARM_UP = 20
"""Events before those that are measured: connections, caches, first calls."""
LONGEST_SECONDS = 30.0
"""After this long without its answer an event counts as lost, and the benchmark fails."""

_BARE = ("bench-in", "bench-middle", "bench-out")

Event = tuple[str, bytes]
"""What is published: the id by which its answer is known, and the value."""


def run(events: int = EVENTS, spacing_ms: float = SPACING_MS) -> Figures:
    """Measure and return the figures. Raises BenchmarkError."""
    with Stand() as stand:
        _make_bare_topics(stand)
        note("starting the workers")
        workers = [stand.worker(name) for name in WorkerName]
        for worker in workers:
            stand.wait_until_ready(worker)
        with ExitStack() as hops:
            for source, target in pairwise(_BARE):
                arguments = (stand.bootstrap, source, target)
                output = hops.enter_context(stand.module("benchmarks.bare_hop", *arguments))
                if output.readline() != "ready\n":
                    raise BenchmarkError("A hop of the bare chain did not start.")
            bare, report, transaction = _measure(stand, events, spacing_ms / 1000)
        for worker in workers:
            stand.end(worker)
    return _figures(bare, report, transaction, spacing_ms)


def print_table(figures: Figures) -> None:
    """Print the figures as people read them."""
    names = (
        ("bare", "bare chain, two hops"),
        ("report", "report → alert"),
        ("transaction", "transaction → alert"),
    )
    rows = [
        (
            title,
            f"{figures[f'{name}_p50_ms']:.1f}",
            f"{figures[f'{name}_p99_ms']:.1f}",
            f"{figures[f'{name}_p50_ms'] / figures['bare_p50_ms']:.1f}",
            f"{figures[f'{name}_p99_ms'] / figures['bare_p99_ms']:.1f}",
        )
        for name, title in names
    ]
    show(
        f"Latency, idle: published to read, {figures['events']} each, "
        f"one every {figures['spacing_ms']:.0f} ms",
        ("", "p50 ms", "p99 ms", "p50 to bare", "p99 to bare"),
        rows,
    )


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m benchmarks.latency")
    parser.add_argument("--events", type=int, default=EVENTS, help="events measured of each kind")
    parser.add_argument("--spacing-ms", type=float, default=SPACING_MS)
    parser.add_argument("--json", action="store_true", help="end with a JSON object in one line")
    options = parser.parse_args()
    with ending_well():
        figures = run(options.events, options.spacing_ms)
        print_table(figures)
        if options.json:
            print(json.dumps(figures))


def _measure(
    stand: Stand, events: int, spacing: float
) -> tuple[list[float], list[float], list[float]]:
    """Return the milliseconds of the bare chain, of reports and of transactions."""
    count = events + WARM_UP
    note("bare chain, first half")
    bare = asyncio.run(_bare(stand, events // 2 + WARM_UP, spacing))
    note("reports about payments that are known")
    paid = [_payment_to(index) for index in range(count)]
    asyncio.run(_publish(stand, TRANSACTIONS, [p.value for p in paid]))
    stand.wait_until_answered(WorkerName.INTAKE, WorkerName.ACCOUNTS)
    reports = [(p.key, _report(index, p)) for index, p in enumerate(paid)]
    report = asyncio.run(_product(stand, REPORTS, reports, spacing))
    note("transactions that reports have told of")
    awaited = [_payment_to(count + index) for index in range(count)]
    told = [_report(count + index, p) for index, p in enumerate(awaited)]
    asyncio.run(_publish(stand, REPORTS, told))
    stand.wait_until_answered(WorkerName.CLUSTERING)
    stand.wait_until_answered(WorkerName.ACCOUNTS)
    payments = [(p.key, p.value) for p in awaited]
    transaction = asyncio.run(_product(stand, TRANSACTIONS, payments, spacing))
    note("bare chain, second half")
    bare += asyncio.run(_bare(stand, events - events // 2 + WARM_UP, spacing))
    return bare, report, transaction


async def _bare(stand: Stand, count: int, spacing: float) -> list[float]:
    events = [(p.key, p.value) for p in (_payment_to(index) for index in range(count))]

    def key_of(value: bytes) -> str:
        content = orjson.loads(value)
        return f"{content['source']}/{content['transaction_id']}"

    return await _timed(stand.bootstrap, _BARE[0], _BARE[-1], events, spacing, key_of)


async def _product(
    stand: Stand, topic: str, events: Sequence[Event], spacing: float
) -> list[float]:
    def key_of(value: bytes) -> str | None:
        alert = orjson.loads(value)
        hold = alert["kind"] == AlertKind.HOLD.value
        return str(alert["origin"]) if hold else None

    return await _timed(stand.bootstrap, topic, FREEZE_ALERTS, events, spacing, key_of)


async def _timed(
    bootstrap: str,
    topic: str,
    answers: str,
    events: Sequence[Event],
    spacing: float,
    key_of: Callable[[bytes], str | None],
) -> list[float]:
    """Publish one event at a time; return the milliseconds until each one's answer was read."""
    sent: dict[str, float] = {}
    taken: dict[str, float] = {}
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap)
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all")
    await consumer.start()
    await producer.start()

    async def read() -> None:
        while len(taken) < len(events):
            for records in (await consumer.getmany(timeout_ms=1000)).values():
                now = time.perf_counter()
                for record in records:
                    key = key_of(record.value)
                    if key in sent and key not in taken:
                        taken[key] = (now - sent[key]) * 1000

    try:
        await _at_the_end(consumer, answers)
        reading = asyncio.create_task(read())
        for key, value in events:
            sent[key] = time.perf_counter()
            await producer.send(topic, value, key=key.encode())
            await asyncio.sleep(spacing)
        await asyncio.wait([reading], timeout=LONGEST_SECONDS)
        if not reading.done():
            reading.cancel()
            raise BenchmarkError(f"{len(events) - len(taken)} answers on {answers} did not come.")
        await reading
    finally:
        await producer.stop()
        await consumer.stop()
    return [taken[key] for key, _ in events[WARM_UP:]]


async def _at_the_end(consumer: AIOKafkaConsumer, topic: str) -> None:
    await consumer._client._wait_on_metadata(topic)
    found = sorted(consumer.partitions_for_topic(topic) or ())
    partitions = [TopicPartition(topic, partition) for partition in found]
    consumer.assign(partitions)
    await consumer.seek_to_end()
    for partition in partitions:
        await consumer.position(partition)


async def _publish(stand: Stand, topic: str, values: Iterable[bytes]) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=stand.bootstrap, acks="all")
    await producer.start()
    try:
        waiting: list[Awaitable[object]] = [await producer.send(topic, v) for v in values]
        for acknowledgement in waiting:
            await acknowledgement
    finally:
        await producer.stop()


def _payment_to(index: int) -> Payment:
    """Return a payment of now into an account of its own."""
    amount = 500_000 + index
    return payment(index, now_rfc3339(), ordinary_account(index), case_account(index), amount)


def _report(index: int, paid: Payment) -> bytes:
    """Return a verified victim's report about a payment and its payee, and about nothing else."""
    payee = {"bank": paid.payee.bank, "account": paid.payee.number}
    payer = {"bank": paid.payer.bank, "account": paid.payer.number}
    return orjson.dumps(
        {
            "source": "aoc-1441",
            "report_id": f"BENCH-{index}",
            "kind": "submitted",
            "received_at": now_rfc3339(),
            "reporter": {"person": f"{index:064x}", "verified_by": "thaid"},
            "scam_type": "purchase",
            "suspects": [{"kind": "account", "number": payee["account"], "bank": payee["bank"]}],
            "payments": [
                {
                    "paid_at": paid.occurred_at,
                    "amount_satang": paid.amount_satang,
                    "to": payee,
                    "from": payer,
                    "reference": paid.key.partition("/")[2],
                }
            ],
        }
    )


def _make_bare_topics(stand: Stand) -> None:
    admin = KafkaAdminClient(bootstrap_servers=stand.bootstrap)
    try:
        admin.create_topics(
            {name: {"num_partitions": 4, "replication_factor": 1} for name in _BARE},
            wait_for_metadata=True,
        )
    finally:
        admin.close()


def _figures(
    bare: list[float], report: list[float], transaction: list[float], spacing_ms: float
) -> Figures:
    figures: Figures = {"events": len(report), "spacing_ms": spacing_ms}
    for name, values in (("report", report), ("transaction", transaction), ("bare", bare)):
        figures[f"{name}_p50_ms"] = round(percentile(values, 0.50), 2)
        figures[f"{name}_p99_ms"] = round(percentile(values, 0.99), 2)
    return {**figures, "machine": machine(), "versions": versions()}


if __name__ == "__main__":
    main()
