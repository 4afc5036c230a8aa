"""Whose turn it is: alerts of all lanes go first, and what a fold puts off is done after them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from agents.runtime import turns
from agents.runtime.lanes import Lane
from agents.runtime.store import PartitionStore
from pipeline.fold import Folded, Output, Record
from pipeline.state import State
from tests.agents.runtime.test_lanes import Alerting, Broker, batch, make_lane, turn


def test_files_wait_while_another_lane_has_alerts_on_their_way(tmp_path: Path) -> None:
    async def run() -> None:
        broker = Broker()
        (tmp_path / "other").mkdir()
        lane, _ = make_lane(broker, tmp_path)
        other, _ = make_lane(broker, tmp_path / "other")
        lane.start(0, 0)
        other.start(5, 0)
        lane.submit(batch(0, 1))
        other.submit(batch(5, 6))
        await turn()
        broker.acknowledge(b"alert0")
        await turn()
        assert broker.values() == [b"alert0", b"alert5"]
        broker.acknowledge(b"alert5")
        await turn()
        assert sorted(filter(None, broker.values()[2:])) == [b"file0", b"file5"]
        for value in (b"file0", b"file5"):
            broker.acknowledge(value)
        for each in (lane, other):
            assert await each.drain(1.0)
            each.close()

    asyncio.run(run())


def test_files_wait_no_longer_when_no_more_may_be_in_flight(tmp_path: Path) -> None:
    async def run() -> None:
        broker = Broker()
        broker.turns.begin("another lane")
        lane, _ = make_lane(broker, tmp_path)
        lane.start(0, 0)
        lane.submit(batch(0, 1))
        await turn()
        broker.acknowledge(b"alert0")
        await turn()
        assert broker.values() == [b"alert0"]
        lane.submit(batch(1, 8))
        await turn()
        assert b"file0" in broker.values()
        assert not await lane.drain(0.05)
        lane.close()

    asyncio.run(run())


@pytest.mark.parametrize(("batch_bytes", "own"), [(1, False), (1_000, False), (1, True)])
def test_many_alerts_leave_before_another_lane_folds(
    tmp_path: Path, batch_bytes: int, own: bool
) -> None:
    async def run() -> None:
        broker = Broker()
        (tmp_path / "other").mkdir()
        rounds = 0
        seen: list[int] = []

        async def count_rounds() -> None:
            nonlocal rounds
            while True:
                rounds += 1
                await asyncio.sleep(0)

        class Watched(Alerting):
            def apply(self, records: Sequence[Record], silent: bool = False) -> Folded:
                seen.append(rounds)
                return super().apply(records, silent)

        made = []
        for folder in (tmp_path, tmp_path / "other"):
            store = PartitionStore.open(folder / "s", 1 << 20, 1 << 20)
            port = broker.port(folder, producer_batch_bytes=batch_bytes)
            # What goes into the lane's own log waits for that of the other lanes.
            made.append(Lane(port, "alerts" if own else "log", 0, Watched(store), store, 1))
        counting = asyncio.create_task(count_rounds())
        for lane in made:
            lane.start(0, 0)
            lane.submit(batch(0, 1))
        await turn()
        counting.cancel()
        first, second = seen
        assert (second - first >= turns.ROUNDS) == (batch_bytes == 1 and not own)
        for lane in made:
            assert not await lane.drain(0.05)
            lane.close()

    asyncio.run(run())


class PuttingOff(Alerting):
    """Leaves the files, and the state that goes with them, to the end."""

    def __init__(self, state: State) -> None:
        super().__init__(state)
        self.waiting: list[int] = []

    def apply(self, records: Sequence[Record], silent: bool = False) -> Folded:
        assert not self.waiting, "what was put off is done before anything else"
        self.waiting = [record.offset for record in records]
        alerts = [Output("alerts", b"k", b"alert%d" % offset) for offset in self.waiting]
        return Folded(alerts, rest=self.write)

    def write(self) -> list[Output]:
        written, self.waiting = self.waiting, []
        for offset in written:
            self.state.put(b"%d" % offset, b"x")
        return [Output("files", b"k", b"file%d" % offset, last=True) for offset in written]


def lane_putting_off(broker: Broker, folder: Path) -> tuple[Lane, PuttingOff]:
    store = PartitionStore.open(folder / "s", 1 << 20, 1 << 20)
    fold = PuttingOff(store)
    return Lane(broker.port(folder), "log", 0, fold, store, 1), fold


def test_what_a_fold_puts_off_is_done_after_the_alerts(tmp_path: Path) -> None:
    async def run() -> None:
        broker = Broker()
        lane, fold = lane_putting_off(broker, tmp_path)
        lane.start(0, 0)
        lane.submit(batch(0, 1))
        await turn()
        assert fold.waiting == [0]
        broker.acknowledge(b"alert0")
        await turn()
        assert fold.waiting == []
        assert broker.values() == [b"alert0", b"file0"]
        assert broker.settled == []
        broker.acknowledge(b"file0")
        await turn()
        assert broker.settled == [1]
        assert lane.store is not None
        assert lane.store.get(b"0") == b"x"
        assert await lane.drain(1.0)
        lane.close()

    asyncio.run(run())


def test_what_is_put_off_is_written_with_its_own_slice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns, "_WAIT_SECONDS", 0.0)

    async def run() -> None:
        broker = Broker()
        lane, fold = lane_putting_off(broker, tmp_path)
        lane.start(0, 0)
        lane.submit(batch(0, 3))
        await turn()
        assert broker.values() == [b"alert0", b"alert1", b"alert2"]
        assert fold.waiting == [2]
        for value in (b"alert0", b"file0"):
            broker.acknowledge(value)
            await turn()
        assert broker.settled == [1]
        assert not await lane.drain(0.05)
        lane.close()
        again = PartitionStore.open(tmp_path / "s", 1 << 20, 1 << 20)
        assert again.next_offset == 1
        assert (again.get(b"0"), again.get(b"1")) == (b"x", None)
        again.close()

    asyncio.run(run())


def test_nothing_is_put_off_in_silence(tmp_path: Path) -> None:
    async def run() -> None:
        broker = Broker()
        lane, _ = lane_putting_off(broker, tmp_path)
        lane.start(0, 2)
        lane.submit(batch(0, 2))
        await turn()
        assert broker.values() == []
        assert broker.settled == [1, 2]
        assert lane.store is not None
        assert lane.store.get(b"1") == b"x"
        assert await lane.drain(1.0)
        lane.close()

    asyncio.run(run())
