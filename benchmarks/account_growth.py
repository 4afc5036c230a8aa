"""What one more posting or claim costs an account file, from 1,000 of them to 100,000.

``python -m benchmarks.account_growth [--sizes N,N,N] [--claims N] [--json]``

*Postings.* The account is a big shop's with one disputed payment. Its postings come in as in real
traffic: a few in each record of 500 postings, the others of accounts without a case, several
records fetched at once. A second fold gets the same records without the shop's postings, batch by
batch in turn, and its time is subtracted. Once with one verified voice, once with two.

*Claims.* The file has as many payments as claims are to come. Then the reports come, in any order,
each in a record of its own: a claim about a payment of its own, and the account's new level. A
third names its payment by reference, a third says who paid, a third amount and time only; one in
four disputes a payment that is not in the file.

The changes of each fetched batch are written to RocksDB. No Kafka: this is the fold alone, in CPU
time of its thread.
"""

from __future__ import annotations

import random
import resource
import tempfile
import time
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

from agents.runtime.store import PartitionStore
from benchmarks.command import command_line, tell
from benchmarks.machine import Figures, exponent, machine, note, show, versions
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
from pipeline.policy.policy import HOUR_MS, MINUTE_MS, Policy, load_policy
from pipeline.topics import ACCOUNT_FILES, FREEZE_ALERTS

SIZES = (1_000, 10_000, 100_000)
LEAST_CLAIMS = 5_000
CLAIMS = 100_000
"""Claims of the largest of three files; the others have a tenth and a hundredth."""
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
CLAIMS_TIMED_AT_ONCE = 50
"""So that reading the clock does not count; each is folded and written as a batch of its own."""
DIFFERENT_RECORDS = 64
"""Records of other accounts' postings that are made; they come again and again."""
_STORE_BYTES = 32 * 1024 * 1024


def run(sizes: Sequence[int] = SIZES, claims: int = CLAIMS) -> Figures:
    """Measure and return the figures; ``claims`` 0 leaves the claims out."""
    policy = load_policy()
    one_voice, two_voices, claimed = [], [], []
    for size in sizes:
        note(f"{size:,} postings of one account")
        one_voice.append(_grown(policy, size, ONE_VOICE))
    for size in sizes:
        note(f"{size:,} postings of one account with two verified voices")
        two_voices.append(_grown(policy, size, TWO_VOICES))
    for size in (claims // 100, claims // 10, claims) if claims else ():
        note(f"{size:,} claims at one account")
        claimed.append(_claimed(policy, size))
    return {
        "exponent": _exponent(one_voice),
        "two_voices_exponent": _exponent(two_voices),
        "claims_exponent": _exponent(claimed) if claimed else None,
        "us_a_posting": _each(one_voice),
        "us_a_posting_two_voices": _each(two_voices),
        "us_a_claim": _each(claimed),
        "sizes": one_voice,
        "two_voices_sizes": two_voices,
        "claims_sizes": claimed,
        "machine": machine(),
        "versions": versions(),
    }


def print_table(figures: Figures) -> None:
    """Print the figures as people read them."""
    for name, what, slope in (
        ("sizes", "postings", "exponent"),
        ("two_voices_sizes", "postings with two voices", "two_voices_exponent"),
        ("claims_sizes", "claims", "claims_exponent"),
    ):
        if not figures[name]:
            continue
        rows = [
            (
                f"{row['size']:,}",
                f"{row['us_each']:.0f}",
                f"{row['open_again_ms']:.0f}",
                f"{row['file_bytes_each']:,}",
                f"{row['alerts']:,}",
            )
            for row in figures[name]
        ]
        show(
            f"One account's file: total time grows as {what} to the {figures[slope]:.2f}",
            (what, "µs each", "open ms", "bytes to Kafka each", "alerts"),
            rows,
        )


def main() -> None:
    """Run from the command line."""
    parser = command_line("account_growth", __doc__)
    parser.add_argument(
        "--sizes", default=",".join(map(str, SIZES)), help="postings of the account"
    )
    parser.add_argument(
        "--claims", type=int, default=CLAIMS, help="claims of the largest file; 0 for none"
    )
    options = parser.parse_args()
    sizes = [int(size) for size in options.sizes.split(",")]
    if len(sizes) < 2 or min(sizes) < SHOPS_SHARE * RECORDS_A_BATCH:
        parser.error("at least two sizes are needed, each of 80 postings or more")
    if options.claims and options.claims < LEAST_CLAIMS:
        parser.error(f"at least {LEAST_CLAIMS} claims are needed")
    tell(options, lambda: run(sizes, options.claims), print_table)


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
    return _row(size, spent, opened, log)


def _claimed(policy: Policy, size: int) -> Figures:
    """Let as many claims come to an account with as many payments, and say what each cost."""
    draw = random.Random(11)
    payments = [
        _into_shop(number, draw.randrange(2_000, 9_000_000), None) for number in range(size)
    ]
    with tempfile.TemporaryDirectory(prefix="freezeline-bench-") as folder:
        store = _store(f"{folder}/shop")
        log = _Log(AccountsFold(store, policy, 0, 1), store)
        log.feed([AccountEvents([_level(1)])])
        for start in range(0, size, POSTINGS_A_RECORD):
            log.feed([Postings(payments[start : start + POSTINGS_A_RECORD])])
        log.file_bytes = log.alerts = 0
        order = list(range(size))
        draw.shuffle(order)
        reports = (
            [AccountEvents([_claim(draw, number, payments[number]), _level(voices)])]
            for voices, number in enumerate(order, start=2)
        )
        spent = []
        while batches := list(islice(reports, CLAIMS_TIMED_AT_ONCE)):
            spent.append(log.feed(*batches))
        again = _Log(AccountsFold(store, policy, 0, 1), store, log.offset)
        opened = again.feed([AccountEvents([_level(size + 2)])])
        store.close()
    return _row(size, spent, opened, log)


def _row(size: int, spent: Sequence[float], opened: float, log: _Log) -> Figures:
    return {
        "size": size,
        "cpu_seconds": round(sum(spent), 4),
        "us_each": round(sum(spent) / size * 1e6, 1),
        "open_again_ms": round(opened * 1e3, 1),
        "file_bytes_each": round(log.file_bytes / size),
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

    def feed(self, *batches: Sequence[LogEntry]) -> float:
        """Fold each batch and write its changes; return the CPU seconds."""
        fetched = []
        for entries in batches:
            records = []
            for entry in entries:
                records.append(LogRecord(self.offset, OPENED, None, encode_log_entry(entry)))
                self.offset += 1
            fetched.append(records)
        outputs = []
        began = time.thread_time()
        for records in fetched:
            outputs += self._fold.apply(records).outputs
            self._store.persist(self._store.take_changes(), records[-1].offset + 1)
        spent = time.thread_time() - began
        for output in outputs:
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
    return [claim, _level(voices)]


def _claim(draw: random.Random, number: int, payment: Posting) -> Claim:
    """Return a claim about this payment; every fourth about one that is not in the file."""
    seen, told = number % 4 != 0, number % 3
    report = f"aoc-1441/BENCH-{number}"
    return Claim(
        account=SHOP,
        claim_id=f"{report}#0",
        version=1,
        withdrawn=False,
        report=report,
        received_at=payment.at + HOUR_MS,
        published_at=payment.at + HOUR_MS,
        voice=f"{number:064d}",
        verified=True,
        police_filed=True,
        paid_at=payment.at + draw.randrange(-MINUTE_MS, MINUTE_MS),
        amount=payment.amount + (0 if seen else draw.randrange(10**7, 10**9)),
        payer=payment.other if told == 1 else None,
        reference=payment.references[0] if told == 0 and seen else None,
    )


def _level(voices: int) -> Level:
    """Return the shop's level after so many reports."""
    return Level(
        account=SHOP,
        version=voices,
        level="light_grey",
        acting=True,
        since=OPENED + 1_000,
        published_at=OPENED + 1_000,
        police_filed=True,
        reports=voices,
        voices=voices,
        verified_voices=voices,
        cluster="0" * 32,
        cluster_version=voices,
        caused_by=f"aoc-1441/BENCH-{voices}",
    )


def _each(rows: Sequence[Figures]) -> dict[str, float]:
    return {str(row["size"]): row["us_each"] for row in rows}


def _exponent(rows: Sequence[Figures]) -> float:
    return exponent([(row["size"], row["cpu_seconds"]) for row in rows])


if __name__ == "__main__":
    main()
