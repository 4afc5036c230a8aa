"""The definition of two circles of contacts that share accounts, naively (see `oracle`)."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping

from pipeline.clustering.normalised import StoredReport
from tests.pipeline.clustering.oracle_parties import Edge, apart

CONTACTS = ("phone:", "handle:", "url:")


class Circles:
    """The circles of a cluster, by what its reports name (``of``)."""

    def __init__(
        self,
        members: frozenset[str],
        of: Mapping[str, list[StoredReport]],
        head: Mapping[str, str],
        needed: float,
    ) -> None:
        self.needed = needed + 4
        self.told: dict[str, list[StoredReport]] = {}
        for top in set(head.values()):
            behind = [member for member in members if head[member] == top]
            if all(member.startswith(CONTACTS) for member in behind):
                told = [report for member in behind for report in of[member]]
                if len(told) > 1:
                    self.told[top] = told

    def _across(self, one: frozenset[str], other: frozenset[str]) -> int:
        return sum(
            len(voices)
            for _, a, b, _, voices in self.ties
            if (a in one and b in other) or (a in other and b in one)
        )

    def _inside(self, part: frozenset[str]) -> int:
        return sum(len(voices) for _, a, b, _, voices in self.ties if {a, b} <= part)

    def _are_apart(self, one: frozenset[str], other: frozenset[str]) -> bool:
        across = self._across(one, other)
        return round(apart(self._inside(one), self._inside(other), across), 6) >= self.needed

    def _at_one_time(self, one: frozenset[str], other: frozenset[str]) -> bool:
        def days(part: frozenset[str]) -> list[int]:
            told = [r.received_at // 86_400_000 for contact in part for r in self.told[contact]]
            return sorted(told)

        def falls_into(mine: list[int], theirs: list[int]) -> bool:
            most = theirs[len(theirs) // 10 : len(theirs) - len(theirs) // 10]
            return sum(most[0] <= day <= most[-1] for day in mine) * 2 >= len(mine)

        a, b = days(one), days(other)
        return falls_into(a, b) and falls_into(b, a)

    def _are_paid_apart(
        self, one: frozenset[str], other: frozenset[str], edges: list[Edge]
    ) -> bool:
        def paid(circle: frozenset[str]) -> list[str]:
            return [
                account
                for _, a, b, tier, voices in edges
                for contact, account in ((a, b), (b, a))
                if tier == "T0" and contact in circle and account.startswith("account:")
                for _ in voices
            ]

        def unlike(mine: list[str], others: list[str]) -> float:
            alone = [account for account in mine if account not in others]
            share = len(mine) / (len(mine) + len(others))
            return -math.log2(share) * (len(alone) - len(set(alone))) if alone else 0.0

        a, b = paid(one), paid(other)
        shared = set(a) & set(b)
        if not shared or (len(shared) == 1 and set(a) != shared != set(b)):
            return True
        return round(unlike(a, b) + unlike(b, a), 6) >= 8 * len(shared)

    def cut(self, edges: list[Edge]) -> set[Edge]:
        """Return the edges between what belongs to two circles."""
        self.ties = [e for e in edges if e[3] == "T0" and e[1] in self.told and e[2] in self.told]

        def weakness(edge: Edge) -> tuple[float, str, str]:
            _, a, b, _, voices = edge
            return -len(voices) / (len(self.told[a]) * len(self.told[b])), a, b

        circles = {frozenset({end}) for edge in self.ties for end in edge[1:3]}
        for edge in sorted(self.ties, key=weakness):
            (one,) = (circle for circle in circles if edge[1] in circle)
            (other,) = (circle for circle in circles if edge[2] in circle)
            if one != other and not self._are_apart(one, other):
                circles = circles - {one, other} | {one | other}
        chosen: list[frozenset[str]] = []
        for circle in sorted(circles, key=lambda c: (-self._inside(c), min(c))):
            if len(circle) > 2 and all(
                self._are_apart(circle, o)
                and self._at_one_time(circle, o)
                and self._are_paid_apart(circle, o, edges)
                for o in chosen
            ):
                chosen.append(circle)
        of = {contact: place for place, circle in enumerate(chosen) for contact in circle}
        while True:
            near: dict[str, Counter[int]] = {}
            for _, a, b, _, voices in edges:
                for one_end, other_end in ((a, b), (b, a)):
                    if one_end not in of and other_end in of:
                        counts = near.setdefault(one_end, Counter())
                        counts[of[other_end]] += max(len(voices), 1)
            if not near:
                break
            for key, counts in near.items():
                of[key] = max(counts, key=lambda place: (counts[place], -place))
        return {e for e in edges if e[1] in of and e[2] in of and of[e[1]] != of[e[2]]}
