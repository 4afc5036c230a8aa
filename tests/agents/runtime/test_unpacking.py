"""What would fill the memory is told of, not unpacked; whatever else is compressed is read."""

from __future__ import annotations

import asyncio
import gzip
import random
from typing import Any

import cramjam
import lz4.frame
import pytest
import zstandard
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from agents.runtime import record_batches, unpacking
from agents.runtime.unpacking import MAX_UNPACKED_BYTES, RECORDS_AT, stand_in
from pipeline.contracts.codec import MAX_EVENT_BYTES
from pipeline.contracts.invalid import InvalidEvent
from pipeline.contracts.reports import decode_report

MIB = 1024 * 1024
PACKED = {
    "gzip": (1, lambda data: gzip.compress(data, 9)),
    "snappy": (2, lambda data: bytes(cramjam.snappy.compress_raw(data))),
    "lz4": (3, lz4.frame.compress),
    "zstd": (4, zstandard.compress),
    "zstd of unknown length": (
        4,
        lambda data: (c := zstandard.ZstdCompressor().compressobj()).compress(data) + c.flush(),
    ),
    "gzip in two parts": (1, lambda data: gzip.compress(data[1:], 9) + gzip.compress(data[:1])),
}


def is_bomb(name: str, length: int, monkeypatch: pytest.MonkeyPatch) -> bool:
    codec, pack = PACKED[name]
    monkeypatch.setattr(unpacking, "DefaultRecordBatch", _Given)
    found = stand_in(_Given(codec), memoryview(bytes(RECORDS_AT) + pack(bytes(length))))
    return found is not None


class _Given:
    CODEC_NONE = 0
    base_offset, next_offset, max_timestamp = 7, 9, 1

    def __init__(self, codec: int) -> None:
        self.compression_type = codec


@pytest.mark.parametrize("name", [name for name in PACKED if name != "snappy"])
def test_a_byte_more_than_the_limit_is_not_unpacked(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not is_bomb(name, MAX_UNPACKED_BYTES, monkeypatch)
    assert is_bomb(name, MAX_UNPACKED_BYTES + 1, monkeypatch)


@pytest.mark.parametrize("name", PACKED)
def test_no_more_comes_out_of_a_codec_than_is_said_of_it(name: str) -> None:
    codec, pack = PACKED[name]
    packed = pack(bytes(8 * MIB))
    assert len(packed) * unpacking._MOST.get(codec, 8 * MIB) >= 8 * MIB


@pytest.mark.parametrize("codec", [1, 3, 4])
def test_damaged_bytes_are_left_to_whoever_reads_them(
    codec: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unpacking, "DefaultRecordBatch", _Given)
    noise = random.Random(codec).randbytes(300_000)
    assert stand_in(_Given(codec), memoryview(bytes(RECORDS_AT) + noise)) is None


@pytest.mark.parametrize("codec", ["gzip", "lz4", "zstd"])
def test_a_reader_goes_on_behind_a_bomb_and_says_where_it_was(
    bootstrap: str, prefix: str, make_topics: Any, codec: str
) -> None:
    topic = prefix + "bombs"
    make_topics(1, topic)
    before, bomb, after = asyncio.run(_sent_and_read(bootstrap, topic, codec))
    assert (before.offset, before.value) == (0, b"before")
    assert (after.offset, after.value) == (3, b"after")
    assert bomb.offset == 1
    assert b"offsets from 1 to 2" in bomb.value
    assert len(bomb.value) == MAX_EVENT_BYTES + 1
    with pytest.raises(InvalidEvent, match="too_large"):
        decode_report(bomb.value)


async def _sent_and_read(bootstrap: str, topic: str, codec: str) -> list[Any]:
    producer = AIOKafkaProducer(
        bootstrap_servers=bootstrap,
        compression_type=codec,
        max_batch_size=80 * MIB,
        max_request_size=80 * MIB,
    )
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, auto_offset_reset="earliest")
    place = TopicPartition(topic, 0)
    await producer.start()
    await consumer.start()
    try:
        record_batches.install(consumer)
        consumer.assign([place])
        await producer.send_and_wait(topic, b"before", partition=0)
        batch = producer.create_batch()
        for _ in range(2):
            assert batch.append(key=None, value=bytes(33 * MIB), timestamp=None)
        await (await producer.send_batch(batch, topic, partition=0))
        await producer.send_and_wait(topic, b"after", partition=0)
        found: list[Any] = []
        while not found or found[-1].value != b"after":
            for batches in (await consumer.getmany(timeout_ms=200)).values():
                found += [record for each in batches for record in each.records]
    finally:
        await producer.stop()
        await consumer.stop()
    return found
