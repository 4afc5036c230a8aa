"""Flow control: take no more records while the agent behind is too far behind."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from agents.runtime.batch_reader import partitions_of
from agents.runtime.worker_spec import Metrics, Throttle

log = logging.getLogger("freezeline")

_LOOK_SECONDS = 1.0


class LagGate:
    """Closes a gate while a group's lag on a topic is above a limit; looks once a second.

    A look that fails leaves the gate as it was: not knowing is no reason to stop or to start.
    """

    def __init__(
        self,
        throttle: Throttle,
        group: str,
        client: Mapping[str, Any],
        gate: asyncio.Event,
        metrics: Metrics,
    ) -> None:
        self._throttle = throttle
        self._group = group
        self._client = client
        self._gate = gate
        self._metrics = metrics
        self._positions: dict[TopicPartition, int] = {}

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            admin = AIOKafkaAdminClient(**self._client)
            # It reads nothing: a consumer is what can ask for the ends of logs.
            consumer = AIOKafkaConsumer(**self._client)
            try:
                await admin.start()
                await consumer.start()
                while True:
                    self._decide(await self._lag(admin, consumer))
                    await asyncio.sleep(_LOOK_SECONDS)
            except (KafkaError, OSError, TimeoutError) as error:
                log.warning("lag_unknown", extra={"error": type(error).__name__})
                await asyncio.sleep(_LOOK_SECONDS)
            finally:
                await consumer.stop()
                await admin.close()

    async def _lag(self, admin: AIOKafkaAdminClient, consumer: AIOKafkaConsumer) -> int:
        partitions = await partitions_of(consumer, self._throttle.topic)
        ends = await consumer.end_offsets(partitions)
        begins = await consumer.beginning_offsets(partitions)
        offsets = await admin.list_consumer_group_offsets(self._group)
        lag = 0
        for partition in partitions:
            known = offsets.get(partition)
            if known is not None and known.offset >= 0:
                self._positions[partition] = known.offset
            # A broker that has just taken over a group may not know its offsets for a moment.
            position = max(self._positions.get(partition, 0), begins[partition])
            lag += max(0, ends[partition] - position)
        return lag

    def _decide(self, lag: int) -> None:
        limit = self._throttle.max_lag
        closed = lag > limit
        if closed:
            self._metrics.count("limit_hits", ("accounts_lag",), 1)
        if closed and self._gate.is_set():
            log.warning("intake_paused", extra={"lag": lag, "limit": limit})
            self._gate.clear()
        elif not closed and not self._gate.is_set():
            log.warning("intake_resumed", extra={"lag": lag, "limit": limit})
            self._gate.set()
