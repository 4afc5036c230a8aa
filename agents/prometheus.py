"""The declared metrics as Prometheus metrics."""

from __future__ import annotations

from typing import TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics

from pipeline.metrics import PREFIX, Metric, load_metrics

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
        self._histogram_children: dict[tuple[str, tuple[str, ...]], Histogram] = {}
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

    def observe(self, name: str, labels: tuple[str, ...], value: float) -> None:
        """Add one observation, in the metric's unit, to a histogram."""
        child = self._histogram_children.get((name, labels))
        if child is None:
            histogram = _declared(self._histograms, name, labels)
            child = histogram.labels(*labels) if labels else histogram
            self._histogram_children[name, labels] = child
        child.observe(value)

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
            self._histograms[metric.name] = Histogram(
                name,
                metric.help,
                metric.labels,
                registry=self.registry,
                buckets=metric.buckets,
            )


def _declared(metrics: dict[str, Kind], name: str, labels: tuple[str, ...]) -> Kind:
    """Return the metric called ``name``; raises ValueError when it or its labels do not fit."""
    metric = load_metrics().get(name)
    if metric is None or name not in metrics:
        raise ValueError(f"{name} is not declared in metrics.yaml as this type of metric")
    if len(metric.labels) != len(labels):
        raise ValueError(f"{name} has the labels {metric.labels}, not {len(labels)} values")
    return metrics[name]
