"""What a lane has in hand between a fold and the write of what it changed."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass, field
from time import perf_counter
from typing import NamedTuple

from agents.runtime.store import Changes
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
    folded_at: float = field(default_factory=perf_counter)
