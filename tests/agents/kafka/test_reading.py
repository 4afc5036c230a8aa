"""Whatever other clients let through is read by the commands, and can be copied."""

from __future__ import annotations

import asyncio
from typing import Any

from aiokafka import AIOKafkaProducer
from kafka import KafkaProducer

from agents.kafka.reading import TopicReader
from agents.settings import load_settings
from agents.upkeep.record_copy import record_copier
from tests.fuzz.kinds import AnyName


def test_what_other_clients_send_is_read_and_copied(
    bootstrap: str, prefix: str, make_topics: Any
) -> None:
    topic = prefix + "strange"
    make_topics(2, topic)
    asyncio.run(_send_a_header_without_content(bootstrap, topic))
    with KafkaProducer(bootstrap_servers=bootstrap, compression_type="zstd") as producer:
        producer.send(topic, b"2", partition=0, headers=[(AnyName("xx"), b"v")])
        producer.send(topic, b"3" * 900_000, partition=0).get(10)
    settings = load_settings(needs_hash_key=False, bootstrap=bootstrap)
    with TopicReader(settings) as reader:
        found = list(reader.forward(topic, [0]))
    assert [r.headers for r in found] == [(("a", b""),), ((r"\xff\xfe", b"v"),), ()]
    with record_copier(settings) as copier:
        for record in found:
            copier.send(topic, 1, record.key, record.value, record.headers)
        copier.flush()
    with TopicReader(settings) as reader:
        copies = list(reader.forward(topic, [1]))
    assert [(r.value, r.headers) for r in copies] == [(r.value, r.headers) for r in found]


async def _send_a_header_without_content(bootstrap: str, topic: str) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap)
    await producer.start()
    await producer.send_and_wait(topic, b"1", partition=0, headers=[("a", None)])
    await producer.stop()
