"""How steeply a figure grows, told robustly: outliers (a pause, a flush) do not turn the answer.

Theil–Sen: the median of the slopes of all pairs of points, with an interval that has the true slope
with 95 % (Sen 1968, as scipy does it).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from scipy.stats import theilslopes

HOUR_SECONDS = 3600.0
CONFIDENCE = 0.95
WARM_UP = 0.25
"""The share of a run that is left out: caches fill, code is compiled."""
FEWEST_POINTS = 8
_MOST_POINTS = 1_000


@dataclass(slots=True)
class Series:
    """One figure over the run; times in seconds since its beginning."""

    unit: str
    times: list[float] = field(default_factory=list)
    values: list[float] = field(default_factory=list)

    def add(self, at: float, value: float) -> None:
        """Add a point."""
        self.times.append(at)
        self.values.append(value)


@dataclass(frozen=True, slots=True)
class Slope:
    """How much a figure grows in an hour, and between which bounds that is with 95 %."""

    unit: str
    median: float
    an_hour: float
    low: float
    high: float
    start: float
    """The fitted value at the beginning of the run."""

    def exceeds(self, limit: float) -> bool:
        """Whether the figure certainly grows by more than ``limit`` an hour."""
        return self.low > limit

    def told(self, limit: float | None) -> dict[str, Any]:
        """Return it as the result has it."""
        return {
            "unit": self.unit,
            "median": round(self.median, 3),
            "an_hour": round(self.an_hour, 3),
            "low": round(self.low, 3),
            "high": round(self.high, 3),
            "limit_an_hour": None if limit is None else round(limit, 3),
        }


def slope_of(series: Series, seconds: float) -> Slope | None:
    """Return the slope after the warm-up of a run of so many ``seconds``; None: too few points."""
    points = [
        (at, value)
        for at, value in zip(series.times, series.values, strict=True)
        if at >= seconds * WARM_UP
    ]
    if len(points) < FEWEST_POINTS:
        return None
    # All pairs are looked at: of very many points every so manieth is enough.
    points = points[:: 1 + len(points) // _MOST_POINTS]
    times, values = [at for at, _ in points], [value for _, value in points]
    found = theilslopes(values, times, CONFIDENCE)
    middle = sorted(values)[len(values) // 2]
    return Slope(
        series.unit,
        middle,
        float(found.slope) * HOUR_SECONDS,
        float(found.low_slope) * HOUR_SECONDS,
        float(found.high_slope) * HOUR_SECONDS,
        float(found.intercept),
    )
