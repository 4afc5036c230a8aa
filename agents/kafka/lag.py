"""How far the workers' groups are behind, as an outsider sees it: log ends against positions."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Self

from kafka import KafkaAdminClient, KafkaConsumer, TopicPartition
from kafka.errors import RetriableError
from kafka.structs import OffsetAndMetadata

from agents.kafka.client_settings import kafka_python_settings
from agents.settings import Settings
from pipeline.topics import AGENTS, load_topics

_Positions = Mapping[TopicPartition, OffsetAndMetadata]

PATIENCE_SECONDS = 15.0
"""How long a broker is asked again that has just come up and still reads the groups' offsets."""
_ASK_AGAIN_SECONDS = 0.2


class LagReader:
    """Reads the lag of every group; one connection, asked again and again."""

    def __init__(self, settings: Settings) -> None:
        connection = kafka_python_settings(settings)
        self._admin = KafkaAdminClient(**connection)
        self._consumer = KafkaConsumer(**connection)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._admin.close()
        self._consumer.close()

    def lag(self) -> dict[str, int]:
        """Return each group's records that are not answered yet."""
        topics = load_topics()
        return {
            # Compacted topics are read back at a rebuild and are no work that waits.
            group: self._lag_of(group, [t.name for t in topics.read_by(group) if not t.compact])
            for group in sorted(AGENTS)
        }

    def _lag_of(self, group: str, topics: Sequence[str]) -> int:
        partitions = [
            TopicPartition(topic, partition)
            for topic in topics
            for partition in self._consumer.partitions_for_topic(topic) or ()
        ]
        ends = self._consumer.end_offsets(partitions)
        begins = self._consumer.beginning_offsets(partitions)
        positions = self._positions(group)
        behind = 0
        for partition in partitions:
            position = positions.get(partition)
            # A group that has no position yet begins at the first record that is kept.
            at = position.offset if position and position.offset >= 0 else begins[partition]
            behind += ends[partition] - at
        return behind

    def _positions(self, group: str) -> _Positions:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                found: _Positions = self._admin.list_group_offsets({group: None})[group]
            except RetriableError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(_ASK_AGAIN_SECONDS)
            else:
                return found
