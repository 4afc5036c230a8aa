"""An independent reader of the alerts, which counts those that must come and refuses all others."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import orjson
from aiokafka import AIOKafkaConsumer, TopicPartition

from benchmarks.stand import BenchmarkError
from pipeline.topics import FREEZE_ALERTS

Alert = tuple[str, str]
"""The payment that an alert is about, and the alert's kind."""


class AlertReader:
    """Reads what is committed on the alerts topic from its present end on."""

    def __init__(self, bootstrap: str) -> None:
        self._consumer = AIOKafkaConsumer(
            bootstrap_servers=bootstrap, isolation_level="read_committed", fetch_max_wait_ms=50
        )
        self.records = 0
        """Records read, repeats among them."""

    async def start(self) -> None:
        """Stand at the topic's end."""
        await self._consumer.start()
        await self._consumer._client._wait_on_metadata(FREEZE_ALERTS)
        found = sorted(self._consumer.partitions_for_topic(FREEZE_ALERTS) or ())
        self._consumer.assign([TopicPartition(FREEZE_ALERTS, partition) for partition in found])
        await self._consumer.seek_to_end()
        for partition in self._consumer.assignment():
            await self._consumer.position(partition)

    async def stop(self) -> None:
        """Leave."""
        await self._consumer.stop()

    async def read_all(
        self, wanted: set[Alert], known: set[Alert], within: float, check: Callable[[], None]
    ) -> float:
        """Return when (`time.perf_counter`) the last of the ``wanted`` alerts was read.

        ``known`` alerts may come again; ``check`` is called now and then, to raise when the peer
        is not well.

        Raises:
            BenchmarkError: an alert that nobody asked for, or not all of them ``within`` seconds.
        """
        missing = set(wanted)
        deadline = time.monotonic() + within
        while missing:
            self._take(await self._fetched(), wanted, known, missing)
            check()
            if missing and time.monotonic() > deadline:
                raise BenchmarkError(
                    f"{len(missing):,} of {len(wanted):,} alerts did not come in {within:.0f} s."
                )
        return time.perf_counter()

    async def read_for(self, seconds: float, known: set[Alert]) -> None:
        """Go on reading for some seconds; only ``known`` alerts may come."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self._take(await self._fetched(), set(), known, set())
            await asyncio.sleep(0.05)

    async def _fetched(self) -> list[bytes]:
        fetched = await self._consumer.getmany(timeout_ms=100)
        return [record.value for records in fetched.values() for record in records]

    def _take(
        self, values: list[bytes], wanted: set[Alert], known: set[Alert], missing: set[Alert]
    ) -> None:
        for value in values:
            about = orjson.loads(value)
            alert = (about["origin"], about["kind"])
            if alert not in wanted and alert not in known:
                raise BenchmarkError(f"An alert came that nobody asked for: {alert[1]}.")
            missing.discard(alert)
            self.records += 1
