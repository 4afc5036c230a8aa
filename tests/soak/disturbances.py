"""Small faults, as every week has them: none ends a session, and all is well again in seconds."""

from __future__ import annotations

import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable

from agents.kafka.sending import connected_producer, publish_records
from agents.local.cluster import LocalCluster, LocalWorker
from pipeline.fold import Output
from pipeline.topics import REPORTS, TRANSACTIONS

PAUSE_SECONDS = 1.5
"""How long a worker or the broker does nothing; a session is 6 s."""
_BAD_EVENTS = [b"not json", b'{"kind": 1}', b"\xff\xfe", b"{}", b"[" * 500]


class Disturbances:
    """Does one small fault after the other, at moments and of kinds that its seed gives.

    Workers whose tag is 1 are restarted and killed; those with the tag 0 live through the whole
    run, so that theirs is the memory of a process that has grown old.
    """

    def __init__(self, cluster: LocalCluster, seed: int, pause: float) -> None:
        self.done: Counter[str] = Counter()
        """How many there were of each kind."""
        self.moments: list[float] = []
        """When each began (time.monotonic)."""
        self.ended: list[str] = []
        """Workers that ended by themselves, with their exit codes."""
        self._cluster = cluster
        self._chance = random.Random(seed)
        self._pause = pause
        self._waiting: list[str] = []
        self._kinds: dict[str, Callable[[], None]] = {
            "restart": self._restart,
            "kill": self._kill,
            "worker_pause": self._pause_worker,
            "broker_pause": self._pause_broker,
            "bad_events": self._publish_bad_events,
        }

    def go_on(self, deadline: float) -> None:
        """Do them until ``deadline`` (time.monotonic).

        In the main thread: a worker ends with the thread that started it.
        """
        while True:
            pause = self._chance.uniform(0.5, 1.5) * self._pause
            left = deadline - time.monotonic()
            time.sleep(max(0.0, min(pause, left)))
            if pause >= left:
                break
            self._note_ended()
            self._do_next()
        self._note_ended()

    def _do_next(self) -> None:
        # Every kind once, in some order, and then again.
        if not self._waiting:
            self._waiting = list(self._kinds)
            self._chance.shuffle(self._waiting)
        kind = self._waiting.pop()
        self.moments.append(time.monotonic())
        self._kinds[kind]()
        self.done[kind] += 1

    def _note_ended(self) -> None:
        for worker in self._cluster.workers:
            if worker.process is not None and (code := worker.process.poll()) is not None:
                self.ended.append(f"{worker.log_file.stem} {code}")
                worker.start()

    def _shaken(self) -> LocalWorker:
        tagged = [w for w in self._cluster.workers if w.log_file.stem.endswith("-1")]
        return self._chance.choice(tagged)

    def _restart(self) -> None:
        worker = self._shaken()
        worker.stop()
        worker.start()

    def _kill(self) -> None:
        worker = self._shaken()
        worker.kill()
        worker.start()

    def _pause_worker(self) -> None:
        worker = self._chance.choice(self._cluster.workers)
        assert worker.process is not None
        os.kill(worker.process.pid, signal.SIGSTOP)
        time.sleep(PAUSE_SECONDS)
        os.kill(worker.process.pid, signal.SIGCONT)

    def _pause_broker(self) -> None:
        kafka = self._cluster.kafka
        assert kafka is not None
        kafka.pause()
        time.sleep(PAUSE_SECONDS)
        kafka.resume()

    def _publish_bad_events(self) -> None:
        with connected_producer(self._cluster.settings) as producer:
            publish_records(
                producer,
                [Output(t, b"bad", v) for t in (REPORTS, TRANSACTIONS) for v in _BAD_EVENTS],
            )
