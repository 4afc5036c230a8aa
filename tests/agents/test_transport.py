"""What the transport reaches into aiokafka for, and stops working when the library changes."""

from __future__ import annotations

import asyncio

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaConnectionError


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
