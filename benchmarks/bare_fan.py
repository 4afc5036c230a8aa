"""The baseline of a trace: a bare loop that passes one record on to as many as the trace does.

``python -m benchmarks.bare_fan BOOTSTRAP LOG ALERTS FAN,FAN,…`` prints "ready" and runs until it is
ended. A record of the log says how deep it is; for each the loop parses it, sends one record to
ALERTS and, as the product's worker does for one that it folds, the next ones to the LOG itself.
Outputs go through an idempotent producer and are awaited, batch by batch.
"""

from __future__ import annotations

import asyncio
import sys

import orjson
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

PADDING = "x" * 400
"""So that a record is about as long as a step."""


async def fan_out(bootstrap: str, log: str, alerts: str, fans: list[int]) -> None:
    """Pass on what comes from now on."""
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap)
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all", enable_idempotence=True)
    await consumer.start()
    await producer.start()
    try:
        await consumer._client._wait_on_metadata(log)
        partitions = [TopicPartition(log, p) for p in sorted(consumer.partitions_for_topic(log))]
        consumer.assign(partitions)
        await consumer.seek_to_end()
        for partition in partitions:
            await consumer.position(partition)
        print("ready", flush=True)
        while True:
            fetched = await consumer.getmany(timeout_ms=1000)
            sent = []
            for found in fetched.values():
                for record in found:
                    content = orjson.loads(record.value)
                    sent.append(await producer.send(alerts, record.value))
                    depth = content["depth"]
                    for number in range(fans[depth] if depth < len(fans) else 0):
                        onward = {"depth": depth + 1, "trace": content["trace"], "more": PADDING}
                        value = orjson.dumps(onward)
                        partition = number % len(partitions)
                        sent.append(await producer.send(log, value, partition=partition))
            for acknowledgement in sent:
                await acknowledgement
    finally:
        await consumer.stop()
        await producer.stop()


if __name__ == "__main__":
    fans_given = [int(each) for each in sys.argv[4].split(",")]
    asyncio.run(fan_out(sys.argv[1], sys.argv[2], sys.argv[3], fans_given))
