"""One run on a real Kafka: good events with bad ones in between; then all are accounted for."""

from __future__ import annotations

import datetime
import random
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import msgspec
from kafka import KafkaProducer, TopicPartition

from agents.kafka.client_settings import kafka_python_settings
from agents.kafka.lag import LagReader
from agents.kafka.reading import TopicReader
from agents.kafka.sending import publish_records
from agents.kafka.topic_admin import admin_client
from agents.local.cluster import LocalCluster
from agents.worker import WorkerName
from pipeline.contracts.alerts import AlertKind, FreezeAlert
from pipeline.contracts.dead_letters import PREFIX
from pipeline.fold import Output
from pipeline.topics import (
    FREEZE_ALERTS,
    HOLD_UPDATES,
    REPORTS,
    TRANSACTIONS,
    dead_letters_of,
)
from tests.fuzz.kinds import GIANT_BYTES, KINDS, good_answer, good_pair
from tests.integration.stage import free_port, free_ports
from tests.small_caches import COMMAND

PART = 2_000
"""Bad events of one part: the workers settle after each, and their memory is looked at."""
BAD_A_PAIR = 4
"""Bad events for each pair of good ones, so that good ones are always in between."""
SETTLE_SECONDS = 300.0
CODECS = ("gzip", "lz4", "snappy", "zstd")
"""All that Kafka knows; what is giant is not taken without one."""
SENT_ALIKE = 50
"""Records in a row that are compressed in one way."""


@dataclass
class Verdict:
    """What became of a run."""

    events: int = 0
    expected: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Refusals by topic and reason, as sent."""
    refused: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Dead letters by topic and reason, as found."""
    pairs: int = 0
    held: int = 0
    """Pairs of a good payment and its report; how many of them have their hold."""
    ended: list[str] = field(default_factory=list)
    """Workers that ended by themselves."""
    memory: list[dict[str, int]] = field(default_factory=list)
    """Memory of each worker after each part, MiB."""
    seconds: float = 0.0

    @property
    def faults(self) -> list[str]:
        """What is not as it must be, in sentences."""
        faults = [f"{name} ended by itself" for name in self.ended]
        for place in sorted(self.expected.keys() | self.refused.keys()):
            if self.expected[place] != self.refused[place]:
                topic, reason = place
                faults.append(
                    f"{topic}, {reason}: {self.refused[place]} refused of {self.expected[place]}"
                )
        if self.held != self.pairs:
            faults.append(f"{self.held} of {self.pairs} good reports have their hold")
        return faults


def fuzz(folder: Path, events: int, seed: int, part: int = PART) -> Verdict:
    """Send about ``events`` bad events with good ones in between, and see what became of them."""
    chance, verdict, began = random.Random(seed), Verdict(), time.monotonic()
    cluster = LocalCluster.start(folder, port=free_port(), names=())
    try:
        cluster.worker_command = COMMAND
        http_port = free_ports(len(WorkerName))
        for place, name in enumerate(WorkerName):
            cluster.add_worker(name, http_port + place)
        cluster.wait_until_ready()
        while verdict.events < events and not verdict.ended:
            count = min(part, events - verdict.events)
            _publish(cluster, _records(chance, count, verdict))
            _settle(cluster, verdict)
            verdict.memory.append({w.name.value: _memory(w) for w in cluster.workers})
            _count_refused(cluster, verdict)
        _count_held(cluster, verdict)
    finally:
        cluster.stop()
    verdict.seconds = time.monotonic() - began
    return verdict


def _publish(cluster: LocalCluster, records: Iterator[Output]) -> None:
    """Send records as partners do: each of them compresses in its own way."""
    producers = [
        KafkaProducer(
            **kafka_python_settings(cluster.settings),
            compression_type=codec,
            enable_idempotence=True,
            acks="all",
            linger_ms=5,
            max_request_size=8 * GIANT_BYTES,
        )
        for codec in CODECS
    ]
    try:
        while part := list(islice(records, SENT_ALIKE)):
            publish_records(producers[0], part)
            producers.append(producers.pop(0))
    finally:
        for producer in producers:
            producer.close(timeout=2.0)


def _records(chance: random.Random, count: int, verdict: Verdict) -> Iterator[Output]:
    now = datetime.datetime.now(datetime.UTC)
    for number in range(count):
        if number % BAD_A_PAIR == 0:
            payment, report = good_pair(verdict.pairs, now)
            # In every topic: after very many bad records in a row a worker is right to stop.
            yield _good(HOLD_UPDATES, good_answer(verdict.pairs, now))
            verdict.pairs += 1
            yield _good(TRANSACTIONS, payment)
            yield _good(REPORTS, report)
        kind = chance.choice(KINDS)
        if kind.reason is not None:
            verdict.expected[kind.topic, kind.reason.value] += 1
        verdict.events += 1
        yield kind.record(chance, report if kind.topic == REPORTS else payment)


def _good(topic: str, event: dict[str, object]) -> Output:
    return Output(topic, None, msgspec.json.encode(event), ())


def _settle(cluster: LocalCluster, verdict: Verdict) -> None:
    deadline, calm = time.monotonic() + SETTLE_SECONDS, 0
    with LagReader(cluster.settings) as reader:
        while calm < 2:
            ended = cluster.ended_worker()
            if ended is not None:
                verdict.ended.append(ended.name.value)
                return
            calm = 0 if any(reader.lag().values()) else calm + 1
            assert time.monotonic() < deadline, "the workers are still behind"
            time.sleep(0.3)


def _count_refused(cluster: LocalCluster, verdict: Verdict) -> None:
    """Count the dead letters of a part, and drop them and what was sent: a million are 50 GB."""
    done: dict[TopicPartition, int] = {}
    with TopicReader(cluster.settings) as reader:
        for topic in {kind.topic for kind in KINDS}:
            letters = dead_letters_of(topic)
            for letter in reader.forward(letters):
                reason = letter.header(f"{PREFIX}reason") or b""
                verdict.refused[topic, reason.decode()] += 1
            for name in (topic, letters):
                ends = reader.ends(name).items()
                done |= {TopicPartition(name, place): end for place, end in ends}
    with admin_client(cluster.settings) as admin:
        admin.delete_records(done)


def _count_held(cluster: LocalCluster, verdict: Verdict) -> None:
    decoder = msgspec.json.Decoder(FreezeAlert)
    held = set()
    with TopicReader(cluster.settings) as reader:
        for record in reader.forward(FREEZE_ALERTS):
            alert = decoder.decode(record.value or b"")
            if alert.kind is AlertKind.HOLD:
                held.add(alert.account)
    verdict.held = len(held)


def _memory(worker: object) -> int:
    process = worker.process  # type: ignore[attr-defined]
    assert process is not None
    status = Path(f"/proc/{process.pid}/status")
    if not status.exists():
        return 0
    lines = status.read_text().splitlines()
    return next((int(line.split()[1]) // 1024 for line in lines if line.startswith("VmRSS")), 0)
