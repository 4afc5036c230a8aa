"""Declared metrics are counted; anything else is refused aloud."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from agents.observability.prometheus import Metrics
from pipeline.metrics import load_metrics


@pytest.fixture
def metrics() -> Metrics:
    return Metrics(CollectorRegistry())


def test_figures_arrive_under_their_declared_names(metrics: Metrics) -> None:
    metrics.count("records_in", ("intake", "transactions"), 2)
    metrics.count("records_in", ("intake", "transactions"), 3)
    metrics.gauge("clusters", ("0",), 7)
    metrics.observe("report_to_alert_seconds", (), 0.02)
    value = metrics.registry.get_sample_value
    labels = {"worker": "intake", "topic": "transactions"}
    assert value("freezeline_records_in_total", labels) == 5
    assert value("freezeline_clusters", {"partition": "0"}) == 7
    assert value("freezeline_report_to_alert_seconds_bucket", {"le": "0.025"}) == 1
    assert value("freezeline_report_to_alert_seconds_bucket", {"le": "0.01"}) == 0


def test_a_partition_that_moved_away_is_forgotten(metrics: Metrics) -> None:
    metrics.gauge("account_files", ("3",), 7)
    metrics.forget("account_files", ("3",))
    assert metrics.registry.get_sample_value("freezeline_account_files", {"partition": "3"}) is None


def test_every_declared_metric_is_exposed_with_its_help(metrics: Metrics) -> None:
    text = generate_latest(metrics.registry).decode()
    for metric in load_metrics().values():
        assert f"# HELP {metric.exposed_name} {metric.help}" in text
    assert "_created" not in text


@pytest.mark.parametrize(
    "call",
    [
        lambda metrics: metrics.count("records_lost", (), 1),
        lambda metrics: metrics.count("clusters", ("0",), 1),
        lambda metrics: metrics.gauge("records_in", ("a", "b"), 1),
        lambda metrics: metrics.count("records_in", ("a",), 1),
        lambda metrics: metrics.observe("report_to_alert_seconds", ("a",), 1),
    ],
)
def test_what_is_not_declared_is_refused(metrics: Metrics, call: Callable[[Metrics], None]) -> None:
    with pytest.raises(ValueError, match=r"is not declared|has the labels"):
        call(metrics)


def test_many_observations_at_once_count_as_many_one_by_one(metrics: Metrics) -> None:
    metrics.observe("payment_to_screening_seconds", (), 0.2, 400)
    metrics.observe("payment_to_screening_seconds", (), 1.0, 3)
    metrics.observe("payment_to_screening_seconds", (), 9_999.0, 2)
    name, value = "freezeline_payment_to_screening_seconds", metrics.registry.get_sample_value
    assert value(f"{name}_bucket", {"le": "0.1"}) == 0
    assert value(f"{name}_bucket", {"le": "0.25"}) == 400
    assert value(f"{name}_bucket", {"le": "1.0"}) == 403  # a bound is part of its bucket
    assert value(f"{name}_bucket", {"le": "+Inf"}) == value(f"{name}_count") == 405
    assert value(f"{name}_sum") == pytest.approx(400 * 0.2 + 3 + 2 * 9_999)


def test_a_histogram_without_labels_is_there_before_its_first_observation(metrics: Metrics) -> None:
    assert metrics.registry.get_sample_value("freezeline_report_to_answer_seconds_count") == 0
    assert metrics.registry.get_sample_value("freezeline_stage_seconds_count") is None
