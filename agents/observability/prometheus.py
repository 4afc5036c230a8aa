"""The declared metrics as Prometheus metrics."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from itertools import accumulate
from typing import TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge, disable_created_metrics
from prometheus_client.core import HistogramMetricFamily
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

from pipeline.metrics import PREFIX, Metric, load_metrics


class Counts:
    """The observations of one histogram with one set of labels: how many in each bucket."""

    def __init__(self, bounds: tuple[float, ...]) -> None:
        """Count by ``bounds``, each bucket's upper one; above the last there is one more."""
        self._bounds = bounds
        self.buckets = [0] * (len(bounds) + 1)
        self.sum = 0.0

    def observe(self, value: float, times: int) -> None:
        """Add an observation, so many ``times``."""
        self.buckets[bisect_left(self._bounds, value)] += times
        self.sum += value * times


class Histogram(Collector):
    """A histogram to which thousands of observations are added at once.

    The client's own takes one at a time, and each record counts here.
    """

    def __init__(self, metric: Metric) -> None:
        """Show a declared histogram; one without labels from the beginning."""
        self._metric = metric
        self._children: dict[tuple[str, ...], Counts] = {}
        if not metric.labels:
            self.labels()

    def labels(self, *values: str) -> Counts:
        """Return what is counted under these values of the labels."""
        counts = self._children.get(values)
        if counts is None:
            counts = self._children[values] = Counts(self._metric.buckets)
        return counts

    def collect(self) -> Iterator[HistogramMetricFamily]:
        """Give what was counted, as Prometheus shows it: each bucket with all below."""
        metric = self._metric
        family = HistogramMetricFamily(metric.exposed_name, metric.help, labels=metric.labels)
        bounds = [*map(floatToGoString, metric.buckets), "+Inf"]
        for labels, counts in list(self._children.items()):
            up_to = accumulate(counts.buckets)
            family.add_metric(labels, [*zip(bounds, up_to, strict=True)], counts.sum)
        yield family


Kind = TypeVar("Kind", Counter, Gauge, Histogram)

# A `_created` series beside each counter doubles what is stored and says nothing that is used.
disable_created_metrics()  # type: ignore[no-untyped-call]


class Metrics:
    """Counts, observes and sets what ``metrics.yaml`` declares, and nothing else.

    A name that is not declared, a call that does not fit the metric's type, or a wrong number of
    labels raises ValueError: a figure must not be lost in silence.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        """Register every declared metric in ``registry``; one registry a process."""
        self.registry = registry
        """Where the metrics are collected from."""
        self._counters: dict[str, Counter] = {}
        self._gauges: dict[str, Gauge] = {}
        self._histograms: dict[str, Histogram] = {}
        # Finding a label's child is most of what a call costs; the values are few.
        self._counter_children: dict[tuple[str, tuple[str, ...]], Counter] = {}
        self._histogram_children: dict[tuple[str, tuple[str, ...]], Counts] = {}
        for metric in load_metrics().values():
            self._declare(metric)

    def count(self, name: str, labels: tuple[str, ...], amount: float) -> None:
        """Add ``amount`` (not negative) to a counter."""
        child = self._counter_children.get((name, labels))
        if child is None:
            counter = _declared(self._counters, name, labels)
            child = counter.labels(*labels) if labels else counter
            self._counter_children[name, labels] = child
        child.inc(amount)

    def observe(self, name: str, labels: tuple[str, ...], value: float, times: int = 1) -> None:
        """Add an observation, in the metric's unit, to a histogram, so many ``times``."""
        child = self._histogram_children.get((name, labels))
        if child is None:
            child = _declared(self._histograms, name, labels).labels(*labels)
            self._histogram_children[name, labels] = child
        child.observe(value, times)

    def gauge(self, name: str, labels: tuple[str, ...], value: float) -> None:
        """Set a gauge."""
        gauge = _declared(self._gauges, name, labels)
        (gauge.labels(*labels) if labels else gauge).set(value)

    def forget(self, name: str, labels: tuple[str, ...]) -> None:
        """Stop showing a gauge for ``labels``, as of a partition that has moved away."""
        gauge = _declared(self._gauges, name, labels)
        if labels:
            gauge.remove(*labels)

    def _declare(self, metric: Metric) -> None:
        name = PREFIX + metric.name
        if metric.type == "counter":
            counter = Counter(name, metric.help, metric.labels, registry=self.registry)
            self._counters[metric.name] = counter
        elif metric.type == "gauge":
            gauge = Gauge(name, metric.help, metric.labels, registry=self.registry)
            self._gauges[metric.name] = gauge
        else:
            histogram = self._histograms[metric.name] = Histogram(metric)
            self.registry.register(histogram)


def _declared(metrics: dict[str, Kind], name: str, labels: tuple[str, ...]) -> Kind:
    """Return the metric called ``name``; raises ValueError when it or its labels do not fit."""
    metric = load_metrics().get(name)
    if metric is None or name not in metrics:
        raise ValueError(f"{name} is not declared in metrics.yaml as this type of metric")
    if len(metric.labels) != len(labels):
        raise ValueError(f"{name} has the labels {metric.labels}, not {len(labels)} values")
    return metrics[name]
