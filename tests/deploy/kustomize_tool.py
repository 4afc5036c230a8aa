"""kustomize for the tests: the machine's, or kubectl's, or one that Go builds from its sources.

Go's module proxy gives the sources and its checksum database vouches for them; what was built is
kept in the user's cache folder. On a machine with none of the three the tests are skipped.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
from functools import cache
from pathlib import Path

import pytest

from tests.deploy.prometheus_tools import CACHE

MODULE = "sigs.k8s.io/kustomize/kustomize/v5"
VERSION = "v5.7.1"
BUILD_SECONDS = 600


@cache
def kustomize_command() -> tuple[str, ...]:
    """Return the command that renders the folder behind it; skips the test when there is none."""
    if shutil.which("kustomize"):
        return "kustomize", "build"
    if shutil.which("kubectl"):
        return "kubectl", "kustomize"
    folder = CACHE / f"kustomize-{VERSION}"
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "kustomize.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "kustomize").is_file():
            _build(folder)
    return str(folder / "kustomize"), "build"


def _build(folder: Path) -> None:
    if not shutil.which("go"):
        pytest.skip("neither kustomize, kubectl nor Go is on this machine; the base is checked")
    done = subprocess.run(
        ["go", "install", f"{MODULE}@{VERSION}"],
        env={**os.environ, "GOBIN": str(folder), "GOTOOLCHAIN": "local", "GOFLAGS": "-p=2"},
        capture_output=True,
        text=True,
        timeout=BUILD_SECONDS,
        check=False,
    )
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        pytest.skip(f"Go cannot build kustomize here: {last}")
