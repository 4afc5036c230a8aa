"""What a worker is (`WorkerSpec`) and where it runs (`RuntimeSettings`)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from prometheus_client import REGISTRY, CollectorRegistry

from pipeline.fold import Fold, Output, Record
from pipeline.state import State
from pipeline.topics import ACCOUNT_LOG, load_topics

MakeFold = Callable[[State | None, str, int, int], Fold]
"""Makes a partition's fold: state (None: stateless), topic, partition, account-log's partitions."""

Send = Callable[[Output], Awaitable[None]]
"""Sends one output and returns when it is acknowledged."""


class Metrics(Protocol):
    """Where the runtime's figures go; names are those of `pipeline.metrics`."""

    def count(self, name: str, labels: tuple[str, ...], amount: float) -> None:
        """Add ``amount`` to a counter."""

    def observe(self, name: str, labels: tuple[str, ...], value: float, times: int = 1) -> None:
        """Add an observation to a histogram, so many ``times``."""

    def gauge(self, name: str, labels: tuple[str, ...], value: float) -> None:
        """Set a gauge."""

    def forget(self, name: str, labels: tuple[str, ...]) -> None:
        """Stop showing a gauge, as of a partition that has moved away."""


class NoMetrics:
    """A `Metrics` that keeps nothing."""

    def count(self, name: str, labels: tuple[str, ...], amount: float) -> None:
        """See `Metrics.count`."""

    def observe(self, name: str, labels: tuple[str, ...], value: float, times: int = 1) -> None:
        """See `Metrics.observe`."""

    def gauge(self, name: str, labels: tuple[str, ...], value: float) -> None:
        """See `Metrics.gauge`."""

    def forget(self, name: str, labels: tuple[str, ...]) -> None:
        """See `Metrics.forget`."""


class SliceSpans(Protocol):
    """The spans of those records of a slice that are sampled, on their way through a lane."""

    def folded(self, outputs: Sequence[Output]) -> list[Output]:
        """Note that the slice is folded; return the outputs, with the context of their records."""

    def answered(self) -> None:
        """Note that all outputs are acknowledged and the state is written."""


class Spans(Protocol):
    """Where the runtime's spans go (agents.observability.spans)."""

    def begin(self, topic: str, partition: int, records: Sequence[Record]) -> SliceSpans | None:
        """Begin the spans of a slice that is folded now; None when nothing of it is sampled."""


@dataclass(frozen=True, slots=True)
class Throttle:
    """Stop taking records while ``group`` lags on ``topic`` by more than ``max_lag`` records."""

    group: str
    topic: str
    max_lag: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerSpec:
    """One worker: what it reads, the fold it hosts, and what runs beside it."""

    name: str
    topics: tuple[str, ...]
    make_fold: MakeFold
    stateful: bool
    restore_topic: str | None = None
    """The worker's own compacted topic: read to its end when a partition's state is rebuilt."""
    is_for: Callable[[bytes, int, int], bool] | None = None
    """Whether a key of ``restore_topic`` is a partition's, given the account-log's partitions. What
    is another's (its accounts have moved away from here) is left out of a rebuild."""
    apart_from_records: int | None = None
    """From how many records on that the group has answered and a state lacks it is rebuilt in a
    process of its own (`agents.runtime.rebuild_process`); None: never."""
    standby: bool = False
    """Whether a worker folds silently behind the group's offset what is assigned to others."""
    own_topics: tuple[str, ...] = ()
    """Compacted topics that only this worker writes: read back, to say again what a former owner
    overwrote (`agents.runtime.read_back`). Of ``restore_topic`` a lane reads its own partition, of
    others, which a worker of one partition has, all."""
    pointed_topic: str | None = None
    """The topic that pointers in the log point into (pipeline.contracts.pointers), if any."""
    account_log_topic: str = ACCOUNT_LOG
    join: Callable[[Sequence[bytes]], Sequence[bytes]] | None = None
    """Joins values of a topic's partition into fewer, keeping their order (see `coalescing`)."""
    background: Callable[[Send], Awaitable[None]] | None = None
    """Runs while this worker owns partition 0 of its first topic and speaks."""
    tick: Callable[[int, int], Sequence[Output]] | None = None
    """The outputs of a clock tick at now (ms since 1970), for so many partitions of the
    account-log, sent every ``tick_seconds`` likewise."""
    tick_seconds: float = 1.0
    throttle: Throttle | None = None
    warm_up: Callable[[], object] | None = None
    """Runs once in a thread, when the worker has been assigned what it reads: what the first
    records would otherwise wait for."""
    fold_records: int = 2_000
    """Most records folded in one go: bounds how long the event loop is held."""

    def __post_init__(self) -> None:
        if not self.topics:
            raise ValueError("a worker reads at least one topic")
        if self.stateful and len(self.topics) != 1:
            raise ValueError("a stateful worker has one log, so its state has one position")
        if (self.restore_topic is not None or self.own_topics) and not self.stateful:
            raise ValueError("only a stateful worker is restored or has topics of its own")
        if self.standby and (not self.stateful or self.restore_topic is not None):
            raise ValueError("a standby has a state, and folds it from its log alone")


@dataclass(frozen=True, slots=True, kw_only=True)
class RuntimeSettings:
    """Where and how a worker runs; times in seconds unless the name says otherwise."""

    bootstrap: str
    state_dir: Path
    connection: Mapping[str, Any] = field(default_factory=dict)
    """TLS and SASL as aiokafka's clients take them (`agents.kafka.client_settings`)."""
    http_host: str = "127.0.0.1"
    http_port: int | None = None
    """None: no HTTP server; 0: any free port."""
    group_prefix: str = ""
    instance_id: str | None = None
    session_timeout_s: float = 6.0
    heartbeat_s: float = 1.0
    max_poll_record_batches: int = 20
    fetch_max_wait_ms: int = 100
    fetch_max_bytes: int = 4 * 1024 * 1024
    producer_linger_ms: int = 0
    producer_batch_bytes: int = 256 * 1024
    max_record_bytes: int = 8 * 1024 * 1024
    acknowledge_timeout_s: float = 30.0
    """How long an output may wait, through any number of requests, before the worker stops."""
    start_timeout_s: float = 30.0
    rebalance_limit_s: float = 120.0
    """A worker that is in a rebalance for longer, while Kafka answers, ends; started again, it
    joins anew."""
    stop_timeout_s: float = 3.0
    commit_interval_s: float = 1.0
    dead_letter_run_limit: int = 1_000
    dead_letter_topics: Collection[str] = field(
        default_factory=lambda: load_topics().dead_letter_topics
    )
    """The topics whose outputs count as refused records."""
    lane_queue_batches: int = 2
    lane_in_flight: int = 4
    ready_lag_records: int = 1_000
    progress_timeout_s: float = 30.0
    rebuild_processes: int = 2
    """How many partitions are rebuilt at the same time, each in a process of its own; 0: none is,
    and all go on in the worker itself."""
    fail_point: str | None = None
    """For tests: where to end as kill -9 does (agents.runtime.fail_points)."""
    store_cache_bytes: int = 32 * 1024 * 1024
    store_write_buffer_bytes: int = 32 * 1024 * 1024
    metrics: Metrics = field(default_factory=NoMetrics)
    registry: CollectorRegistry = field(default_factory=lambda: REGISTRY)
    spans: Spans | None = None
    """None: nothing is traced, which is all that it costs."""

    @property
    def request_timeout_s(self) -> float:
        """After how long a broker that does not answer is let go, and another one asked.

        Joining a group may rightly take as long as a session, so it is longer than that.
        """
        return max(_REQUEST_TIMEOUT_S, self.session_timeout_s + _MORE_THAN_A_SESSION_S)


_REQUEST_TIMEOUT_S = 10.0
_MORE_THAN_A_SESSION_S = 4.0


def client_settings(settings: RuntimeSettings) -> dict[str, Any]:
    """Return what every aiokafka client is made with: servers, security, timeout."""
    return {
        **settings.connection,
        "bootstrap_servers": settings.bootstrap,
        "request_timeout_ms": int(settings.request_timeout_s * 1000),
    }
