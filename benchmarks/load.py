"""A steady load of payments between accounts without a case, as a process of its own.

``python -m benchmarks.load BOOTSTRAP TOPIC PARTITIONS PER_SECOND`` prints "ready", publishes until
it is ended (SIGTERM), and then prints how many payments a second it got acknowledged.
"""

from __future__ import annotations

import asyncio
import signal
import sys
import time
from typing import Any

from aiokafka import AIOKafkaProducer

from benchmarks.payments import now_rfc3339, ordinary_account, payment

TURN_SECONDS = 0.02
"""How often what is due is sent: a bank's gateway sends each payment, many gateways spread them."""
ACCOUNTS = 50_000
_FIRST = 1_000_000
"""None of those that pay into the probes' accounts: a report that names its payer opens a file of
the payer, too."""
_MOST_WAITING = 2_000


async def publish_steadily(bootstrap: str, topic: str, partitions: int, per_second: int) -> None:
    """Publish until SIGTERM."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all", max_batch_size=256 * 1024)
    await producer.start()
    await producer.partitions_for(topic)
    print("ready", flush=True)
    began, sent = time.perf_counter(), 0
    waiting: set[Any] = set()
    try:
        while not stop.is_set():
            due = int((time.perf_counter() - began) * per_second)
            waiting |= await _send(producer, topic, partitions, range(sent, due))
            sent = max(sent, due)
            waiting = {batch for batch in waiting if not batch.done()}
            if len(waiting) > _MOST_WAITING:
                await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            await asyncio.sleep(TURN_SECONDS)
        if waiting:
            await asyncio.wait(waiting)
    finally:
        await producer.stop()
    print(round(sent / (time.perf_counter() - began)), flush=True)


async def _send(
    producer: AIOKafkaProducer, topic: str, partitions: int, numbers: range
) -> set[Any]:
    """Send payments, one batch for each partition: what sending costs is not what is measured."""
    at = now_rfc3339()
    builders = [producer.create_batch() for _ in range(min(partitions, len(numbers)))]
    for number in numbers:
        payer, payee = (ordinary_account(_FIRST + n % ACCOUNTS) for n in (number, number * 7))
        value = payment(number, at, payer, payee, 20_000 + number % 900_000).value
        builders[number % len(builders)].append(key=None, value=value, timestamp=None)
    return {
        await producer.send_batch(builder, topic, partition=partition)
        for partition, builder in enumerate(builders)
    }


if __name__ == "__main__":
    asyncio.run(publish_steadily(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])))
