"""Three brokers and two workers of every kind, each with a disk of its own, and their keeper.

The keeper starts a worker again that has ended, as an orchestrator does; it does nothing else, so
whatever needs a human hand shows up as a site that never recovers.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from agents.local.cluster import LocalCluster, LocalWorker
from agents.local.kafka_cluster import LocalKafkaCluster
from agents.worker import WorkerName
from tests.integration.stage import free_ports
from tests.recovery.watch import Look, ProgressWatch

RECOVERY_SECONDS = 300.0
"""A site that has not recovered by then is stuck; a busy machine takes a minute for a start."""
GRACEFUL_SECONDS = 5.0
FAIL_POINT = "FREEZELINE_FAIL_POINT"
_POLL_SECONDS = 0.05


class Stuck(Exception):
    """Something did not recover by itself; the message says what."""


class Site:
    """What the faults happen to."""

    def __init__(self, cluster: LocalCluster, kafka: LocalKafkaCluster) -> None:
        self.cluster = cluster
        self.brokers = kafka
        self.progress = ProgressWatch(cluster.settings)
        self.kills = 0
        """How many times a worker was killed."""
        self.ended: Counter[str] = Counter()
        """How many workers ended by themselves, by name and exit code."""
        self.slow_stops = 0
        """Stops in order that took longer than GRACEFUL_SECONDS."""
        self.bad_stops = 0
        """Stops in order that ended with another code than 0."""
        self.struck_at = 0.0
        """When something was last taken away (time.monotonic)."""
        self._away: set[int] = set()

    @property
    def workers(self) -> list[LocalWorker]:
        """All workers, those that are away too."""
        return self.cluster.workers

    def partner(self, worker: LocalWorker) -> LocalWorker:
        """Return the other worker of the same kind."""
        return next(w for w in self.workers if w.name == worker.name and w is not worker)

    # -- what a fault does ---------------------------------------------------------------------

    def strike(self) -> None:
        """Note that something is taken away now."""
        self.struck_at = time.monotonic()

    def kill(self, worker: LocalWorker) -> None:
        """kill -9 a worker, which stays away."""
        self.strike()
        self._away.add(id(worker))
        if worker.process is not None and worker.process.poll() is None:
            worker.kill()
            self.kills += 1

    def stop(self, worker: LocalWorker) -> None:
        """Ask a worker to stop in order; it stays away."""
        self.strike()
        self._away.add(id(worker))
        began = time.monotonic()
        code = worker.stop()
        self.slow_stops += time.monotonic() - began > GRACEFUL_SECONDS
        self.bad_stops += code != 0

    def start(self, worker: LocalWorker, fail_point: str | None = None) -> None:
        """Start a worker that is away."""
        worker.environment.pop(FAIL_POINT, None)
        if fail_point is not None:
            worker.environment[FAIL_POINT] = fail_point
        worker.start()
        worker.environment.pop(FAIL_POINT, None)
        self._away.discard(id(worker))

    def started_to_die(self, worker: LocalWorker, fail_point: str, seconds: float) -> bool:
        """Start a worker that kills itself at a point, and wait; say whether it came there."""
        self.start(worker, fail_point)
        self._away.add(id(worker))
        assert worker.process is not None
        deadline = time.monotonic() + seconds
        while worker.process.poll() is None and time.monotonic() < deadline:
            self.watch_over()
        if worker.process.poll() == -signal.SIGKILL:
            self.strike()
            self.kills += 1
            return True
        self.kill(worker)
        return False

    def lose_disk(self, worker: LocalWorker) -> None:
        """Empty the disk of a worker that is away."""
        shutil.rmtree(worker.environment["FREEZELINE_STATE_DIR"] + f"/{worker.name.value}")

    def freeze(self, worker: LocalWorker) -> None:
        """Stop a worker's clock."""
        self.strike()
        self._away.add(id(worker))
        _signal(worker, signal.SIGSTOP)

    def thaw(self, worker: LocalWorker) -> None:
        """Let a frozen worker go on."""
        _signal(worker, signal.SIGCONT)
        self._away.discard(id(worker))

    # -- time ----------------------------------------------------------------------------------

    def watch_over(self) -> None:
        """Start what has ended by itself, and let a moment pass."""
        for worker in self.workers:
            process = worker.process
            if id(worker) in self._away or process is None or process.poll() is None:
                continue
            self.ended[f"{worker.name.value} {process.returncode}"] += 1
            worker.start()
        time.sleep(_POLL_SECONDS)

    def wait(self, seconds: float) -> None:
        """Let time pass; who ends meanwhile is started again."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self.watch_over()

    def recovered(self) -> float:
        """Wait until all are ready and have answered what was published; return when that was.

        Raises Stuck after RECOVERY_SECONDS.
        """
        began = time.monotonic()
        published = self._look_after(began)
        while True:
            look = self._look_after(began, deadline=began + RECOVERY_SECONDS)
            if look.has_answered(published.ends) and self._all_ready():
                return time.monotonic()
            if time.monotonic() > began + RECOVERY_SECONDS:
                raise Stuck(self._what_is_missing(look, published.ends))
            self.watch_over()

    def settled(self) -> None:
        """Wait until nothing is left to answer, twice in a row; the load must have stopped.

        Raises Stuck after RECOVERY_SECONDS.
        """
        began, calm = time.monotonic(), 0
        while calm < 2 or not self._all_ready():
            look = self._look_after(time.monotonic())
            calm = calm + 1 if look.lag == 0 else 0
            if time.monotonic() > began + RECOVERY_SECONDS:
                raise Stuck(self._what_is_missing(look, look.ends))

    def _look_after(self, at: float, deadline: float | None = None) -> Look:
        until = deadline or time.monotonic() + RECOVERY_SECONDS
        while True:
            look = self.progress.newest
            if look is not None and look.asked_at >= at:
                return look
            if time.monotonic() > until:
                raise Stuck("Kafka cannot be asked how far the groups are")
            self.watch_over()

    def _all_ready(self) -> bool:
        return not self._away and all(worker.ready for worker in self.workers)

    def _what_is_missing(self, look: Look, ends: Mapping[tuple[str, str, int], int]) -> str:
        behind = {
            f"{group} {topic}-{partition}": end - look.positions[group, topic, partition]
            for (group, topic, partition), end in ends.items()
            if look.positions[group, topic, partition] < end
        }
        unready = [
            f"{worker.log_file.stem}: {worker.http_port}"
            for worker in self.workers
            if not worker.ready
        ]
        return f"lag {behind}; not ready {unready}; logs in {self.cluster.data_dir}"

    def logged(self, event: str) -> int:
        """Return how many times the workers have logged an event."""
        return sum(
            line.count(f'"event":"{event}"')
            for worker in self.workers
            for line in worker.log_file.read_text(errors="replace").splitlines()
        )

    def critical(self) -> list[str]:
        """Return what the workers logged as critical, an event with its code each."""
        found = []
        for worker in self.workers:
            for line in worker.log_file.read_text(errors="replace").splitlines():
                if '"level":"critical"' in line:
                    with contextlib.suppress(ValueError):
                        told = json.loads(line)
                        found.append(
                            f"{worker.log_file.stem}: {told['event']} {told.get('error', '')}"
                        )
        return found


@contextmanager
def site(folder: Path) -> Iterator[Site]:
    """A site, all of which ends with the block."""
    kafka = LocalKafkaCluster(folder / "kafka")
    ports = free_ports(2 * len(WorkerName))
    cluster = LocalCluster.start(folder, kafka=kafka, http_port=ports)
    built = Site(cluster, kafka)
    try:
        for place, name in enumerate(WorkerName):
            cluster.add_worker(name, ports + len(WorkerName) + place, tag="1")
        cluster.wait_until_ready(RECOVERY_SECONDS)
        built.progress.start()
        yield built
    finally:
        built.progress.stop()
        for worker in cluster.workers:
            _signal(worker, signal.SIGCONT)
        cluster.stop()


def _signal(worker: LocalWorker, number: signal.Signals) -> None:
    if worker.process is not None and worker.process.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(worker.process.pid, number)
