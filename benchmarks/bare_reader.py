"""The baseline of throughput: one process that only reads a topic and parses its JSON.

``python -m benchmarks.bare_reader BOOTSTRAP TOPIC RECORDS`` prints one JSON object.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time

import orjson
from aiokafka import AIOKafkaConsumer, TopicPartition


async def read(bootstrap: str, topic: str, records: int) -> dict[str, float]:
    """Read ``records`` records from the topic's beginning, timed from the first ones on."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap,
        auto_offset_reset="earliest",
        max_partition_fetch_bytes=4 * 1024 * 1024,
    )
    await consumer.start()
    try:
        await consumer._client._wait_on_metadata(topic)
        partitions = consumer.partitions_for_topic(topic) or set()
        consumer.assign([TopicPartition(topic, partition) for partition in sorted(partitions)])
        await consumer.seek_to_beginning()
        loads = orjson.loads
        seen = first = 0
        began = cpu_began = 0.0
        while seen < records:
            fetched = await consumer.getmany(timeout_ms=1000)
            for found in fetched.values():
                for record in found:
                    loads(record.value)
                seen += len(found)
            if seen and not first:
                first, began, cpu_began = seen, time.perf_counter(), time.process_time()
        seconds, cpu = time.perf_counter() - began, time.process_time() - cpu_began
    finally:
        await consumer.stop()
    timed = seen - first
    return {"per_s": timed / seconds, "cpu_us": cpu / timed * 1e6, "timed_records": timed}


if __name__ == "__main__":
    print(json.dumps(asyncio.run(read(sys.argv[1], sys.argv[2], int(sys.argv[3])))))
