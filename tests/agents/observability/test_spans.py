"""The spans of a report's way: one trace through both workers, ids alone, nothing unsampled."""

from __future__ import annotations

from collections.abc import Sequence

import orjson
import pytest

pytest.importorskip("opentelemetry.sdk", reason="the extra otel is not installed")

from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON, ParentBased, Sampler

from agents.observability import otel
from agents.observability.spans import TRACEPARENT, LaneSpans
from pipeline.contracts.account_log import AccountEvents, encode_log_entry
from pipeline.fold import LogRecord, Output
from pipeline.topics import ACCOUNT_LOG, FREEZE_ALERTS, REPORTS
from tests.pipeline.accounts.desk import NINE, Desk, claim
from tests.pipeline.clustering.scenarios import Run, account, pay, report

NUMBER = "1112223334"
PAID = pay(NUMBER, 500_000, "2026-11-20T09:00:00+07:00", bank="014")


class Collected:
    """A worker's spans, kept in memory."""

    def __init__(self, sampler: Sampler = ALWAYS_ON) -> None:
        self._exporter = InMemorySpanExporter()
        provider = TracerProvider(ParentBased(sampler))
        provider.add_span_processor(SimpleSpanProcessor(self._exporter))
        self.spans = LaneSpans(provider.get_tracer("test"))

    def of(
        self, topic: str, records: Sequence[LogRecord], outputs: Sequence[Output]
    ) -> list[Output]:
        """Let a slice with those records give those outputs, and be answered."""
        begun = self.spans.begin(topic, 0, records)
        if begun is None:
            return list(outputs)
        sent = begun.folded(outputs)
        begun.answered()
        return sent

    @property
    def ended(self) -> tuple[ReadableSpan, ...]:
        return self._exporter.get_finished_spans()

    @property
    def names(self) -> list[str]:
        return sorted(span.name for span in self.ended)


def told(*report_ids: str) -> tuple[list[LogRecord], list[Output]]:
    """Reports about one account as records, and what clustering says because of them."""
    events = [report(name, [account(NUMBER, "014")], payments=[PAID]) for name in report_ids]
    records = [LogRecord(n, NINE + n, None, orjson.dumps(e)) for n, e in enumerate(events)]
    return records, Run(partitions=1).feed(events).outputs


def arrived(outputs: Sequence[Output]) -> list[LogRecord]:
    """Outputs to the account-log as its owner reads them."""
    log = [output for output in outputs if output.topic == ACCOUNT_LOG]
    return [LogRecord(n, NINE, None, o.value, o.headers) for n, o in enumerate(log)]


def test_a_report_and_its_alert_are_one_trace_through_both_workers() -> None:
    clustering, accounts = Collected(), Collected()
    records = arrived(clustering.of(REPORTS, *told("r1")))
    outputs = Desk().fold.apply(records).outputs
    accounts.of(ACCOUNT_LOG, records, outputs)
    assert clustering.names == [
        "fold reports",
        "process reports",
        "read reports",
        "send account-log",
    ]
    alerts = sum(output.topic == FREEZE_ALERTS for output in outputs)
    assert alerts == 1
    assert accounts.names == [
        "fold account-log",
        "process account-log",
        "read account-log",
        "send freeze-alerts",
    ]
    ended = [*clustering.ended, *accounts.ended]
    assert len({span.context.trace_id for span in ended}) == 1
    by_name = {span.name: span for span in ended}
    assert by_name["process reports"].parent is None
    for child, parent in {
        "read reports": "process reports",
        "fold reports": "process reports",
        "send account-log": "process reports",
        "process account-log": "send account-log",
        "fold account-log": "process account-log",
        "send freeze-alerts": "process account-log",
    }.items():
        assert by_name[child].parent.span_id == by_name[parent].context.span_id, child


def test_each_report_of_a_batch_has_a_trace_of_its_own() -> None:
    clustering = Collected()
    records = arrived(clustering.of(REPORTS, *told("r1", "r2", "r3")))
    sends = [span for span in clustering.ended if span.name == "send account-log"]
    assert len({span.context.trace_id for span in sends}) == 3
    contexts = [dict(record.headers)[TRACEPARENT].decode().split("-") for record in records]
    assert {int(trace, 16) for _, trace, _, _ in contexts} == {s.context.trace_id for s in sends}


def test_a_span_says_positions_and_ids_and_nothing_of_a_person() -> None:
    clustering, accounts = Collected(), Collected()
    records = arrived(clustering.of(REPORTS, *told("AOC-104421")))
    accounts.of(ACCOUNT_LOG, records, Desk().fold.apply(records).outputs)
    attributes = {}
    for span in (*clustering.ended, *accounts.ended):
        attributes.update(span.attributes)
        said = f"{span.name} {dict(span.attributes)}"
        assert NUMBER not in said
        assert "AOC-104421" not in said
    assert sorted(attributes) == [
        "freezeline.alert_id",
        "freezeline.alert_kind",
        "freezeline.alert_version",
        "freezeline.records",
        "messaging.destination.name",
        "messaging.destination.partition.id",
        "messaging.kafka.offset",
        "messaging.operation.name",
        "messaging.system",
    ]


def test_what_is_not_sampled_changes_no_record_and_is_not_seen_by_the_next_worker() -> None:
    clustering, accounts = Collected(ALWAYS_OFF), Collected()
    reports, outputs = told("r1")
    sent = clustering.of(REPORTS, reports, outputs)
    assert sent == outputs
    records = arrived(sent)
    accounts.of(ACCOUNT_LOG, records, Desk().fold.apply(records).outputs)
    assert clustering.names == accounts.names == []


@pytest.mark.parametrize("context", [b"", b"\xff", b"00-0-0-01", None])
def test_a_context_that_is_none_begins_no_trace(context: bytes | None) -> None:
    value = encode_log_entry(AccountEvents([claim("r1#0", 500)]))
    record = LogRecord(0, NINE, None, value, [(TRACEPARENT, context)])  # type: ignore[list-item]
    assert Collected().spans.begin(ACCOUNT_LOG, 0, [record]) is None


def test_a_strangers_context_on_a_report_is_not_followed() -> None:
    clustering = Collected()
    records, outputs = told("r1")
    theirs = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    clustering.of(REPORTS, [records[0]._replace(headers=[(TRACEPARENT, theirs)])], outputs)
    assert {f"{span.context.trace_id:032x}" for span in clustering.ended} != {theirs[3:35].decode()}
    assert all(span.parent is None for span in clustering.ended if span.name == "process reports")


def test_records_that_are_no_events_pass_and_their_spans_end() -> None:
    clustering, accounts = Collected(), Collected()
    clustering.of(REPORTS, [LogRecord(0, NINE, None, b"{")], [])
    assert clustering.names == ["fold reports", "process reports", "read reports"]
    good = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    accounts.of(ACCOUNT_LOG, [LogRecord(0, NINE, None, b"\xc1", [(TRACEPARENT, good)])], [])
    assert len(accounts.ended) == 3


def test_steps_of_several_reports_in_one_record_go_on_without_a_context() -> None:
    accounts = Collected()
    records = arrived(Collected().of(REPORTS, *told("r1", "r2")))
    both = encode_log_entry(AccountEvents([claim("aoc1441/r1#0", 5), claim("aoc1441/r2#0", 6)]))
    alone = encode_log_entry(AccountEvents([claim("aoc1441/r2#0", 6)]))
    outputs = [Output(ACCOUNT_LOG, None, value, (), 0) for value in (both, alone)]
    sent = accounts.of(ACCOUNT_LOG, records, outputs)
    assert [dict(output.headers).keys() for output in sent] == [set(), {TRACEPARENT}]


TO = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318"}


@pytest.mark.parametrize(
    ("variables", "wanted"),
    [
        ({}, False),
        ({"OTEL_TRACES_SAMPLER": "always_on", "OTEL_SERVICE_NAME": "x"}, False),
        (TO, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://c:4318/v1/traces"}, True),
        ({**TO, "OTEL_SDK_DISABLED": "true"}, False),
        ({**TO, "OTEL_TRACES_EXPORTER": "none"}, False),
        (
            {**TO, "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"},
            False,
        ),
    ],
)
def test_the_standard_variables_say_whether_there_are_traces(
    variables: dict[str, str], wanted: bool
) -> None:
    assert otel.wanted(variables) is wanted
