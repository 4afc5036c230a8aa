"""Where stolen money comes from: the terms of its dispute, and the payments on its way."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from operator import attrgetter
from typing import NamedTuple

from pipeline.contracts.account_log import Leg, Posting

_PLACE = attrgetter("hop", "at", "transaction", "share", "payer", "payee", "amount", "references")
"""All that a leg is: two books may tell one payment by different names, and a trail in no order of
its own would be other in another process."""


class Root(NamedTuple):
    """A payment in dispute at this account. ``stolen`` is satang, the clock ms."""

    followed: bool
    stolen: int
    since: int
    until: int
    cluster: str


class Source(NamedTuple):
    """What a step needs to know of where its colour comes from."""

    accounts: int
    stolen: int
    since: int
    until: int
    cluster: str


class Traced(NamedTuple):
    """Stolen money that came from other accounts: how it stands in the queue of holds.

    ``part`` is how much came (satang), ``at`` when the first of it did (ms).
    """

    origin: str
    part: int
    at: int
    source: Source
    legs: tuple[Leg, ...]


def joint_source(sources: Iterable[Source]) -> Source:
    """Return the terms of money from several sources. Of terms on their way the longest count."""
    every = list(sources)
    if len(every) == 1:
        return every[0]
    return Source(
        sum(source.accounts for source in every),
        max(source.stolen for source in every),
        min(source.since for source in every),
        max(source.until for source in every),
        min(source.cluster for source in every),
    )


def leg_of(hop: int, made: Posting, share: int) -> Leg:
    """Return the leg of a payment as its payer's book has it."""
    return Leg(
        hop,
        made.transaction,
        made.account,
        made.other,
        made.at,
        abs(made.amount),
        share,
        _names(made),
    )


def leg_into(credit: Posting, share: int) -> Leg:
    """Return the first leg of a trail: a payment as its payee's book has it."""
    return Leg(
        1,
        credit.transaction,
        credit.other,
        credit.account,
        credit.at,
        abs(credit.amount),
        share,
        _names(credit),
    )


def is_back(made: Posting, legs: Iterable[Leg], origin: str) -> bool:
    """Whether a payment brings stolen money back to the account that it was stolen from."""
    payee = made.other
    for leg in legs:  # noqa: SIM110 - asked of every payment that goes on: any() takes thrice as long
        if leg.transaction == origin and leg.payer == payee:
            return True
    return False


def _names(posting: Posting) -> tuple[str, ...]:
    references = posting.references
    return tuple(r for r in references if not r.startswith("account:")) if references else ()


def in_order(legs: Iterable[Leg]) -> tuple[Leg, ...]:
    """Return the payments of a trail from the theft on."""
    return tuple(sorted(legs, key=_PLACE))


def joint_legs(trails: Iterable[Collection[Leg]]) -> tuple[Leg, ...]:
    """Return the payments of several trails, each payment once, from the theft on."""
    every = list(trails)
    if len(every) == 1 and _is_one_way(every[0]):
        return tuple(every[0])
    return in_order({leg for trail in every for leg in trail})


def _is_one_way(trail: Collection[Leg]) -> bool:
    """Whether a trail goes from hop to hop, so that it is in order and has no payment twice."""
    before = 0
    for leg in trail:
        if leg.hop <= before:
            return False
        before = leg.hop
    return True
