"""Whether and where to a worker sends traces: the standard ``OTEL_*`` variables, read by the SDK.

Without them OpenTelemetry is not even loaded, and a worker that cannot send traces works without.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping

from agents.runtime.worker_spec import Spans
from agents.settings import Settings
from agents.version import freezeline_version

log = logging.getLogger("freezeline")

ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
"""One of these asks for traces."""
_PROTOCOLS = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
_OVER_HTTP = "http/protobuf"


def spans_of(worker: str, settings: Settings) -> Spans | None:
    """Return where the spans of a worker go; None where nobody asked for them.

    Which traces are sampled (``OTEL_TRACES_SAMPLER``), how they are sent and as what
    (``OTEL_RESOURCE_ATTRIBUTES``) the SDK reads by itself. What is still to be sent goes when the
    process ends in order.
    """
    if not wanted(os.environ):
        return None
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor

        from agents.observability.spans import LaneSpans
    except ImportError:
        # Some platforms set these variables for every container: no reason not to work.
        log.warning("traces_unavailable", extra={"reason": "freezeline[otel] is not installed"})
        return None
    said = Resource.create({"service.version": freezeline_version()})
    named = {"service.name": f"freezeline-{worker}"}
    if settings.instance_id is not None:
        named["service.instance.id"] = settings.instance_id
    # What the variables say counts; the SDK's own "unknown_service" does not.
    asked = {k: v for k, v in said.attributes.items() if not str(v).startswith("unknown_service")}
    provider = TracerProvider(resource=Resource({**named, **asked}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return LaneSpans(provider.get_tracer("freezeline", freezeline_version()))


def wanted(environment: Mapping[str, str]) -> bool:
    """Say whether the variables ask for traces that can be sent; log why not, if not."""
    exporter = environment.get("OTEL_TRACES_EXPORTER", "otlp").strip()
    disabled = environment.get("OTEL_SDK_DISABLED", "").strip().lower() == "true"
    if disabled or exporter == "none" or not any(environment.get(name) for name in ENDPOINTS):
        return False
    protocol = next((environment[name] for name in _PROTOCOLS if environment.get(name)), _OVER_HTTP)
    if exporter != "otlp" or protocol != _OVER_HTTP:
        reason = f"traces are sent by otlp over {_OVER_HTTP} alone"
        log.warning("traces_unavailable", extra={"reason": reason})
        return False
    return True
