"""The baseline of a trace: a bare loop that passes one record on to as many as the trace does.

``python -m benchmarks.bare_fan BOOTSTRAP LOG ALERTS FAN,FAN,…`` prints "ready" and runs until it is
ended. A record of the log says how deep it is; for each the loop parses it, sends one record to
ALERTS and, as the product's worker does for one that it folds, the next ones to the LOG itself.
Outputs go through an idempotent producer and are awaited, batch by batch.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from typing import Any

import orjson

from benchmarks.bare_loop import Sent, pass_on

PADDING = "x" * 400
"""So that a record is about as long as a step."""


async def fan_out(bootstrap: str, log: str, alerts: str, fans: list[int]) -> None:
    """Pass on what comes from now on."""

    def outputs(record: Any, partitions: int) -> Iterator[Sent]:
        content = orjson.loads(record.value)
        yield Sent(alerts, record.value)
        depth = content["depth"]
        onward = {"depth": depth + 1, "trace": content["trace"], "more": PADDING}
        for number in range(fans[depth] if depth < len(fans) else 0):
            yield Sent(log, orjson.dumps(onward), partition=number % partitions)

    await pass_on(bootstrap, log, outputs)


if __name__ == "__main__":
    fans_given = [int(each) for each in sys.argv[4].split(",")]
    asyncio.run(fan_out(sys.argv[1], sys.argv[2], sys.argv[3], fans_given))
