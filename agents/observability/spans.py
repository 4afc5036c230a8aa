"""One report's way to its alert as an OpenTelemetry trace, through clustering and accounts.

The folds know nothing of it. What an output follows from is read off what it says: every event for
an account and every alert names what caused it. From worker to worker the context goes in the
header ``traceparent`` of account-log records (W3C Trace Context). Spans name records by their
positions and alerts by their ids, never an account or an agency's own number of a report.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
from opentelemetry.context import Context
from opentelemetry.trace import (
    Span,
    SpanKind,
    Tracer,
    get_current_span,
    set_span_in_context,
)
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from pipeline.contracts.account_log import AccountEvents, Answer, Claim, decode_log_entry
from pipeline.contracts.cloudevents import event_data
from pipeline.contracts.decisions import decode_decision
from pipeline.contracts.invalid import InvalidEvent
from pipeline.contracts.reports import decode_report
from pipeline.fold import Output, Record, topic_of
from pipeline.topics import ACCOUNT_LOG, ANALYST_DECISIONS, FREEZE_ALERTS, REPORTS

TRACEPARENT = "traceparent"
"""The header with the context, in records of the account-log."""

_PROPAGATOR = TraceContextTextMapPropagator()


class _Alert(msgspec.Struct):
    """The part of an alert that a span says, and what caused it."""

    alert_id: str
    version: int
    kind: str
    caused_by: str


_ALERT = msgspec.json.Decoder(_Alert)


@dataclass(slots=True)
class _Answering:
    """A sampled record on its way: its span, that of the fold, and those of what it gave."""

    span: Span
    fold: Span
    sends: list[Span] = field(default_factory=list)


class LaneSpans:
    """Makes the spans of a worker's lanes; see `agents.runtime.worker_spec.Spans`.

    A trace begins with a report or a decision, and the sampler says with which. What strangers
    write into ``traceparent`` is not followed: they would choose how much is traced.
    """

    def __init__(self, tracer: Tracer) -> None:
        self._tracer = tracer

    def begin(self, topic: str, partition: int, records: Sequence[Record]) -> TracedSlice | None:
        """See `agents.runtime.worker_spec.Spans`."""
        now = time.time_ns()
        answerings: list[_Answering] = []
        by_cause: dict[str, _Answering] = {}
        for record in records:
            sender = _sender(record) if topic == ACCOUNT_LOG else Context()
            if sender is None:
                continue
            entered = record.timestamp * 1_000_000
            where: dict[str, str | int] = {
                "messaging.system": "kafka",
                "messaging.operation.name": "process",
                "messaging.destination.name": topic,
                "messaging.destination.partition.id": str(partition),
                "messaging.kafka.offset": record.offset,
            }
            span = self._tracer.start_span(
                f"process {topic}", sender, SpanKind.CONSUMER, where, start_time=entered
            )
            if not span.is_recording():
                continue
            within = set_span_in_context(span, Context())
            reading = self._tracer.start_span(f"read {topic}", within, start_time=entered)
            reading.end(now)
            told = {"freezeline.records": len(records)}
            fold = self._tracer.start_span(f"fold {topic}", within, attributes=told, start_time=now)
            # Of two words of one report in a slice, what follows is shown at the later one.
            answering = _Answering(span, fold)
            answerings.append(answering)
            by_cause.update(dict.fromkeys(_causes(topic, record), answering))
        return TracedSlice(self._tracer, answerings, by_cause) if answerings else None


class TracedSlice:
    """The spans of a slice's sampled records; see `agents.runtime.worker_spec.SliceSpans`."""

    def __init__(
        self, tracer: Tracer, answerings: list[_Answering], by_cause: Mapping[str, _Answering]
    ) -> None:
        self._tracer = tracer
        self._answerings = answerings
        self._by_cause = by_cause

    def folded(self, outputs: Sequence[Output]) -> list[Output]:
        """See `agents.runtime.worker_spec.SliceSpans`."""
        now = time.time_ns()
        for answering in self._answerings:
            answering.fold.end(now)
        return [self._sent(output, now) for output in outputs]

    def answered(self) -> None:
        """See `agents.runtime.worker_spec.SliceSpans`."""
        now = time.time_ns()
        for answering in self._answerings:
            for span in (*answering.sends, answering.span):
                span.end(now)

    def _sent(self, output: Output, now: int) -> Output:
        """Begin the span of an output that follows from a sampled record; give it the context."""
        told: dict[str, str | int] = {}
        if output.topic == FREEZE_ALERTS:
            alert = _ALERT.decode(output.value or b"")
            causes = {alert.caused_by}
            told["freezeline.alert_id"] = alert.alert_id
            told["freezeline.alert_version"] = alert.version
            told["freezeline.alert_kind"] = alert.kind
        elif output.topic == ACCOUNT_LOG:
            causes = _causes_of_entry(output.value)
        else:
            return output
        # Steps of several reports may share a record, and a header names one context alone.
        answering = self._by_cause.get(next(iter(causes))) if len(causes) == 1 else None
        if answering is None:
            return output
        told |= {
            "messaging.system": "kafka",
            "messaging.operation.name": "send",
            "messaging.destination.name": output.topic,
        }
        span = self._tracer.start_span(
            f"send {output.topic}",
            set_span_in_context(answering.span, Context()),
            SpanKind.PRODUCER,
            told,
            start_time=now,
        )
        answering.sends.append(span)
        if output.topic != ACCOUNT_LOG:
            return output
        carrier: dict[str, str] = {}
        _PROPAGATOR.inject(carrier, set_span_in_context(span, Context()))
        header = (TRACEPARENT, carrier[TRACEPARENT].encode())
        return output._replace(headers=(*output.headers, header))


def _sender(record: Record) -> Context | None:
    """Return the context that a record of the account-log brings, None without a valid one."""
    for name, content in record.headers:
        if name == TRACEPARENT and content:
            carrier = {TRACEPARENT: content.decode("ascii", "replace")}
            context = _PROPAGATOR.extract(carrier, Context())
            return context if get_current_span(context).get_span_context().is_valid else None
    return None


def _causes(topic: str, record: Record) -> set[str]:
    """Return by which names what follows from a record says that it does."""
    if topic == ACCOUNT_LOG:
        return _causes_of_entry(record.value)
    is_decision = topic_of(record, REPORTS) == ANALYST_DECISIONS
    decode: Any = decode_decision if is_decision else decode_report
    try:
        return {decode(event_data(record)).key}
    except InvalidEvent:
        return set()


def _causes_of_entry(value: bytes | None) -> set[str]:
    """Return what the events of an account-log record were caused by."""
    try:
        entry = decode_log_entry(value)
    except InvalidEvent:
        return set()
    if not isinstance(entry, AccountEvents):
        return set()
    return {
        event.report if isinstance(event, Claim) else event.caused_by
        for event in entry.events
        if not isinstance(event, Answer)
    }
