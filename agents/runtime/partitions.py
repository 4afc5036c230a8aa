"""The partitions that a worker owns: opening their states, rebuilding, letting go."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

from faust.types import TP

from agents.failures import ExitCode, StoreUnusable, stop_process
from agents.runtime.committer import Committer
from agents.runtime.lanes import Lane, LanePort
from agents.runtime.rebuild import restore
from agents.runtime.standby import Standby
from agents.runtime.store import PartitionStore
from agents.runtime.transport import Consumer
from agents.runtime.worker_spec import RuntimeSettings, WorkerSpec

log = logging.getLogger("freezeline")


class OwnedPartitions:
    """The lanes of the assigned partitions, by partition.

    A lane that was drained in a rebalance is kept (its store open, nothing written) until the next
    assignment says whether it stays: reopening state at each rebalance would cost seconds. What
    another worker did meanwhile is in the group's offset, and up to there it folds silently.
    """

    def __init__(
        self,
        spec: WorkerSpec,
        settings: RuntimeSettings,
        port: LanePort,
        committer: Committer,
        client: Mapping[str, Any],
    ) -> None:
        self.lanes: dict[TP, Lane] = {}
        self.account_log_partitions = 0
        self.cluster_id = ""
        """Which Kafka it is: a state that was folded from another one's log is of no use."""
        self._spec = spec
        self._settings = settings
        self._port = port
        self._committer = committer
        self._client = client
        self._rebuilds: dict[TP, asyncio.Task[None]] = {}
        self.standby: Standby | None = None
        """Follows what is not ours, if the worker has a warm standby."""
        if spec.standby:
            self.standby = Standby(spec, settings, client, self._open_at)

    async def drain(self) -> None:
        """Finish the batches in hand of all lanes; a lane that cannot is thrown away."""
        lanes = {tp: lane for tp, lane in self.lanes.items() if not lane.restoring}
        clean = await asyncio.gather(
            *(lane.drain(self._settings.stop_timeout_s) for lane in lanes.values())
        )
        for (partition, lane), is_clean in zip(lanes.items(), clean, strict=True):
            if not is_clean:
                log.warning("batch_in_hand_dropped", extra=_ids(partition))
                lane.close()
                del self.lanes[partition]

    async def close(self) -> None:
        """Stop everything and close all stores."""
        await self.drain()
        for partition in list(self.lanes):
            await self._let_go(partition)
        if self.standby is not None:
            await self.standby.close()

    async def assign(
        self, assigned: Collection[TP], consumer: Consumer, is_current: Callable[[], bool]
    ) -> dict[TP, int]:
        """Open what is new, close what is gone; return where to read those that are ready.

        Ends early, and leaves the rest to the next call, once another assignment is under way.
        """
        for partition in set(self.lanes) - set(assigned):
            await self._let_go(partition)
        if self.standby is not None:
            self.standby.withhold(assigned)
        if not assigned:
            return {}
        committed = await consumer.thread.committed(assigned)
        begins = await consumer.earliest_offsets(*assigned)
        ends = await consumer.highwaters(*assigned)
        ready: dict[TP, int] = {}
        for partition in sorted(assigned):
            if not is_current():
                return ready
            begin, end, group = begins[partition], ends[partition], committed[partition]
            try:
                position = await self._position(partition, begin, end, group, consumer)
            except StoreUnusable as error:
                stop_process(ExitCode.STORE_UNUSABLE, "store_unusable", reason=str(error))
            if position is None:
                continue
            ready[partition] = position
            self._start(partition, position, group)
        rebuilding = [partition for partition, lane in self.lanes.items() if lane.restoring]
        consumer.pause_partitions(rebuilding)
        return ready

    async def _position(
        self, partition: TP, begin: int, end: int, group: int | None, consumer: Consumer
    ) -> int | None:
        """Open the partition's lane; return where it goes on, None while it is being rebuilt."""
        lane = self.lanes.get(partition)
        if lane is not None and lane.restoring:
            return None
        if lane is None and self.standby is not None:
            lane = await self.standby.take(partition)
        if lane is None:
            lane = self._open_at(partition, begin, end)
        self.lanes[partition] = lane
        if lane.store is None:
            if group is not None and group < begin:
                log.error("records_expired", extra={**_ids(partition), "missing": begin - group})
            return max(begin, group) if group is not None else begin
        position = lane.store.next_offset
        if position is not None:
            _require_within(lane.store, partition, position, end)
            return position
        assert self._spec.restore_topic is not None, "others begin at the beginning of the log"
        lane.restoring = True
        self._rebuilds[partition] = asyncio.create_task(
            self._rebuild(partition, lane, self._spec.restore_topic, begin, group, consumer)
        )
        return None

    def _open_at(self, partition: TP, begin: int, end: int) -> Lane:
        """Open a partition's lane; its store has a position within the log, or none (to restore).

        A state that is older than the log is begun anew; one that is ahead of it stops the worker.
        """
        lane = self._open(partition)
        store = lane.store
        if store is None:
            return lane
        if store.next_offset is not None:
            _require_within(store, partition, store.next_offset, end)
            if store.next_offset < begin:
                log.warning("store_rebuild", extra={**_ids(partition), "reason": "older_than_log"})
                store.destroy()
                lane = self._open(partition)
                store = lane.store
                assert store is not None
        if store.next_offset is None and self._spec.restore_topic is None:
            store.persist(store.take_changes(), begin)
        return lane

    def _open(self, partition: TP) -> Lane:
        store = None
        if self._spec.stateful:
            folder = f"{partition.topic}-{partition.partition}"
            path = Path(self._settings.state_dir) / self._spec.name / folder
            store = PartitionStore.open(
                path,
                self._settings.store_cache_bytes,
                self._settings.store_write_buffer_bytes,
                self._log_of(partition),
            )
        fold = self._spec.make_fold(
            store, partition.topic, partition.partition, self.account_log_partitions
        )
        return Lane(
            self._port, partition.topic, partition.partition, fold, store, self._spec.fold_records
        )

    def _log_of(self, partition: TP) -> str:
        """Name the log that a partition's state is folded from.

        With another number of partitions other accounts are in it, although its offsets go on.
        """
        if partition.topic != self._spec.account_log_topic:
            return self.cluster_id
        return f"{self.cluster_id}/{self.account_log_partitions}"

    def _owns(self, partition: TP, key: bytes) -> bool:
        is_for = self._spec.is_for
        return is_for is None or is_for(key, partition.partition, self.account_log_partitions)

    def _start(self, partition: TP, position: int, group: int | None) -> None:
        silent_until = group if self._spec.stateful and group is not None else 0
        if position < silent_until:
            extra = {**_ids(partition), "position": position, "until": silent_until}
            log.info("folding_silently", extra=extra)
        self._committer.begin((partition.topic, partition.partition), position, group)
        self.lanes[partition].start(position, silent_until)

    async def _rebuild(
        self,
        partition: TP,
        lane: Lane,
        topic: str,
        begin: int,
        group: int | None,
        consumer: Consumer,
    ) -> None:
        try:
            records = await restore(
                self._spec.name,
                lane,
                topic,
                self._settings,
                self._client,
                begin,
                lambda key: self._owns(partition, key),
            )
            log.info("state_restored", extra={**_ids(partition), "records": records})
            # Another owner may have gone on while this one was being rebuilt.
            if partition in consumer.assignment():
                group = (await consumer.thread.committed([partition]))[partition]
        except StoreUnusable as error:
            stop_process(ExitCode.STORE_UNUSABLE, "store_unusable", reason=str(error))
        except Exception as error:
            log.exception("rebuild_failed", extra=_ids(partition))
            stop_process(ExitCode.CRASHED, "rebuild_failed", error=type(error).__name__)
        self._rebuilds.pop(partition, None)
        lane.restoring = False
        # In a rebalance, the assignment that follows may start the lane from its store.
        await consumer.can_resume_flow.wait()
        if self.lanes.get(partition) is lane and not lane.running:
            self._start(partition, begin, group)
            await consumer.seek_to({partition: begin})
            consumer.resume_partitions({partition})
            self._port.room.set()

    async def _let_go(self, partition: TP) -> None:
        rebuild = self._rebuilds.pop(partition, None)
        if rebuild is not None:
            rebuild.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await rebuild
        self._committer.forget((partition.topic, partition.partition))
        lane = self.lanes.pop(partition)
        await lane.drain(0.0)
        lane.close()


def _require_within(store: PartitionStore, partition: TP, position: int, end: int) -> None:
    if position > end:
        stop_process(
            ExitCode.STATE_AHEAD_OF_LOG,
            "state_ahead_of_log",
            **_ids(partition),
            next_offset=position,
            end=end,
            store=str(store.path),
            reason="the topic was made anew or lost records; delete this folder to rebuild",
        )


def _ids(partition: TP) -> dict[str, object]:
    return {"topic": partition.topic, "partition": partition.partition}
