"""Writes all topics to files, with the groups' positions, also while the workers run.

The order makes it consistent, as after a crash: what is said to be answered (the groups'
positions) is read before what it led to, an account's files before the alerts that were told before
them, and all that was said before what it was said for: the alerts before the log, and the log
before the reports and payments. For an alert, or a step to another account, whose cause is not in
the copy would have a version that its account's file reaches again with another content.
The log tells accounts of one another across its partitions, which cannot be read at one moment. So
it is copied as it was at one time, by its records' own times. What came later than the positions is
answered once more after a restore, with the same ids and versions.
"""

from __future__ import annotations

import datetime
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from kafka import KafkaAdminClient

from agents.kafka.reading import TopicReader
from agents.kafka.topic_admin import admin_client
from agents.settings import Settings
from agents.upkeep.backup_format import (
    FORMAT,
    BackedUp,
    Manifest,
    PartitionFile,
    digest,
    empty_folder,
    write_manifest,
    write_records,
)
from agents.version import freezeline_version
from pipeline.topics import (
    ACCOUNT_FILES,
    ACCOUNT_LOG,
    AGENTS,
    ANALYST_DECISIONS,
    FREEZE_ALERTS,
    REPORTS,
    load_topics,
)

Tell = Callable[[str], None]


def back_up_topics(settings: Settings, folder: Path, tell: Tell) -> Manifest:
    """Write every declared topic to ``folder``, which must be empty or new.

    Raises BackupError and BrokerUnreachableError.
    """
    empty_folder(folder)
    with admin_client(settings) as admin:
        groups = _positions(admin)
        cluster = str(admin.describe_cluster()["cluster_id"])
    partitions = []
    with TopicReader(settings) as reader:
        for topic in _in_order():
            until = time.time_ns() // 1_000_000 if topic == ACCOUNT_LOG else None
            written = [
                _write(reader, folder, topic, number, until) for number in reader.partitions(topic)
            ]
            tell(f"{topic}: {sum(each.records for each in written):,} records")
            partitions += written
    taken_at = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    manifest = Manifest(FORMAT, taken_at, freezeline_version(), cluster, groups, partitions)
    write_manifest(folder, manifest)
    return manifest


def _in_order() -> list[str]:
    """Return the topics' names: see the module. A pointer comes before what it points at."""
    first, last = [ACCOUNT_FILES, FREEZE_ALERTS, ACCOUNT_LOG], [REPORTS, ANALYST_DECISIONS]
    others = [name for name in load_topics() if name not in {*first, *last}]
    return [*first, *others, *last]


def _positions(admin: KafkaAdminClient) -> dict[str, dict[str, dict[int, int]]]:
    groups: dict[str, dict[str, dict[int, int]]] = {}
    for group, found in admin.list_group_offsets(dict.fromkeys(sorted(AGENTS))).items():
        groups[group] = {}
        for place, position in found.items():
            if position.offset >= 0:
                groups[group].setdefault(place.topic, {})[place.partition] = position.offset
    return groups


def _write(
    reader: TopicReader, folder: Path, topic: str, number: int, until: int | None
) -> PartitionFile:
    """Write a partition as far as it goes, without what is of a later time than ``until`` (ms)."""
    path = folder / f"{topic}-{number}.records.gz"
    begin, end = reader.bounds(topic, number)
    records = _records(reader, topic, number, end)
    in_time = (each for each in records if until is None or each.timestamp <= until)
    count = write_records(path, in_time)
    return PartitionFile(topic, number, path.name, count, begin, end, digest(path))


def _records(reader: TopicReader, topic: str, number: int, end: int) -> Iterator[BackedUp]:
    for record in reader.forward(topic, [number]):
        if record.offset >= end:
            return
        headers = [(name, bytes(content)) for name, content in record.headers]
        yield BackedUp(record.offset, record.timestamp, record.key, record.value, headers)
