"""The definition of two circles of contacts that share accounts, naively (see `oracle`)."""

from __future__ import annotations

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

    def _share_little(self, one: frozenset[str], other: frozenset[str], edges: list[Edge]) -> bool:
        def paid(circle: frozenset[str]) -> set[str]:
            told = [{a, b} for _, a, b, tier, _ in edges if tier == "T0" and {a, b} & circle]
            return {end for ends in told for end in ends if end.startswith("account:")}

        a, b = paid(one), paid(other)
        if not a & b:
            return True
        return len(a & b) == 1 and bool(a - b) and bool(b - a)

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
                and self._share_little(circle, o, edges)
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
