"""The journal of a growth of the account-log: what was planned and what is done, in Kafka itself.

It is a topic that exists only while the number of partitions is being changed. So a growth that was
cut short goes on where it was, from any machine; and no worker starts meanwhile (`agents.runtime`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec
from kafka import KafkaAdminClient

from agents.kafka.reading import TopicReader
from agents.runtime.growing import GROWTH_JOURNAL
from agents.settings import Settings
from agents.upkeep.record_copy import record_copier


class Plan(msgspec.Struct, frozen=True, tag="plan"):
    """From how many partitions to how many, and where the old ones ended when it was made."""

    before: int
    after: int
    ends: dict[int, int]


class Copied(msgspec.Struct, frozen=True, tag="copied"):
    """One new partition has all that is its own; the accounts group's position there is its end."""

    partition: int
    end: int
    log_records: int
    file_records: int


class Forgotten(msgspec.Struct, frozen=True, tag="forgotten"):
    """One old partition has tombstones for the files that have moved away."""

    partition: int
    file_records: int


_ENTRY: msgspec.json.Decoder[Plan | Copied | Forgotten] = msgspec.json.Decoder(
    Plan | Copied | Forgotten
)


@dataclass(slots=True)
class Journal:
    """What a journal holds; ``plan`` is None when it is empty."""

    plan: Plan | None = None
    copied: dict[int, Copied] = field(default_factory=dict)
    forgotten: dict[int, Forgotten] = field(default_factory=dict)


def read_journal(settings: Settings, admin: KafkaAdminClient) -> Journal | None:
    """Return the journal, None when no growth is under way."""
    if GROWTH_JOURNAL not in admin.list_topics():
        return None
    journal = Journal()
    with TopicReader(settings) as reader:
        for record in reader.forward(GROWTH_JOURNAL):
            match _ENTRY.decode(record.value or b""):
                case Plan() as plan:
                    journal.plan = plan
                case Copied() as copied:
                    journal.copied[copied.partition] = copied
                case Forgotten() as forgotten:
                    journal.forgotten[forgotten.partition] = forgotten
    return journal


def open_journal(admin: KafkaAdminClient, configs: Mapping[str, str], replication: int) -> None:
    """Make the journal's topic."""
    options = {"num_partitions": 1, "replication_factor": replication, "configs": dict(configs)}
    admin.create_topics({GROWTH_JOURNAL: options}, wait_for_metadata=True)


def note(settings: Settings, entry: Plan | Copied | Forgotten) -> None:
    """Add an entry to the journal, and return when it is kept."""
    with record_copier(settings) as copier:
        copier.send(GROWTH_JOURNAL, 0, None, msgspec.json.encode(entry))
        copier.flush()
