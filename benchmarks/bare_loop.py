"""The baselines' loop: read, parse, pass on by an idempotent producer, awaited by batches."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition


class Sent(NamedTuple):
    """A record to send; ``partition`` None: by the key."""

    topic: str
    value: bytes
    key: bytes | None = None
    partition: int | None = None


async def pass_on(
    bootstrap: str, source: str, outputs: Callable[[Any, int], Iterable[Sent]]
) -> None:
    """Pass on what comes into ``source`` from now on; print "ready" first, run until ended.

    ``outputs`` makes the records to send of one that was read, given how many partitions
    ``source`` has.
    """
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap)
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all", enable_idempotence=True)
    await consumer.start()
    await producer.start()
    try:
        await consumer._client._wait_on_metadata(source)
        numbers = sorted(consumer.partitions_for_topic(source) or ())
        partitions = [TopicPartition(source, number) for number in numbers]
        consumer.assign(partitions)
        await consumer.seek_to_end()
        for partition in partitions:
            await consumer.position(partition)
        print("ready", flush=True)
        while True:
            fetched = await consumer.getmany(timeout_ms=1000)
            sent = [
                await producer.send(out.topic, out.value, key=out.key, partition=out.partition)
                for found in fetched.values()
                for record in found
                for out in outputs(record, len(partitions))
            ]
            for acknowledgement in sent:
                await acknowledgement
    finally:
        await consumer.stop()
        await producer.stop()
