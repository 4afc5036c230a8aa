"""Probes: events whose answers are awaited, each with the time from publishing to reading."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import NamedTuple

import orjson
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from benchmarks.payments import Payment, case_account, now_rfc3339, ordinary_account, payment
from benchmarks.stand import BenchmarkError

LONGEST_SECONDS = 30.0
"""After this long without its answer a probe counts as lost, and the benchmark fails."""


class Probe(NamedTuple):
    """One event to publish; ``key`` is how its answer is known."""

    topic: str
    key: str
    value: bytes


async def timed(
    bootstrap: str,
    probes: Sequence[Probe],
    answers: str,
    key_of: Callable[[bytes], str | None],
    spacing: float,
) -> dict[str, float]:
    """Publish one probe every ``spacing`` seconds; return by key the ms until its answer is read.

    The answers are read from the topic ``answers`` by a client of its own. Raises BenchmarkError
    when one does not come.
    """
    sent: dict[str, float] = {}
    taken: dict[str, float] = {}
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap)
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all")
    await consumer.start()
    await producer.start()

    async def read() -> None:
        while len(taken) < len(probes):
            for records in (await consumer.getmany(timeout_ms=1000)).values():
                now = time.perf_counter()
                for record in records:
                    key = key_of(record.value)
                    if key in sent and key not in taken:
                        taken[key] = (now - sent[key]) * 1000

    try:
        await _at_the_end(consumer, answers)
        reading = asyncio.create_task(read())
        due = time.perf_counter()
        for probe in probes:
            sent[probe.key] = time.perf_counter()
            await producer.send(probe.topic, probe.value, key=probe.key.encode())
            due += spacing
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
        await asyncio.wait([reading], timeout=LONGEST_SECONDS)
        if not reading.done():
            reading.cancel()
            raise BenchmarkError(f"{len(probes) - len(taken)} answers on {answers} did not come.")
        await reading
    finally:
        await producer.stop()
        await consumer.stop()
    return taken


async def publish(bootstrap: str, topic: str, values: Iterable[bytes]) -> None:
    """Publish values and wait for every acknowledgement."""
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all")
    await producer.start()
    try:
        waiting: list[Awaitable[object]] = [await producer.send(topic, v) for v in values]
        for acknowledgement in waiting:
            await acknowledgement
    finally:
        await producer.stop()


def payment_to_a_case(index: int) -> Payment:
    """Return a payment of now into an account of its own."""
    amount = 500_000 + index
    return payment(index, now_rfc3339(), ordinary_account(index), case_account(index), amount)


def report_about(index: int, paid: Payment) -> bytes:
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


async def _at_the_end(consumer: AIOKafkaConsumer, topic: str) -> None:
    await consumer._client._wait_on_metadata(topic)
    found = sorted(consumer.partitions_for_topic(topic) or ())
    partitions = [TopicPartition(topic, partition) for partition in found]
    consumer.assign(partitions)
    await consumer.seek_to_end()
    for partition in partitions:
        await consumer.position(partition)
