"""Looks at the workers' memory and file handles, and at the disks, again and again."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

import psutil

from agents.local.cluster import LocalCluster
from tests.soak.slopes import Series

_MIB = 1024 * 1024
_BLOCK_BYTES = 512


class Gauges:
    """Series of figures by name; a thread adds a point every ``period`` seconds.

    ``memory/<worker>`` and ``handles/<worker>`` are of processes, ``disk/stores`` and
    ``disk/kafka`` are bytes for each event that was published until then: all events are kept for
    longer than the run, so it is what one costs that must not grow.
    """

    def __init__(self, cluster: LocalCluster, published: Callable[[], int], period: float) -> None:
        self.series: dict[str, Series] = {}
        self.began = time.monotonic()
        self._cluster = cluster
        self._published = published
        self._period = period
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="gauges", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self) -> None:
        """End."""
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._look()
            self._stopping.wait(self._period)

    def _look(self) -> None:
        at = time.monotonic() - self.began
        kafka = self._cluster.kafka
        pids = {w.log_file.stem: w.process.pid for w in self._cluster.workers if w.process}
        if (broker := getattr(kafka, "pid", None)) is not None:
            pids["broker"] = broker
        for name, pid in pids.items():
            # A worker may end at any moment: that is one of the faults.
            with contextlib.suppress(psutil.Error):
                process = psutil.Process(pid)
                with process.oneshot():
                    memory, handles = process.memory_info().rss / _MIB, process.num_fds()
                self._add(f"memory/{name}", "MiB", at, memory)
                self._add(f"handles/{name}", "handles", at, handles)
        events = self._published()
        if events:
            folder = self._cluster.data_dir
            stores = sum(map(bytes_on_disk, folder.glob("state-*")))
            self._add("disk/stores", "bytes an event", at, stores / events)
            kafka_bytes = bytes_on_disk(folder / "kafka")
            self._add("disk/kafka", "bytes an event", at, kafka_bytes / events)

    def _add(self, name: str, unit: str, at: float, value: float) -> None:
        self.series.setdefault(name, Series(unit)).add(at, value)


def bytes_on_disk(folder: Path) -> int:
    """Return the bytes that a folder really takes; what is deleted meanwhile counts no more."""
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(FileNotFoundError):
                total += (Path(place) / name).stat().st_blocks * _BLOCK_BYTES
    return total
