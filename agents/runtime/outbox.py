"""What lanes send leaves in record batches that are filled here, a partition of a topic at a time.

A report may give a thousand alerts, and the producer makes of each record coroutines, and a future
that somebody waits for: twice what it takes to write the record. Here a record is written into the
batch that its partition's next request will have, and all of one batch wait for the same answer.
A batch is filled while the one before is on its way, as the producer does by itself. When a few are
full, who sends waits: what a lane has sent is acknowledged soon, however much it has to say.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Generator
from typing import Any

import aiokafka

from agents.runtime.partitioner import partition_of_key
from pipeline.fold import Output

Target = tuple[str, int]
"""A topic and one of its partitions."""


BATCHES_WAITING = 4
"""Batches that wait for a partition, at most, behind the one that is on its way."""


class _Batch:
    """A batch that is filled, and done, to be awaited any number of times, when the broker has it.

    Who waits for it and is cancelled leaves it to the others.
    """

    __slots__ = ("_acknowledged", "builder")

    def __init__(self, builder: Any) -> None:
        self.builder = builder
        self._acknowledged: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def append(self, output: Output) -> bool:
        """Take a record; return False when there is no room for it any more."""
        _, key, value, headers, _, _ = output
        taken = self.builder.append(timestamp=None, key=key, value=value, headers=list(headers))
        return taken is not None

    def done(self) -> None:
        """Say that the broker has it."""
        self.builder = None
        self._acknowledged.set_result(None)

    def fail(self, error: BaseException) -> None:
        """Say that the broker does not have it."""
        self.builder = None
        self._acknowledged.set_exception(error)
        # Whoever waits for it stops the worker; a lane that was given up waits no more.
        self._acknowledged.exception()

    def __await__(self) -> Generator[Any, None, None]:
        """Wait for the broker. Raises what the producer raises."""
        if not self._acknowledged.done():
            yield from asyncio.shield(self._acknowledged).__await__()
        self._acknowledged.result()


class _Way:
    """What waits for one partition, behind the batch that is on its way to it."""

    __slots__ = ("_create", "_room", "error", "waiting")

    def __init__(self, create: Callable[[], Any]) -> None:
        self.waiting: deque[_Batch] = deque()
        self.error: Exception | None = None
        """Why nothing goes this way any more."""
        self._create = create
        self._room = asyncio.Event()

    def take(self, output: Output) -> _Batch | None:
        """Put a record into the batch that it will leave in; None: there is no room now."""
        waiting = self.waiting
        if waiting and waiting[-1].append(output):
            return waiting[-1]
        if len(waiting) == BATCHES_WAITING:
            return None
        waiting.append(_Batch(self._create()))
        waiting[-1].append(output)
        return waiting[-1]

    async def room(self) -> None:
        """Wait until a batch has gone on. Raises what the producer raised, when it did."""
        self._room.clear()
        await self._room.wait()
        if self.error is not None:
            raise self.error

    def next(self) -> _Batch:
        """Take out the batch that goes on now."""
        self._room.set()
        return self.waiting.popleft()

    def fail(self, error: Exception) -> None:
        """Let nothing go on behind a batch that the broker does not have: it could come alone."""
        self.error = error
        for batch in self.waiting:
            batch.fail(error)
        self.waiting.clear()
        self._room.set()


class Outbox:
    """Sends outputs; what goes to one partition leaves in the order in which it came.

    ``producer`` returns the started producer, by which all is sent.
    """

    def __init__(self, producer: Callable[[], aiokafka.AIOKafkaProducer]) -> None:
        self._producer = producer
        self._ways: dict[Target, _Way] = {}
        """By partition that something is on its way to."""
        self._sending: set[asyncio.Task[None]] = set()
        self._partitions: dict[str, int] = {}
        """How many partitions a topic has, since something left for the last time."""

    async def send(self, output: Output) -> Awaitable[object]:
        """Take an output, when there is room; what is returned is done when the broker has it.

        Raises what the producer raises, if it fails meanwhile.
        """
        topic, key, value, headers, partition, _ = output
        if partition is None:
            if key is None:
                sent: Awaitable[object] = await self._producer().send(
                    topic, value, headers=list(headers)
                )
                return sent
            count = self._partitions.get(topic)
            if count is None:
                count = len(await self._producer().partitions_for(topic))
                self._partitions[topic] = count
            partition = partition_of_key(key, count)
        target = topic, partition
        while True:
            way = self._ways.get(target) or self._open(target)
            batch = way.take(output)
            if batch is not None:
                return batch
            await way.room()

    def _open(self, target: Target) -> _Way:
        way = self._ways[target] = _Way(self._producer().create_batch)
        # A new task has its turn after all lanes that are ready now.
        task = asyncio.create_task(self._send_to(target, way))
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)
        return way

    async def _send_to(self, target: Target, way: _Way) -> None:
        """Send what waits for a partition, a batch after the other."""
        topic, partition = target
        while way.waiting:
            batch = way.next()
            # The producer numbers its records when it takes it: none may come in later.
            batch.builder.close()
            self._partitions.clear()
            try:
                await (await self._producer().send_batch(batch.builder, topic, partition=partition))
            except Exception as error:
                batch.fail(error)
                way.fail(error)
            else:
                batch.done()
        del self._ways[target]
