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
import contextlib

_WAIT_SECONDS = 0.05
"""How long files wait for other lanes' alerts, at most."""

ROUNDS = 8
"""How often the event loop goes round until what was sent is on its way: the outbox closes the
batches, the producer wakes up, gathers them, and writes the request."""


class Turns:
    """Which lanes have records to fold, or alerts that are not acknowledged."""

    def __init__(self) -> None:
        self._folding: set[object] = set()
        self._all_folded = asyncio.Event()
        self._all_folded.set()
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
        """Say that a lane has records to fold, and can; under another name, alerts to see off."""
        self._folding.add(lane)
        self._all_folded.clear()

    def end(self, lane: object) -> None:
        """Say that it has none, or cannot fold them now."""
        self._folding.discard(lane)
        if not self._folding:
            self._all_folded.set()

    async def all_folded(self) -> None:
        """Wait until no lane is at either, or for long enough."""
        if not self._all_folded.is_set():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_WAIT_SECONDS):
                    await self._all_folded.wait()
