"""How soon stolen money is held everywhere, and what following it costs those without a case.

``python -m benchmarks.trace [--traces N] [--postings N] [--workers N] [--json]``

*Latency.* One worker (or several, which share the partitions) has N postings of 72 hours in its
look-back memory, and among them the money's way over five hops and 906 accounts (5, 5, 5 and 6
payments on from each). Then the report comes:
a claim and a level. The clock runs until the last of the 906 alerts is read. The baseline is a bare
aiokafka loop with as many hops and records, in the same Kafka, in turn (`benchmarks.bare_fan`).

*Throughput.* The fold on its store (RocksDB), without Kafka, in CPU time: postings of which 0.1 %
go into or out of accounts with a disputed payment that two persons reported, under the newest
policy and under the same one without traces, in turn. (The second has nothing to say about what
goes out.)
"""

from __future__ import annotations

import asyncio
import gc
import random
import statistics
import tempfile
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import orjson
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from kafka import KafkaAdminClient

from agents.runtime.store import PartitionStore
from agents.runtime.worker_spec import RuntimeSettings
from agents.worker import WorkerName
from benchmarks.command import command_line, tell
from benchmarks.machine import Figures, machine, note, percentile, show, versions
from benchmarks.publishing import publish
from benchmarks.stand import Stand
from pipeline.accounts.fold import AccountsFold
from pipeline.contracts.account_log import (
    AccountEvents,
    Claim,
    Level,
    LogEntry,
    Posting,
    Postings,
    Tick,
    encode_log_entry,
    partition_of,
)
from pipeline.fold import LogRecord
from pipeline.policy.policy import HOUR_MS, Policy, load_policy
from pipeline.topics import ACCOUNT_LOG, FREEZE_ALERTS, load_topics

FANS = (5, 5, 5, 6)
PARTITIONS = load_topics()[ACCOUNT_LOG].partitions
STOLEN = 10_000_000_000
POSTINGS_A_RECORD = 500
ACCOUNTS = 1_000_000
HOURS = 72
FOLD_RECORDS = 200
ROUNDS = 15
WAIT_SECONDS = 60.0
_BARE_LOG, _BARE_ALERTS = "bare-log", "bare-alerts"


def account(number: int) -> str:
    return f"account:014:{number:010d}"


def way(trace: int, now: int) -> tuple[list[Posting], int]:
    """Return the postings of one trace, and how many accounts there are on it."""
    first = 10**9 + trace * 10_000
    postings, count = [], 0
    layer = [(first, STOLEN)]
    origin = f"bank/stolen-{trace}"
    postings += both(origin, now - 600_000, STOLEN, account(1), account(first))
    next_free = first + 1
    for hop, fan in enumerate((*FANS, 0)):
        count += len(layer)
        onward = []
        for holder, amount in layer:
            part = amount * 9 // 10 // fan if fan else 0
            for _ in range(fan):
                at = now - 500_000 + hop * 1_000
                key = f"bank/way-{trace}-{next_free}"
                postings += both(key, at, part, account(holder), account(next_free))
                onward.append((next_free, part))
                next_free += 1
        layer = onward
    return postings, count


def both(key: str, at: int, amount: int, payer: str, payee: str) -> list[Posting]:
    return [Posting(payer, key, at, -amount, payee), Posting(payee, key, at, amount, payer)]


def report(trace: int, now: int, voices: int = 1) -> list[Claim | Level]:
    """Return what clustering says about the first account, which so many persons reported."""
    owner, name = account(10**9 + trace * 10_000), f"bench/{trace}"
    disputed = Claim(
        account=owner,
        claim_id=f"{name}#0",
        version=1,
        withdrawn=False,
        report=name,
        received_at=now,
        published_at=now,
        voice=name,
        verified=True,
        police_filed=False,
        paid_at=now - 600_000,
        amount=STOLEN,
        reference=f"stolen-{trace}",
    )
    level = Level(
        account=owner,
        version=1,
        level="light_grey",
        acting=True,
        since=now,
        published_at=now,
        police_filed=False,
        reports=1,
        voices=voices,
        verified_voices=voices,
        cluster="bench",
        cluster_version=1,
        caused_by=name,
    )
    return [disputed, level]


def background(draw: random.Random, count: int, now: int) -> Iterator[Posting]:
    """Yield postings of accounts without a case, over an hour."""
    for number in range(count):
        amount = draw.randrange(100, 10_000_000) * draw.choice((1, -1))
        at = now - draw.randrange(3_600_000)
        payer, payee = (account(draw.randrange(ACCOUNTS)) for _ in range(2))
        yield Posting(payer, f"bank/b{number}", at, amount, payee)


def three_days(draw: random.Random, count: int, now: int) -> Iterator[tuple[int, bytes]]:
    """Yield account-log records of accounts without a case, over 72 hours, and the clock's hours.

    Every payment has names of its own, so the memory is as large as in life.
    """
    accounts = [account(number) for number in range(ACCOUNTS)]
    begin = now - (HOURS - 1) * HOUR_MS
    for hour in range(HOURS):
        until = min(begin + hour * HOUR_MS, now)
        numbers = range(count * hour // HOURS, count * (hour + 1) // HOURS)
        payers, payees = (draw.choices(accounts, k=len(numbers)) for _ in range(2))
        at = until - HOUR_MS
        yield from records_of(
            Posting(
                payer,
                f"bank-014/{number:020d}",
                at + int(draw.random() * HOUR_MS),
                int(draw.random() * 10_000_000) - 5_000_000,
                payee,
                int(draw.random() * 100_000_000),
                (f"e2e:{number:020d}",),
            )
            for number, payer, payee in zip(numbers, payers, payees, strict=True)
        )
        for partition in range(PARTITIONS):
            yield partition, encode_log_entry(Tick(until))


def records_of(postings: Iterator[Posting] | list[Posting]) -> Iterator[tuple[int, bytes]]:
    """Yield account-log records, each for one partition."""
    waiting: list[list[Posting]] = [[] for _ in range(PARTITIONS)]
    for posting in postings:
        partition = partition_of(posting.account, PARTITIONS)
        waiting[partition].append(posting)
        if len(waiting[partition]) == POSTINGS_A_RECORD:
            yield partition, encode_log_entry(Postings(waiting[partition]))
            waiting[partition] = []
    for partition, left in enumerate(waiting):
        if left:
            yield partition, encode_log_entry(Postings(left))


class Reader:
    """Counts what comes to a topic from now on."""

    def __init__(self, bootstrap: str, topic: str) -> None:
        self._consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap)
        self._topic = topic

    async def start(self) -> None:
        await self._consumer.start()
        await self._consumer._client._wait_on_metadata(self._topic)
        found = sorted(self._consumer.partitions_for_topic(self._topic) or ())
        partitions = [TopicPartition(self._topic, partition) for partition in found]
        self._consumer.assign(partitions)
        await self._consumer.seek_to_end()
        for partition in partitions:
            await self._consumer.position(partition)

    async def until(self, count: int, key: str) -> float | None:
        """Return when (monotonic) so many different ones had come; None when they did not."""
        seen: set[str] = set()
        number, deadline = 0, time.monotonic() + WAIT_SECONDS
        while time.monotonic() < deadline:
            for records in (await self._consumer.getmany(timeout_ms=200)).values():
                for record in records:
                    number += 1
                    seen.add(str(orjson.loads(record.value).get(key, number)))
            if len(seen) >= count:
                return time.monotonic()
        return None

    async def stop(self) -> None:
        await self._consumer.stop()


async def traces(stand: Stand, count: int, expected: int) -> tuple[list[float], list[float]]:
    """Measure traces and bare chains in turn; return their milliseconds."""
    ours, bare = [], []
    alerts = Reader(stand.bootstrap, FREEZE_ALERTS)
    bare_alerts = Reader(stand.bootstrap, _BARE_ALERTS)
    producer = AIOKafkaProducer(bootstrap_servers=stand.bootstrap, acks="all", linger_ms=0)
    await alerts.start()
    await bare_alerts.start()
    await producer.start()
    try:
        for trace in range(count):
            now = int(time.time() * 1000)
            value = encode_log_entry(AccountEvents(report(trace, now)))
            partition = partition_of(account(10**9 + trace * 10_000), PARTITIONS)
            began = time.monotonic()
            await producer.send_and_wait(ACCOUNT_LOG, value, partition=partition)
            done = await alerts.until(expected, "alert_id")
            if done is None:
                note(f"trace {trace} did not come to its end")
                continue
            ours.append((done - began) * 1000)
            began = time.monotonic()
            first = orjson.dumps({"depth": 0, "trace": trace})
            await producer.send_and_wait(_BARE_LOG, first, partition=trace % PARTITIONS)
            done = await bare_alerts.until(expected, "each")
            if done is not None:
                bare.append((done - began) * 1000)
    finally:
        await producer.stop()
        await alerts.stop()
        await bare_alerts.stop()
    return ours, bare


def latency(count: int, postings: int, workers: int = 1) -> tuple[list[float], list[float], int]:
    now = int(time.time() * 1000)
    with Stand() as stand:
        _make_bare_topics(stand)
        note(f"posting {postings:,} sides of payments of {HOURS} hours, and {count} ways of money")
        asyncio.run(
            publish(
                stand.bootstrap,
                ACCOUNT_LOG,
                three_days(random.Random(1), postings, now),
            )
        )
        expected = 0
        for trace in range(count):
            entries, expected = way(trace, now)
            asyncio.run(publish(stand.bootstrap, ACCOUNT_LOG, records_of(entries)))
        for number in range(workers):
            state, instance = stand.folder / f"state-{number}", f"accounts-{number}"
            stand.wait_until_ready(
                stand.worker(WorkerName.ACCOUNTS, state_dir=str(state), instance_id=instance)
            )
        stand.wait_until_answered(WorkerName.ACCOUNTS)
        fans = ",".join(map(str, FANS))
        with stand.module(
            "benchmarks.bare_fan", stand.bootstrap, _BARE_LOG, _BARE_ALERTS, fans
        ) as output:
            output.readline()
            note(f"tracing over {expected} accounts, {count} times")
            ours, bare = asyncio.run(traces(stand, count, expected))
    return ours, bare, expected


def _make_bare_topics(stand: Stand) -> None:
    admin = KafkaAdminClient(bootstrap_servers=stand.bootstrap)
    made = {"num_partitions": PARTITIONS, "replication_factor": 1}
    try:
        admin.create_topics({_BARE_LOG: made, _BARE_ALERTS: made}, wait_for_metadata=True)
    finally:
        admin.close()


def fold_seconds(policy: Policy, seed: int) -> float:
    """Return the CPU time of folding and writing postings, a few at accounts with a dispute."""
    draw, now = random.Random(seed), 1_790_000_000_000
    entries: list[LogEntry] = []
    for trace in range(200):
        owner = account(10**9 + trace * 10_000)
        stolen = both(f"bank/stolen-{trace}", now - 600_000, STOLEN, account(1), owner)
        entries += [Postings(stolen[1:]), AccountEvents(report(trace, now, voices=2))]
    opened = len(entries)
    for number in range(FOLD_RECORDS):
        postings = list(background(draw, POSTINGS_A_RECORD, now))
        if number % 2 == 0:
            owner = account(10**9 + draw.randrange(200) * 10_000)
            amount = draw.randrange(20_000, 10**6) * (1 if number % 4 else -1)
            postings[0] = Posting(owner, f"bank/c{number}", now, amount, account(number))
        entries.append(Postings(postings))
    records = [LogRecord(n, now, None, encode_log_entry(each)) for n, each in enumerate(entries)]
    with tempfile.TemporaryDirectory(prefix="freezeline-trace-") as folder:
        path = Path(folder) / "store"
        sizes = RuntimeSettings(bootstrap="", state_dir=path)
        store = PartitionStore.open(path, sizes.store_cache_bytes, sizes.store_write_buffer_bytes)
        fold = AccountsFold(store, policy, 0, 1)
        _fold(fold, store, records[:opened])
        began = time.thread_time()
        for start in range(opened, len(records), 8):
            _fold(fold, store, records[start : start + 8])
        seconds = time.thread_time() - began
        store.close()
    return seconds


def _fold(fold: AccountsFold, store: PartitionStore, records: list[LogRecord]) -> None:
    """Fold and write records as a worker does."""
    fold.apply(records)
    store.persist(store.take_changes(), records[-1].offset + 1)


def throughput() -> float:
    """Return how much of the throughput is kept with traces, the median of rounds side by side."""
    note("folding postings with and without traces")
    gc.set_threshold(200_000, 50, 50)  # as in a worker
    following = load_policy()
    not_following = following.model_copy(update={"trace": None})
    return statistics.median(
        fold_seconds(not_following, seed) / fold_seconds(following, seed) for seed in range(ROUNDS)
    )


def measure(count: int, postings: int, workers: int) -> Figures:
    kept = throughput()
    ours, bare, expected = latency(count, postings, workers)
    return {
        "trace_p50_ratio": round(statistics.median(ours) / statistics.median(bare), 2),
        "trace_p50_ms": round(percentile(ours, 0.5), 1),
        "trace_p99_ms": round(percentile(ours, 0.99), 1),
        "bare_p50_ms": round(percentile(bare, 0.5), 1),
        "throughput_kept": round(kept, 3),
        "accounts_on_the_way": expected,
        "traces": len(ours),
        "postings": postings,
        "workers": workers,
        "machine": machine(),
        "versions": versions(),
    }


def print_table(figures: Figures) -> None:
    show(
        f"A report until the last of {figures['accounts_on_the_way']} alerts over five hops",
        ("", "p50 ms", "p99 ms"),
        [
            ("traces", f"{figures['trace_p50_ms']:,.0f}", f"{figures['trace_p99_ms']:,.0f}"),
            ("bare chain", f"{figures['bare_p50_ms']:,.0f}", ""),
        ],
    )


def main() -> None:
    parser = command_line("trace", __doc__)
    parser.add_argument("--traces", type=int, default=20)
    parser.add_argument("--postings", type=int, default=10_000_000)
    parser.add_argument("--workers", type=int, default=1, help="accounts workers (1)")
    options = parser.parse_args()
    figures = partial(measure, options.traces, options.postings, options.workers)
    tell(options, figures, print_table)


if __name__ == "__main__":
    main()
