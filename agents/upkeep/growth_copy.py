"""Copies what moves when the account-log gets more partitions: log records, account files."""

from __future__ import annotations

from array import array
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

import msgspec

from agents.kafka.reading import StoredRecord, TopicReader
from agents.upkeep.record_copy import RecordCopier
from pipeline.accounts.moving import (
    head_version,
    is_for,
    moved_version,
    shares_of_entry,
    with_version,
)
from pipeline.accounts.parts import is_block
from pipeline.contracts.account_log import Tick, encode_log_entry
from pipeline.topics import ACCOUNT_FILES, ACCOUNT_LOG


@dataclass(slots=True)
class Moved:
    """What one new partition got of the account-log, and what of account-files."""

    first_offset: int
    """Where its log began when the copy began."""
    taken_from: array[int] = field(default_factory=lambda: array("q"))
    """The offsets in the old partition of the records that it got."""
    file_records: int = 0


def copy_log(
    reader: TopicReader,
    copier: RecordCopier,
    source: int,
    partitions: int,
    begins: dict[int, int],
) -> dict[int, Moved]:
    """Copy to the partitions of ``begins`` what is theirs of the ``source``'s log.

    ``begins`` says where each one's log ends now. The first record of a new partition is a tick
    of no time: a file that nothing retained speaks of has a version, and it is above none.
    """
    moved = {partition: Moved(begin + 1) for partition, begin in begins.items()}
    for partition in moved:
        copier.send(ACCOUNT_LOG, partition, None, encode_log_entry(Tick(0)))
    for record in reader.forward(ACCOUNT_LOG, [source]):
        for partition, share in shares_of_entry(record.value, partitions, moved).items():
            copier.send(ACCOUNT_LOG, partition, record.key, share, record.headers, record.timestamp)
            moved[partition].taken_from.append(record.offset)
    copier.flush()
    return moved


def copy_files(
    reader: TopicReader,
    copier: RecordCopier,
    source: int,
    partitions: int,
    moved: dict[int, Moved],
) -> None:
    """Copy to each partition of ``moved`` the newest files that are its own, counting records.

    A file's version is a position of its log, and becomes one of the new log.
    """
    newest = _newest_parts(reader, source, partitions, moved)
    for record in reader.forward(ACCOUNT_FILES, [source]):
        key, value = record.key, record.value
        if key is None or newest.get(key) != record.offset or value is None:
            continue
        for partition, target in moved.items():
            if not is_for(key, partition, partitions):
                continue
            part = value
            if not is_block(key):
                at = moved_version(head_version(value), target.taken_from, target.first_offset)
                part = with_version(key, value, at)
            copier.send(ACCOUNT_FILES, partition, key, part, record.headers, record.timestamp)
            target.file_records += 1
    copier.flush()


def forget_files(reader: TopicReader, copier: RecordCopier, source: int, partitions: int) -> int:
    """Write a tombstone for every part of a file that the source owns no more; return how many.

    Owners read only what is their own; this is to have the room back.
    """
    gone = {
        record.key: record.value is not None
        for record in reader.forward(ACCOUNT_FILES, [source])
        if record.key is not None and not is_for(record.key, source, partitions)
    }
    forgotten = [key for key, is_there in gone.items() if is_there]
    for key in forgotten:
        copier.send(ACCOUNT_FILES, source, key, None)
    copier.flush()
    return len(forgotten)


def _newest_parts(
    reader: TopicReader, source: int, partitions: int, wanted: Collection[int]
) -> dict[bytes, int]:
    """Return the offset of the record that counts, of each part that moves.

    Of a head or an erasure that is the highest version since the file last ended, whatever came
    behind it (an older writer's); of a block the last record. What has ended (by an erasure) and
    only waits for Kafka to compact it away must not come back in a new partition.
    """
    newest: dict[bytes, int] = {}
    versions: dict[bytes, int] = {}
    for record, key in _with_keys(reader.forward(ACCOUNT_FILES, [source])):
        if not any(is_for(key, partition, partitions) for partition in wanted):
            continue
        if is_block(key):
            newest[key] = record.offset
        elif record.value is None:
            newest.pop(key, None)
            versions.pop(key, None)
        elif (version := _version(record)) > versions.get(key, -1):
            versions[key] = version
            newest[key] = record.offset
    return newest


def _with_keys(records: Iterator[StoredRecord]) -> Iterator[tuple[StoredRecord, bytes]]:
    return ((record, record.key) for record in records if record.key is not None)


def _version(record: StoredRecord) -> int:
    try:
        return head_version(record.value) if record.value else -1
    except msgspec.MsgspecError:
        return -1
