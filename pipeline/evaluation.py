"""How well report clusters fit a truth: pairwise precision, recall and F1."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PairwiseScore:
    """Pairs of reports that belong together: of those found, how many are true, and vice versa."""

    precision: float
    recall: float

    @property
    def f1(self) -> float:
        """The harmonic mean of both."""
        both = self.precision + self.recall
        return 2 * self.precision * self.recall / both if both else 0.0


def pairwise_score(truth: Mapping[str, str], found: Mapping[str, str]) -> PairwiseScore:
    """Compare two groupings of the same reports; a report that is not in one stands alone there.

    ``truth`` and ``found`` map a report's key to its group. With no pairs at all the score is 1.
    """
    reports = truth.keys() | found.keys()
    both = Counter(
        (truth.get(report, f"alone {report}"), found.get(report, f"alone {report}"))
        for report in reports
    )
    true_groups: Counter[str] = Counter()
    found_groups: Counter[str] = Counter()
    for (true_group, found_group), size in both.items():
        true_groups[true_group] += size
        found_groups[found_group] += size
    agreed = sum(_pairs(size) for size in both.values())
    in_truth = sum(_pairs(size) for size in true_groups.values())
    in_found = sum(_pairs(size) for size in found_groups.values())
    return PairwiseScore(
        agreed / in_found if in_found else 1.0,
        agreed / in_truth if in_truth else 1.0,
    )


def _pairs(size: int) -> int:
    return size * (size - 1) // 2
