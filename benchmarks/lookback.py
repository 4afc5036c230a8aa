"""What the look-back memory costs, and how fast an account's file can be opened out of it.

``python -m benchmarks.lookback [--sizes N,N,N] [--json]``

A partition's memory is filled as the accounts worker does it: 72 hours of postings in fetched
batches of up to 4,000 (at least 100 batches an hour, for hours are long), each batch's changes
written to RocksDB, an hour's tick between hours. Every
payment has a reference of its own, and an account has 50 postings on average. Then the store is
opened again, and 1,000 accounts are looked up that were never looked up before.

The baseline, in the same run: the smallest size with one row a posting, keyed by account and time.
"""

from __future__ import annotations

import random
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import msgspec

from agents.runtime.store import PartitionStore
from benchmarks.command import command_line, tell
from benchmarks.machine import Figures, machine, note, percentile, show, versions
from pipeline.accounts.lookback import LookBack
from pipeline.contracts.account_log import (
    Posting,
    Postings,
    encode_log_entry,
    written_parts,
)
from pipeline.policy.policy import HOUR_MS
from pipeline.state import State, scan_prefix

SIZES = (1_000_000, 10_000_000, 50_000_000)
HOURS = 72
BATCH = 4_000
LEAST_BATCHES_AN_HOUR = 100
POSTINGS_AN_ACCOUNT = 50
OPENED = 1_000
_STORE_BYTES = 32 * 1024 * 1024
_BEGIN = 1_790_000_000_000 // HOUR_MS
_BANKS = ("002", "004", "006", "011", "014", "025")

Remember = Callable[[list[Posting], list[msgspec.Raw], int], None]
Find = Callable[[str], Sequence[Posting]]


def run(sizes: Sequence[int] = SIZES) -> Figures:
    """Measure and return the figures."""
    rows = []
    for size in sizes:
        note(f"{size:,} postings in a partition")
        rows.append(_look_back(size))
    note(f"{sizes[0]:,} postings, a row each")
    last, name = rows[-1], f"{sizes[-1] // 1_000_000}m"
    return {
        f"open_p99_ms_at_{name}": last["open_p99_ms"],
        "bytes_a_posting": last["bytes_a_posting"],
        "us_a_posting": last["us_a_posting"],
        "sizes": rows,
        "a_row_a_posting": _a_row_each(sizes[0]),
        "machine": machine(),
        "versions": versions(),
    }


def print_table(figures: Figures) -> None:
    """Print the figures as people read them."""
    rows = [(f"{row['size']:,}", *_cells(row)) for row in figures["sizes"]]
    plain = figures["a_row_a_posting"]
    rows.append((f"{plain['size']:,}, a row each", *_cells(plain)))
    show(
        "Look-back memory of a partition: 72 hours, an account looked up among all",
        ("postings", "µs a posting", "bytes a posting", "look-up p50 ms", "p99 ms"),
        rows,
    )


def _cells(row: Figures) -> tuple[str, ...]:
    return (
        f"{row['us_a_posting']:.2f}",
        f"{row['bytes_a_posting']:.1f}",
        f"{row['open_p50_ms']:.2f}",
        f"{row['open_p99_ms']:.2f}",
    )


def main() -> None:
    """Run from the command line."""
    parser = command_line("lookback", __doc__)
    parser.add_argument("--sizes", default=",".join(map(str, SIZES)), help="postings, ascending")
    options = parser.parse_args()
    sizes = [int(size) for size in options.sizes.split(",")]
    if min(sizes) < HOURS * BATCH:
        parser.error(f"at least {HOURS * BATCH:,} postings are needed")
    tell(options, lambda: run(sizes), print_table)


def _look_back(size: int) -> Figures:
    def begin(store: PartitionStore) -> tuple[Remember, Find]:
        memory = LookBack(store, HOURS, (_BEGIN + HOURS) * HOUR_MS if store.next_offset else 0)
        hour = _BEGIN

        def remember(postings: list[Posting], written: list[msgspec.Raw], sequence: int) -> None:
            nonlocal hour
            memory.take(postings, written, ())
            memory.flush(sequence)
            if postings[-1].at // HOUR_MS != hour:
                hour = postings[-1].at // HOUR_MS
                memory.expire(hour * HOUR_MS)

        return remember, lambda account: sorted(memory.of(account), key=lambda p: p.at)

    return _measured(size, begin)


def _a_row_each(size: int) -> Figures:
    def begin(store: PartitionStore) -> tuple[Remember, Find]:
        def find(account: str) -> Sequence[Posting]:
            rows = scan_prefix(store, account.encode() + b"/")
            return [_DECODER.decode(value) for _, value in rows]

        return lambda postings, _, sequence: _put_each(store, postings, sequence), find

    return _measured(size, begin)


def _measured(size: int, begin: Callable[[PartitionStore], tuple[Remember, Find]]) -> Figures:
    with tempfile.TemporaryDirectory(prefix="freezeline-lookback-") as folder:
        path = Path(folder) / "store"
        store = PartitionStore.open(path, _STORE_BYTES, _STORE_BYTES)
        remember, _ = begin(store)
        spent = spent_cpu = 0.0
        for sequence, postings in enumerate(_batches(size)):
            written = written_parts(encode_log_entry(Postings(postings)))
            began, began_cpu = time.perf_counter(), time.thread_time()
            remember(postings, written, sequence)
            store.persist(store.take_changes(), sequence + 1)
            spent += time.perf_counter() - began
            spent_cpu += time.thread_time() - began_cpu
        store.close()
        on_disk = sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
        store = PartitionStore.open(path, _STORE_BYTES, _STORE_BYTES)
        _, find = begin(store)
        opened, found = [], 0
        for index in random.Random(7).sample(range(size // POSTINGS_AN_ACCOUNT), OPENED):
            began = time.perf_counter()
            found += len(find(_account(index)))
            opened.append((time.perf_counter() - began) * 1000)
        store.close()
    return {
        "size": size,
        "us_a_posting": round(spent_cpu / size * 1e6, 2),
        "wall_us_a_posting": round(spent / size * 1e6, 2),
        "bytes_a_posting": round(on_disk / size, 1),
        "open_p50_ms": round(percentile(opened, 0.5), 2),
        "open_p99_ms": round(percentile(opened, 0.99), 2),
        "open_max_ms": round(max(opened), 2),
        "postings_found_each": round(found / OPENED, 1),
    }


_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(Posting)


def _put_each(state: State, postings: Sequence[Posting], sequence: int) -> None:
    for number, posting in enumerate(postings):
        place = (sequence * BATCH + number).to_bytes(8, "big")
        key = posting.account.encode() + b"/" + posting.at.to_bytes(8, "big") + place
        state.put(key, _ENCODER.encode(posting))


def _batches(size: int) -> Iterator[list[Posting]]:
    """Yield the postings in order of time, spread evenly over the hours."""
    draw = random.Random(3)
    accounts = [_account(index) for index in range(size // POSTINGS_AN_ACCOUNT)]
    apart = HOURS * HOUR_MS / size
    together = min(BATCH, size // (HOURS * LEAST_BATCHES_AN_HOUR))
    for start in range(0, size, together):
        count = min(together, size - start)
        owners, others = draw.choices(accounts, k=count), draw.choices(accounts, k=count)
        yield [
            Posting(
                owner,
                f"bank-{_BANKS[number % len(_BANKS)]}/{number:020d}",
                _BEGIN * HOUR_MS + int(number * apart),
                int(draw.random() * 2_000_000) - 1_000_000,
                other,
                int(draw.random() * 100_000_000),
                (f"E2E{number:020d}",),
            )
            for number, owner, other in zip(
                range(start, start + count), owners, others, strict=True
            )
        ]


def _account(index: int) -> str:
    # Numbers of one bank are not in sequence in practice; a step coprime to 10^9 scatters them.
    return f"account:{_BANKS[index % len(_BANKS)]}:1{index * 387_420_489 % 10**9:09d}"


if __name__ == "__main__":
    main()
