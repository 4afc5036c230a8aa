"""How well a grouping of reports fits the true one: pairwise, and B-cubed."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple


@dataclass(frozen=True, slots=True)
class Score:
    """Precision (of what was put together, how much is true) and recall (the other way round)."""

    precision: float
    recall: float

    @property
    def f1(self) -> float:
        """The harmonic mean of both."""
        both = self.precision + self.recall
        return 2 * self.precision * self.recall / both if both else 0.0


class Part(NamedTuple):
    """What one true group brings to the scores; all are sums, so groups can be drawn again.

    ``agreed``, ``true`` and ``found`` are pairs of reports: in both groupings, in the true one, in
    the found one (there a pair counts half for each of its ends). ``reports`` are its reports;
    ``precise`` and ``recalled`` the sums of their B-cubed precision and recall.
    """

    agreed: float
    true: float
    found: float
    reports: int
    precise: float
    recalled: float


def parts_of(truth: Mapping[str, str], found: Mapping[str, str]) -> list[Part]:
    """Split the comparison of two groupings of the same reports by true group.

    Both map a report's key to its group; a report that is not in one stands alone there.
    """
    both: Counter[tuple[Hashable, Hashable]] = Counter()
    for report in truth.keys() | found.keys():
        # A tuple is no group's name, so it can be no other report's group.
        true_group: Hashable = truth.get(report, ("alone", report))
        both[true_group, found.get(report, ("alone", report))] += 1
    true_sizes: Counter[Hashable] = Counter()
    found_sizes: Counter[Hashable] = Counter()
    cells: defaultdict[Hashable, list[tuple[Hashable, int]]] = defaultdict(list)
    for (true_group, found_group), size in both.items():
        true_sizes[true_group] += size
        found_sizes[found_group] += size
        cells[true_group].append((found_group, size))
    parts = []
    for true_group, shared in cells.items():
        size = true_sizes[true_group]
        parts.append(
            Part(
                agreed=sum(n * (n - 1) / 2 for _, n in shared),
                true=size * (size - 1) / 2,
                found=sum(n * (found_sizes[group] - 1) / 2 for group, n in shared),
                reports=size,
                precise=sum(n * n / found_sizes[group] for group, n in shared),
                recalled=sum(n * n / size for _, n in shared),
            )
        )
    # Sets have no order of their own: the sums of floats must not depend on it.
    return sorted(parts)


class Scores(NamedTuple):
    """Both scores of a comparison.

    ``pairwise`` is over pairs of reports; ``b_cubed`` (Bagga and Baldwin 1998) is the mean over
    reports, so that one large group does not outweigh all others.
    """

    pairwise: Score
    b_cubed: Score


def scores_of(parts: Sequence[Part]) -> Scores:
    """Return the scores; 1 where there is nothing to compare."""
    agreed, true, found, reports, precise, recalled = (
        (sum(column) for column in zip(*parts, strict=True))
        if parts
        else (0.0,) * len(Part._fields)
    )
    return Scores(
        Score(_share(agreed, found), _share(agreed, true)),
        Score(_share(precise, reports), _share(recalled, reports)),
    )


def pairwise_score(truth: Mapping[str, str], found: Mapping[str, str]) -> Score:
    """Compare two groupings by their pairs of reports (see `parts_of`)."""
    return scores_of(parts_of(truth, found)).pairwise


def _share(part: float, whole: float) -> float:
    return part / whole if whole else 1.0
