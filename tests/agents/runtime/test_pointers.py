"""What a pointer in a log stands for is folded in its place, read from a real Kafka."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

import pytest
from aiokafka import AIOKafkaProducer

from agents.runtime import pointers
from agents.runtime.pointers import PointerReader
from agents.runtime.record_batches import RecordBatch
from pipeline.contracts.pointers import Pointer, pointer
from pipeline.fold import LogRecord, Record, topic_of

HEADERS = (("ce_type", b"decision"),)
SENT = int(time.time() * 1000)
"""Today, in ms: Kafka deletes what is stamped longer ago than the topic's retention."""


@pytest.fixture
def decisions(bootstrap, prefix, make_topics) -> str:
    """A topic of five records."""
    topic = prefix + "decisions"
    make_topics(1, topic)

    async def run() -> None:
        producer = AIOKafkaProducer(bootstrap_servers=bootstrap)
        await producer.start()
        try:
            for number in range(5):
                await producer.send_and_wait(
                    topic, b"value%d" % number, b"key%d" % number, 0, SENT + number, list(HEADERS)
                )
        finally:
            await producer.stop()

    asyncio.run(run())
    return topic


def pointing(offset: int, pointed: Pointer) -> LogRecord:
    sent = pointer("log", 0, pointed)
    return LogRecord(offset, 7_000, sent.key, sent.value)


def resolved(bootstrap: str, topic: str, records: Sequence[Record]) -> list[Record]:
    async def run() -> list[Record]:
        reader = PointerReader(topic, {"bootstrap_servers": bootstrap})
        try:
            batch = await reader.resolved(RecordBatch(10, 20, records))
            assert (batch.start, batch.stop) == (10, 20)
            return list(batch.records)
        finally:
            await reader.close()

    return asyncio.run(run())


@pytest.mark.timeout(120)
def test_a_pointer_is_replaced_by_what_it_points_at(bootstrap, decisions) -> None:
    plain = LogRecord(10, 5_000, b"report", b"{}")
    offsets = [3, 1, 2, 2, 4]  # backward, forward, again, with a gap
    sent = [pointing(11 + i, Pointer(decisions, 0, at)) for i, at in enumerate(offsets)]
    found = resolved(bootstrap, decisions, [plain, *sent])
    assert found[0] is plain
    assert found[1:] == [
        LogRecord(11 + i, SENT + at, b"key%d" % at, b"value%d" % at, HEADERS, decisions)
        for i, at in enumerate(offsets)
    ]
    assert {topic_of(record, "log") for record in found[1:]} == {decisions}


@pytest.mark.timeout(120)
def test_what_a_new_leader_does_not_show_yet_is_waited_for(bootstrap, decisions) -> None:
    """From here that looks as if it were written after all."""

    async def run() -> list[Record]:
        producer = AIOKafkaProducer(bootstrap_servers=bootstrap)
        reader = PointerReader(decisions, {"bootstrap_servers": bootstrap})
        await producer.start()
        try:
            sent = [pointing(11, Pointer(decisions, 0, at)) for at in (0, 5, 1)]
            waiting = asyncio.create_task(reader.resolved(RecordBatch(10, 20, sent)))
            done, _ = await asyncio.wait([waiting], timeout=2.0)
            assert not done
            await producer.send_and_wait(decisions, b"value5", b"key5", 0)
            return list((await waiting).records)
        finally:
            await reader.close()
            await producer.stop()

    assert [record.value for record in asyncio.run(run())] == [b"value0", b"value5", b"value1"]


@pytest.mark.timeout(120)
def test_a_pointer_at_nothing_stays_a_record_of_the_log(
    bootstrap, prefix, decisions, monkeypatch
) -> None:
    monkeypatch.setattr(pointers, "HIDDEN_SECONDS", 1.0)
    forged = [
        pointing(11, Pointer(decisions, 0, 5)),
        pointing(12, Pointer(decisions, 0, -1)),
        pointing(13, Pointer(decisions, 7, 0)),
        pointing(14, Pointer(prefix + "other", 0, 0)),
        pointing(15, Pointer(decisions, 0, 0))._replace(value=b"not a pointer"),
        pointing(16, Pointer(decisions, 0, 0))._replace(value=None),
    ]
    good = pointing(17, Pointer(decisions, 0, 0))
    found = resolved(bootstrap, decisions, [*forged, good])
    assert found[:-1] == forged
    assert found[-1].value == b"value0"
