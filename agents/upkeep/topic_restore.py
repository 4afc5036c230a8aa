"""Fills the topics of a new Kafka from a backup: the whole comes back from the log alone.

Offsets begin anew where the old Kafka had deleted records, so positions in a log are carried over:
the groups' positions, and the versions of account files. The workers then rebuild their states, as
after lost disks, and go on.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from kafka import KafkaAdminClient, TopicPartition
from kafka.admin import OffsetSpec

from agents.kafka.group_positions import set_positions
from agents.kafka.topic_admin import admin_client, apply_topics
from agents.runtime.growing import GROWTH_JOURNAL
from agents.settings import Settings
from agents.upkeep.backup_format import (
    BackedUp,
    BackupError,
    Manifest,
    PartitionFile,
    read_manifest,
    read_records,
)
from agents.upkeep.record_copy import RecordCopier, record_copier, take_times_as_sent
from pipeline.accounts.moving import head_version, moved_version, with_version
from pipeline.accounts.parts import is_block
from pipeline.topics import ACCOUNT_FILES, ACCOUNT_LOG, ANALYST_DECISIONS, Topics, load_topics

Tell = Callable[[str], None]
_Place = tuple[str, int]


def restore_topics(settings: Settings, folder: Path, tell: Tell) -> None:
    """Create the topics and fill them, then set the groups' positions.

    Raises BackupError when the backup is damaged or Kafka is not empty, CopyError and
    BrokerUnreachableError; after the last two, delete the topics and do it again.
    """
    manifest = read_manifest(folder)
    topics = _topics(manifest)
    with admin_client(settings) as admin:
        _require_empty(admin, topics)
    apply_topics(settings, topics)
    with admin_client(settings) as admin:
        take_times_as_sent(admin, list(topics.values()), as_sent=True)
        offsets = _send_all(settings, folder, manifest, tell)
        take_times_as_sent(admin, list(topics.values()), as_sent=False)
        for group, positions in manifest.groups.items():
            _answered(admin, group, positions, offsets)
    tell("All is there: start accounts, then clustering and intake.")


def _topics(manifest: Manifest) -> Topics:
    """Return the declared topics with as many partitions as they had."""
    declared, counts = load_topics(), manifest.counts()
    if unknown := sorted(counts.keys() - declared.keys()):
        raise BackupError(f"This release knows no topic {', '.join(unknown)}.")
    return Topics(
        {
            name: topic.model_copy(update={"partitions": counts.get(name, topic.partitions)})
            for name, topic in declared.items()
        }
    )


def _require_empty(admin: KafkaAdminClient, topics: Topics) -> None:
    there = set(admin.list_topics())
    if GROWTH_JOURNAL in there:
        raise BackupError("Partitions are being added here: this Kafka is in use.")
    names = sorted(there & topics.keys())
    places = [
        TopicPartition(described["name"], partition["partition_index"])
        for described in (admin.describe_topics(names) if names else [])
        for partition in described["partitions"]
    ]
    ends = admin.list_partition_offsets(dict.fromkeys(places, OffsetSpec.LATEST)) if places else {}
    filled = sorted({place.topic for place, found in ends.items() if found.offset > 0})
    if filled:
        raise BackupError(
            f"There are records in {', '.join(filled)}: a backup is restored into an empty Kafka."
        )
    for name in names:
        has = sum(place.topic == name for place in places)
        if has != topics[name].partitions:
            raise BackupError(
                f"{name} has {has} partitions here and had {topics[name].partitions}: delete it, "
                "and it is made as it was."
            )


def _send_all(
    settings: Settings, folder: Path, manifest: Manifest, tell: Tell
) -> dict[_Place, array[int]]:
    """Send every record; return the old offsets of each partition, in order."""
    offsets: dict[_Place, array[int]] = {}
    # Files need the positions of the log, so they come after it.
    last = [each for each in manifest.partitions if each.topic == ACCOUNT_FILES]
    with record_copier(settings) as copier:
        for each in [p for p in manifest.partitions if p.topic != ACCOUNT_FILES] + last:
            log = offsets.get((ACCOUNT_LOG, each.partition), array("q"))
            records = read_records(folder / each.name)
            if each.topic == ACCOUNT_FILES:
                records = _with_moved_versions(records, log)
            offsets[each.topic, each.partition] = _send(copier, each, records)
            tell(f"{each.topic}-{each.partition}: {each.records:,} records")
    return offsets


def _send(copier: RecordCopier, into: PartitionFile, records: Iterator[BackedUp]) -> array[int]:
    offsets = array("q")
    for record in records:
        if into.topic == ANALYST_DECISIONS and record.offset != len(offsets):
            raise BackupError(
                f"Of {into.topic} the beginning is missing, and {len(offsets)} is pointed at by "
                "its offset: this backup cannot be restored."
            )
        copier.send(
            into.topic,
            into.partition,
            record.key,
            record.value,
            record.headers,
            record.timestamp,
        )
        offsets.append(record.offset)
    copier.flush()
    if len(offsets) != into.records:
        raise BackupError(f"{into.name} has {len(offsets):,} records instead of {into.records:,}.")
    return offsets


def _with_moved_versions(records: Iterator[BackedUp], log: array[int]) -> Iterator[BackedUp]:
    for record in records:
        if not record.key or not record.value or is_block(record.key):
            yield record
            continue
        version = moved_version(head_version(record.value), log, 0)
        yield BackedUp(
            record.offset,
            record.timestamp,
            record.key,
            with_version(record.key, record.value, version),
            record.headers,
        )


def _answered(
    admin: KafkaAdminClient,
    group: str,
    positions: Mapping[str, Mapping[int, int]],
    offsets: Mapping[_Place, array[int]],
) -> None:
    wanted = {
        TopicPartition(topic, number): bisect_left(offsets[topic, number], position)
        for topic, numbers in positions.items()
        for number, position in numbers.items()
        if (topic, number) in offsets
    }
    if wanted:
        set_positions(admin, group, wanted)
