"""Copies records as they are: key, value, headers and time, to a partition that is named."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from kafka import KafkaAdminClient, KafkaProducer
from kafka.admin import ConfigResource, ConfigResourceType
from kafka.errors import KafkaError

from agents.kafka.client_settings import (
    CONNECT_TIMEOUT_MS,
    BrokerUnreachableError,
    kafka_python_settings,
    unreachable,
)
from agents.kafka.sendable import sendable
from agents.settings import Settings
from pipeline.fold import Headers
from pipeline.topics import Topic

ACKNOWLEDGE_TIMEOUT_S = 60.0
"""How long one copied record may wait for its acknowledgement."""
_IN_FLIGHT = 2_000
_MAX_REQUEST_BYTES = 17 * 1024 * 1024
_TIMES = "message.timestamp.type"


class CopyError(Exception):
    """Records could not be copied; the message is one sentence."""


class RecordCopier:
    """Sends records in their order, and counts what Kafka has acknowledged."""

    def __init__(self, producer: KafkaProducer) -> None:
        """Send through ``producer``."""
        self._producer = producer
        self._waiting: deque[Any] = deque()
        self.acknowledged = 0
        """Records that Kafka has taken."""

    def send(
        self,
        topic: str,
        partition: int,
        key: bytes | None,
        value: bytes | None,
        headers: Headers = (),
        timestamp: int | None = None,
    ) -> None:
        """Send one record; ``timestamp`` is in milliseconds since 1970. Raises CopyError."""
        key, value, named = sendable(topic, key, value, headers)
        try:
            sent = self._producer.send(
                topic,
                value=value,
                key=key,
                headers=named,
                partition=partition,
                timestamp_ms=timestamp,
            )
        except (KafkaError, OSError) as error:
            raise self._stopped(error) from error
        self._waiting.append(sent)
        self._settle(_IN_FLIGHT)

    def flush(self) -> None:
        """Return when everything is acknowledged. Raises CopyError."""
        self._settle(0)

    def _settle(self, leave: int) -> None:
        try:
            while len(self._waiting) > leave:
                self._waiting[0].get(timeout=ACKNOWLEDGE_TIMEOUT_S)
                self._waiting.popleft()
                self.acknowledged += 1
        except (KafkaError, OSError) as error:
            raise self._stopped(error) from error

    def _stopped(self, error: Exception) -> CopyError:
        return CopyError(
            f"Kafka stopped taking records ({type(error).__name__}) after {self.acknowledged:,}"
        )


@contextmanager
def record_copier(settings: Settings) -> Iterator[RecordCopier]:
    """Connect a copier; raises BrokerUnreachableError when Kafka does not answer."""
    try:
        producer = KafkaProducer(
            **kafka_python_settings(settings),
            client_id="freezeline-copy",
            bootstrap_timeout_ms=CONNECT_TIMEOUT_MS,
            max_block_ms=int(ACKNOWLEDGE_TIMEOUT_S * 1000),
            request_timeout_ms=CONNECT_TIMEOUT_MS,
            delivery_timeout_ms=int(ACKNOWLEDGE_TIMEOUT_S * 1000),
            enable_idempotence=True,
            acks="all",
            linger_ms=5,
            batch_size=512 * 1024,
            max_request_size=_MAX_REQUEST_BYTES,
            allow_auto_create_topics=False,
            metrics_enabled=False,
        )
    except (KafkaError, OSError) as error:
        raise unreachable(settings, error) from error
    try:
        yield RecordCopier(producer)
    finally:
        producer.close(timeout=2.0)


def take_times_as_sent(admin: KafkaAdminClient, topics: Sequence[Topic], *, as_sent: bool) -> None:
    """Let topics take a record's time from whoever sends it, or else from the broker's clock.

    What is copied must be as old as it is: retention goes by it, and so does the latency of what
    is still to be answered. A record that is stored keeps the time that it got.
    """
    for topic in topics:
        usual = topic.kafka_configs().get(_TIMES)
        if usual is None:  # a compacted topic takes them as sent at any time
            continue
        wanted = {_TIMES: "CreateTime" if as_sent else usual}
        resource = ConfigResource(ConfigResourceType.TOPIC, topic.name, wanted)
        said = admin.alter_configs([resource])["topic"][topic.name]
        if said != "OK":
            raise BrokerUnreachableError(f"Kafka refused to set {_TIMES} of {topic.name}: {said}.")
