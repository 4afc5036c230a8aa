"""The payments of one run: a first part to warm up with, and a second that is measured."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from benchmarks.payments import Payment, case_account, now_rfc3339, ordinary_account, payment
from benchmarks.payments import payments as spread_payments
from benchmarks.publishing import spread

SHARE_AT_CASES = 0.001
"""Share of the postings that are at accounts with a case."""
LAST_OF_A_PARTITION = 24
"""The last payments of each input partition all go to accounts with a case, so that the last
alert comes from the end of every partition that they are posted to."""


@dataclass
class Part:
    """Payments in the order in which they are published, and those that must lead to an alert."""

    records: list[tuple[int, bytes]] = field(default_factory=list)
    """(partition, value)"""
    into_cases: set[str] = field(default_factory=set)
    """Keys of the payments into accounts with a case."""

    def add(self, partition: int, each: Payment) -> None:
        """Add one payment."""
        self.records.append((partition, each.value))
        if each.into_case:
            self.into_cases.add(each.key)


def backlog(sizes: tuple[int, int], partitions: int, files: int) -> tuple[Part, Part]:
    """Return both parts, of these sizes; the accounts with a case are all different.

    Raises ValueError when there are fewer accounts with a case than payments into them.
    """
    total = sum(sizes)
    tail = LAST_OF_A_PARTITION * partitions
    spread_out = max(1, round(total * 2 * SHARE_AT_CASES) - 2 * tail)
    if spread_out + 2 * tail > files:
        raise ValueError(f"{spread_out + 2 * tail} accounts with a case are needed")
    found = spread_payments(total - 2 * tail, spread_out, files)
    last = _last_payments(total, spread_out, files)
    parts = (Part(), Part())
    for part, size in zip(parts, sizes, strict=True):
        for _ in range(size - tail):
            each = next(found)
            part.add(spread(each.payer.number, partitions), each)
        for place in range(tail):
            part.add(place % partitions, next(last))
    return parts


def _last_payments(first_number: int, hits: int, files: int) -> Iterator[Payment]:
    at = now_rfc3339()
    while True:
        payee = case_account(hits * 7919 % files)
        yield payment(first_number, at, ordinary_account(hits), payee, 100_000)._replace(
            into_case=True
        )
        first_number, hits = first_number + 1, hits + 1
