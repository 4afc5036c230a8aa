"""Whole record batches out of aiokafka: the list of its Cython records instead of Python copies.

Most of what reading costs is aiokafka building a `ConsumerRecord` out of each record that its
Cython parser has already made. This module makes one consumer yield each record batch as it is.
It leans on aiokafka's internals, so `install` looks first whether they are as expected, and
otherwise leaves the consumer alone (slower, and just as correct); a test guards that too.
"""

from __future__ import annotations

import inspect
import logging
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import aiokafka
from aiokafka.consumer import fetcher as aiokafka_fetcher
from aiokafka.errors import CorruptRecordException
from aiokafka.record import default_records

from agents.runtime.kept_records import KeptRecords
from pipeline.fold import Record

log = logging.getLogger("freezeline")

_PARTITION_RECORDS = [
    "self",
    "tp",
    "records",
    "aborted_transactions",
    "fetch_offset",
    "key_deserializer",
    "value_deserializer",
    "check_crcs",
    "isolation_level",
]
_USED = {
    "PartitionRecords": {"_unpack_records", "_consume_aborted_up_to", "_contains_abort_marker"},
    "FetchResult": {"getall", "has_more", "check_assignment"},
    "MemoryRecords": {"has_next", "next_batch", "size_in_bytes"},
}


class RecordBatch(NamedTuple):
    """Records of one partition that cover the offsets from ``start`` to below ``stop``.

    Offsets in between without a record hold none (control records, compaction).
    """

    start: int
    stop: int
    records: Sequence[Record]


class _Results(OrderedDict[Any, Any]):
    """The fetcher's results by partition; each new one is told to yield whole batches."""

    def __setitem__(self, partition: Any, result: Any) -> None:
        if type(result) is aiokafka_fetcher.FetchResult:
            unread = result._partition_records
            unread._records_iterator = _whole_batches(unread)
        super().__setitem__(partition, result)


def internals_as_expected() -> bool:
    """Say whether this aiokafka has the internals that `install` needs."""
    signature = inspect.signature(aiokafka_fetcher.PartitionRecords.__init__)
    return (
        list(signature.parameters) == _PARTITION_RECORDS
        and all(
            hasattr(getattr(aiokafka_fetcher, owner, None), name)
            for owner, names in _USED.items()
            for name in names
        )
        and hasattr(default_records._DefaultRecordBatchPy, "_maybe_uncompress")
    )


if internals_as_expected():
    # For all consumers of the process, before the first one fetches anything.
    aiokafka_fetcher.MemoryRecords = KeptRecords


def install(consumer: aiokafka.AIOKafkaConsumer) -> bool:
    """Make a started consumer yield `RecordBatch`es; return False if it was left as it is."""
    fetcher: Any = getattr(consumer, "_fetcher", None)
    if not internals_as_expected() or type(getattr(fetcher, "_records", None)) is not OrderedDict:
        log.warning("record_batches_unavailable", extra={"aiokafka": aiokafka.__version__})
        return False
    results = _Results()
    for partition, result in fetcher._records.items():
        results[partition] = result
    fetcher._records = results
    return True


def merged(chunks: Sequence[Any]) -> RecordBatch:
    """Return what one poll gave for one partition (batches or aiokafka's records) as one batch."""
    first = chunks[0]
    if not isinstance(first, RecordBatch):
        return RecordBatch(first.offset, chunks[-1].offset + 1, chunks)
    if len(chunks) == 1:
        return first
    records: list[Record] = []
    for chunk in chunks:
        records.extend(chunk.records)
    return RecordBatch(first.start, chunks[-1].stop, records)


def slices(
    batch: RecordBatch, next_offset: int, silent_until: int, most: int
) -> Iterator[tuple[Sequence[Record], int]]:
    """Cut what of a batch is not below ``next_offset``; yield (records, offset behind them).

    It is cut into slices of ``most`` records, and where the silence ends, if it does in here.
    """
    records = batch.records
    if records and records[0].offset < next_offset:
        records = [record for record in records if record.offset >= next_offset]
    if batch.stop <= next_offset:
        return
    begin = 0
    while begin < len(records):
        end = min(begin + most, len(records))
        if records[begin].offset < silent_until <= records[end - 1].offset:
            end = next(i for i in range(begin, end) if records[i].offset >= silent_until)
        stop = batch.stop if end == len(records) else records[end].offset
        yield records[begin:end], stop
        begin = end
    if not records:
        yield records, batch.stop


def _whole_batches(unread: Any) -> Iterator[RecordBatch]:
    """Do as `PartitionRecords._unpack_records`, a batch at a time; every offset is covered."""
    records = unread._records
    kept = isinstance(records, KeptRecords)
    start = unread.next_fetch_offset
    while records.has_next():
        batch = records.next_own_batch() if kept else records.next_batch()
        if unread._check_crcs and not batch.validate_crc():
            raise CorruptRecordException(f"Invalid CRC - {unread._tp}")
        if _is_hidden(unread, batch):
            unread.next_fetch_offset = max(unread.next_fetch_offset, batch.next_offset)
            continue
        found = records.records_of(batch) if kept else list(batch)
        if found and found[0].offset < start:
            found = [record for record in found if record.offset >= start]
        stop = max(unread.next_fetch_offset, batch.next_offset)
        unread.next_fetch_offset = stop
        yield RecordBatch(start, stop, found)
        start = stop
    if unread.next_fetch_offset > start:
        yield RecordBatch(start, unread.next_fetch_offset, [])


def _is_hidden(unread: Any, batch: Any) -> bool:
    """Say whether a batch is a control batch or part of an aborted transaction."""
    committed_only = unread._isolation_level == aiokafka_fetcher.READ_COMMITTED
    if committed_only and batch.producer_id is not None:
        unread._consume_aborted_up_to(batch.base_offset)
        if batch.is_control_batch and unread._contains_abort_marker(batch):
            unread._aborted_producers.discard(batch.producer_id)
        if batch.is_transactional and batch.producer_id in unread._aborted_producers:
            return True
    return bool(batch.is_control_batch)
