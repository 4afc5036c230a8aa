"""Opening a partition's lane: its store, and the fold over it."""

from __future__ import annotations

import logging
from pathlib import Path

from faust.types import TP

from agents.failures import ExitCode, stop_process
from agents.runtime.lanes import Lane, LanePort
from agents.runtime.store import PartitionStore
from agents.runtime.worker_spec import RuntimeSettings, WorkerSpec

log = logging.getLogger("freezeline")


class LaneOpener:
    """Opens lanes whose state belongs to the log that is there now."""

    def __init__(self, spec: WorkerSpec, settings: RuntimeSettings, port: LanePort) -> None:
        self.account_log_partitions = 0
        self.cluster_id = ""
        """Which Kafka it is: a state that was folded from another one's log is of no use."""
        self._spec = spec
        self._settings = settings
        self._port = port

    def open_at(self, partition: TP, begin: int, end: int) -> Lane:
        """Open a lane; its store has a position within the log, or none (to restore).

        A state that is older than the log is begun anew; one that is ahead of it stops the worker.
        Raises `StoreUnusable`.
        """
        lane = self._open(partition)
        store = lane.store
        if store is None:
            return lane
        if store.next_offset is not None:
            require_within(store, partition, store.next_offset, end)
            if store.next_offset < begin:
                log.warning("store_rebuild", extra={**ids(partition), "reason": "older_than_log"})
                store.destroy()
                lane = self._open(partition)
                store = lane.store
                assert store is not None
        if store.next_offset is None and self._spec.restore_topic is None:
            store.persist(store.take_changes(), begin)
        return lane

    def owns(self, partition: TP, key: bytes) -> bool:
        """Say whether a key of the worker's compacted topic belongs to a partition."""
        is_for = self._spec.is_for
        return is_for is None or is_for(key, partition.partition, self.account_log_partitions)

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


def require_within(store: PartitionStore, partition: TP, position: int, end: int) -> None:
    """Stop the worker when a state's position lies behind the end of the log."""
    if position > end:
        stop_process(
            ExitCode.STATE_AHEAD_OF_LOG,
            "state_ahead_of_log",
            **ids(partition),
            next_offset=position,
            end=end,
            store=str(store.path),
            reason="the topic was made anew or lost records; delete this folder to rebuild",
        )


def ids(partition: TP) -> dict[str, object]:
    """Return how logs name a partition."""
    return {"topic": partition.topic, "partition": partition.partition}
