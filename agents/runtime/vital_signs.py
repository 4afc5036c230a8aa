"""How a worker is: its gauges, and whether it is alive and ready, told from its lanes' progress."""

from __future__ import annotations

import asyncio
import logging
import shutil
import time
from collections import deque
from collections.abc import Callable, Mapping

from faust.types import TP

from agents.runtime.lanes import Lane
from agents.runtime.worker_spec import RuntimeSettings

log = logging.getLogger("freezeline")

_LOOK_SECONDS = 1.0
_OFTEN = 6
_OFTEN_SECONDS = 30.0
"""So many assignments within so long: two workers under one name throw each other out in turn, each
second, and Kafka tells neither why."""
Figures = dict[tuple[str, tuple[str, ...]], float]


class VitalSigns:
    """Looks at the lanes once a second, and answers what `agents.runtime.health` asks."""

    def __init__(
        self,
        worker: str,
        settings: RuntimeSettings,
        lanes: Mapping[TP, Lane],
        end_of: Callable[[TP], int | None],
        may_take_more: Callable[[], bool],
    ) -> None:
        self.assigned_once = False
        """Whether the worker has been told once what is its own."""
        self._worker = worker
        self._settings = settings
        self._lanes = lanes
        self._end_of = end_of
        self._may_take_more = may_take_more
        self._fetched_at = time.monotonic()
        self._behind_since: dict[TP, float] = {}
        self._assigned_at: deque[float] = deque(maxlen=_OFTEN)

    def fetched(self) -> None:
        """Note that the fetch loop has turned."""
        self._fetched_at = time.monotonic()

    def assigned(self) -> None:
        """Note that the worker has been told what is its own."""
        self.assigned_once = True
        self.fetched()
        now = time.monotonic()
        self._assigned_at.append(now)
        if now - self._assigned_at[0] < _OFTEN_SECONDS and len(self._assigned_at) == _OFTEN:
            self._assigned_at.clear()
            extra = {"worker": self._worker, "reason": self._why_often()}
            log.error("assigned_again_and_again", extra=extra)

    async def run(self) -> None:
        """Say once a second how far behind and how large the partitions are."""
        metrics, shown = self._settings.metrics, set[tuple[str, tuple[str, ...]]]()
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            self.look(time.monotonic())
            figures = self._figures()
            for (gauge, labels), value in figures.items():
                metrics.gauge(gauge, labels, value)
            for gauge, labels in shown - figures.keys():
                metrics.forget(gauge, labels)
            shown = set(figures)

    def look(self, now: float) -> None:
        """Note which partitions have records that are not answered, and since when."""
        behind = {partition for partition in self._lanes if self._lag(partition)}
        self._behind_since = {
            partition: self._behind_since.get(partition, now) for partition in behind
        }

    def why_not_alive(self) -> str | None:
        """Return what has stopped, None while all goes on."""
        now, limit = time.monotonic(), self._settings.progress_timeout_s
        if now - self._fetched_at > limit:
            return "fetching has stopped"
        stuck = [
            f"{partition.topic}-{partition.partition}"
            for partition, lane in self._lanes.items()
            if lane.stuck(now) or self._left_lying(partition, lane, now)
        ]
        return f"no progress in {', '.join(stuck)}" if stuck else None

    def why_not_ready(self) -> str | None:
        """Return what is still to come before the worker answers new records."""
        if not self.assigned_once:
            return "no partitions are assigned yet"
        for partition, lane in self._lanes.items():
            where = f"{partition.topic}-{partition.partition}"
            if lane.restoring:
                return f"rebuilding {where}"
            lag = self._lag(partition)
            if not lane.speaking and (lag is None or lag > self._settings.ready_lag_records):
                return f"folding {where} again"
        return None

    def _why_often(self) -> str:
        name = self._settings.instance_id
        if name is None:
            return "workers of the group come and go"
        return f"another worker is likely to run under FREEZELINE_INSTANCE_ID={name} too"

    def _left_lying(self, partition: TP, lane: Lane, now: float) -> bool:
        """Say whether there are records in Kafka that nobody has fetched for too long."""
        since = self._behind_since.get(partition)
        if since is None or not lane.running or not self._may_take_more():
            return False
        return now - max(since, lane.progressed_at) > self._settings.progress_timeout_s

    def _figures(self) -> Figures:
        figures: Figures = {}
        if any(lane.store is not None for lane in self._lanes.values()):
            disk = shutil.disk_usage(self._settings.state_dir)
            figures["disk_free_bytes", (self._worker,)] = disk.free
            figures["disk_bytes", (self._worker,)] = disk.total
        for partition, lane in self._lanes.items():
            number = str(partition.partition)
            lag = self._lag(partition)
            if lag is not None:
                figures["consumer_lag_records", (self._worker, partition.topic, number)] = lag
            if lane.store is not None:
                entries, size = lane.store.sizes()
                figures["state_entries", (self._worker, number)] = entries
                figures["state_bytes", (self._worker, number)] = size
            if not lane.restoring:
                for gauge, value in lane.fold.gauges().items():
                    figures[gauge, (number,)] = value
        return figures

    def _lag(self, partition: TP) -> int | None:
        lane = self._lanes[partition]
        if lane.settled_offset < 0:
            return None
        end = self._end_of(partition)
        return max(0, end - lane.settled_offset) if end is not None else None
