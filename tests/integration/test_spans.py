"""Traces as a collector sees them: one report's way through both workers up to its alert."""

from __future__ import annotations

import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

pytest.importorskip("opentelemetry.sdk", reason="the extra otel is not installed")

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from agents.worker import WorkerName
from pipeline.topics import ACCOUNT_LOG, FREEZE_ALERTS, REPORTS
from tests.integration.stage import (
    publish,
    records_in,
    records_of,
    settle,
    small_scenario,
    stage,
)
from tests.integration.test_main_job import personal_identifiers

pytestmark = pytest.mark.timeout(300)

WAIT_SECONDS = 30.0
ALERTED = {"process reports", "send account-log", "process account-log", "send freeze-alerts"}


class Collector:
    """Takes OTLP over HTTP, as an OpenTelemetry collector does."""

    def __init__(self) -> None:
        self.spans = []
        """(service, span)"""
        self.raw = []
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                collector.take(self.path, body)
                self.send_response(200)
                self.send_header("Content-Type", "application/x-protobuf")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def take(self, path: str, body: bytes) -> None:
        assert path == "/v1/traces"
        self.raw.append(body)
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            named = {a.key: a.value.string_value for a in resource.resource.attributes}
            for scope in resource.scope_spans:
                self.spans += [(named["service.name"], span) for span in scope.spans]

    def traces(self):
        """The spans of each trace, by its id."""
        found = {}
        for service, span in list(self.spans):
            found.setdefault(span.trace_id, []).append((service, span))
        return found

    def alerted(self):
        """Those traces that have a report's whole way to an alert."""
        return [t for t in self.traces().values() if {span.name for _, span in t} >= ALERTED]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture(scope="module")
def traced(tmp_path_factory):
    """A scenario that was played while a collector listened, every report sampled."""
    collector = Collector()
    scenario = small_scenario(seed=3, reports=20, payments=400)
    with pytest.MonkeyPatch.context() as env:
        env.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.address)
        env.setenv("OTEL_BSP_SCHEDULE_DELAY", "200")
        env.setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=test")
        try:
            with stage(tmp_path_factory.mktemp("traced")) as cluster:
                publish(cluster, records_of(scenario, cluster.settings.national_id_key()))
                settle(cluster)
                deadline = time.monotonic() + WAIT_SECONDS
                while not collector.alerted():
                    assert time.monotonic() < deadline, f"{len(collector.spans)} spans came"
                    time.sleep(0.2)
                for worker in cluster.workers:
                    assert worker.stop() == 0  # what is still to be sent goes now
                yield cluster, scenario, collector
        finally:
            collector.close()


def test_a_trace_has_the_spans_of_both_workers_from_a_report_to_its_alert(traced):
    cluster, _, collector = traced
    alerts = {
        tuple(record.header("ce_id").decode().split("."))
        for record in records_in(cluster, FREEZE_ALERTS)
    }
    for trace in collector.alerted():
        by_id = {span.span_id: (service, span) for service, span in trace}
        roots = [span for _, span in trace if not span.parent_span_id]
        assert [root.name for root in roots] == ["process reports"]
        for service, span in trace:
            if span.name != "send freeze-alerts":
                continue
            said = {a.key: a.value for a in span.attributes}
            alert = said["freezeline.alert_id"].string_value
            version = str(said["freezeline.alert_version"].int_value)
            assert (alert, version) in alerts
            way = []
            while span.parent_span_id:
                way.append((service, span.name))
                service, span = by_id[span.parent_span_id]
            way.append((service, span.name))
            services = [service for service, _ in way]
            assert services[0] == "freezeline-accounts"
            assert way[-2:] == [
                ("freezeline-clustering", "send account-log"),
                ("freezeline-clustering", "process reports"),
            ]


def test_every_report_is_traced_when_every_report_is_sampled(traced):
    cluster, _, collector = traced
    offsets = set()
    for service, span in collector.spans:
        if span.name == "process reports":
            assert service == "freezeline-clustering"
            said = {a.key: a.value.int_value for a in span.attributes}
            offsets.add(said["messaging.kafka.offset"])
            assert span.start_time_unix_nano < span.end_time_unix_nano
    assert offsets == {record.offset for record in records_in(cluster, REPORTS)}


def test_only_the_account_log_carries_the_context(traced):
    cluster, _, _ = traced
    for topic in (FREEZE_ALERTS, "clusters", "watchlist", "account-files", "filed-reports"):
        assert not any(record.header("traceparent") for record in records_in(cluster, topic))
    assert any(record.header("traceparent") for record in records_in(cluster, ACCOUNT_LOG))


def test_nothing_personal_is_in_a_span(traced):
    _, scenario, collector = traced
    told = b"\n".join(collector.raw)
    for personal in personal_identifiers(scenario):
        assert personal.encode() not in told


def test_payments_are_not_traced(traced):
    _, _, collector = traced
    assert {service for service, _ in collector.spans} == {
        f"freezeline-{name}" for name in (WorkerName.CLUSTERING, WorkerName.ACCOUNTS)
    }
