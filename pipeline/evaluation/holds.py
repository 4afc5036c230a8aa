"""Figures about holds: how many of the guilty, how many of the innocent, and how soon."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from pipeline.evaluation.found import Found
from pipeline.evaluation.truth import Truth


class HeldAccount(NamedTuple):
    """An account that was asked to be held at any time: whose it is, and for how much (satang).

    ``innocent`` means: no ring's. ``exists`` means: known to be an honest customer's; a misspelt
    number mostly belongs to nobody, so a hold there finds nobody's money.
    """

    account: str
    innocent: bool
    exists: bool
    satang: int


class NamedMule(NamedTuple):
    """A mule account that a speaking report names rightly.

    ``alerted_after`` and ``held_after`` are the ms from the first report that means it to its
    first alert (hold or watch) and to its first hold, in event time; None where none came.
    """

    account: str
    alerted_after: int | None
    held_after: int | None


@dataclass(frozen=True, slots=True)
class Holds:
    """All accounts that figures about holds are made from."""

    held: list[HeldAccount]
    disputed: list[HeldAccount]
    standing: list[HeldAccount]
    mules: list[NamedMule]


def holds_of(truth: Truth, found: Found) -> Holds:
    """Compare alerts with the truth.

    ``disputed`` are holds at innocents' accounts that rest on a verified person's own real payment
    into them: no evidence tells that the buyer is wrong, so they are counted apart from ``held``.
    ``standing`` are the holds that stand at the end, whatever they rest on.
    """
    guilty, honest = truth.guilty(), set(truth.innocents.accounts)
    mistaken = truth.honestly_disputed()

    def account(key: str, satang: int) -> HeldAccount:
        return HeldAccount(key, key not in guilty, key in honest, satang)

    ever = [account(*each) for each in sorted(found.held_ever().items())]
    disputed = [one for one in ever if one.innocent and one.account in mistaken]
    held = [one for one in ever if not one.innocent or one.account not in mistaken]
    standing = [account(*each) for each in sorted(found.held_now().items())]
    return Holds(held, disputed, standing, _mules(truth, found, guilty))


def _mules(truth: Truth, found: Found, guilty: set[str]) -> list[NamedMule]:
    named: set[str] = set()
    told: dict[str, int] = {}
    for report in truth.reports:
        if not report.withdrawn:
            named.update(report.named)
        for account in report.accounts:
            told[account] = min(report.received_at, told.get(account, report.received_at))
    return [
        NamedMule(
            account,
            _after(told.get(account), found.first_alert.get(account)),
            _after(told.get(account), found.first_hold.get(account)),
        )
        for account in sorted(named & guilty)
    ]


def _after(told: int | None, spoken: int | None) -> int | None:
    if told is None or spoken is None:
        return None
    # A list may have named the account before the first report did.
    return max(0, spoken - told)


def precision(held: Sequence[HeldAccount]) -> float:
    """Return the share of the guilty among held accounts; 1 where none is held."""
    return 1.0 - innocent_rate(held)


def innocent_rate(held: Sequence[HeldAccount]) -> float:
    """Return the share of innocents' accounts among those asked to be held; 0 of none."""
    return sum(one.innocent for one in held) / len(held) if held else 0.0


def honest_rate(held: Sequence[HeldAccount]) -> float:
    """Return the share of accounts known to be honest customers'; 0 of none."""
    return sum(one.exists and one.innocent for one in held) / len(held) if held else 0.0


def innocent_satang_rate(held: Sequence[HeldAccount]) -> float:
    """Return the share of the money asked to be held that was innocents'; 0 of nothing."""
    whole = sum(one.satang for one in held)
    return sum(one.satang for one in held if one.innocent) / whole if whole else 0.0


def alerted(mules: Sequence[NamedMule]) -> float:
    """Return the share of named mule accounts with an alert (hold or watch); 1 of none."""
    return _share([mule.alerted_after is not None for mule in mules])


def held(mules: Sequence[NamedMule]) -> float:
    """Return the share of named mule accounts that were asked to be held; 1 of none."""
    return _share([mule.held_after is not None for mule in mules])


def _share(answers: list[bool]) -> float:
    return sum(answers) / len(answers) if answers else 1.0


def seconds_to_alert(mules: Sequence[NamedMule]) -> tuple[float, float]:
    """Return median and 90th percentile of the seconds from report to alert, in event time."""
    return _percentiles([mule.alerted_after for mule in mules])


def seconds_to_hold(mules: Sequence[NamedMule]) -> tuple[float, float]:
    """Return median and 90th percentile of the seconds from report to hold, in event time."""
    return _percentiles([mule.held_after for mule in mules])


def _percentiles(times: list[int | None]) -> tuple[float, float]:
    known = sorted(time / 1000 for time in times if time is not None)
    if not known:
        return 0.0, 0.0
    if len(known) == 1:
        return known[0], known[0]
    return statistics.median(known), statistics.quantiles(known, n=10, method="inclusive")[-1]
