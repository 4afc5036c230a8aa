"""The peers: how each is run, with which settings, and what it does more or less than we do."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from agents.local.kafka_jars import KAFKA_VERSION, java_executable
from benchmarks.peers.jars import JACKSON_VERSION, class_path
from pipeline.topics import FREEZE_ALERTS, TRANSACTIONS


@dataclass(frozen=True)
class Place:
    """Where a peer runs."""

    bootstrap: str
    folder: Path
    """For its state; removed afterwards."""
    cases: Path
    """The accounts with a case, one a line."""
    partitions: int
    """Of every topic."""


@dataclass(frozen=True)
class Process:
    """One process of a peer."""

    command: list[str]
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Peer:
    """One stream processor, doing the chain from payment to alert."""

    name: str
    title: str
    package: str | None
    """The Python package that it is; None for Java."""
    share: float = 1.0
    """The part of the payments that it is given: a slow one would take too long for all."""
    processes: Callable[[Place], list[Process]]
    settings: str
    after_a_crash: str
    """What is lost or said again after kill -9."""
    differs: str
    """What it does more or less than the product."""


# Serial, parallel and G1 collection cost the same processor time here: the JVM's own choice.
_JAVA_OPTIONS = ("-Xms1g", "-Xmx1g")
_STREAMS_SETTINGS = {
    "processing.guarantee": "exactly_once_v2",
    "commit.interval.ms": "1000",
    "max.partition.fetch.bytes": str(4 * 1024 * 1024),
    "max.poll.records": "5000",
    "producer.batch.size": str(256 * 1024),
    "auto.offset.reset": "earliest",
}


def _kafka_streams(threads: int, changelog: bool, place: Place) -> list[Process]:
    settings = {
        **_STREAMS_SETTINGS,
        "bootstrap.servers": place.bootstrap,
        "application.id": "kafka-streams",
        "num.stream.threads": str(threads),
        "state.dir": str(place.folder / "kafka-streams"),
    }
    file = place.folder / "kafka-streams.properties"
    file.write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
    command = [str(java_executable()), *_JAVA_OPTIONS]
    command += ["-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-cp", class_path()]
    command += ["KafkaStreamsChain", str(file), TRANSACTIONS, FREEZE_ALERTS, str(place.cases)]
    return [Process([*command, str(place.partitions), str(changelog).lower()])]


def _stages(module: str, stages: tuple[str, ...], place: Place) -> list[Process]:
    command = [sys.executable, "-m", f"benchmarks.peers.{module}", place.bootstrap]
    command += [str(place.folder), str(place.cases)]
    return [Process([*command, stage]) for stage in stages]


def _bytewax(place: Place) -> list[Process]:
    from bytewax.recovery import init_db_dir

    file = Path(__file__).with_name("bytewax_stages.py")
    environment = {"BOOTSTRAP": place.bootstrap, "CASES": str(place.cases)}
    processes = []
    for stage in ("post", "keep"):
        state = place.folder / f"bytewax-{stage}"
        state.mkdir()
        init_db_dir(state, 1)
        command = [sys.executable, "-m", "bytewax.run", f"{file}:{stage}()"]
        processes.append(Process([*command, "-r", str(state), "-s", "10", "-b", "0"], environment))
    return processes


_STREAMS = (
    f"Java 25, {' '.join(_JAVA_OPTIONS)}, Jackson {JACKSON_VERSION}; "
    + ", ".join(f"{name}={value}" for name, value in _STREAMS_SETTINGS.items())
    + "; look-back: persistent window store, 72 h, duplicates kept, no cache"
)
_UNCHECKED = "Events are not checked; an alert is one record without a decision."

PEERS = (
    # One thread for both stages is its default, and costs it less processor time than two.
    Peer(
        name="kafka-streams-eos",
        title=f"Kafka Streams {KAFKA_VERSION}, exactly_once_v2",
        package=None,
        processes=partial(_kafka_streams, 1, True),
        settings=f"{_STREAMS}, changelog on; one thread",
        after_a_crash="nothing lost, nothing twice; the store is rebuilt from its changelog",
        differs=_UNCHECKED,
    ),
    Peer(
        name="kafka-streams-eos-two-threads",
        title=f"Kafka Streams {KAFKA_VERSION}, exactly_once_v2, two threads",
        package=None,
        processes=partial(_kafka_streams, 2, True),
        settings=f"{_STREAMS}, changelog on; two threads",
        after_a_crash="nothing lost, nothing twice; the store is rebuilt from its changelog",
        differs=_UNCHECKED,
    ),
    Peer(
        name="kafka-streams-eos-no-changelog",
        title=f"Kafka Streams {KAFKA_VERSION}, exactly_once_v2, no changelog",
        package=None,
        processes=partial(_kafka_streams, 1, False),
        settings=f"{_STREAMS}, changelog off; one thread",
        after_a_crash="alerts neither lost nor twice; the look-back memory is lost",
        differs=f"{_UNCHECKED} The look-back memory does not outlive a crash.",
    ),
    Peer(
        name="quix",
        title="Quix Streams, exactly-once",
        package="quixstreams",
        share=0.2,
        processes=partial(_stages, "quix", ("0", "1")),
        settings="two processes of one application; group_by; processing_guarantee=exactly-once, "
        "commit_interval=1.0, linger.ms=50, batch.size=262144; look-back: state in RocksDB, one "
        "entry a posting with ttl 72 h, changelog on",
        after_a_crash="nothing lost, nothing twice",
        differs=_UNCHECKED,
    ),
    Peer(
        name="bytewax",
        title="Bytewax, at least once",
        package="bytewax",
        share=0.4,
        processes=_bytewax,
        settings="two dataflows of one worker; batch_size=5000, idempotent sink, batch.size=262144,"
        " snapshot every 10 s; look-back: state a key in memory, snapshots in SQLite",
        after_a_crash="nothing lost; what came since the last snapshot is said again",
        differs=f"{_UNCHECKED} The whole look-back memory is in the process's memory.",
    ),
    Peer(
        name="stock-faust",
        title="faust-streaming as it is, at least once",
        package="faust-streaming",
        share=0.025,
        processes=partial(_stages, "stock_faust", ("post", "keep")),
        settings="two applications; raw bytes, stream_wait_empty=False, producer_linger=0.05, "
        "producer_max_batch_size=262144, broker_max_poll_records=2000; look-back: table in RocksDB "
        "(rocksdict), changelog on",
        after_a_crash="at least once by its word; an exception or a late acknowledgement loses",
        differs=_UNCHECKED,
    ),
    Peer(
        name="plain-confluent",
        title="confluent-kafka loop, transactions",
        package="confluent-kafka",
        processes=partial(_stages, "plain_confluent", ("post", "keep")),
        settings="two processes; consume(5000), a transaction a batch, linger.ms=50, "
        "batch.size=262144; look-back: RocksDB (rocksdict), one entry a posting with ttl 72 h",
        after_a_crash="nothing lost, nothing twice; without its disk the look-back memory is lost",
        differs=f"{_UNCHECKED} No rebuild of the store, no metrics, no flow control.",
    ),
)
