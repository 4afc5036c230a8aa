"""What a lane has in hand between a fold and the write of what it changed."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from time import perf_counter
from typing import NamedTuple

from agents.runtime.store import Changes, PartitionStore
from agents.runtime.worker_spec import SliceSpans
from pipeline.fold import Output

Acknowledgement = Awaitable[object]


class SayAgain(NamedTuple):
    """A request to say again what the state last said under keys of an own compacted topic."""

    topic: str
    keys: Sequence[bytes]
    done: asyncio.Future[None]
    """Done when everything that was folded before is acknowledged, and then these."""


@dataclass(slots=True)
class InFlight:
    """A folded slice of a batch on its way to being acknowledged and written."""

    stop: int
    acknowledgements: list[Acknowledgement]
    last: list[Output]
    changes: Changes | None
    topics: Counter[str]
    answered: Counter[tuple[str, int]]
    scrub: bool = False
    spans: SliceSpans | None = None
    again: SayAgain | None = None
    rest: Callable[[], Sequence[Output]] | None = None
    """What the fold has put off (`Folded.rest`): ``changes`` are taken when it is done."""
    is_much: bool = False
    """Whether it is worth a request of its own."""
    folded_at: float = field(default_factory=perf_counter)

    def finish(self, store: PartitionStore | None) -> None:
        """Let the fold do what it has put off, if it has not yet."""
        if self.rest is None:
            return
        outputs, self.rest = self.rest(), None
        self.changes = store.take_changes() if store is not None else None
        self.last += outputs
        self.topics.update(output.topic for output in outputs)
