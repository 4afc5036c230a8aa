"""Where a cluster is cut because two rings share the accounts in it.

Who sells accounts may sell them to two rings. So an account that many name beside the phones,
handles and pages of two rings does not say that these are one. But a victim is talked to by one
ring, and mostly by several of its contacts: contacts that are told together over and over are a
**circle**, and two circles of which hardly any contacts are told together are two parties
(`parties.apart_bits`, of ties between contacts alone). Unless the one came after the other: a ring
that was found out takes new contacts, and may keep its accounts. And unless their victims may all
be paid into the accounts of one ring: a ring's callers have contacts of their own, each, and the
ring's accounts in common.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import accumulate
from typing import Final

from pipeline.clustering.bridges import find
from pipeline.clustering.nodes import Node
from pipeline.clustering.pairs import TOGETHER, GraphEdge
from pipeline.clustering.parties import apart_bits, needed_bits

_CONTACTS: Final = ("phone:", "handle:", "url:")
_NONE: Final = Counter[str]()

CONTACT_BITS: Final = 4.0
"""So many bits more than two parties need whose accounts are apart, too (`parties.needed_bits`).
Judgement: fewer (2) was worse in five of fifteen simulated worlds. In one of six of 8,000 reports
the most strangers in a cluster are 6 for 23 without the rule; in the others it changes little."""

CIRCLE: Final = 3
"""So many contacts a circle has at least: two are told together by all whom one person talked to,
and a ring may have several who talk."""

SHARED: Final = 1
"""So many accounts two circles share at most, and each has others besides. Judgement: in the worlds
of a maker whose rings have teams of callers, pairwise F1 is .69 to .89 without it and .92 to .98
with it; where two rings buy the same account, hardly anything changes."""

UNLIKE_BITS: Final = 8.0
"""Or they are told with accounts so unlike that one ring's would be so by chance no more often than
that, in bits for each account that they share. Judgement: a ring that has but one account, which is
one of another's, is told from a team of it (most strangers of a cluster 32 without it and 15 with
it in one of two worlds of 50,000); teams of simulated rings have none at all."""


def may_be_two_circles(edges: Iterable[GraphEdge], least: float) -> bool:
    """Say False only where no contacts of a cluster are two circles, by so many bits."""
    half = sum([edge.voices for edge in edges if _ties_contacts(edge)]) / 2
    return half > 0 and apart_bits(half, half) >= least + CONTACT_BITS


def contact_cuts(
    keys: Sequence[str],
    behind: Mapping[str, Collection[Node]],
    edges: Sequence[GraphEdge],
    bits: float,
) -> set[int]:
    """Return the places in ``edges`` of the ties between what belongs to two circles.

    ``behind`` has the identifiers that each key stands for; ``bits`` are what parts two parties
    (policy.clustering). A phone that money goes to is no contact.
    """
    reports = {
        key: sum([node.summary.reports for node in behind[key]])
        for key in keys
        if all(node.key.startswith(_CONTACTS) for node in behind[key])
    }
    often = {key for key, told in reports.items() if told > 1}
    ties = [e for e in edges if _ties_contacts(e) and e.a in often and e.b in often]
    needed = CONTACT_BITS + needed_bits(bits, len(keys))
    half = sum([edge.voices for edge in ties]) / 2
    if half == 0 or apart_bits(half, half) < needed:
        return set()
    days = {key: _days_of(behind[key]) for key in often}
    circles = _Circles(ties, reports, needed).apart(days, _accounts_by_contact(edges))
    if len(circles) < 2:
        return set()
    of = _with_the_rest(circles, edges)
    return {
        place
        for place, edge in enumerate(edges)
        if edge.a in of and edge.b in of and of[edge.a] != of[edge.b]
    }


def _ties_contacts(edge: GraphEdge) -> bool:
    return edge.tier == TOGETHER and edge.a.startswith(_CONTACTS) and edge.b.startswith(_CONTACTS)


def _days_of(nodes: Iterable[Node]) -> Counter[int]:
    days: Counter[int] = Counter()
    for node in nodes:
        days.update(node.summary.days)
    return days


class _Circles:
    """Contacts that are told together, joined as long as these are not two parties.

    The strongest ties join first, for as often as their ends are told: what a courier's phone,
    which each of two rings' victims name now and then, would tie comes last.
    """

    def __init__(
        self, ties: Sequence[GraphEdge], reports: Mapping[str, int], needed: float
    ) -> None:
        self._needed = needed
        self._head: dict[str, str] = {}
        self._inside: dict[str, int] = {}
        self._between: dict[str, Counter[str]] = {}
        for tie in ties:
            for one, other in ((tie.a, tie.b), (tie.b, tie.a)):
                self._between.setdefault(one, Counter())[other] += tie.voices
        self._contacts = sorted(self._between)

        def weakness(tie: GraphEdge) -> tuple[float, str, str]:
            return -tie.voices / (reports[tie.a] * reports[tie.b]), tie.a, tie.b

        for tie in sorted(ties, key=weakness):
            one, other = find(self._head, tie.a), find(self._head, tie.b)
            if one != other and not self._are_apart(one, other):
                self._join(one, other)

    def _are_apart(self, one: str, other: str) -> bool:
        inside, across = self._inside, self._between[one][other]
        sure = apart_bits(inside.get(one, 0), inside.get(other, 0), across)
        return round(sure, 6) >= self._needed

    def _join(self, one: str, other: str) -> None:
        """Let two circles be one: the one with fewer ties goes into the other one."""
        between = self._between
        small, large = sorted((one, other), key=lambda top: (len(between[top]), top))
        self._head[small] = large
        across = between[large][small]
        inside = self._inside.get(large, 0) + self._inside.pop(small, 0) + across
        self._inside[large] = inside
        for near, voices in between.pop(small).items():
            del between[near][small]
            if near != large:
                between[large][near] += voices
                between[near][large] += voices

    def apart(
        self, days: Mapping[str, Counter[int]], accounts: Mapping[str, Counter[str]]
    ) -> list[set[str]]:
        """Return the circles that are apart from each other and were told of at the same time.

        Each has `CIRCLE` contacts at least; the largest comes first. ``days`` are the reports about
        each contact by day, ``accounts`` how many told it together with each account.
        """
        members: dict[str, set[str]] = {}
        for contact in self._contacts:
            members.setdefault(find(self._head, contact), set()).add(contact)
        told = {
            top: sum((days[contact] for contact in sorted(circle)), Counter[int]())
            for top, circle in members.items()
        }
        paid = {
            top: sum((accounts.get(contact, _NONE) for contact in circle), Counter[str]())
            for top, circle in members.items()
        }
        chosen: list[str] = []
        for top in sorted(self._inside, key=lambda top: (-self._inside[top], min(members[top]))):
            if len(members[top]) >= CIRCLE and all(
                self._are_apart(top, other)
                and _at_one_time(told[top], told[other])
                and _are_paid_apart(paid[top], paid[other])
                for other in chosen
            ):
                chosen.append(top)
        return [members[top] for top in chosen]


def _accounts_by_contact(edges: Iterable[GraphEdge]) -> dict[str, Counter[str]]:
    """Return how many voices told each contact together with each account."""
    accounts: dict[str, Counter[str]] = {}
    for edge in edges:
        if edge.tier == TOGETHER:
            for one, other in ((edge.a, edge.b), (edge.b, edge.a)):
                if one.startswith(_CONTACTS) and other.startswith("account:"):
                    accounts.setdefault(one, Counter())[other] += edge.voices
    return accounts


def _are_paid_apart(one: Counter[str], other: Counter[str]) -> bool:
    """Say whether what was told with two circles are the accounts of two rings."""
    shared = one.keys() & other.keys()
    if len(shared) <= SHARED and one.keys() != shared != other.keys():
        return True
    return round(_unlike_bits(one, other), 6) >= UNLIKE_BITS * len(shared)


def _unlike_bits(one: Counter[str], other: Counter[str]) -> float:
    """Return how seldom one ring's accounts would be told so differently with two of its circles.

    In bits. Each telling of an account that only one of them was told with fell to that one for as
    often as tellings do, the first one anywhere.
    """
    told = one.total() + other.total()
    bits = 0.0
    for mine, others in ((one, other), (other, one)):
        again = sum([times - 1 for account, times in mine.items() if account not in others])
        bits += again and again * math.log2(told / mine.total())
    return bits


def _at_one_time(one: Counter[int], other: Counter[int]) -> bool:
    """Say whether at least half of the reports about each fall into the other's time."""
    for a, b in ((one, other), (other, one)):
        first, last = _time_of(b)
        if 2 * sum([n for day, n in a.items() if first <= day <= last]) < a.total():
            return False
    return True


def _time_of(days: Counter[int]) -> tuple[int, int]:
    """Return the first and the last day of a circle, without a tenth of its reports at each end.

    Somebody may report months later.
    """
    late, in_order = days.total() // 10, sorted(days)
    return _day_of(late, in_order, days), _day_of(late, in_order[::-1], days)


def _day_of(place: int, in_order: Sequence[int], days: Counter[int]) -> int:
    """Return the day of the report at a place (from 0) among all, given the days in their order."""
    seen = accumulate([days[day] for day in in_order])
    return next(day for day, reports in zip(in_order, seen, strict=True) if reports > place)


def _with_the_rest(
    circles: Sequence[Collection[str]], edges: Sequence[GraphEdge]
) -> dict[str, int]:
    """Return to which circle each identifier belongs: the one that it was told with most."""
    of = {contact: place for place, circle in enumerate(circles) for contact in circle}
    while True:
        told: dict[str, Counter[int]] = {}
        for edge in edges:
            for one, other in ((edge.a, edge.b), (edge.b, edge.a)):
                if one not in of and other in of:
                    # What is alike was told by nobody together.
                    told.setdefault(one, Counter())[of[other]] += max(edge.voices, 1)
        if not told:
            return of
        for key, near in told.items():
            of[key] = min(near, key=lambda place: (-near[place], place))
