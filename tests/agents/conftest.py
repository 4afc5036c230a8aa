"""A real Kafka for the runtime's tests, and worker processes to run on it."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

HERE = Path(__file__).parent


MakeTopics = Callable[..., None]


@pytest.fixture
def prefix(request: pytest.FixtureRequest) -> str:
    """A prefix for topics and groups that no other test uses."""
    return f"t{time.time_ns():x}-"


def create_topics(bootstrap: str, partitions: int, *names: str) -> None:
    """Create topics, each with so many partitions."""

    async def create() -> None:
        admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
        await admin.start()
        try:
            answer = await admin.create_topics([NewTopic(name, partitions, 1) for name in names])
            assert all(code == 0 for _, code, *_ in answer.topic_errors), answer
        finally:
            await admin.close()

    asyncio.run(create())


@pytest.fixture
def make_topics(bootstrap: str) -> MakeTopics:
    """Create topics: the number of partitions, then names."""
    return partial(create_topics, bootstrap)


@pytest.fixture
def make_topics_at() -> MakeTopics:
    """Create topics at an address: the address, the number of partitions, then names."""
    return create_topics


class WorkerProcess:
    """One worker in a process of its own (see counting_worker.py)."""

    def __init__(self, bootstrap: str, prefix: str, state: Path, mode: str, **more: str) -> None:
        self.state = state
        self._arguments = [sys.executable, str(HERE / "counting_worker.py")]
        self._environment = {
            **os.environ,
            "PYTHONPATH": str(HERE.parent.parent),
            "W_BOOTSTRAP": more.pop("server", bootstrap),
            "W_PREFIX": prefix,
            "W_STATE": str(state),
            "W_MODE": mode,
            **{f"W_{key.upper()}": value for key, value in more.items()},
        }
        self.log = state.with_suffix(".log")
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> WorkerProcess:
        """Start (again)."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self._arguments, env=self._environment, stdout=log, stderr=log
            )
        return self

    def stop(self, number: int = signal.SIGTERM, timeout: float = 15.0) -> int:
        """Send a signal and return the exit code."""
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(timeout)

    def wait_for_log(self, text: str, seconds: float = 30.0) -> None:
        """Wait until the worker has logged ``text``."""
        deadline = time.monotonic() + seconds
        while text not in self.log.read_text():
            assert time.monotonic() < deadline, f"the worker never logged {text}"
            time.sleep(0.1)

    def kill(self) -> None:
        """Kill as a crash would."""
        self.stop(signal.SIGKILL)


@pytest.fixture
def worker(bootstrap: str, prefix: str, tmp_path: Path) -> Iterator[Callable[..., WorkerProcess]]:
    """Make worker processes that are gone when the test ends; their logs are shown if it fails."""
    made: list[WorkerProcess] = []

    def make(mode: str, name: str = "one", **more: str) -> WorkerProcess:
        process = WorkerProcess(bootstrap, prefix, tmp_path / name, mode, **more)
        made.append(process)
        return process

    yield make
    for process in made:
        if process.process is not None:
            process.kill()
        if process.log.exists():
            print(f"--- {process.log.name}\n{process.log.read_text()[-6000:]}")
