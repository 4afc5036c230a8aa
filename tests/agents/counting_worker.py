"""A worker process with a small fold, for the runtime's tests (settings come in W_* variables).

counting: per key, the sum of what came; each record gives an output with the sum after it.
copying: no state; each record is passed on.
filing: as counting, and the sums are also filed in a compacted topic, from which they come back.
raising / refusing: a fold that raises on b"raise" / that refuses everything but numbers.

W_STUCK: what should let go of partitions in a rebalance never comes to its end.
W_OPENING: so many seconds pass in each assignment before states are opened, as with large ones.
W_APART: from so many records on a state is rebuilt in a process of its own.
W_PROCESSES: how many of these there may be at once.
W_FULL: the disk is full as soon as something is restored.
W_SLOW: so many seconds pass with each slice that is folded.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import resource
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from agents.failures import StoreUnusable
from agents.runtime.partitions import OwnedPartitions
from agents.runtime.runner import RuntimeSettings, Throttle, WorkerSpec, run_worker
from pipeline.fold import Folded, Output, Record, Versions
from pipeline.state import State, scan_prefix

PREFIX = os.environ["W_PREFIX"]
SLOW = float(os.environ.get("W_SLOW", "0"))


class Counting:
    """Sums by key, in the state."""

    def __init__(self, state: State, partition: int, files: bool) -> None:
        self.state = state
        self.partition = partition
        self.files = files

    def apply(self, records: Sequence[Record], silent: bool = False) -> Folded:
        time.sleep(SLOW)
        folded = Folded()
        touched = {}
        for record in records:
            assert record.key is not None
            assert record.value is not None
            if record.value == b"raise":
                raise ValueError("secret-value")
            known = self.state.get(b"sum:" + record.key)
            entry = json.loads(known) if known else {"sum": 0, "seen": -1}
            if record.offset > entry["seen"]:  # a file may be ahead of the log
                entry = {"sum": entry["sum"] + int(record.value), "seen": record.offset}
            value = json.dumps(entry).encode()
            self.state.put(b"sum:" + record.key, value)
            touched[record.key] = value
            said = {"partition": self.partition, "offset": record.offset, "sum": entry["sum"]}
            folded.outputs.append(
                Output(PREFIX + "sums", record.key, json.dumps(said).encode(), (("h", b"1"),))
            )
            folded.counts["counted",] += 1
        if self.files:
            folded.outputs += [
                Output(PREFIX + "files", key, value, partition=self.partition, last=True)
                for key, value in touched.items()
            ]
        return folded

    def restore(self, records: Sequence[Record]) -> bool:
        if "W_FULL" in os.environ:
            raise StoreUnusable("no space left")
        for record in records:
            assert record.key is not None
            assert record.value is not None
            self.state.put(b"sum:" + record.key, record.value)
        return False

    def versions(self, topic: str, record: Record) -> Versions | None:
        known = self.state.get(b"sum:" + record.key)
        if known is None:
            return None
        return Versions(json.loads(record.value)["seen"], json.loads(known)["seen"])

    def say_again(self, topic: str, keys: Sequence[bytes]) -> list[Output]:
        return [Output(topic, k, self.state.get(b"sum:" + k), (), self.partition) for k in keys]

    def gauges(self) -> dict[str, float]:
        return {"keys": float(sum(1 for _ in scan_prefix(self.state, b"sum:")))}


class Copying:
    """Passes each record on; refuses what is not a number when told so."""

    def __init__(self, refuse: bool) -> None:
        self.refuse = refuse

    def apply(self, records: Sequence[Record], silent: bool = False) -> Folded:
        folded = Folded()
        for record in records:
            if self.refuse and not (record.value or b"").isdigit():
                folded.counts["dead_letters", "not_a_number"] += 1
                folded.outputs.append(Output(PREFIX + "in-dead-letters", None, record.value))
            else:
                folded.outputs.append(Output(PREFIX + "sums", record.key, record.value))
        return folded

    def restore(self, records: Sequence[Record]) -> bool:
        raise NotImplementedError

    def versions(self, topic: str, record: Record) -> Versions | None:
        raise NotImplementedError  # it has no topics of its own

    def say_again(self, topic: str, keys: Sequence[bytes]) -> list[Output]:
        raise NotImplementedError  # it has no topics of its own

    def gauges(self) -> dict[str, float]:
        return {}


async def never_ends(_: OwnedPartitions) -> None:
    await asyncio.Event().wait()


def taking_longer(assign: Callable[..., Any], seconds: float) -> Callable[..., Any]:
    async def assign_late(*arguments: Any) -> Any:
        await asyncio.sleep(seconds)
        return await assign(*arguments)

    return assign_late


def main() -> int:
    logging.basicConfig(
        level=logging.INFO, stream=sys.stderr, format="%(created).3f %(levelname)s %(message)s"
    )
    if "W_FILE_BYTES" in os.environ:  # a disk that is full: the kernel refuses to write more
        most = int(os.environ["W_FILE_BYTES"])
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
    if "W_STUCK" in os.environ:
        OwnedPartitions.drain = never_ends
    if "W_OPENING" in os.environ:
        opening = float(os.environ["W_OPENING"])
        OwnedPartitions.assign = taking_longer(OwnedPartitions.assign, opening)
    mode = os.environ["W_MODE"]
    settings = RuntimeSettings(
        bootstrap=os.environ["W_BOOTSTRAP"],
        state_dir=Path(os.environ["W_STATE"]),
        group_prefix=PREFIX,
        instance_id=os.environ.get("W_INSTANCE"),
        http_port=int(os.environ["W_PORT"]) if "W_PORT" in os.environ else None,
        start_timeout_s=float(os.environ.get("W_START", "30")),
        fail_point=os.environ.get("W_FAIL"),
        acknowledge_timeout_s=float(os.environ.get("W_ACKNOWLEDGE", "30")),
        dead_letter_run_limit=int(os.environ.get("W_LIMIT", "1000")),
        dead_letter_topics={PREFIX + "in-dead-letters"},
        rebuild_processes=int(os.environ.get("W_PROCESSES", "2")),
        rebalance_limit_s=float(os.environ.get("W_REBALANCE", "120")),
    )
    stateful = mode in ("counting", "filing")
    limit = os.environ.get("W_THROTTLE")
    spec = WorkerSpec(
        name=os.environ.get("W_NAME", "counter"),
        topics=tuple(PREFIX + name for name in os.environ.get("W_TOPICS", "in").split(",")),
        make_fold=lambda state, _topic, partition, _: (
            Counting(state, partition, mode == "filing")
            if state is not None
            else Copying(mode == "refusing")
        ),
        stateful=stateful,
        restore_topic=PREFIX + "files" if mode == "filing" else None,
        apart_from_records=int(os.environ["W_APART"]) if "W_APART" in os.environ else None,
        own_topics=(PREFIX + "files",) if mode == "filing" else (),
        account_log_topic=PREFIX + "in",
        tick=(lambda now, _: [Output(PREFIX + "ticks", b"t", b"%d" % now)])
        if "W_TICK" in os.environ
        else None,
        tick_seconds=0.2,
        throttle=Throttle("reader", PREFIX + "sums", int(limit)) if limit else None,
        fold_records=int(os.environ.get("W_FOLD", "500")),
    )
    return run_worker(spec, settings)


if __name__ == "__main__":
    sys.exit(main())
