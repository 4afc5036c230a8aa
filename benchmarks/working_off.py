"""How fast workers work off what lies in their topic: by their metrics, start-up left out."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from agents.kafka.lag import LagReader
from agents.local.cluster import LocalWorker
from benchmarks.stand import IDLE_SECONDS, BenchmarkError, Stand, cpu_seconds, records_in

_POLL_SECONDS = 0.1


class _Sample(NamedTuple):
    at: float
    records: int
    cpu_seconds: float | None


@dataclass(frozen=True)
class Rate:
    """What a worker did in the time that was measured (start-up and first batches left out)."""

    share: float
    """The part of all records that was measured."""
    seconds: float
    cpu_seconds: float | None


def work_off(stand: Stand, topic: str, *workers: LocalWorker) -> Rate:
    """Watch the workers of a group until it has no lag; the clock runs from the first records."""
    samples: list[_Sample] = []
    deadline = time.monotonic() + IDLE_SECONDS
    with LagReader(stand.settings) as lags:
        while not _is_quiet(samples) or lags.lag()[workers[0].name.value]:
            time.sleep(_POLL_SECONDS)
            for worker in workers:
                stand.check(worker)
            if time.monotonic() > deadline:
                raise BenchmarkError(f"The {workers[0].name} group did not come to its end.")
            count = sum(records_in(worker, topic) for worker in workers)
            if count:
                samples.append(_Sample(time.perf_counter(), count, _cpu_of(workers)))
    first = samples[0]
    last = next(sample for sample in samples if sample.records == samples[-1].records)
    if last.records == first.records:
        raise BenchmarkError("There was too little to do: take more transactions.")
    cpu = None
    if first.cpu_seconds is not None and last.cpu_seconds is not None:
        cpu = last.cpu_seconds - first.cpu_seconds
    share = 1 - first.records / last.records
    return Rate(share, last.at - first.at, cpu)


def _cpu_of(workers: Sequence[LocalWorker]) -> float | None:
    spent = [cpu_seconds(worker) for worker in workers]
    return None if None in spent else sum(each for each in spent if each is not None)


def _is_quiet(samples: list[_Sample]) -> bool:
    """Whether nothing was folded for half a second."""
    return len(samples) >= 6 and samples[-6].records == samples[-1].records
