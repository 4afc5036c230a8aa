"""What lanes send to one partition in one turn leaves together, in order, and fails together."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from agents.runtime.coalescing import Coalescer
from pipeline.fold import Output


class Producer:
    """Notes what is sent; acknowledges, or fails, when told to."""

    def __init__(self) -> None:
        self.sent: list[tuple[Output, asyncio.Future[None]]] = []
        self.refuses: Exception | None = None

    async def send(self, output: Output) -> asyncio.Future[None]:
        await asyncio.sleep(0)
        if self.refuses is not None:
            raise self.refuses
        acknowledgement = asyncio.get_running_loop().create_future()
        self.sent.append((output, acknowledgement))
        return acknowledgement

    def values(self, partition: int) -> list[bytes | None]:
        return [output.value for output, _ in self.sent if output.partition == partition]


def in_pairs(values: Sequence[bytes]) -> list[bytes]:
    return [b"+".join(values[at : at + 2]) for at in range(0, len(values), 2)]


async def a_turn() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


def plain(value: bytes, partition: int | None = 0) -> Output:
    return Output("log", None, value, (), partition)


def test_what_is_sent_in_one_turn_leaves_together_by_partition_and_in_order() -> None:
    async def run() -> None:
        producer = Producer()
        coalescer = Coalescer(producer.send, in_pairs)
        for value, partition in ((b"a", 0), (b"b", 1), (b"c", 0), (b"d", 0)):
            await coalescer.send(plain(value, partition))
        await a_turn()
        await coalescer.send(plain(b"e"))
        await a_turn()
        assert producer.values(0) == [b"a+c", b"d", b"e"]
        assert producer.values(1) == [b"b"]

    asyncio.run(run())


def test_an_output_is_acknowledged_when_all_that_it_left_with_is() -> None:
    async def run() -> None:
        producer = Producer()
        coalescer = Coalescer(producer.send, in_pairs)
        waits = [await coalescer.send(plain(value)) for value in (b"a", b"b", b"c")]
        await a_turn()
        producer.sent[0][1].set_result(None)
        await a_turn()
        assert not any(wait.done() for wait in map(asyncio.ensure_future, waits))
        producer.sent[1][1].set_result(None)
        for wait in waits:
            await wait

    asyncio.run(run())


def test_what_has_a_key_or_headers_or_no_partition_leaves_alone_and_at_once() -> None:
    async def run() -> None:
        producer = Producer()
        coalescer = Coalescer(producer.send, in_pairs)
        alone = [
            Output("alerts", b"key", b"1", (), 0),
            Output("alerts", None, b"2", (("id", b"3"),), 0),
            plain(b"4", None),
        ]
        for output in alone:
            await coalescer.send(output)
        assert [output for output, _ in producer.sent] == alone

    asyncio.run(run())


@pytest.mark.parametrize("when", ["sending", "acknowledging"])
def test_a_failure_reaches_everyone_who_waits(when: str) -> None:
    async def run() -> None:
        producer = Producer()
        coalescer = Coalescer(producer.send, in_pairs)
        if when == "sending":
            producer.refuses = ConnectionError("gone")
        waits = [await coalescer.send(plain(value)) for value in (b"a", b"b")]
        await a_turn()
        for _, acknowledgement in producer.sent:
            acknowledgement.set_exception(ConnectionError("gone"))
        for wait in waits:
            with pytest.raises(ConnectionError):
                await wait
        producer.refuses = None
        await coalescer.send(plain(b"c"))
        await a_turn()
        assert producer.values(0)[-1] == b"c"

    asyncio.run(run())
