"""The transport between assignments, and what it reaches into aiokafka for."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaConnectionError
from faust.types import TP

from agents.runtime.record_batches import RecordBatch
from agents.runtime.transport import Consumer, WorkerApp
from pipeline.fold import LogRecord

ONE = TP("log", 0)


class Host:
    """A worker whose lanes always have room."""

    epoch = 1

    def fetched(self) -> None:
        pass

    def is_full(self, partition: TP) -> bool:
        return False


class Log:
    """A consumer thread over one partition; what is fetched moves its position, as Kafka's does."""

    def __init__(self) -> None:
        self.position = 0
        self.end = 10
        self.during_fetch: Any = None

    async def fetch(self, active: Collection[TP], seconds: float) -> Mapping[TP, list[Any]]:
        if self.during_fetch is not None:
            during, self.during_fetch = self.during_fetch, None
            await during()
        start, self.position = self.position, self.end
        records = [LogRecord(offset, 0, None, b"") for offset in range(start, self.end)]
        return {ONE: [RecordBatch(start, self.end, records)]} if records else {}

    async def seek_wait(self, positions: Mapping[TP, int]) -> None:
        self.position = positions[ONE]


class Reading(Consumer):
    """The consumer's fetch loop alone, without Faust's application around it."""

    host = Host()

    def __init__(self) -> None:
        self.host = Host()
        self._thread = Log()
        self._expected: dict[TP, int] = {}
        self._holes: dict[TP, tuple[int, int]] = {}
        self.flow_active = True
        self.delivered: list[int] = []

    @property
    def thread(self) -> Any:
        return self._thread

    def _get_active_partitions(self) -> set[TP]:
        return {ONE}

    async def _deliver(self, fetched: Any) -> None:
        for _, _, batch in fetched.batches:
            self.delivered += [record.offset for record in batch.records]
            self._expected[ONE] = batch.stop


@pytest.mark.parametrize("changes", ["epoch", "flow"])
def test_records_of_a_fetch_that_outlives_an_assignment_are_read_again(changes: str) -> None:
    async def run() -> None:
        consumer = Reading()

        async def rebalance() -> None:
            # Revoked, assigned again and sought, all while the call for records was waiting.
            if changes == "epoch":
                consumer.host.epoch += 1
            else:
                consumer.flow_active = False
            consumer._expected.clear()
            await consumer.seek_to({ONE: 0})

        consumer._thread.during_fetch = rebalance
        await consumer._fetch_once()
        assert consumer.delivered == []
        consumer.flow_active = True
        await consumer._fetch_once()
        assert consumer.delivered == list(range(10))

    asyncio.run(run())


def test_a_producers_client_lets_a_silent_broker_go_before_its_records_expire() -> None:
    async def ask_a_broker_that_says_nothing() -> None:
        silent = await asyncio.start_server(lambda *_: asyncio.sleep(60), "127.0.0.1", 0)
        host, port = silent.sockets[0].getsockname()
        producer = AIOKafkaProducer(bootstrap_servers=f"{host}:{port}", request_timeout_ms=60_000)
        producer.client._request_timeout_ms = 100
        try:
            async with asyncio.timeout(30):
                await producer.start()
        finally:
            await producer.stop()
            silent.close()

    with pytest.raises(KafkaConnectionError):
        asyncio.run(ask_a_broker_that_says_nothing())


def test_what_is_queued_stays_when_faust_resumes() -> None:
    async def run() -> None:
        app = WorkerApp("queues", broker="kafka://127.0.0.1:9", store="memory://")
        queue = app.FlowControlQueue(4, clear_on_resume=True)
        queue.put_nowait("fetched under the new assignment")
        app.flow_control.resume()
        assert queue.qsize() == 1

    asyncio.run(run())
