"""Two independent onlookers: how far the groups are, and when the first alert of a report comes."""

from __future__ import annotations

import contextlib
import math
import threading
import time
from collections import deque
from collections.abc import Mapping
from typing import NamedTuple

from kafka import KafkaAdminClient, KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

from agents.kafka.client_settings import kafka_python_settings
from agents.settings import Settings
from pipeline.contracts.cloudevents import REPORTED_AT
from pipeline.topics import AGENTS, FREEZE_ALERTS, load_topics

_LOOK_SECONDS = 0.5
_KEPT_LOOKS = 2_000
_PATIENCE_MS = 3_000
"""How long an onlooker waits for a broker that may be paused."""

Place = tuple[str, str, int]
"""A group, a topic that it reads, a partition."""


class Look(NamedTuple):
    """What the groups had to do at one moment, and what they had done."""

    asked_at: float
    """When the look began (time.monotonic): everything published before is in ``ends``."""
    ends: Mapping[Place, int]
    positions: Mapping[Place, int]

    @property
    def lag(self) -> int:
        """Records that are not answered yet."""
        return sum(end - self.positions[place] for place, end in self.ends.items())

    def has_answered(self, ends: Mapping[Place, int]) -> bool:
        """Whether everything below ``ends`` is answered."""
        return all(self.positions[place] >= end for place, end in ends.items())


class _Onlooker:
    """A thread that looks again and again, and connects anew when Kafka does not answer."""

    def __init__(self, settings: Settings, name: str) -> None:
        self._connection = {
            **kafka_python_settings(settings),
            "request_timeout_ms": _PATIENCE_MS,
            "bootstrap_timeout_ms": _PATIENCE_MS,
            "reconnect_backoff_max_ms": 500,
        }
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self) -> None:
        """End, soon."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(10.0)

    def _run(self) -> None:
        while not self._stopping.is_set():
            with contextlib.suppress(KafkaError, OSError):
                self._follow()
            self._stopping.wait(_LOOK_SECONDS)

    def _follow(self) -> None:
        raise NotImplementedError


class ProgressWatch(_Onlooker):
    """Looks at every group's positions, and measures how long one stood still with lag."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings, "progress")
        self.longest_standstill = 0.0
        """Seconds for which the position of a partition with lag did not move, at most."""
        self.newest: Look | None = None
        self._looks: deque[Look] = deque(maxlen=_KEPT_LOOKS)
        self._moved_at: dict[Place, float] = {}
        self._places = [
            (group, topic.name, partition)
            for group in sorted(AGENTS)
            for topic in load_topics().read_by(group)
            if not topic.compact
            for partition in range(topic.partitions)
        ]

    def _follow(self) -> None:
        admin = KafkaAdminClient(**self._connection)
        try:
            consumer = KafkaConsumer(**self._connection)
            try:
                while not self._stopping.is_set():
                    self._look(admin, consumer)
                    self._stopping.wait(_LOOK_SECONDS)
            finally:
                consumer.close(autocommit=False, timeout_ms=500)
        finally:
            admin.close()

    def _look(self, admin: KafkaAdminClient, consumer: KafkaConsumer) -> None:
        asked_at = time.monotonic()
        partitions = {TopicPartition(topic, number) for _, topic, number in self._places}
        # Positions first: a position may then never be ahead of the end that it is held against.
        groups = {group: admin.list_group_offsets({group: None})[group] for group in AGENTS}
        found = consumer.end_offsets(list(partitions), timeout_ms=_PATIENCE_MS)
        ends = {place: found[TopicPartition(*place[1:])] for place in self._places}
        positions = {}
        for place in self._places:
            position = groups[place[0]].get(TopicPartition(*place[1:]))
            positions[place] = max(0, position.offset) if position is not None else 0
        self._note(Look(asked_at, ends, positions))

    def _note(self, look: Look) -> None:
        before, now = self.newest, time.monotonic()
        for place, end in look.ends.items():
            position = look.positions[place]
            moved = before is None or position > before.positions[place]
            if moved or position >= end:
                self._moved_at[place] = now
            else:
                standstill = now - self._moved_at.setdefault(place, now)
                self.longest_standstill = max(self.longest_standstill, standstill)
        self._looks.append(look)
        self.newest = look

    def answered_after(self, moment: float) -> float:
        """Return how many seconds after ``moment`` (time.monotonic) the groups answered again.

        Answered is what was published until a second after the moment, so some of it afterwards.
        """
        later = [look for look in list(self._looks) if look.asked_at >= moment + 1.0]
        for look in later:
            if look.has_answered(later[0].ends):
                return look.asked_at - moment
        return math.inf


class AlertWatch(_Onlooker):
    """Reads the alerts as a bank does, and notes when the first one of each report came."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings, "alerts")
        self._settings = settings
        self.first_seen: dict[int, float] = {}
        """When a report's first alert came (seconds since 1970), by when the report came (ms)."""
        self._positions: dict[TopicPartition, int] = {}

    def _follow(self) -> None:
        partitions = [
            TopicPartition(FREEZE_ALERTS, number)
            for number in range(load_topics()[FREEZE_ALERTS].partitions)
        ]
        # A consumer's request must be allowed to take longer than the session of a group.
        consumer = KafkaConsumer(
            **self._connection, session_timeout_ms=2_000, fetch_max_wait_ms=100
        )
        try:
            consumer.assign(partitions)
            for partition in partitions:
                consumer.seek(partition, self._positions.get(partition, 0))
            while not self._stopping.is_set():
                for partition, records in consumer.poll(timeout_ms=200).items():
                    self._note(partition, records)
        finally:
            consumer.close(autocommit=False, timeout_ms=500)

    def _note(self, partition: TopicPartition, records: list) -> None:
        now = time.time()
        for record in records:
            for name, content in record.headers:
                if name == REPORTED_AT:
                    self.first_seen.setdefault(int(content), now)
            self._positions[partition] = record.offset + 1

    def longest_silence(self) -> float:
        """Return the longest time from a report's entry into Kafka to its first alert, in seconds.

        A report's timestamp is the broker's, and the broker's clock is this machine's.
        """
        return max((seen - at / 1000 for at, seen in self.first_seen.items()), default=0.0)
