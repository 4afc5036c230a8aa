"""What several lanes send to one partition in one turn leaves as one record.

A record costs the producer, the broker and whoever reads it about the same whether it holds ten
postings or forty, and a steady load comes to every lane at once. Nobody waits for it: what is
there when the lanes have had their turn is sent.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial

from pipeline.fold import Output

SendOne = Callable[[Output], Awaitable[Awaitable[object]]]
"""Hands an output to the producer; what it returns is done when the broker has it."""


class Coalescer:
    """Sends outputs; those without key and headers to the same partition together, in order."""

    def __init__(self, send: SendOne, join: Callable[[Sequence[bytes]], Sequence[bytes]]) -> None:
        self._send = send
        self._join = join
        self._waiting: dict[tuple[str, int], tuple[list[bytes], asyncio.Future[None]]] = {}
        self._sending: asyncio.Task[None] | None = None

    async def send(self, output: Output) -> Awaitable[object]:
        """Take an output; what is returned is done when the broker has it, however it was sent."""
        topic, key, value, headers, partition, _ = output
        if key is not None or headers or partition is None or value is None:
            return await self._send(output)
        if (topic, partition) not in self._waiting:
            acknowledged = asyncio.get_running_loop().create_future()
            self._waiting[topic, partition] = [], acknowledged
        values, acknowledged = self._waiting[topic, partition]
        values.append(value)
        if self._sending is None:
            # A new task has its turn after all lanes that are ready now.
            self._sending = asyncio.create_task(self._send_waiting())
        return acknowledged

    async def _send_waiting(self) -> None:
        try:
            while self._waiting:
                waiting, self._waiting = self._waiting, {}
                for (topic, partition), (values, acknowledged) in waiting.items():
                    await self._send_joined(topic, partition, values, acknowledged)
        finally:
            self._sending = None

    async def _send_joined(
        self, topic: str, partition: int, values: list[bytes], acknowledged: asyncio.Future[None]
    ) -> None:
        try:
            outputs = [Output(topic, None, v, (), partition) for v in self._join(values)]
            sent = [await self._send(output) for output in outputs]
        except Exception as error:
            _fail(acknowledged, error)
            return
        asyncio.gather(*sent).add_done_callback(partial(_pass_on, acknowledged))


def _pass_on(acknowledged: asyncio.Future[None], sent: asyncio.Future[list[object]]) -> None:
    if acknowledged.done():
        return
    if sent.cancelled():
        acknowledged.cancel()
    elif (error := sent.exception()) is not None:
        _fail(acknowledged, error)
    else:
        acknowledged.set_result(None)


def _fail(acknowledged: asyncio.Future[None], error: BaseException) -> None:
    acknowledged.set_exception(error)
    # Whoever waits for it stops the worker; a lane that was given up waits no more.
    acknowledged.exception()
