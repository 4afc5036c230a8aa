"""The shape of a fold: records of one partition in, changes of its state and outputs out.

A fold is deterministic: no clock, no randomness, no I/O. Time comes in with the records.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

Headers = Sequence[tuple[str, bytes]]


class Record(Protocol):
    """One record of a log, as a fold sees it (Kafka's own record objects have this shape).

    ``timestamp`` is in milliseconds since 1970 (UTC); ``key`` and ``value`` may be None.
    """

    @property
    def offset(self) -> int: ...
    @property
    def timestamp(self) -> int: ...
    @property
    def key(self) -> bytes | None: ...
    @property
    def value(self) -> bytes | None: ...
    @property
    def headers(self) -> Headers: ...


class LogRecord(NamedTuple):
    """A plain `Record`, for replay and tests, and where a fold reads several topics.

    ``topic`` is the topic that it stood in, empty where the fold reads no other.
    """

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Headers = ()
    topic: str = ""


def topic_of(record: Record, otherwise: str) -> str:
    """Return the topic that a record stood in, ``otherwise`` where the record does not say.

    Records as the client's parser makes them do not say it: a fold that reads more than one topic
    gets at least those of its further topics as `LogRecord`.
    """
    return getattr(record, "topic", "") or otherwise


class Output(NamedTuple):
    """One record that a fold sends.

    ``partition`` None means "by the key's hash" (Kafka's default partitioner). ``last`` marks
    what may leave only after all other outputs of the batch are acknowledged (account files).
    """

    topic: str
    key: bytes | None
    value: bytes | None
    headers: Headers = ()
    partition: int | None = None
    last: bool = False


class Versions(NamedTuple):
    """The version of a record of an own topic, and the one that the state holds."""

    written: int
    known: int


@dataclass(slots=True)
class Folded:
    """What folding one batch gave: outputs in order, and counts for the metrics.

    ``counts`` is keyed by (metric name, label values...), with names from `pipeline.metrics`;
    ``observations`` likewise for histograms (each value is one observation, in the metric's unit).
    """

    outputs: list[Output] = field(default_factory=list)
    counts: Counter[tuple[str, ...]] = field(default_factory=Counter)
    observations: list[tuple[tuple[str, ...], float]] = field(default_factory=list)
    answered: Counter[tuple[str, int]] = field(default_factory=Counter)
    """How much of what had entered Kafka at a time (ms) this batch answers, by the name of the
    histogram that it belongs to: what it took is known once the outputs are acknowledged."""
    scrub: bool = False
    """Whether something was erased that must not stay on the disk once this is written."""
    rest: Callable[[], Sequence[Output]] | None = None
    """What was put off because nobody waits for it: the last changes of the state for this batch,
    and the outputs that they give, which are ``last``. To be called once, before the fold is asked
    for anything else."""

    def whole(self) -> Folded:
        """Do what was put off, and return this with its outputs."""
        if self.rest is not None:
            self.outputs += self.rest()
            self.rest = None
        return self


class Fold(Protocol):
    """A deterministic fold over the log of one partition; it reads and writes its own State."""

    def apply(self, records: Sequence[Record], silent: bool = False) -> Folded:
        """Fold one fetched batch, in order; an exception here is a bug and stops the worker.

        ``silent``: an owner has answered these records before, and nothing of the outputs is sent.
        """
        ...

    def restore(self, records: Sequence[Record]) -> bool:
        """Take over records of the agent's own compacted topic (rebuilding without a disk).

        Returns whether something was erased that may be among them or among those before: the
        topic may not have been compacted since.
        """
        ...

    def versions(self, topic: str, record: Record) -> Versions | None:
        """Compare a record of the agent's own compacted ``topic`` with what the state last said.

        None when the state knows nothing of it.
        """
        ...

    def say_again(self, topic: str, keys: Sequence[bytes]) -> list[Output]:
        """Return what the state last said under these keys of ``topic``, with the same versions.

        Asked for when a former owner, which did not know yet that it had been replaced, has
        written an older version behind: compaction would keep that one for ever.
        """
        ...

    def gauges(self) -> dict[str, float]:
        """Return the state's sizes by gauge name (see `pipeline.metrics`)."""
        ...
