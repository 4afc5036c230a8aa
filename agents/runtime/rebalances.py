"""A rebalance that does not end: the worker would live on, and fold nothing any more.

It ends when the states of the partitions are open and Faust lets records flow again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, cast

from aiokafka.errors import KafkaError

from agents.failures import ExitCode, stop_process
from agents.runtime.batch_reader import cluster_id
from agents.runtime.transport import Consumer, WorkerApp

_LOOK_SECONDS = 1.0


async def end_when_stuck(app: WorkerApp, client: Mapping[str, Any], limit_s: float) -> None:
    """Watch for ever; end the process when a rebalance takes longer than ``limit_s``.

    While Kafka does not answer it goes on waiting: nobody can be given partitions, and a new
    process could not either. ``client`` says where Kafka is (`client_settings`).
    """
    waited = 0.0
    while True:
        await asyncio.sleep(_LOOK_SECONDS)
        # Looks are counted, not time: opening a large state holds up this loop, and is no
        # standstill.
        consumer = cast(Consumer, app.consumer)
        fetching = consumer.flow_active and not consumer.rebalancing
        waited = 0.0 if fetching else waited + _LOOK_SECONDS
        if waited < limit_s:
            continue
        waited = 0.0
        try:
            await cluster_id(client)
        except (KafkaError, OSError, TimeoutError):
            continue
        stop_process(ExitCode.CRASHED, "rebalance_stuck", seconds=limit_s)
