"""Compressed batches that are not unpacked, because they would fill the memory.

Kafka limits how large a batch is as it is sent, and a megabyte of it can be gigabytes of zeros:
whoever may publish could end a worker with one, again at each start. What is too large is counted
here by the megabyte, and told of as one event that is too large.
"""

from __future__ import annotations

import io
import zlib
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import lz4.frame
import zstandard
from aiokafka.record.default_records import DefaultRecordBatch

from pipeline.contracts.codec import MAX_EVENT_BYTES

MAX_UNPACKED_BYTES: Final = 64 * 1024 * 1024
"""What a batch may be when it is unpacked: 64 times what Kafka's clients send at a time."""

RECORDS_AT: Final = 61
"""Where the records of a batch begin (magic 2)."""

_GZIP, _SNAPPY, _LZ4 = (
    DefaultRecordBatch.CODEC_GZIP,
    DefaultRecordBatch.CODEC_SNAPPY,
    DefaultRecordBatch.CODEC_LZ4,
)
_MOST: Final = {_GZIP: 1_032, _SNAPPY: 22, _LZ4: 255}
"""How many bytes one can become at most: snappy's 3 become 64, lz4's 255 one more each, deflate's
258 are two bits. So nothing that `topics.yaml` lets in is too large in snappy. zstd knows no such
limit."""

_AT_A_TIME: Final = 1024 * 1024


class TooLarge(NamedTuple):
    """What stands for a batch that is not unpacked, with all that is asked of a record."""

    offset: int
    timestamp: int
    value: bytes
    key: bytes | None = None
    headers: tuple[tuple[str, bytes], ...] = ()
    timestamp_type: int = 0
    checksum: None = None


def stand_in(batch: Any, packed: memoryview) -> TooLarge | None:
    """Return what to read in the place of a batch (its bytes: ``packed``), None: it is no bomb.

    Its value is longer than any event may be, so that it is refused as such; it says what happened,
    and where it was, so that it can be fetched from Kafka as long as that keeps it.
    """
    if type(batch) is not DefaultRecordBatch:
        return None
    codec = batch.compression_type
    if codec == DefaultRecordBatch.CODEC_NONE:
        return None
    records = packed[RECORDS_AT:]
    if len(records) * _MOST.get(codec, MAX_UNPACKED_BYTES) <= MAX_UNPACKED_BYTES:
        return None
    if codec == _SNAPPY or not _is_beyond(codec, records):
        return None
    told = (
        f"A compressed batch of {len(packed)} bytes was not unpacked: it is more than "
        f"{MAX_UNPACKED_BYTES} bytes long. It has the offsets from {batch.base_offset} to "
        f"{batch.next_offset - 1}."
    )
    return TooLarge(
        batch.base_offset, batch.max_timestamp, told.encode().ljust(MAX_EVENT_BYTES + 1)
    )


def _is_beyond(codec: int, records: memoryview) -> bool:
    unpack = {_GZIP: _gunzipped, _LZ4: _unlz4}.get(codec, _unzstd)
    count = 0
    try:
        for length in unpack(records):
            count += length
            if count > MAX_UNPACKED_BYTES:
                return True
    except (zlib.error, RuntimeError, zstandard.ZstdError):
        return False  # it is damaged, which is told of by whoever reads it
    return False


def _gunzipped(records: memoryview) -> Iterator[int]:
    left: bytes | memoryview = records
    while left:
        member = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
        while left and not member.eof:
            yield len(member.decompress(left, _AT_A_TIME))
            left = member.unconsumed_tail
        left = member.unused_data


def _unlz4(records: memoryview) -> Iterator[int]:
    frame = lz4.frame.LZ4FrameDecompressor()
    left = bytes(records)
    while not frame.eof and (left or not frame.needs_input):
        yield len(frame.decompress(left, max_length=_AT_A_TIME))
        left = b""


def _unzstd(records: memoryview) -> Iterator[int]:
    with zstandard.ZstdDecompressor().stream_reader(
        io.BytesIO(records), read_across_frames=True
    ) as unpacked:
        while part := unpacked.read(_AT_A_TIME):
            yield len(part)
