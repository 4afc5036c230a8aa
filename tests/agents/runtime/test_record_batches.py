"""Whole record batches: the same records as aiokafka's own, with every offset covered."""

from __future__ import annotations

import asyncio
import itertools
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from kafka import KafkaProducer

from agents.runtime import record_batches
from agents.runtime.record_batches import RecordBatch, merged
from pipeline.fold import LogRecord
from tests.fuzz.kinds import AnyName


def test_this_aiokafka_has_the_internals_that_are_used() -> None:
    assert record_batches.internals_as_expected()


def test_batches_of_one_poll_become_one() -> None:
    first, second = LogRecord(3, 0, None, b"a"), LogRecord(5, 0, None, b"b")
    batch = merged([RecordBatch(3, 5, [first]), RecordBatch(5, 6, [second]), RecordBatch(6, 8, [])])
    assert batch == RecordBatch(3, 8, [first, second])
    assert merged([first, second]) == RecordBatch(3, 6, [first, second])


def test_the_same_records_as_aiokafkas_own(bootstrap: str, prefix: str, make_topics: Any) -> None:
    topic = prefix + "mixed"
    make_topics(1, topic)
    asyncio.run(_write_with_transactions(bootstrap, topic))
    own = asyncio.run(_read(bootstrap, topic, False, 0))
    ours = asyncio.run(_read(bootstrap, topic, True, 0))
    assert [_plain(r) for b in ours for r in b.records] == [_plain(r) for r in own]
    assert [_plain(r)[3] for r in own] == [b"1", b"2", b"4", b"5"]
    for earlier, later in itertools.pairwise(ours):
        assert earlier.stop == later.start
    middle = own[1].offset
    later = asyncio.run(_read(bootstrap, topic, True, middle))
    assert later[0].start == middle
    assert [r.offset for b in later for r in b.records] == [r.offset for r in own[1:]]


@pytest.mark.parametrize("codec", [None, "gzip", "lz4", "snappy", "zstd"])
def test_every_codec_is_read_and_a_header_name_that_is_no_text_has_escapes(
    bootstrap: str, prefix: str, make_topics: Any, codec: str | None
) -> None:
    topic = prefix + "names"
    make_topics(1, topic)
    producer = KafkaProducer(
        bootstrap_servers=bootstrap, compression_type=codec, linger_ms=500, acks="all"
    )
    for value, name in ((b"1", "h"), (b"2", AnyName("xx")), (b"3", "h")):
        producer.send(topic, value, headers=[(name, b"x")])
    producer.close()
    own = asyncio.run(_read(bootstrap, topic, False, 0))
    found = [r for b in asyncio.run(_read(bootstrap, topic, True, 0)) for r in b.records]
    assert [_plain(r) for r in own] == [_plain(r) for r in found]
    assert [(r.offset, r.value) for r in found] == [(0, b"1"), (1, b"2"), (2, b"3")]
    assert [dict(r.headers) for r in found] == [{"h": b"x"}, {r"\xff\xfe": b"x"}, {"h": b"x"}]


@pytest.mark.parametrize("missing", ["FetchResult", "PartitionRecords"])
def test_other_internals_leave_the_consumer_alone(
    missing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Other:
        pass

    monkeypatch.setattr(record_batches.aiokafka_fetcher, missing, Other)
    consumer: Any = Other()
    assert record_batches.install(consumer) is False


def _plain(record: Any) -> tuple[Any, ...]:
    return record.offset, record.timestamp, record.key, record.value, tuple(record.headers)


async def _write_with_transactions(bootstrap: str, topic: str) -> None:
    plain = AIOKafkaProducer(bootstrap_servers=bootstrap, linger_ms=20)
    careful = AIOKafkaProducer(bootstrap_servers=bootstrap, transactional_id=topic)
    await plain.start()
    await careful.start()
    sent = [await plain.send(topic, v, key=b"k", headers=[("h", b"x")]) for v in (b"1", b"2")]
    await asyncio.gather(*sent)
    await careful.begin_transaction()
    await careful.send_and_wait(topic, b"3")
    await careful.abort_transaction()
    async with careful.transaction():
        await careful.send_and_wait(topic, b"4")
    await plain.send_and_wait(topic, b"5")
    await plain.stop()
    await careful.stop()


async def _read(bootstrap: str, topic: str, whole: bool, position: int) -> list[Any]:
    partition = TopicPartition(topic, 0)
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, isolation_level="read_committed")
    await consumer.start()
    try:
        if whole:
            assert record_batches.install(consumer)
        consumer.assign([partition])
        consumer.seek(partition, position)
        end = (await consumer.end_offsets([partition]))[partition]
        found: list[Any] = []
        while await consumer.position(partition) < end:
            for records in (await consumer.getmany(timeout_ms=200)).values():
                found.extend(records)
        return found
    finally:
        await consumer.stop()
