"""The baseline of latency: one hop of a chain that only reads, parses and passes on.

``python -m benchmarks.bare_hop BOOTSTRAP FROM TO all|probes`` prints "ready" and runs until it is
ended. Probes are the records with a key. Outputs go through an idempotent producer and are awaited,
as the product's are.
"""

from __future__ import annotations

import asyncio
import sys

import orjson
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition


async def pass_on(bootstrap: str, source: str, target: str, wanted: str) -> None:
    """Pass on what comes from now on."""
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap)
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all", enable_idempotence=True)
    await consumer.start()
    await producer.start()
    try:
        await consumer._client._wait_on_metadata(source)
        partitions = sorted(consumer.partitions_for_topic(source) or ())
        tops = [TopicPartition(source, partition) for partition in partitions]
        consumer.assign(tops)
        await consumer.seek_to_end()
        for top in tops:
            await consumer.position(top)
        print("ready", flush=True)
        while True:
            fetched = await consumer.getmany(timeout_ms=1000)
            sent = []
            for found in fetched.values():
                for record in found:
                    orjson.loads(record.value)
                    if record.key or wanted == "all":
                        sent.append(await producer.send(target, record.value, key=record.key))
            for acknowledgement in sent:
                await acknowledgement
    finally:
        await consumer.stop()
        await producer.stop()


if __name__ == "__main__":
    asyncio.run(pass_on(*sys.argv[1:5]))
