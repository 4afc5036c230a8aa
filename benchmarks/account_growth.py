"""What one more posting costs an account file, from 1,000 postings to 100,000.

``python -m benchmarks.account_growth [--sizes N,N,N] [--two-voices] [--json]``

The account is a big shop's with one disputed payment. Its postings come in as in real traffic: a
few in each record of 500 postings, the others of accounts without a case, several records fetched
at once; the changes of each fetched batch are written to RocksDB. No Kafka: this is the fold alone,
in CPU time of its thread. A second fold gets the same records without the shop's postings, batch by
batch in turn, and its time is subtracted.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import resource
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from agents.store import PartitionStore
from benchmarks.machine import Figures, machine, note, show, versions
from pipeline.accounts.fold import AccountsFold
from pipeline.contracts.account_log import (
    AccountEvents,
    Claim,
    Level,
    LogEntry,
    Posting,
    Postings,
    encode_log_entry,
)
from pipeline.fold import LogRecord
from pipeline.policy.policy import HOUR_MS, Policy, load_policy
from pipeline.topics import ACCOUNT_FILES, FREEZE_ALERTS

SIZES = (1_000, 10_000, 100_000)
POSTINGS_A_RECORD = 500
SHOPS_SHARE = 10
"""Postings of the shop in each record."""
RECORDS_A_BATCH = 8
ONE_VOICE = 1
"""One verified voice: the disputed payment is held, payers' banks are told of the others."""
TWO_VOICES = 2
"""Two: up to 500 of the other payments are held as well, so there is much more to say."""

SHOP = "account:014:1000000001"
OPENED = 1_790_000_000_000 // HOUR_MS * HOUR_MS
_APART_MS = 2_000
DIFFERENT_RECORDS = 64
"""Records of other accounts' postings that are made; they come again and again."""
_STORE_BYTES = 32 * 1024 * 1024


def run(sizes: Sequence[int] = SIZES, voices: int = ONE_VOICE) -> Figures:
    """Measure and return the figures."""
    policy = load_policy()
    rows = []
    for size in sizes:
        note(f"{size:,} postings of one account")
        rows.append(_grown(policy, size, voices))
    points = [(row["postings"], max(row["cpu_seconds"], 1e-6)) for row in rows]
    return {
        "exponent": _exponent(points),
        "us_a_posting": {str(row["postings"]): row["us_a_posting"] for row in rows},
        "voices": voices,
        "sizes": rows,
        "machine": machine(),
        "versions": versions(),
    }


def print_table(figures: Figures) -> None:
    """Print the figures as people read them."""
    rows = [
        (
            f"{row['postings']:,}",
            f"{row['us_a_posting']:.0f}",
            f"{row['slowest_batch_ms']:.1f}",
            f"{row['open_again_ms']:.0f}",
            f"{row['file_bytes_a_posting']:,}",
            f"{row['alerts']:,}",
        )
        for row in figures["sizes"]
    ]
    show(
        f"One account's file: total time grows as postings to the {figures['exponent']:.2f}",
        ("postings", "µs each", "slowest batch ms", "open ms", "bytes to Kafka each", "alerts"),
        rows,
    )


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, prog="python -m benchmarks.account_growth"
    )
    parser.add_argument(
        "--sizes", default=",".join(map(str, SIZES)), help="postings of the account"
    )
    parser.add_argument("--two-voices", action="store_true", help="hold the other payments too")
    parser.add_argument("--json", action="store_true", help="end with a JSON object in one line")
    options = parser.parse_args()
    sizes = [int(size) for size in options.sizes.split(",")]
    if len(sizes) < 2 or min(sizes) < SHOPS_SHARE * RECORDS_A_BATCH:
        parser.error("at least two sizes are needed, each of 80 postings or more")
    figures = run(sizes, TWO_VOICES if options.two_voices else ONE_VOICE)
    print_table(figures)
    if options.json:
        print(json.dumps(figures))


def _grown(policy: Policy, size: int, voices: int) -> Figures:
    """Let the shop's file grow to ``size`` postings and say what each cost."""
    with tempfile.TemporaryDirectory(prefix="freezeline-bench-") as folder:
        store, beside = _store(f"{folder}/shop"), _store(f"{folder}/beside")
        log = _Log(AccountsFold(store, policy, 0, 1), store)
        others = _Log(AccountsFold(beside, policy, 0, 1), beside)
        log.feed([Postings([_into_shop(0, 7_770_000, None)]), AccountEvents([*_case(voices)])])
        spent: list[float] = []
        for with_shop, without in _batches(size // SHOPS_SHARE):
            spent.append(log.feed(with_shop) - others.feed(without))
        again = _Log(AccountsFold(store, policy, 0, 1), store, log.offset)
        opened = again.feed([Postings([_into_shop(size + 1, 500, None)])])
        store.close()
        beside.close()
    return {
        "postings": size,
        "cpu_seconds": round(sum(spent), 4),
        "us_a_posting": round(sum(spent) / size * 1e6, 1),
        "slowest_batch_ms": round(max(spent) * 1e3, 1),
        "open_again_ms": round(opened * 1e3, 1),
        "file_bytes_a_posting": round(log.file_bytes / size),
        "alerts": log.alerts,
        "peak_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }


class _Log:
    """Feeds batches to a fold as a lane does, without Kafka."""

    def __init__(self, fold: AccountsFold, store: PartitionStore, offset: int = 0) -> None:
        self.offset = offset
        self.file_bytes = 0
        self.alerts = 0
        self._fold = fold
        self._store = store

    def feed(self, entries: Sequence[LogEntry]) -> float:
        """Fold the entries as one batch and write its changes; return the CPU seconds."""
        records = []
        for entry in entries:
            records.append(LogRecord(self.offset, OPENED, None, encode_log_entry(entry)))
            self.offset += 1
        began = time.thread_time()
        folded = self._fold.apply(records)
        self._store.persist(self._store.take_changes(), self.offset)
        spent = time.thread_time() - began
        for output in folded.outputs:
            if output.topic == ACCOUNT_FILES:
                self.file_bytes += len(output.value or b"")
            self.alerts += output.topic == FREEZE_ALERTS
        return spent


def _store(folder: str) -> PartitionStore:
    return PartitionStore.open(Path(folder) / "store", _STORE_BYTES, _STORE_BYTES)


def _batches(records: int) -> Iterator[tuple[list[LogEntry], list[LogEntry]]]:
    """Yield batches of records of 500 postings, with the shop's and without them."""
    draw = random.Random(7)
    pool = [
        [_elsewhere(draw) for _ in range(POSTINGS_A_RECORD - SHOPS_SHARE)]
        for _ in range(DIFFERENT_RECORDS)
    ]
    number, balance = 0, 50_000_000
    for start in range(0, records, RECORDS_A_BATCH):
        with_shop: list[LogEntry] = []
        without: list[LogEntry] = []
        for record in range(start, min(start + RECORDS_A_BATCH, records)):
            others = pool[record % DIFFERENT_RECORDS]
            postings = list(others)
            for _ in range(SHOPS_SHARE):
                number += 1
                amount = draw.randrange(2_000, 90_000)
                if number % 200 == 0:
                    amount = -balance // 2
                balance += amount
                postings.insert(
                    draw.randrange(len(postings) + 1), _into_shop(number, amount, balance)
                )
            with_shop.append(Postings(postings))
            without.append(Postings(others))
        yield with_shop, without


def _into_shop(number: int, amount: int, balance: int | None) -> Posting:
    return Posting(
        account=SHOP,
        transaction=f"bank-004/20260921{number:012d}",
        at=OPENED + number * _APART_MS,
        amount=amount,
        other=f"account:004:{2_000_000_000 + number * 7_919 % 1_000_003}",
        balance=balance,
        references=(f"20260921{number:012d}",),
    )


def _elsewhere(draw: random.Random) -> Posting:
    number = draw.randrange(10**9)
    return Posting(
        account=f"account:006:{3_000_000_000 + number % 1_000_000}",
        transaction=f"bank-006/20260921{number:012d}",
        at=OPENED + draw.randrange(HOUR_MS),
        amount=draw.randrange(-90_000, 90_000),
        other=f"account:002:{4_000_000_000 + number % 999_983}",
    )


def _case(voices: int) -> list[Claim | Level]:
    claim = Claim(
        account=SHOP,
        claim_id="aoc-1441/BENCH-1#0",
        version=1,
        withdrawn=False,
        report="aoc-1441/BENCH-1",
        received_at=OPENED + 1_000,
        published_at=OPENED + 1_000,
        voice="0" * 64,
        verified=True,
        police_filed=True,
        paid_at=OPENED,
        amount=7_770_000,
    )
    level = Level(
        account=SHOP,
        version=1,
        level="light_grey",
        acting=True,
        since=OPENED + 1_000,
        published_at=OPENED + 1_000,
        police_filed=True,
        reports=voices,
        voices=voices,
        verified_voices=voices,
        cluster="0" * 32,
        cluster_version=1,
        caused_by=claim.report,
    )
    return [claim, level]


def _exponent(points: Sequence[tuple[int, float]]) -> float:
    """Return the slope of log(seconds) against log(size), by least squares."""
    xs = [math.log(size) for size, _ in points]
    ys = [math.log(seconds) for _, seconds in points]
    middle_x, middle_y = sum(xs) / len(xs), sum(ys) / len(ys)
    above = sum((x - middle_x) * (y - middle_y) for x, y in zip(xs, ys, strict=True))
    return round(above / sum((x - middle_x) ** 2 for x in xs), 3)


if __name__ == "__main__":
    main()
