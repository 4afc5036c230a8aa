"""Accounts with a case, as the clustering agent would open them: a claim and an acting level."""

from __future__ import annotations

import time
from collections.abc import Iterator

from benchmarks.payments import case_account
from pipeline.contracts.account_log import (
    AccountEvent,
    AccountEvents,
    Claim,
    Level,
    encode_log_entry,
    partition_of,
)
from pipeline.policy.policy import HOUR_MS

EVENTS_A_RECORD = 200
# Old enough that the benchmark's payments say nothing about the disputed one (policy: seen_hours),
# young enough that its hold still runs (policy: holds).
_REPORTED_HOURS_AGO = 47
_PAID_HOURS_AGO = 48
_PERSONS = 3
"""So many verified ones must name an account before payments that nobody disputes are held."""


def case_records(files: int, partitions: int) -> Iterator[tuple[int, bytes]]:
    """Yield (partition, account-log record) that open ``files`` account files."""
    now = time.time_ns() // 1_000_000
    waiting: dict[int, list[AccountEvent]] = {partition: [] for partition in range(partitions)}
    for index in range(files):
        events = _events(index, now)
        partition = partition_of(events[0].account, partitions)
        waiting[partition] += events
        if len(waiting[partition]) >= EVENTS_A_RECORD:
            yield partition, encode_log_entry(AccountEvents(waiting[partition]))
            waiting[partition] = []
    for partition, rest in waiting.items():
        if rest:
            yield partition, encode_log_entry(AccountEvents(rest))


def _events(index: int, now: int) -> list[AccountEvent]:
    account = case_account(index).key
    received_at = now - _REPORTED_HOURS_AGO * HOUR_MS
    claim = Claim(
        account=account,
        claim_id=f"aoc-1441/BENCH-{index}#0",
        version=1,
        withdrawn=False,
        report=f"aoc-1441/BENCH-{index}",
        received_at=received_at,
        published_at=now,
        voice=f"{index:064x}",
        verified=True,
        police_filed=False,
        paid_at=now - _PAID_HOURS_AGO * HOUR_MS,
        amount=1_500_000 + index,
    )
    level = Level(
        account=account,
        version=1,
        level="light_grey",
        acting=True,
        since=received_at,
        published_at=now,
        police_filed=False,
        reports=_PERSONS,
        voices=_PERSONS,
        verified_voices=_PERSONS,
        cluster=f"{index:032x}",
        cluster_version=1,
        caused_by=claim.report,
        scam_types=("purchase",),
    )
    return [claim, level]
