"""The baseline of latency: one hop of a chain that only reads, parses and passes on.

``python -m benchmarks.bare_hop BOOTSTRAP FROM TO all|probes`` prints "ready" and runs until it is
ended. Probes are the records with a key. Outputs go through an idempotent producer and are awaited,
as the product's are.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from typing import Any

import orjson

from benchmarks.bare_loop import Sent, pass_on


async def hop(bootstrap: str, source: str, target: str, wanted: str) -> None:
    """Pass on what comes from now on."""

    def outputs(record: Any, _: int) -> Iterator[Sent]:
        orjson.loads(record.value)
        if record.key or wanted == "all":
            yield Sent(target, record.value, record.key)

    await pass_on(bootstrap, source, outputs)


if __name__ == "__main__":
    asyncio.run(hop(*sys.argv[1:5]))
