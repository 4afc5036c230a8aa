"""Kafka and the workers on this machine, started in order and stopped in order.

What ``freezeline up``, the demo and the integration tests stand on. Nothing outlives the process
that started it: workers and broker end with their parent, however it ends.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.error
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

import orjson

from agents.kafka.topic_admin import apply_topics
from agents.local.kafka import LocalKafka
from agents.local.kafka_cluster import REPLICATION, LocalKafkaCluster
from agents.local.key import local_key_file
from agents.local.parent_death import end_with_parent
from agents.observability.asking import DIRECTLY
from agents.settings import ENV_PREFIX, Settings, load_settings
from agents.worker import WorkerName
from pipeline.topics import load_topics

START_SECONDS = 120.0
"""How long all workers may take until they are ready; one that ends is not waited for."""
STOP_SECONDS = 10.0
_LAST_BYTES = 8_192
DEFAULT_HTTP_PORT = 9401
"""Metrics and health of the first worker; the others answer on the next ports."""

WORKER_COMMAND = ("-m", "agents.cli", "worker")
"""What Python runs as a worker; its name comes behind."""


class LocalClusterError(Exception):
    """The local cluster cannot be had; the message is one sentence."""


@dataclass(slots=True)
class LocalWorker:
    """One worker process of the local cluster."""

    name: WorkerName
    http_port: int
    log_file: Path
    environment: dict[str, str]
    command: tuple[str, ...] = WORKER_COMMAND
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the process; its log goes on in the same file."""
        with self.log_file.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, *self.command, self.name.value],
                env={**os.environ, **self.environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=end_with_parent,
            )

    def stop(self) -> int:
        """Ask it to stop, wait, and kill it if it does not; return its exit code."""
        if self.process is None:
            return 0
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            return self.kill()

    def kill(self) -> int:
        """kill -9 it; return its exit code."""
        assert self.process is not None
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()
        return self.process.wait()

    def last_words(self) -> str:
        """Return, as the end of a sentence, what it logged last that is grave, and where."""
        told = ""
        for line in _last_lines(self.log_file):
            if line.get("level") == "critical":
                told = ": " + str(line.get("reason") or line.get("event"))
        return f"{told}; see {self.log_file}"

    @property
    def ready(self) -> bool:
        """Whether /readyz says so."""
        try:
            with DIRECTLY.open(f"http://127.0.0.1:{self.http_port}/readyz", timeout=1) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False


@dataclass(slots=True)
class LocalCluster:
    """A broker (or the one that ``settings`` name, when ``kafka`` is None) and its workers."""

    data_dir: Path
    settings: Settings
    kafka: LocalKafka | LocalKafkaCluster | None
    workers: list[LocalWorker] = field(default_factory=list)
    worker_command: tuple[str, ...] = WORKER_COMMAND
    """What the workers that are added run as."""

    @classmethod
    def start(
        cls,
        data_dir: Path,
        *,
        bootstrap: str | None = None,
        port: int | None = None,
        kafka: LocalKafka | LocalKafkaCluster | None = None,
        http_port: int = DEFAULT_HTTP_PORT,
        names: tuple[WorkerName, ...] = tuple(WorkerName),
        stop: threading.Event | None = None,
    ) -> LocalCluster:
        """Start everything in order and return when every worker is ready.

        Kafka is the one at ``bootstrap``, or ``kafka``, which is started here, or one node of its
        own on ``port``. Its certificates and passwords are the environment's, for the workers too.
        The key for national IDs is the environment's, or one made in ``data_dir``. When ``stop``
        is set meanwhile, waiting ends and the cluster is returned as far as it is.

        Raises:
            LocalKafkaError, BrokerUnreachableError, LocalClusterError, SettingsError: one sentence.
        """
        data_dir.mkdir(parents=True, exist_ok=True)
        if bootstrap is None:
            kafka = kafka or LocalKafka(data_dir / "kafka", port)
            bootstrap = kafka.start()
        given: dict[str, Any] = {} if _has_key() else {"hash_key_file": local_key_file(data_dir)}
        if isinstance(kafka, LocalKafkaCluster):
            given["replication"] = REPLICATION
        cluster = cls(data_dir, load_settings(bootstrap=bootstrap, **given), kafka)
        settings = cluster.settings
        try:
            apply_topics(settings, load_topics())
            for place, name in enumerate(names):
                cluster.add_worker(name, http_port + place)
            cluster.wait_until_ready(stop=stop)
        except BaseException:
            cluster.stop()
            raise
        return cluster

    def add_worker(
        self,
        name: WorkerName,
        http_port: int,
        tag: str = "0",
        more: Mapping[str, str] = MappingProxyType({}),
    ) -> LocalWorker:
        """Start one more worker, with a state folder and a lasting name of its own.

        ``more`` goes into its environment.
        """
        environment = {
            "FREEZELINE_BOOTSTRAP": self.settings.bootstrap,
            "FREEZELINE_STATE_DIR": str(self.data_dir / f"state-{tag}"),
            "FREEZELINE_HTTP_PORT": str(http_port),
            "FREEZELINE_INSTANCE_ID": f"{name.value}-{tag}",
            **more,
        }
        if self.settings.hash_key_file is not None:
            environment["FREEZELINE_HASH_KEY_FILE"] = str(self.settings.hash_key_file.absolute())
        log_file = self.data_dir / f"{name.value}-{tag}.log"
        worker = LocalWorker(name, http_port, log_file, environment, self.worker_command)
        worker.start()
        self.workers.append(worker)
        return worker

    def wait_until_ready(
        self, seconds: float = START_SECONDS, stop: threading.Event | None = None
    ) -> None:
        """Return when every worker is ready.

        Raises:
            LocalClusterError: a worker ended, or took too long.
        """
        deadline = time.monotonic() + seconds
        for worker in self.workers:
            while not worker.ready:
                if stop is not None and stop.is_set():
                    return
                ended = worker.process is not None and worker.process.poll() is not None
                if ended or time.monotonic() > deadline:
                    what = "ended" if ended else "is not ready"
                    message = f"The {worker.name} worker {what}{worker.last_words()}."
                    raise LocalClusterError(message)
                time.sleep(0.1)

    def ended_worker(self) -> LocalWorker | None:
        """Return a worker that has ended by itself, if one has."""
        for worker in self.workers:
            if worker.process is not None and worker.process.poll() is not None:
                return worker
        return None

    def ended_by_itself(self) -> str | None:
        """Return a sentence about a worker, or about Kafka, that has ended by itself."""
        if isinstance(self.kafka, LocalKafka) and not self.kafka.running:
            return f"Kafka ended by itself; see {self.kafka.log_file}."
        worker = self.ended_worker()
        if worker is None:
            return None
        return f"The {worker.name} worker ended by itself{worker.last_words()}."

    def stop(self) -> None:
        """Stop the workers against the flow of events, then the broker."""
        for worker in self.workers:
            if worker.process is not None and worker.process.poll() is None:
                worker.process.send_signal(signal.SIGTERM)
        for worker in self.workers:
            worker.stop()
        if self.kafka is not None:
            self.kafka.stop()


def _last_lines(log_file: Path) -> Iterator[dict[str, Any]]:
    """Yield the newest log lines that can be read; a worker logs one JSON object a line."""
    try:
        lines = log_file.read_bytes()[-_LAST_BYTES:].splitlines()
    except OSError:
        return
    for line in lines:
        with contextlib.suppress(orjson.JSONDecodeError):
            found = orjson.loads(line)
            if isinstance(found, dict):
                yield found


def _has_key() -> bool:
    return any(os.environ.get(ENV_PREFIX + name) for name in ("HASH_KEY", "HASH_KEY_FILE"))
