"""A Kafka of its own with the product's topics, and processes that end with the benchmark."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from agents.kafka.client_settings import BrokerUnreachableError
from agents.kafka.lag import LagReader
from agents.kafka.topic_admin import apply_topics
from agents.local.cluster import START_SECONDS, LocalWorker
from agents.local.kafka import LocalKafka, LocalKafkaError
from agents.local.key import local_key_file
from agents.local.parent_death import end_with_parent
from agents.settings import Settings
from agents.worker import WorkerName
from pipeline.topics import load_topics

IDLE_SECONDS = 3600.0
"""How long a worker may take for what it is given: a million reports, on a busy machine."""


class BenchmarkError(Exception):
    """A benchmark cannot go on; the message is one sentence."""


class Stand:
    """A broker in a temporary folder, and the workers and other processes of one benchmark.

    As a context manager it ends everything it started and removes the folder, also on Ctrl-C;
    when it is killed itself, its processes end with it.
    """

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="freezeline-bench-"))
        self._kafka = LocalKafka(self.folder / "kafka")
        self._processes: list[subprocess.Popen[str]] = []
        self._asked_to_end: set[int] = set()
        self._workers: list[LocalWorker] = []
        self.settings = Settings(hash_key_file=local_key_file(self.folder))

    def __enter__(self) -> Self:
        """Start the broker and make the product's topics."""
        try:
            bootstrap = self._kafka.start()
            self.settings = self.settings.model_copy(update={"bootstrap": bootstrap})
            apply_topics(self.settings, load_topics())
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End everything."""
        self._end()

    @property
    def bootstrap(self) -> str:
        """The broker's address."""
        return self.settings.bootstrap

    def worker(self, name: WorkerName, **settings: str) -> LocalWorker:
        """Start a worker of the product and return at once; ``settings`` go without prefix."""
        environment = {
            "FREEZELINE_BOOTSTRAP": self.bootstrap,
            "FREEZELINE_STATE_DIR": str(self.folder / "state"),
            "FREEZELINE_HTTP_PORT": str(_free_port()),
            "FREEZELINE_HASH_KEY_FILE": str(self.settings.hash_key_file),
            "FREEZELINE_INSTANCE_ID": f"{name.value}-0",
            "FREEZELINE_LOG_LEVEL": "WARNING",
            **{f"FREEZELINE_{key.upper()}": value for key, value in settings.items()},
        }
        port = int(environment["FREEZELINE_HTTP_PORT"])
        worker = LocalWorker(name, port, self.folder / f"{name.value}.log", environment)
        worker.start()
        self._workers.append(worker)
        return worker

    def lose_disk(self, name: WorkerName) -> None:
        """Remove the state of a worker that has ended."""
        shutil.rmtree(self.folder / "state" / name.value)

    def wait_until_ready(self, worker: LocalWorker) -> None:
        """Return when a worker has caught up. Raises BenchmarkError when it does not."""
        deadline = time.monotonic() + START_SECONDS
        while not worker.ready:
            self.check(worker)
            if time.monotonic() > deadline:
                raise BenchmarkError(f"The {worker.name} worker is not ready: {_tail(worker)}")
            time.sleep(0.05)

    def check(self, worker: LocalWorker) -> None:
        """Raise BenchmarkError when the worker has ended."""
        if worker.process is None or worker.process.poll() is not None:
            raise BenchmarkError(f"The {worker.name} worker ended: {_tail(worker)}")

    def wait_until_answered(self, *names: WorkerName) -> None:
        """Return when these workers' groups have no lag left."""
        deadline = time.monotonic() + IDLE_SECONDS
        with LagReader(self.settings) as reader:
            while any(reader.lag()[name.value] for name in names):
                for worker in self._workers:
                    if worker.process is not None:
                        self.check(worker)
                if time.monotonic() > deadline:
                    raise BenchmarkError(f"Lag is left after {IDLE_SECONDS:.0f} s.")
                time.sleep(0.2)

    def end(self, worker: LocalWorker) -> None:
        """Stop a worker in order; it must have been well until then."""
        self.check(worker)
        self._workers.remove(worker)
        code = worker.stop()
        if code != 0:
            raise BenchmarkError(f"The {worker.name} worker ended with {code}: {_tail(worker)}")

    @contextlib.contextmanager
    def module(self, name: str, *arguments: str) -> Iterator[IO[str]]:
        """Run ``python -m NAME`` beside us while the context lasts; yields its output."""
        process = subprocess.Popen(
            [sys.executable, "-m", name, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
            preexec_fn=end_with_parent,
        )
        self._processes.append(process)
        assert process.stdout is not None
        try:
            yield process.stdout
        finally:
            # A second signal would come while it ends its event loop.
            if process.pid not in self._asked_to_end:
                process.terminate()
            process.wait()

    def ask_to_end(self) -> None:
        """Send SIGTERM to the process started last; its output tells the rest."""
        self._asked_to_end.add(self._processes[-1].pid)
        self._processes[-1].terminate()

    def figures(self, name: str, *arguments: str) -> dict[str, Any]:
        """Run ``python -m NAME`` to its end; return the JSON object that it prints."""
        with self.module(name, *arguments) as output:
            text = output.read()
        try:
            found: dict[str, Any] = json.loads(text)
        except ValueError:
            raise BenchmarkError(f"{name} did not come to its end.") from None
        return found

    def _end(self) -> None:
        for process in self._processes:
            if process.poll() is None:
                process.kill()
                process.wait()
        for worker in self._workers:
            if worker.process is not None and worker.process.poll() is None:
                worker.process.send_signal(signal.SIGTERM)
        for worker in self._workers:
            worker.stop()
        self._kafka.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


def records_in(worker: LocalWorker, topic: str, metric: str = "records_in") -> int:
    """Return how many records of a topic a worker has folded, by /metrics; 0 before it is up."""
    found = _values(worker, f'{metric}_total{{topic="{topic}"')
    return int(sum(found))


def metric_of(worker: LocalWorker, name: str) -> float | None:
    """Return the sum of a metric over its labels, by /metrics; None while it is not shown."""
    found = _values(worker, name)
    return sum(found) if found else None


def _values(worker: LocalWorker, beginning: str) -> list[float]:
    address = f"http://127.0.0.1:{worker.http_port}/metrics"
    try:
        with urllib.request.urlopen(address, timeout=5) as answer:
            lines = answer.read().decode().splitlines()
    except OSError:
        return []
    wanted = f"freezeline_{beginning}"
    return [float(line.rpartition(" ")[2]) for line in lines if line.startswith(wanted)]


def cpu_seconds(worker: LocalWorker) -> float | None:
    """Return the processor time that a worker has used, where the system tells (Linux)."""
    if worker.process is None:
        return None
    about = Path(f"/proc/{worker.process.pid}/stat")
    if not about.is_file():
        return None
    fields = about.read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextlib.contextmanager
def ending_well() -> Iterator[None]:
    """Let a benchmark end with one sentence and nothing running, also on Ctrl-C and SIGTERM."""
    # A topic that was just made has no leader for a moment; the clients try again.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    # A job in a shell's background is started with SIGINT ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    try:
        yield
    except KeyboardInterrupt:
        print("Stopped; nothing is left running.", file=sys.stderr)
        sys.exit(130)
    except (BenchmarkError, LocalKafkaError, BrokerUnreachableError) as error:
        sys.exit(str(error))


def _tail(worker: LocalWorker) -> str:
    lines = worker.log_file.read_text(errors="replace").strip().splitlines()
    return lines[-1] if lines else "it said nothing"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
