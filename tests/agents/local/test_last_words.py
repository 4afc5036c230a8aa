"""What is said of a worker that ended by itself: its own last words, and where there are more."""

from __future__ import annotations

from pathlib import Path

import pytest

from agents.local.cluster import LocalWorker
from agents.worker import WorkerName

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
