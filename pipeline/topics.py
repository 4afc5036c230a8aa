"""Reads ``topics.yaml``, the one declaration of every topic; the one place with topic names."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache, cached_property
from pathlib import Path
from typing import Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from pipeline.declarations import parse_yaml

REPORTS = "reports"
ANALYST_DECISIONS = "analyst-decisions"
TRANSACTIONS = "transactions"
HOLD_UPDATES = "hold-updates"
ACCOUNT_LOG = "account-log"
ACCOUNT_FILES = "account-files"
CLUSTERS = "clusters"
FILED_REPORTS = "filed-reports"
WATCHLIST = "watchlist"
PLATFORM_REFERRALS = "platform-referrals"
FREEZE_ALERTS = "freeze-alerts"

AGENTS = frozenset({"clustering", "intake", "accounts"})
"""Our own writers and readers of topics; each is one consumer group and one kind of worker."""
PARTIES = frozenset({"agencies", "banks", "platforms", "telcos", "operations"})
"""Everyone else who writes or reads a topic."""

SEGMENT_MS = 86_400_000
"""After how long a segment is closed, and a compacted topic compacted: a day. What is deleted or
replaced is off the brokers' disks two days later at most (docs/personal-data.md)."""

_TOPIC_NAME = re.compile(r"[a-z][a-z0-9-]{0,99}")


class TopicsError(ValueError):
    """The declaration of the topics is not valid; the message says where and why."""


class Topic(BaseModel):
    """One topic as it is declared."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    name: str
    """The topic's name in Kafka."""
    purpose: str = Field(min_length=20)
    """What the topic is for, in one sentence."""
    key: str = Field(min_length=1)
    """What a record's key is, in words."""
    contract: str = Field(pattern=r"^[a-z][a-z_]*$")
    """The name of the value's schema."""
    encoding: Literal["json", "msgpack"] = "json"
    """How the value is written."""
    partitions: int = Field(ge=1, le=1000)
    """How many partitions there are at least."""
    fixed_partitions: bool = False
    """Whether the number only changes with the history of all keys, by `freezeline topics grow`."""
    retention_ms: int | None = None
    """How long a record is kept, in milliseconds, -1 for ever; None for a compacted topic."""
    compact: bool = False
    """Whether the newest record of each key is kept, and no other."""
    max_message_bytes: int = Field(ge=65_536, le=16_777_216)
    """The largest record batch, in bytes."""
    producers: tuple[str, ...] = Field(min_length=1)
    """Who writes: agents and parties."""
    consumers: tuple[str, ...] = Field(min_length=1)
    """Who reads: agents and parties."""
    looked_up_by: tuple[str, ...] = ()
    """Agents that read single records to which their own log points, and keep no position."""
    dead_letters: str | None = None
    """The topic for this topic's records that are not valid events."""
    internal: bool = False
    """Whether only Freezeline writes and reads it, with no promise to anyone else."""

    @field_validator("producers", "consumers", "looked_up_by", mode="before")
    @classmethod
    def _as_tuple(cls, names: object) -> object:
        return tuple(names) if isinstance(names, list) else names

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        if not _TOPIC_NAME.fullmatch(self.name):
            raise ValueError("a topic's name has lower-case letters, digits and dashes only")
        if self.compact == (self.retention_ms is not None):
            raise ValueError("give either retention_ms or compact: true")
        if self.retention_ms is not None and self.retention_ms != -1 and self.retention_ms <= 0:
            raise ValueError("retention_ms is a number of milliseconds above 0, or -1 for ever")
        unknown = {*self.producers, *self.consumers, *self.looked_up_by} - AGENTS - PARTIES
        if unknown:
            raise ValueError(f"unknown producers or consumers: {', '.join(sorted(unknown))}")
        return self

    def kafka_configs(self) -> dict[str, str]:
        """Return the settings of this topic under Kafka's names."""
        configs = {
            "cleanup.policy": "compact" if self.compact else "delete",
            "max.message.bytes": str(self.max_message_bytes),
            # Kafka deletes and compacts closed segments only: this bounds how long what is deleted
            # stays on its disks.
            "segment.ms": str(SEGMENT_MS),
        }
        if self.compact:
            configs["max.compaction.lag.ms"] = str(SEGMENT_MS)
        if self.retention_ms is not None:
            configs["retention.ms"] = str(self.retention_ms)
            # The broker's clock, or a sender's wrong date would delete a record at once or never.
            configs["message.timestamp.type"] = "LogAppendTime"
        return configs


class Topics(Mapping[str, Topic]):
    """All declared topics by name, in the order of the file."""

    def __init__(self, topics: Mapping[str, Topic]) -> None:
        """Keep ``topics``; every dead-letter topic that one names must be among them."""
        self._topics = dict(topics)
        for topic in self._topics.values():
            if topic.dead_letters is not None and topic.dead_letters not in self._topics:
                raise TopicsError(
                    f"topics.yaml: {topic.name}: its dead-letter topic {topic.dead_letters} "
                    "is not declared"
                )

    def __getitem__(self, name: str) -> Topic:
        """Return the topic called ``name``; raises KeyError when it is not declared."""
        return self._topics[name]

    def __iter__(self) -> Iterator[str]:
        """Iterate over the names."""
        return iter(self._topics)

    def __len__(self) -> int:
        """Return how many topics are declared."""
        return len(self._topics)

    @cached_property
    def dead_letter_topics(self) -> Mapping[str, str]:
        """Return each dead-letter topic with the topic whose bad records it keeps."""
        return {t.dead_letters: t.name for t in self.values() if t.dead_letters is not None}

    def read_by(self, agent: str) -> tuple[Topic, ...]:
        """Return the topics that ``agent`` (or party) reads."""
        return tuple(topic for topic in self.values() if agent in topic.consumers)

    def written_by(self, agent: str) -> tuple[Topic, ...]:
        """Return the topics that ``agent`` (or party) writes."""
        return tuple(topic for topic in self.values() if agent in topic.producers)


@cache
def load_topics() -> Topics:
    """Return the declared topics; raises TopicsError when the declaration is not valid."""
    return parse_topics(_declaration().read_text(encoding="utf-8"))


def dead_letters_of(topic: str) -> str:
    """Return the name of ``topic``'s dead-letter topic; raises KeyError when it has none."""
    name = load_topics()[topic].dead_letters
    if name is None:
        raise KeyError(f"{topic} has no dead-letter topic")
    return name


def parse_topics(text: str) -> Topics:
    """Return the topics that ``text``, as in ``topics.yaml``, declares.

    Raises TopicsError, which names the topic and what is wrong with it.
    """
    try:
        document = parse_yaml(text)
    except yaml.YAMLError as error:
        raise TopicsError(f"topics.yaml: {error}") from error
    if not isinstance(document, dict) or set(document) != {"topics"}:
        raise TopicsError("topics.yaml: one mapping called `topics` is expected")
    declared = document["topics"]
    if not isinstance(declared, dict) or not declared:
        raise TopicsError("topics.yaml: no topics are declared")
    return Topics({str(name): _topic(str(name), fields) for name, fields in declared.items()})


def _topic(name: str, fields: object) -> Topic:
    if not isinstance(fields, dict):
        raise TopicsError(f"topics.yaml: {name}: a mapping of its properties is expected")
    try:
        return Topic(name=name, **fields)
    except (ValidationError, TypeError) as error:
        raise TopicsError(f"topics.yaml: {name}: {_first_reason(error)}") from error


def _first_reason(error: Exception) -> str:
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        return f"{where}: {first['msg']}" if where else first["msg"]
    return str(error)


def _declaration() -> Path:
    """The file at the top of the repository or, when installed, beside this module."""
    here = Path(__file__).resolve().parent
    installed = here / "topics.yaml"
    return installed if installed.is_file() else here.parent / "topics.yaml"
