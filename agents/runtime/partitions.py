"""The partitions that a worker owns: opening their states, rebuilding, letting go."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Mapping
from typing import Any

from faust.types import TP

from agents.failures import ExitCode, StoreUnusable, stop_process
from agents.runtime.committer import Committer
from agents.runtime.lane_opening import LaneOpener, ids, require_within
from agents.runtime.lanes import Lane, LanePort
from agents.runtime.rebuild import restore
from agents.runtime.rebuild_process import RebuildJob, rebuild_apart
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
        opener: LaneOpener,
        committer: Committer,
        client: Mapping[str, Any],
    ) -> None:
        self.lanes: dict[TP, Lane] = {}
        self._spec = spec
        self._settings = settings
        self._port = port
        self._opener = opener
        self._committer = committer
        self._client = client
        self._rebuilds: dict[TP, asyncio.Task[None]] = {}
        self._processes = asyncio.Semaphore(settings.rebuild_processes)
        self.standby: Standby | None = None
        """Follows what is not ours, if the worker has a warm standby."""
        if spec.standby:
            self.standby = Standby(spec, settings, client, opener.open_at)

    async def drain(self) -> None:
        """Finish the batches in hand of all lanes; a lane that cannot is thrown away."""
        lanes = {tp: lane for tp, lane in self.lanes.items() if not lane.restoring}
        clean = await asyncio.gather(
            *(lane.drain(self._settings.stop_timeout_s) for lane in lanes.values())
        )
        for (partition, lane), is_clean in zip(lanes.items(), clean, strict=True):
            if not is_clean:
                log.warning("batch_in_hand_dropped", extra=ids(partition))
                lane.close()
                del self.lanes[partition]

    async def close(self) -> None:
        """Stop everything and close all stores."""
        await self.drain()
        await self._let_go(list(self.lanes))
        if self.standby is not None:
            await self.standby.close()

    async def assign(
        self, assigned: Collection[TP], consumer: Consumer, is_current: Callable[[], bool]
    ) -> dict[TP, int]:
        """Open what is new, close what is gone; return where to read those that are ready.

        Ends early, and leaves the rest to the next call, once another assignment is under way.
        """
        await self._let_go(set(self.lanes) - set(assigned))
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
            lane = self._opener.open_at(partition, begin, end)
        self.lanes[partition] = lane
        if lane.store is None:
            if group is not None and group < begin:
                log.error("records_expired", extra={**ids(partition), "missing": begin - group})
            return max(begin, group) if group is not None else begin
        position = lane.store.next_offset
        if position is not None:
            require_within(lane.store, partition, position, end)
            if not self._is_far(position, group):
                return position
        lane.restoring = True
        job = RebuildJob(
            topic=partition.topic,
            partition=partition.partition,
            begin=begin,
            end=end,
            until=group or 0,
            account_log_partitions=self._opener.account_log_partitions,
            cluster_id=self._opener.cluster_id,
        )
        rebuild = self._rebuild(job, lane, lane.store, consumer)
        self._rebuilds[partition] = asyncio.create_task(rebuild)
        return None

    def _is_far(self, position: int, group: int | None) -> bool:
        """Say whether so much is to be folded silently that a process of its own is worth it."""
        far = self._spec.apart_from_records
        processes = self._settings.rebuild_processes
        return bool(processes and far is not None and group is not None and group - position >= far)

    def _start(self, partition: TP, position: int, group: int | None) -> None:
        silent_until = group if self._spec.stateful and group is not None else 0
        if position < silent_until:
            extra = {**ids(partition), "position": position, "until": silent_until}
            log.info("folding_silently", extra=extra)
        self._committer.begin((partition.topic, partition.partition), position, group)
        self.lanes[partition].start(position, silent_until)

    async def _rebuild(
        self, job: RebuildJob, lane: Lane, store: PartitionStore, consumer: Consumer
    ) -> None:
        partition, group = TP(job.topic, job.partition), job.until or None
        try:
            position = store.next_offset
            if self._is_far(job.begin if position is None else position, group):
                lane, store = await self._rebuilt_apart(job, lane, store)
            if store.next_offset is None:
                await restore(
                    self._spec, lane, self._settings, self._client, job.begin, self._opener
                )
            # Another owner may have gone on while this one was being rebuilt.
            if partition in consumer.assignment():
                group = (await consumer.thread.committed([partition]))[partition]
        except StoreUnusable as error:
            stop_process(ExitCode.STORE_UNUSABLE, "store_unusable", reason=str(error))
        except Exception as error:
            log.exception("rebuild_failed", extra=ids(partition))
            stop_process(ExitCode.CRASHED, "rebuild_failed", error=type(error).__name__)
        self._rebuilds.pop(partition, None)
        lane.restoring = False
        # In a rebalance, the assignment that follows may start the lane from its store.
        await consumer.can_resume_flow.wait()
        position = store.next_offset
        assert position is not None, "it was rebuilt"
        if self.lanes.get(partition) is lane and not lane.running:
            self._start(partition, position, group)
            await consumer.seek_to({partition: position})
            consumer.resume_partitions({partition})
            self._port.room.set()

    async def _rebuilt_apart(
        self, job: RebuildJob, lane: Lane, store: PartitionStore
    ) -> tuple[Lane, PartitionStore]:
        """Let another process rebuild a lane's store; return the lane that has it now."""
        lane.store = None  # nobody asks it for anything any more
        if store.next_offset is None:
            store.destroy()  # it is empty, and would be taken for one that is half built
        else:
            store.close()
        async with self._processes:
            await rebuild_apart(job, self._settings)
        partition = TP(job.topic, job.partition)
        lane = self.lanes[partition] = self._opener.open_at(partition, job.begin, job.end)
        assert lane.store is not None
        lane.restoring = True
        return lane, lane.store

    async def _let_go(self, partitions: Collection[TP]) -> None:
        rebuilds = [self._rebuilds.pop(tp) for tp in partitions if tp in self._rebuilds]
        for rebuild in rebuilds:  # all at once: each closes a store, and others wait for their turn
            rebuild.cancel()
        await asyncio.gather(*rebuilds, return_exceptions=True)
        for partition in partitions:
            self._committer.forget((partition.topic, partition.partition))
            lane = self.lanes.pop(partition)
            await lane.drain(0.0)
            lane.close()
