"""Whose turn it is among the lanes of a worker, which share one thread.

What follows from a record is waited for: banks act on alerts, and the next accounts of a trace go
on from its steps. Nobody waits for files, and for the state to be written. So while other lanes
have records to fold, or alerts on their way to the broker, a lane lets them; not for long, and not
while it has as much in flight as it may, so that no load puts its files off for ever.

A fold holds the thread, and lanes that are ready fold one after the other before anything leaves.
So that the broker has work meanwhile, many alerts are seen off before the next lane folds. Steps
are not: what several lanes tell one partition leaves in one request and is folded in one go, and
if each lane's left by itself a trace would take twice as long.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence

_WAIT_SECONDS = 0.05
"""How long files wait for other lanes' alerts, at most."""

ROUNDS = 8
"""How often the event loop goes round until what was sent is on its way: the outbox closes the
batches, the producer wakes up, gathers them, and writes the request."""


class Turns:
    """Which lanes have records to fold, or alerts that are not acknowledged."""

    def __init__(self) -> None:
        self._folding: set[object] = set()
        self._waiting: dict[object, asyncio.Future[None]] = {}
        self._seen_off = asyncio.Event()
        self._seen_off.set()

    async def others_left(self) -> None:
        """Wait while another lane sees its alerts off; then fold at once."""
        while not self._seen_off.is_set():
            await self._seen_off.wait()

    async def see_off(self) -> None:
        """Let what was just sent be on its way before another lane folds."""
        self._seen_off.clear()
        try:
            for _ in range(ROUNDS):
                await asyncio.sleep(0)
        finally:
            self._seen_off.set()

    def begin(self, lane: object) -> None:
        """Say that a lane has records to fold, and can."""
        self._folding.add(lane)

    def end(self, lane: object) -> None:
        """Say that a lane has none, or cannot fold them now."""
        self._folding.discard(lane)
        if not self._folding:
            for waiting in self._waiting.values():
                _wake(waiting)

    def speak(self, acknowledgements: Sequence[Awaitable[object]]) -> None:
        """Say that alerts are on their way, until these are done (or have failed)."""
        speech = asyncio.ensure_future(_all_of(acknowledgements))
        self.begin(speech)
        speech.add_done_callback(self._spoken)

    def _spoken(self, speech: asyncio.Future[None]) -> None:
        self.end(speech)
        if not speech.cancelled():
            speech.exception()  # the lane waits for the same, and stops the worker

    async def all_folded(self, lane: object) -> None:
        """Wait until no lane has records to fold or alerts on their way, or for long enough."""
        if not self._folding:
            return
        loop = asyncio.get_running_loop()
        waiting = self._waiting[lane] = loop.create_future()
        timer = loop.call_later(_WAIT_SECONDS, _wake, waiting)
        try:
            await waiting
        finally:
            timer.cancel()
            del self._waiting[lane]

    def hurry(self, lane: object) -> None:
        """Say that a lane may have no more in flight: its files must not wait any longer."""
        if lane in self._waiting:
            _wake(self._waiting[lane])


def _wake(waiting: asyncio.Future[None]) -> None:
    if not waiting.done():
        waiting.set_result(None)


async def _all_of(acknowledgements: Sequence[Awaitable[object]]) -> None:
    # Those of one record batch are one.
    for acknowledgement in dict.fromkeys(acknowledgements):
        await acknowledgement
