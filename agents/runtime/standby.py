"""A warm standby: partitions of others are folded behind the group's offset, without speaking.

So a worker that takes over begins with a state that lacks a second or two. It never folds beyond
the group's offset: what stands behind it has not been answered, and must still be spoken about.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Mapping
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError
from faust.types import TP

from agents.failures import ExitCode, StoreUnusable, stop_process
from agents.runtime.batch_reader import batch_reader, partitions_of
from agents.runtime.following import SILENT, read_up_to
from agents.runtime.lanes import Lane
from agents.runtime.worker_spec import RuntimeSettings, WorkerSpec

log = logging.getLogger("freezeline")

_LOOK_SECONDS = 1.0

OpenLane = Callable[[TP, int, int], Lane]
"""Opens a partition's lane, given where its log begins and ends."""


class Standby:
    """The lanes of partitions that are not ours; `take` gives one up to be spoken with."""

    def __init__(
        self,
        spec: WorkerSpec,
        settings: RuntimeSettings,
        client: Mapping[str, Any],
        open_lane: OpenLane,
    ) -> None:
        self._topic = spec.topics[0]
        self._worker = spec.name
        self._settings = settings
        self._client = client
        self._open_lane = open_lane
        self._lanes: dict[TP, Lane] = {}
        self._withheld: set[TP] | None = None

    def withhold(self, assigned: Collection[TP]) -> None:
        """Say which partitions are ours: these are left alone from now on, others followed."""
        self._withheld = set(assigned)

    async def take(self, partition: TP) -> Lane | None:
        """Return the stopped lane of a withheld partition, if it was followed."""
        lane = self._lanes.get(partition)
        if lane is None:
            return None
        is_clean = await lane.drain(self._settings.stop_timeout_s)
        del self._lanes[partition]
        if not is_clean:
            lane.close()
            return None
        log.info("standby_takes_over", extra={"worker": self._worker, "next": lane.next_offset})
        return lane

    async def close(self) -> None:
        """Stop following and close the stores."""
        self._withheld = None
        for partition in list(self._lanes):
            lane = await self.take(partition)
            if lane is not None:
                lane.close()

    async def run(self) -> None:
        """Follow until cancelled; a broker that does not answer is asked again."""
        while True:
            admin = AIOKafkaAdminClient(**self._client)
            try:
                await admin.start()
                async with batch_reader(self._settings, self._client, hurry=False) as consumer:
                    await self._follow(admin, consumer)
            except StoreUnusable as error:
                stop_process(ExitCode.STORE_UNUSABLE, "store_unusable", reason=str(error))
            except (KafkaError, OSError, TimeoutError) as error:
                log.warning("standby_waits", extra={"error": type(error).__name__})
                await asyncio.sleep(_LOOK_SECONDS)
            finally:
                await admin.close()

    async def _follow(self, admin: AIOKafkaAdminClient, consumer: AIOKafkaConsumer) -> None:
        sources = await partitions_of(consumer, self._topic)
        group = self._settings.group_prefix + self._worker
        reading: dict[TopicPartition, Lane] = {}
        positions: dict[TopicPartition, int] = {}
        while True:
            await self._open_missing(sources, consumer)
            wanted = {TopicPartition(*tp): lane for tp, lane in self._lanes.items()}
            if wanted != reading:
                consumer.assign(list(wanted))
                positions = {source: lane.next_offset for source, lane in wanted.items()}
                for source, position in positions.items():
                    consumer.seek(source, position)
                reading = wanted
            offsets = await admin.list_consumer_group_offsets(group)
            limits = {source: offsets[source].offset for source in reading if source in offsets}
            for source, lane in reading.items():
                behind = max(0, limits.get(source, 0) - lane.settled_offset)
                labels = (self._worker, source.topic, str(source.partition))
                self._settings.metrics.gauge("standby_lag_records", labels, behind)
            if not await read_up_to(limits, consumer, reading, positions):
                await asyncio.sleep(_LOOK_SECONDS)

    async def _open_missing(
        self, sources: list[TopicPartition], consumer: AIOKafkaConsumer
    ) -> None:
        if self._withheld is None:  # nothing is assigned yet, anything may be ours
            return
        missing = [source for source in sources if TP(*source) not in self._lanes]
        missing = [source for source in missing if TP(*source) not in self._withheld]
        if not missing:
            return
        begins = await consumer.beginning_offsets(missing)
        ends = await consumer.end_offsets(missing)
        for source in missing:
            partition = TP(*source)
            if self._withheld is None or partition in self._withheld:
                continue
            lane = self._open_lane(partition, begins[source], ends[source])
            assert lane.store is not None
            assert lane.store.next_offset is not None
            lane.start(lane.store.next_offset, SILENT)
            self._lanes[partition] = lane
