"""The partners' side of publishing: hash national IDs, validate, and send with CloudEvents headers.

A raw national ID never leaves the sender: wherever an event carries one, the partners' keyed hash
takes its place before anything is sent. What is sent holds the contract's own fields and no other.
"""

from __future__ import annotations

import json
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import msgspec
import orjson
from kafka import KafkaProducer
from kafka.errors import KafkaError

from agents.kafka.client_settings import (
    CONNECT_TIMEOUT_MS,
    BrokerUnreachableError,
    kafka_python_settings,
    unreachable,
)
from agents.kafka.reading import missing_topic
from agents.kafka.sendable import sendable
from agents.national_ids import Event, hash_party, hashed_report
from agents.settings import Settings
from pipeline.clustering.decisions import normalise_decision
from pipeline.contracts.codec import (
    MAX_EVENT_BYTES,
    checked_milliseconds,
    milliseconds,
    rfc3339,
)
from pipeline.contracts.decisions import AnalystDecision, decode_decision
from pipeline.contracts.hold_updates import HoldUpdate, decode_hold_update
from pipeline.contracts.invalid import InvalidEvent, Reason
from pipeline.contracts.reports import Report, decode_report
from pipeline.contracts.transactions import Transaction, decode_transaction
from pipeline.fold import Output
from pipeline.identity.national_id import contains_national_id
from pipeline.intake.books import books_of
from pipeline.topics import ANALYST_DECISIONS, HOLD_UPDATES, REPORTS, TRANSACTIONS

ACKNOWLEDGE_TIMEOUT_S = 30.0
"""How long one event may wait for its acknowledgement."""
_IN_FLIGHT = 5_000
# The largest record is an event with its headers; Kafka's own limit is the topic's.
_MAX_REQUEST_BYTES = 4 * MAX_EVENT_BYTES

_WRITTEN_BY_PEOPLE = ("name", "holder", "address", "handle", "birth_date")


class PublishError(Exception):
    """Not every event was acknowledged; the message is one sentence with how many were."""


@dataclass(frozen=True, slots=True)
class Published:
    """How many events Kafka has acknowledged, and how long that took in seconds."""

    count: int
    seconds: float


def prepare_report(event: Event, hash_key: bytes, later_keys: Sequence[bytes] = ()) -> bytes:
    """Return the report as it may be sent: raw national IDs hashed, everything validated.

    A raw number may stand as ``reporter.national_id`` (it becomes ``reporter.person``), as a
    person's ``national_id``, as a PromptPay proxy or inside a QR payload, and in the free text.
    With ``later_keys`` the reporter's hash is of their generation (`pipeline.identity.voices`);
    hashes by which suspects are known stay those of the first key.

    Raises:
        InvalidEvent: the event is not a valid report; nothing else.
    """
    hashed = hashed_report(event, hash_key, later_keys)
    return _encode(decode_report(_json(hashed)), _check_report)


def prepare_transaction(event: Event, hash_key: bytes) -> bytes:
    """Return the payment as it may be sent; PromptPay proxies that are national IDs are hashed.

    Raises:
        InvalidEvent: the event is not a valid transaction; nothing else.
    """
    hashed = dict(event)
    for side in ("payer", "payee"):
        hash_party(hashed, side, hash_key)
    return _encode(decode_transaction(_json(hashed)), _check_transaction)


def prepare_hold_update(event: Event, hash_key: bytes) -> bytes:
    """Return the bank's answer as it may be sent; a PromptPay national ID is hashed.

    Raises:
        InvalidEvent: the event is not a valid hold update; nothing else.
    """
    hashed = dict(event)
    hash_party(hashed, "account", hash_key)
    return _encode(decode_hold_update(_json(hashed)), _check_hold_update)


def prepare_decision(event: Event, _hash_key: bytes) -> bytes:
    """Return the analyst's decision as it may be sent; a raw national ID in it is refused.

    Raises:
        InvalidEvent: the event is not a valid decision; nothing else.
    """
    return _encode(decode_decision(_json(event)), normalise_decision)


PREPARE: Mapping[str, Callable[[Event, bytes], bytes]] = {
    REPORTS: prepare_report,
    TRANSACTIONS: prepare_transaction,
    HOLD_UPDATES: prepare_hold_update,
    ANALYST_DECISIONS: prepare_decision,
}
"""How an event becomes the bytes that are sent, by topic."""


def parse_event(line: bytes) -> Event:
    """Read one JSON object.

    Raises:
        InvalidEvent: it is something else; nothing else is raised.
    """
    if len(line) > MAX_EVENT_BYTES:
        raise InvalidEvent(Reason.TOO_LARGE)
    try:
        event = json.loads(line.decode("utf-8"))
    except UnicodeDecodeError:
        raise InvalidEvent(Reason.NOT_UTF8) from None
    except (ValueError, RecursionError):
        raise InvalidEvent(Reason.NOT_JSON) from None
    if not isinstance(event, dict):
        raise InvalidEvent(Reason.WRONG_FIELD, "$")
    return event


def outgoing(topic: str, value: bytes) -> Output:
    """Return the record of a prepared event: its key and CloudEvents headers (binary mode)."""
    if topic == REPORTS:
        report = decode_report(value)
        event_id = f"{report.report_id}.{report.revision}"
        return _output(topic, report.key, value, report, event_id, milliseconds(report.received_at))
    if topic == TRANSACTIONS:
        payment = decode_transaction(value)
        books = books_of(payment.payer, "$.payer") or books_of(payment.payee, "$.payee")
        at = milliseconds(payment.occurred_at)
        return _output(topic, books[0], value, payment, payment.transaction_id, at)
    if topic == ANALYST_DECISIONS:
        made = decode_decision(value)
        event_id = f"{made.decision_id}.{made.revision}"
        return _output(topic, made.key, value, made, event_id, milliseconds(made.decided_at))
    update = decode_hold_update(value)
    key = update.alert_id or books_of(update.account, "$.account")[0]
    return _output(topic, key, value, update, update.update_id, milliseconds(update.occurred_at))


@contextmanager
def connected_producer(settings: Settings) -> Iterator[KafkaProducer]:
    """Connect an idempotent producer that waits for all replicas.

    Raises BrokerUnreachableError when Kafka does not answer.
    """
    connection = kafka_python_settings(settings)
    try:
        producer = KafkaProducer(
            **connection,
            client_id="freezeline-publish",
            bootstrap_timeout_ms=CONNECT_TIMEOUT_MS,
            max_block_ms=CONNECT_TIMEOUT_MS,
            request_timeout_ms=CONNECT_TIMEOUT_MS,
            delivery_timeout_ms=int(ACKNOWLEDGE_TIMEOUT_S * 1000),
            enable_idempotence=True,
            acks="all",
            linger_ms=5,
            batch_size=MAX_EVENT_BYTES,
            max_request_size=_MAX_REQUEST_BYTES,
            allow_auto_create_topics=False,
            metrics_enabled=False,
        )
    except (KafkaError, OSError) as error:
        raise unreachable(settings, error) from error
    try:
        yield producer
    finally:
        producer.close(timeout=2.0)


def publish(
    producer: KafkaProducer,
    topic: str,
    events: Iterable[bytes],
    progress: Callable[[int], None] | None = None,
) -> Published:
    """Send prepared events to ``topic`` and wait until Kafka has acknowledged every one.

    ``progress`` is told how many are acknowledged so far. Raises PublishError, and
    BrokerUnreachableError when the topic cannot be found.
    """
    return publish_records(producer, (outgoing(topic, value) for value in events), progress)


def publish_records(
    producer: KafkaProducer,
    records: Iterable[Output],
    progress: Callable[[int], None] | None = None,
) -> Published:
    """Send records as they are (`sendable`) and wait for every acknowledgement; see `publish`."""
    began = time.monotonic()
    waiting: deque[Any] = deque()
    acknowledged = 0
    known: set[str] = set()

    def settle(leave: int) -> None:
        nonlocal acknowledged
        while len(waiting) > leave:
            waiting[0].get(timeout=ACKNOWLEDGE_TIMEOUT_S)
            waiting.popleft()
            acknowledged += 1
            if progress is not None:
                progress(acknowledged)

    try:
        for record in records:
            if record.topic not in known:
                _require_topic(producer, record.topic)
                known.add(record.topic)
            key, value, headers = sendable(record.topic, record.key, record.value, record.headers)
            waiting.append(
                producer.send(
                    record.topic,
                    value=value,
                    key=key,
                    headers=headers,
                    partition=record.partition,
                )
            )
            settle(_IN_FLIGHT)
        settle(0)
    except (KafkaError, OSError) as error:
        raise PublishError(
            f"Kafka stopped taking events ({type(error).__name__}) after it acknowledged "
            f"{acknowledged:,}: publish all of them again, what it has already counts once."
        ) from error
    return Published(acknowledged, time.monotonic() - began)


def _require_topic(producer: KafkaProducer, topic: str) -> None:
    try:
        found = producer.partitions_for(topic)
    except KafkaError:
        found = None
    if not found:
        servers = producer.config["bootstrap_servers"]
        address = servers if isinstance(servers, str) else ",".join(servers)
        raise BrokerUnreachableError(missing_topic(topic, address))


def _output(
    topic: str,
    key: str,
    value: bytes,
    event: Report | Transaction | HoldUpdate | AnalystDecision,
    event_id: str,
    at: int,
) -> Output:
    headers = (
        ("ce_specversion", b"1.0"),
        ("ce_id", event_id.encode()),
        ("ce_type", f"freezeline.{event.SCHEMA}.v1".encode()),
        ("ce_source", event.source.encode()),
        ("ce_time", rfc3339(at).encode()),
        ("content-type", b"application/json"),
    )
    return Output(topic, key.encode(), value, headers)


def _json(event: Event) -> bytes:
    # The json module keeps integers of any length as they are, so that the decoder refuses them.
    return json.dumps(event).encode()


def _encode(event: Any, check: Callable[[Any, int], object]) -> bytes:
    check(event, time.time_ns() // 1_000_000)
    value = orjson.dumps(_without_nulls(msgspec.to_builtins(event)), option=orjson.OPT_SORT_KEYS)
    if len(value) > MAX_EVENT_BYTES:
        raise InvalidEvent(Reason.TOO_LARGE)
    return value


def _check_report(report: Report, now: int) -> None:
    checked_milliseconds(report.received_at, now, "$.received_at")
    for number, payment in enumerate(report.payments):
        checked_milliseconds(payment.paid_at, now, f"$.payments[{number}].paid_at")
    if report.text is not None and contains_national_id(report.text):
        raise InvalidEvent(Reason.RAW_NATIONAL_ID, "$.text")
    for number, suspect in enumerate(report.suspects):
        for name in _WRITTEN_BY_PEOPLE:
            said = getattr(suspect, name, None)
            if said is not None and contains_national_id(said):
                raise InvalidEvent(Reason.RAW_NATIONAL_ID, f"$.suspects[{number}].{name}")


def _check_transaction(payment: Transaction, now: int) -> None:
    checked_milliseconds(payment.occurred_at, now, "$.occurred_at")
    books_of(payment.payer, "$.payer")
    books_of(payment.payee, "$.payee")


def _check_hold_update(update: HoldUpdate, now: int) -> None:
    checked_milliseconds(update.occurred_at, now, "$.occurred_at")
    books_of(update.account, "$.account")


def _without_nulls(content: Any) -> Any:
    if isinstance(content, dict):
        return {k: _without_nulls(v) for k, v in content.items() if v is not None}
    return [_without_nulls(part) for part in content] if isinstance(content, list) else content
