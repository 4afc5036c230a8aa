"""One way to read a topic for people: bounded by what is there, from either end, or following.

No consumer group and no commits: reading changes nothing for the workers. Every wait has a limit.
"""

from __future__ import annotations

import heapq
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from threading import Event
from types import TracebackType
from typing import Any, NamedTuple, Self

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError
from kafka.record import default_records, memory_records

from agents.kafka.client_settings import (
    CONNECT_TIMEOUT_MS,
    BrokerUnreachableError,
    kafka_python_settings,
    unreachable,
)
from agents.runtime.escaping import Escaping
from agents.settings import Settings
from pipeline.fold import Headers

SILENCE_TIMEOUT_S = 15.0
"""How long Kafka may send nothing while records are still to come."""
WINDOW_RECORDS = 4_000
"""Most offsets of one partition that are read, and kept, in one go."""
_FIRST_WINDOW_RECORDS = 250
_FOLLOW_POLL_MS = 250
_WINDOW_POLL_MS = 500


class StoredRecord(NamedTuple):
    """One record as it stands in a topic; ``timestamp`` in milliseconds since 1970 (UTC)."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Headers

    def header(self, name: str) -> bytes | None:
        """Return the content of the last header called ``name``, or None."""
        return next((content for key, content in reversed(self.headers) if key == name), None)


class TopicReader:
    """Reads topics of one Kafka; use it as a context manager, from one thread."""

    def __init__(self, settings: Settings) -> None:
        """Connect to Kafka; raises BrokerUnreachableError when it does not answer."""
        connection = kafka_python_settings(settings)
        self._bootstrap = settings.bootstrap
        try:
            self._consumer = KafkaConsumer(
                **connection,
                client_id="freezeline-reader",
                bootstrap_timeout_ms=CONNECT_TIMEOUT_MS,
                request_timeout_ms=CONNECT_TIMEOUT_MS,
                enable_auto_commit=False,
                allow_auto_create_topics=False,
                auto_offset_reset="earliest",
                # The broker has checked what it stores, and without a C module checking is slow.
                check_crcs=False,
                fetch_max_wait_ms=100,
                # A Kafka that comes back is heard again soon: a person is waiting.
                reconnect_backoff_max_ms=2_000,
                max_poll_records=WINDOW_RECORDS,
                max_partition_fetch_bytes=4 * 1024 * 1024,
                metrics_enabled=False,
            )
        except (KafkaError, OSError) as error:
            raise unreachable(settings, error) from error

    def __enter__(self) -> Self:
        """Return the reader."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the connection."""
        self._consumer.close(autocommit=False, timeout_ms=1_000)

    def partitions(self, topic: str) -> list[int]:
        """Return the topic's partitions; raises BrokerUnreachableError when it does not exist."""
        with self._errors():
            found = self._consumer.partitions_for_topic(topic)
        if not found:
            raise BrokerUnreachableError(missing_topic(topic, self._bootstrap))
        return sorted(found)

    def bounds(self, topic: str, partition: int) -> tuple[int, int]:
        """Return the first offset that a partition still has, and the one after its last."""
        ((_, found),) = self._bounds(topic, [partition]).items()
        return found

    def forward(
        self, topic: str, partitions: Sequence[int] | None = None
    ) -> Iterator[StoredRecord]:
        """Yield what the topic holds now, partition by partition, oldest first."""
        for partition, (begin, end) in self._bounds(topic, partitions).items():
            while begin < end:
                upto = min(begin + WINDOW_RECORDS, end)
                yield from self._window(partition, begin, upto)
                begin = upto

    def newest_first(
        self, topic: str, partitions: Sequence[int] | None = None
    ) -> Iterator[StoredRecord]:
        """Yield what the topic holds now, by the time of its records, newest first.

        Only as much is read as is taken from the iterator, rounded up to a window.
        """
        heads = [
            self._backward(partition, begin, end)
            for partition, (begin, end) in self._bounds(topic, partitions).items()
        ]
        return heapq.merge(*heads, key=_time_backward)

    def newest_by_key(
        self,
        topic: str,
        wanted: Callable[[bytes], bool] | None = None,
        partitions: Sequence[int] | None = None,
    ) -> dict[bytes, StoredRecord]:
        """Return the newest record of each key of a compacted topic; deleted keys are left out.

        ``wanted`` chooses keys, so that only those are kept in memory.
        """
        newest: dict[bytes, StoredRecord] = {}
        for record in self.forward(topic, partitions):
            if record.key is None or (wanted is not None and not wanted(record.key)):
                continue
            if record.value is None:
                newest.pop(record.key, None)
            else:
                newest[record.key] = record
        return newest

    def ends(self, topic: str) -> dict[int, int]:
        """Return the offset after the last record, by partition."""
        return {place.partition: end for place, (_, end) in self._bounds(topic, None).items()}

    def record(self, topic: str, partition: int, offset: int) -> StoredRecord | None:
        """Return the record at one place, or None when there is none."""
        if partition not in self.partitions(topic):
            return None
        ((place, (begin, end)),) = self._bounds(topic, [partition]).items()
        if not begin <= offset < end:
            return None
        return next(iter(self._window(place, offset, offset + 1)), None)

    def follow(self, topic: str, stop: Event | None = None) -> Iterator[StoredRecord]:
        """Yield records that arrive from now on until ``stop`` is set; call it before looking back.

        A Kafka that goes away is waited for: nothing that it took is left out.
        """
        ends = {p: end for p, (_begin, end) in self._bounds(topic, None).items()}
        return self._from(ends, stop)

    def _from(
        self, positions: dict[TopicPartition, int], stop: Event | None
    ) -> Iterator[StoredRecord]:
        with self._errors():
            self._consumer.assign(list(positions))
            for partition, offset in positions.items():
                self._consumer.seek(partition, offset)
        while stop is None or not stop.is_set():
            try:
                polled = self._consumer.poll(timeout_ms=_FOLLOW_POLL_MS)
            except (KafkaError, OSError) as error:
                if not getattr(error, "retriable", isinstance(error, OSError)):
                    raise BrokerUnreachableError(self._stopped(error)) from error
                time.sleep(_FOLLOW_POLL_MS / 1000)
                continue
            batch = [_stored(record) for records in polled.values() for record in records]
            yield from sorted(batch, key=lambda record: record.timestamp)

    def _bounds(
        self, topic: str, partitions: Sequence[int] | None
    ) -> dict[TopicPartition, tuple[int, int]]:
        """Return the first offset and the one after the last, of each partition."""
        chosen = self.partitions(topic) if partitions is None else partitions
        places = [TopicPartition(topic, partition) for partition in chosen]
        with self._errors():
            begins = self._consumer.beginning_offsets(places, timeout_ms=CONNECT_TIMEOUT_MS)
            ends = self._consumer.end_offsets(places, timeout_ms=CONNECT_TIMEOUT_MS)
        return {place: (begins[place], ends[place]) for place in places}

    def _backward(self, partition: TopicPartition, begin: int, end: int) -> Iterator[StoredRecord]:
        size = _FIRST_WINDOW_RECORDS
        while begin < end:
            start = max(begin, end - size)
            yield from reversed(self._window(partition, start, end))
            end = start
            size = min(size * 4, WINDOW_RECORDS)

    def _window(self, partition: TopicPartition, start: int, end: int) -> list[StoredRecord]:
        """Read the records whose offsets are at least ``start`` and below ``end``."""
        found: list[StoredRecord] = []
        with self._errors():
            self._consumer.assign([partition])
            self._consumer.seek(partition, start)
            heard = time.monotonic()
            while self._consumer.position(partition, timeout_ms=CONNECT_TIMEOUT_MS) < end:
                polled = self._consumer.poll(timeout_ms=_WINDOW_POLL_MS).get(partition, ())
                if polled:
                    heard = time.monotonic()
                elif time.monotonic() - heard > SILENCE_TIMEOUT_S:
                    raise BrokerUnreachableError(
                        f"Kafka at {self._bootstrap} sent nothing of {partition.topic} for "
                        f"{SILENCE_TIMEOUT_S:.0f} s although there is more: is it still running?"
                    )
                found += [_stored(record) for record in polled if record.offset < end]
        return found

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except (KafkaError, OSError) as error:
            raise BrokerUnreachableError(self._stopped(error)) from error

    def _stopped(self, error: Exception) -> str:
        return f"Kafka at {self._bootstrap} stopped answering ({type(error).__name__})."


def missing_topic(topic: str, bootstrap: str) -> str:
    """Return the sentence for a topic that Kafka does not have."""
    return (
        f"Kafka at {bootstrap} has no topic {topic}: "
        "start the workers, or run `freezeline topics apply`."
    )


def _time_backward(record: StoredRecord) -> tuple[int, int, int]:
    return -record.timestamp, record.partition, -record.offset


class _AnyNames(default_records.DefaultRecordBatch):  # type: ignore[misc]
    """kafka-python's own parser; a header's name that is not UTF-8 has escapes and stops nobody."""

    _buffer: bytearray

    def _read_msg(self, *arguments: Any) -> Any:
        try:
            return super()._read_msg(*arguments)
        except UnicodeDecodeError:
            self._buffer = Escaping(self._buffer)
            return super()._read_msg(*arguments)


memory_records.DefaultRecordBatch = _AnyNames


def _stored(record: Any) -> StoredRecord:
    # A header of another client may have no content.
    headers = tuple((name, content or b"") for name, content in record.headers)
    return StoredRecord(
        record.topic,
        record.partition,
        record.offset,
        record.timestamp,
        record.key,
        record.value,
        headers,
    )
