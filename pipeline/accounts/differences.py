"""What leaves an account's file when something in it has changed, and what led to it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from pipeline.contracts.account_log import AccountEvent, Claim, Notice, Step
from pipeline.contracts.alerts import FreezeAlert

LOWERED = "lowered"
"""Why satang are let go by a hold that stands, for less than before."""


class Cause(NamedTuple):
    """What led to the decision: an event's id and when it entered Kafka (ms).

    ``by_report`` marks a report's claim or level: for those the latency is measured.
    """

    event: str
    at: int
    by_report: bool = False


@dataclass(slots=True)
class Differences:
    """New versions of alerts for banks, notices for the payers' books, steps for the payees'."""

    alerts: list[FreezeAlert] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    passed: list[Claim] = field(default_factory=list)
    """Claims for the accounts that may have been meant."""
    asked: dict[str, int] = field(default_factory=dict)
    """Satang newly asked to be held, by the grounds."""
    let_go: dict[str, int] = field(default_factory=dict)
    """Satang asked for before and not any more, by the reason of the release, or `LOWERED`."""

    def events(self) -> Iterator[AccountEvent]:
        """Yield what other accounts are told."""
        yield from self.notices
        yield from self.steps
        yield from self.passed
