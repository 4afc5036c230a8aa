"""Prometheus and promtool for the tests: those of the machine, or Debian's package, unpacked.

The package is fetched by apt with lists of its own, so that no right of root is needed, and kept
in the user's cache folder. On a machine where neither can be had the tests are skipped, and say so;
with ``FREEZELINE_TESTS_NEED_PROMETHEUS`` set that is a failure.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

import pytest

CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "freezeline"
FETCH_SECONDS = 240


@cache
def prometheus_tool(name: str) -> Path:
    """Return the program ``prometheus`` or ``promtool``; skips the test when it cannot be had."""
    installed = shutil.which(name)
    if installed:
        return Path(installed)
    folder = CACHE / "prometheus-debian"
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "prometheus.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "usr" / "bin" / name).is_file():
            _fetch(folder)
    return folder / "usr" / "bin" / name


def _fetch(folder: Path) -> None:
    if not shutil.which("apt-get") or not shutil.which("dpkg-deb"):
        _cannot("neither Prometheus nor apt is on this machine")
    with tempfile.TemporaryDirectory(dir=CACHE) as scratch:
        work = Path(scratch)
        # apt drops its rights for downloading where it has some: the folder is for anybody then.
        work.chmod(0o755)
        for part in ("lists/partial", "archives/partial"):
            (work / part).mkdir(parents=True)
        options = [
            f"-o=Dir::State::lists={work}/lists",
            f"-o=Dir::Cache::archives={work}/archives",
            f"-o=Dir::Cache::pkgcache={work}/pkgcache.bin",
            f"-o=Dir::Cache::srcpkgcache={work}/srcpkgcache.bin",
            "-o=APT::Sandbox::User=",
            "-qq",
        ]
        for command in (("update",), ("download", "prometheus")):
            _run(["apt-get", *options, *command], work)
        (package,) = work.glob("prometheus_*.deb")
        _run(["dpkg-deb", "--extract", str(package), str(work / "unpacked")], work)
        (work / "unpacked").rename(folder)


def _run(command: list[str], folder: Path) -> None:
    try:
        done = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, timeout=FETCH_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        _cannot(f"{command[0]} took longer than {FETCH_SECONDS} s")
    if done.returncode != 0:
        said = done.stderr.strip().splitlines() or ["it said nothing"]
        _cannot(f"{command[0]} failed: {said[-1]}")


def _cannot(reason: str) -> None:
    sentence = f"Prometheus cannot be had here ({reason}): apt-get install prometheus"
    if os.environ.get("FREEZELINE_TESTS_NEED_PROMETHEUS"):
        pytest.fail(sentence)
    pytest.skip(sentence)
