"""What is said of Kafka, or a worker, that ended by itself: its last words, and where are more."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from agents.local.cluster import LocalCluster, LocalWorker
from agents.local.kafka import LocalKafka
from agents.worker import WorkerName
from tests.agents.kafka_records import wait_for

INFO = '{"level":"info","event":"assigned"}\n'
GRAVE = '{"level":"critical","event":"port_unusable","reason":"127.0.0.1:1 is taken"}\n'
BARE = '{"level":"critical","event":"fold_raised"}\n'


@pytest.mark.parametrize(
    ("log", "words"),
    [
        (INFO + GRAVE + INFO, ": 127.0.0.1:1 is taken"),
        (GRAVE + BARE, ": fold_raised"),
        (INFO * 1_000 + GRAVE + "Traceback\n[1]\n\xff", ": 127.0.0.1:1 is taken"),
        (INFO, ""),
        ("", ""),
    ],
)
def test_the_last_grave_line_is_said(tmp_path: Path, log: str, words: str) -> None:
    file = tmp_path / "intake.log"
    file.write_bytes(log.encode("latin-1"))
    worker = LocalWorker(WorkerName.INTAKE, 1, file, {})
    assert worker.last_words() == f"{words}; see {file}"


def test_without_a_log_there_is_only_its_place(tmp_path: Path) -> None:
    file = tmp_path / "intake.log"
    assert LocalWorker(WorkerName.INTAKE, 1, file, {}).last_words() == f"; see {file}"


def test_a_kafka_that_ended_is_said(tmp_path: Path) -> None:
    cluster = LocalCluster.start(tmp_path, names=())
    try:
        kafka = cluster.kafka
        assert isinstance(kafka, LocalKafka)
        assert cluster.ended_by_itself() is None
        assert kafka.pid is not None
        os.kill(kafka.pid, signal.SIGKILL)
        wait_for(lambda: not kafka.running)
        assert cluster.ended_by_itself() == f"Kafka ended by itself; see {kafka.log_file}."
    finally:
        cluster.stop()
