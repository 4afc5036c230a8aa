"""The thread that owns the Kafka consumer, so that a long fold delays no heartbeat."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection, Mapping
from typing import Any, cast

import aiokafka
from aiokafka import TopicPartition
from aiokafka.errors import CommitFailedError, IllegalStateError, KafkaError
from faust.transport.drivers import aiokafka as stock
from faust.types import TP

from agents.runtime import record_batches
from agents.runtime.assignors import partition_assignor
from agents.runtime.worker_spec import RuntimeSettings

log = logging.getLogger("freezeline")


class ConsumerThread(stock.AIOKafkaConsumerThread):
    """Owns the aiokafka consumer, in its own thread: folding never delays heartbeats."""

    async def on_start(self) -> None:
        """Start the consumer and make it yield whole record batches."""
        await super().on_start()
        record_batches.install(self._ensure_consumer())

    def _create_worker_consumer(self, transport: Any) -> aiokafka.AIOKafkaConsumer:
        host = transport.host
        settings: RuntimeSettings = host.settings
        return aiokafka.AIOKafkaConsumer(
            **host.client_settings(),
            client_id=self.app.conf.broker_client_id,
            group_id=self.app.conf.id,
            group_instance_id=settings.instance_id,
            partition_assignment_strategy=[partition_assignor(host.stateful)],
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
            max_poll_records=settings.max_poll_record_batches,
            max_partition_fetch_bytes=settings.fetch_max_bytes,
            fetch_max_wait_ms=settings.fetch_max_wait_ms,
            session_timeout_ms=int(settings.session_timeout_s * 1000),
            heartbeat_interval_ms=int(settings.heartbeat_s * 1000),
            rebalance_timeout_ms=int(settings.session_timeout_s * 1000),
        )

    async def run_here(self, coroutine: Any) -> Any:
        """Run a coroutine in this thread's loop, without the queue that Faust's calls wait in."""
        running = asyncio.run_coroutine_threadsafe(coroutine, self.thread_loop)
        return await asyncio.wrap_future(running)

    async def fetch(self, active: set[TP], seconds: float) -> Mapping[TP, list[Any]]:
        """Return what has arrived for the active partitions, waiting up to ``seconds``.

        Raises KafkaError where aiokafka no longer cares for its group.
        """
        fetching = self._fetch(self._ensure_consumer(), active, seconds)
        return cast(Mapping[TP, list[Any]], await self.run_here(fetching))

    async def _fetch(
        self, consumer: aiokafka.AIOKafkaConsumer, active: set[TP], seconds: float
    ) -> Any:
        hear_group(consumer)
        return await self._fetch_records(
            consumer, active, timeout=seconds, max_records=consumer._max_poll_records
        )

    async def fetch_nothing(self) -> None:
        """Tell aiokafka that we are here, although there is nothing that we could fetch.

        It joins its group no more after five minutes in which nobody fetched. Whether we live,
        `health` says. Raises as `fetch`.
        """
        if self._consumer is not None:
            await self.run_here(self._fetch_nothing(self._consumer))

    async def _fetch_nothing(self, consumer: aiokafka.AIOKafkaConsumer) -> None:
        with consumer._fetcher._subscriptions.fetch_context():
            hear_group(consumer)

    async def committed(self, partitions: Collection[TP]) -> dict[TP, int | None]:
        """Return the group's offsets, None where it has none."""
        found: dict[TP, int | None] = {}
        for partition in partitions:
            target = TopicPartition(*partition)
            found[partition] = await self.run_here(self._ensure_consumer().committed(target))
        return found

    async def commit_quietly(self, offsets: Mapping[TP, int]) -> bool:
        """Commit; a failure is logged and tried again later (offsets only follow)."""
        if not offsets or self._consumer is None:
            return False
        targets = {TopicPartition(*partition): offset for partition, offset in offsets.items()}
        try:
            await self.run_here(self._consumer.commit(targets))
        except (CommitFailedError, IllegalStateError, KafkaError) as error:
            log.warning("commit_failed", extra={"error": type(error).__name__})
            return False
        return True


def hear_group(consumer: aiokafka.AIOKafkaConsumer) -> None:
    """Hear what went wrong in the group: until somebody has, aiokafka does not try again.

    It tells those who fetch, which Faust does behind its back; so nobody ever did.
    """
    coordinator = consumer._coordinator
    try:
        coordinator.check_errors()
    except KafkaError as error:
        if coordinator._coordination_task.done():
            raise
        log.warning("group_error", extra={"error": type(error).__name__})
