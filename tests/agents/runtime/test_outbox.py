"""Records leave by batches, in order, one batch of a partition at a time, and fail together."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from typing import Any, cast

import aiokafka
import pytest

from agents.runtime.outbox import BATCHES_WAITING, Outbox
from agents.runtime.partitioner import partition_of_key
from pipeline.fold import Output

PARTITIONS = 3
ROOM = 4


class Builder:
    """A record batch with room for a few records, that takes none once it is closed."""

    def __init__(self) -> None:
        self.records: list[tuple[bytes | None, bytes | None, list[tuple[str, bytes]]]] = []
        self.closed = False

    def append(
        self,
        *,
        timestamp: int | None,
        key: bytes | None,
        value: bytes | None,
        headers: list[tuple[str, bytes]],
    ) -> object:
        if self.closed or len(self.records) == ROOM:
            return None
        self.records.append((key, value, headers))
        return len(self.records)

    def close(self) -> None:
        self.closed = True

    def values(self) -> list[bytes | None]:
        return [value for _, value, _ in self.records]


class Producer:
    """Notes what is sent; acknowledges, or fails, when told to."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, int, Builder, asyncio.Future[None]]] = []
        self.alone: list[bytes | None] = []
        self.refuses: Exception | None = None

    def create_batch(self) -> Builder:
        return Builder()

    async def partitions_for(self, topic: str) -> set[int]:
        return set(range(PARTITIONS))

    async def send_batch(
        self, builder: Builder, topic: str, *, partition: int
    ) -> asyncio.Future[None]:
        assert builder.closed
        await asyncio.sleep(0)
        if self.refuses is not None:
            raise self.refuses
        acknowledgement = asyncio.get_running_loop().create_future()
        self.sent.append((topic, partition, builder, acknowledgement))
        return acknowledgement

    async def send(self, topic: str, value: bytes | None, headers: Any) -> asyncio.Future[None]:
        self.alone.append(value)
        return asyncio.get_running_loop().create_future()

    def batches(self, partition: int) -> list[list[bytes | None]]:
        return [builder.values() for _, of, builder, _ in self.sent if of == partition]


def outbox(producer: Producer) -> Outbox:
    return Outbox(lambda: cast(aiokafka.AIOKafkaProducer, producer))


async def a_turn() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


async def sent(box: Outbox, values: Sequence[bytes], partition: int = 0) -> list[Awaitable[object]]:
    return [await box.send(Output("t", b"k", value, (), partition)) for value in values]


def test_records_of_one_turn_leave_in_one_batch_a_partition_and_in_order() -> None:
    async def run() -> None:
        producer = Producer()
        box = outbox(producer)
        await sent(box, [b"a", b"b"])
        await sent(box, [b"c"], partition=1)
        await sent(box, [b"d"])
        await a_turn()
        assert producer.batches(0) == [[b"a", b"b", b"d"]]
        assert producer.batches(1) == [[b"c"]]

    asyncio.run(run())


def test_a_batch_waits_for_the_one_before_and_a_full_one_is_followed_by_another() -> None:
    async def run() -> None:
        producer = Producer()
        box = outbox(producer)
        first = await sent(box, [b"a"])
        await a_turn()
        later = await sent(box, [b"b", b"c", b"d", b"e", b"f"])
        await a_turn()
        assert producer.batches(0) == [[b"a"]]
        producer.sent[0][3].set_result(None)
        await first[0]
        await a_turn()
        assert producer.batches(0) == [[b"a"], [b"b", b"c", b"d", b"e"]]
        producer.sent[1][3].set_result(None)
        await a_turn()
        assert producer.batches(0)[2:] == [[b"f"]]
        await later[3]
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.ensure_future(waiting(later[4])), 0.01)
        producer.sent[2][3].set_result(None)
        await later[4]

    asyncio.run(run())


async def waiting(acknowledgement: Awaitable[object]) -> object:
    return await acknowledgement


def test_who_waits_and_is_cancelled_leaves_the_batch_to_the_others() -> None:
    async def run() -> None:
        producer = Producer()
        one, other = await sent(outbox(producer), [b"a", b"b"])
        given_up = asyncio.create_task(waiting(one))
        patient = asyncio.create_task(waiting(other))
        await a_turn()
        given_up.cancel()
        await a_turn()
        assert given_up.cancelled()
        producer.sent[0][3].set_result(None)
        await patient

    asyncio.run(run())


@pytest.mark.parametrize("refused", [True, False])
def test_all_of_a_batch_fail_together(refused: bool) -> None:
    async def run() -> None:
        producer = Producer()
        producer.refuses = ValueError("no") if refused else None
        acknowledgements = await sent(outbox(producer), [b"a", b"b"])
        await a_turn()
        if not refused:
            producer.sent[0][3].set_exception(ValueError("no"))
        for acknowledgement in acknowledgements:
            with pytest.raises(ValueError, match="no"):
                await acknowledgement

    asyncio.run(run())


def test_who_sends_waits_while_a_few_batches_are_full_and_all_stays_in_order() -> None:
    async def run() -> None:
        producer = Producer()
        box = outbox(producer)
        taken: list[bytes] = []

        async def lane(values: Sequence[bytes]) -> None:
            for value in values:
                await sent(box, [value])
                taken.append(value)

        values = [b"%03d" % number for number in range(50)]
        lanes = [asyncio.create_task(lane(values[half::2])) for half in (0, 1)]
        await a_turn()
        # One batch is on its way, or was closed for it with what the first turn had.
        assert len(taken) < ROOM * (BATCHES_WAITING + 1) + 1
        assert not any(task.done() for task in lanes)
        for number in range(100):
            if number < len(producer.sent):
                producer.sent[number][3].set_result(None)
            await a_turn()
            assert len(taken) <= ROOM * (number + 2 + BATCHES_WAITING)
        assert all(task.done() for task in lanes)
        left = [value for batch in producer.batches(0) for value in batch]
        assert sorted(left) == values
        for half in (0, 1):
            assert [value for value in left if value in values[half::2]] == values[half::2]

    asyncio.run(run())


def test_nothing_goes_on_behind_a_batch_that_failed() -> None:
    """A head of a file without its block would be worse than neither."""

    async def run() -> None:
        producer = Producer()
        box = outbox(producer)
        first = await sent(box, [b"a"])
        await a_turn()
        behind = await sent(box, [b"%d" % number for number in range(ROOM * BATCHES_WAITING)])
        late = asyncio.create_task(sent(box, [b"late"]))
        await a_turn()
        assert not late.done()
        producer.sent[0][3].set_exception(ValueError("no"))
        await a_turn()
        for acknowledgement in (*first, *behind):
            with pytest.raises(ValueError, match="no"):
                await acknowledgement
        with pytest.raises(ValueError, match="no"):
            await late
        assert len(producer.sent) == 1
        await sent(box, [b"anew"])
        await a_turn()
        assert producer.batches(0) == [[b"a"], [b"anew"]]

    asyncio.run(run())


def test_a_key_says_the_partition_and_headers_go_along() -> None:
    async def run() -> None:
        producer = Producer()
        box = outbox(producer)
        keys = [b"key%d" % number for number in range(20)]
        for key in keys:
            await box.send(Output("t", key, b"v", (("h", b"x"),)))
        await box.send(Output("t", None, b"free"))
        await a_turn()
        found = {
            record[0]: partition
            for _, partition, builder, _ in producer.sent
            for record in builder.records
            if record[2] == [("h", b"x")]
        }
        assert len(set(found.values())) > 1
        assert all(
            partition == partition_of_key(cast(bytes, key), PARTITIONS)
            for key, partition in found.items()
        )
        assert producer.alone == [b"free"]

    asyncio.run(run())
