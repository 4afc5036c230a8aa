"""One lane folds at a time, and what it sends leaves before the next one begins.

A fold holds the event loop, and so it waits for no other lane. But all lanes that have records are
ready at once: without turns they would fold one after the other, and what the first one handed to
the producer would leave behind the last one's.
"""

from __future__ import annotations

import asyncio
from time import perf_counter
from types import TracebackType

LONG_FOLD_SECONDS = 0.005
"""After a fold of this long (with its sending) the others let the producer go first. After shorter
ones they do not: to go round the event loop so often would take longer than they do."""

ROUNDS = 10
"""How often the event loop goes round meanwhile: the producer reads the broker's answer to what was
sent before, wakes up, gathers what waits, and writes it: seven rounds with aiokafka 0.14."""


class Turns:
    """The turns of a worker's lanes: ``async with turns`` around folding and sending."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()
        self._began = 0.0

    async def __aenter__(self) -> None:
        """Wait for the turn."""
        await self._lock.acquire()
        self._began = perf_counter()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Let leave what was sent, then let the next lane have its turn."""
        try:
            if kind is None:
                is_long = perf_counter() - self._began >= LONG_FOLD_SECONDS
                for _ in range(ROUNDS if is_long else 1):
                    await asyncio.sleep(0)
        finally:
            self._lock.release()
