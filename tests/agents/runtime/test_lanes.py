"""The order of things in a lane: acknowledged before written, account files last, silence kept."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from agents.runtime import lanes, turns
from agents.runtime.committer import Committer
from agents.runtime.lanes import Lane, LanePort
from agents.runtime.record_batches import RecordBatch
from agents.runtime.store import PartitionStore
from agents.runtime.turns import Turns
from agents.runtime.worker_spec import NoMetrics, RuntimeSettings
from pipeline.fold import Folded, LogRecord, Output, Record, Versions
from pipeline.state import State


class Broker:
    """Notes what is sent; acknowledges when told to."""

    def __init__(self) -> None:
        self.sent: list[tuple[bytes | None, asyncio.Future[None]]] = []
        self.settled: list[int] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.turns = Turns()

    async def send(self, output: Output) -> asyncio.Future[None]:
        future = asyncio.get_running_loop().create_future()
        self.sent.append((output.value, future))
        return future

    def acknowledge(self, value: bytes) -> None:
        for sent, future in self.sent:
            if sent == value and not future.done():
                future.set_result(None)

    def values(self) -> list[bytes | None]:
        return [value for value, _ in self.sent]

    def port(self, folder: Path, **settings: Any) -> LanePort:
        return LanePort(
            worker="w",
            settings=RuntimeSettings(bootstrap="", state_dir=folder, **settings),
            metrics=NoMetrics(),
            send=self.send,
            gate=self.gate,
            settled=lambda topic, partition, offset: self.settled.append(offset),
            room=asyncio.Event(),
            turns=self.turns,
        )


class Alerting:
    """An alert and a file for each record, and the record in the state."""

    def __init__(self, state: State) -> None:
        self.state = state
        self.folded: list[int] = []

    def apply(self, records: Sequence[Record], silent: bool = False) -> Folded:
        folded = Folded()
        for record in records:
            self.folded.append(record.offset)
            self.state.put(b"%d" % record.offset, b"x")
            folded.outputs += [
                Output("files", b"k", b"file%d" % record.offset, last=True),
                Output("alerts", b"k", b"alert%d" % record.offset),
            ]
        return folded

    def restore(self, records: Sequence[Record]) -> bool:
        raise NotImplementedError

    def versions(self, topic: str, record: Record) -> Versions | None:
        raise NotImplementedError  # it has no topics of its own

    def say_again(self, topic: str, keys: Sequence[bytes]) -> list[Output]:
        raise NotImplementedError  # it has no topics of its own

    def gauges(self) -> dict[str, float]:
        return {}


def batch(start: int, stop: int) -> RecordBatch:
    return RecordBatch(start, stop, [LogRecord(o, 0, b"k", b"v") for o in range(start, stop)])


async def turn() -> None:
    for _ in range(30):
        await asyncio.sleep(0)


def make_lane(broker: Broker, folder: Path, fold_records: int = 1) -> tuple[Lane, Alerting]:
    store = PartitionStore.open(folder / "s", 1 << 20, 1 << 20)
    fold = Alerting(store)
    return Lane(broker.port(folder), "log", 0, fold, store, fold_records), fold


async def lane_beside_another(broker: Broker, folder: Path, records: int) -> Lane:
    """Return a lane whose first alert is acknowledged while another lane has records to fold."""
    lane, _ = make_lane(broker, folder)
    broker.turns.begin("another lane")
    lane.start(0, 0)
    lane.submit(batch(0, records))
    await turn()
    broker.acknowledge(b"alert0")
    await turn()
    return lane


def test_files_leave_after_alerts_and_state_is_written_after_both(tmp_path: Path) -> None:
    async def run() -> None:
        broker = Broker()
        lane, fold = make_lane(broker, tmp_path)
        lane.start(0, 0)
        lane.submit(batch(0, 2))
        await turn()
        assert fold.folded == [0, 1]  # the second is folded while the first is in flight
        assert broker.values() == [b"alert0", b"alert1"]
        broker.acknowledge(b"alert1")
        await turn()
        assert broker.values() == [b"alert0", b"alert1"]
        broker.acknowledge(b"alert0")
        await turn()
        assert broker.values()[2:] == [b"file0"]
        assert broker.settled == []
        assert lane.store is not None
        assert lane.store.next_offset is None
        broker.acknowledge(b"file0")
        await turn()
        assert broker.settled == [1]
        assert lane.store.next_offset == 1
        broker.acknowledge(b"file1")
        await turn()
        assert lane.store.next_offset == 2
        assert await lane.drain(1.0)
        lane.close()

    asyncio.run(run())


def test_files_wait_while_another_lane_has_records_to_fold(tmp_path: Path) -> None:
    async def run() -> None:
        broker = Broker()
        lane = await lane_beside_another(broker, tmp_path, records=1)
        assert broker.values() == [b"alert0"]
        broker.turns.end("another lane")
        await turn()
        assert broker.values() == [b"alert0", b"file0"]
        broker.acknowledge(b"file0")
        assert await lane.drain(1.0)
        lane.close()

    asyncio.run(run())


def test_files_do_not_wait_when_no_more_may_be_in_flight(tmp_path: Path) -> None:
    async def run() -> None:
        broker = Broker()
        lane = await lane_beside_another(broker, tmp_path, records=10)
        assert b"file0" in broker.values()
        assert not await lane.drain(0.05)
        lane.close()

    asyncio.run(run())


def test_no_load_puts_files_off_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "_WAIT_SECONDS", 0.0)

    async def run() -> None:
        broker = Broker()
        lane = await lane_beside_another(broker, tmp_path, records=1)
        assert broker.values() == [b"alert0", b"file0"]
        broker.acknowledge(b"file0")
        assert await lane.drain(1.0)
        lane.close()

    asyncio.run(run())


def test_answered_records_are_folded_silently(tmp_path: Path) -> None:
    async def run() -> None:
        broker = Broker()
        lane, fold = make_lane(broker, tmp_path, fold_records=10)
        lane.start(2, 5)
        assert not lane.speaking
        lane.submit(batch(0, 7))
        await turn()
        assert fold.folded == [2, 3, 4, 5, 6]
        assert broker.values() == [b"alert5", b"alert6"]
        assert lane.speaking
        assert broker.settled == [5]
        assert not await lane.drain(0.05)  # never acknowledged: this lane may not be used again
        lane.close()

    asyncio.run(run())


def test_what_was_not_acknowledged_is_not_on_disk(tmp_path: Path) -> None:
    async def run() -> None:
        broker = Broker()
        lane, _ = make_lane(broker, tmp_path)
        lane.start(0, 0)
        lane.submit(batch(0, 3))
        await turn()
        assert not await lane.drain(0.05)
        lane.close()
        again = PartitionStore.open(tmp_path / "s", 1 << 20, 1 << 20)
        assert again.get(b"0") is None
        again.close()

    asyncio.run(run())


def test_only_a_few_batches_are_in_flight(tmp_path: Path) -> None:
    async def run() -> None:
        broker = Broker()
        lane, fold = make_lane(broker, tmp_path)
        lane.start(0, 0)
        lane.submit(batch(0, 100))
        lane.submit(batch(100, 101))
        lane.submit(batch(101, 102))
        await turn()
        assert len(fold.folded) <= 4 + 2
        assert lane.full
        assert not await lane.drain(0.05)
        lane.close()

    asyncio.run(run())


def test_a_closed_gate_stops_folding_but_not_stopping(tmp_path: Path) -> None:
    async def run() -> None:
        broker = Broker()
        broker.gate.clear()
        lane, fold = make_lane(broker, tmp_path)
        lane.start(0, 0)
        lane.submit(batch(0, 3))
        await turn()
        assert fold.folded == []
        assert await lane.drain(2.0)
        lane.close()

    asyncio.run(run())


def test_offsets_without_records_are_passed(tmp_path: Path) -> None:
    async def run() -> None:
        broker = Broker()
        lane, fold = make_lane(broker, tmp_path)
        lane.start(4, 0)
        lane.submit(RecordBatch(4, 9, []))
        await turn()
        assert fold.folded == []
        assert broker.settled == [9]
        assert await lane.drain(1.0)
        lane.close()

    asyncio.run(run())


def test_a_batch_that_leaves_a_gap_is_refused_and_read_again(tmp_path: Path) -> None:
    async def run() -> None:
        broker = Broker()
        lane, fold = make_lane(broker, tmp_path)
        lane.start(0, 9)  # in silence: nothing is sent that had to be acknowledged
        assert lane.submit(batch(0, 2)) is None
        assert lane.submit(batch(3, 5)) == 2
        assert lane.submit(batch(1, 5)) is None
        await turn()
        assert fold.folded == [0, 1, 2, 3, 4]
        assert await lane.drain(1.0)
        lane.close()

    asyncio.run(run())


class Observed(NoMetrics):
    """Keeps what is observed of answers."""

    def __init__(self) -> None:
        self.answers: list[tuple[float, int]] = []

    def observe(self, name: str, labels: tuple[str, ...], value: float, times: int = 1) -> None:
        if name == "report_to_answer_seconds":
            self.answers.append((value, times))


class Answering(Alerting):
    """Has answered three reports of this moment for each record."""

    def apply(self, records: Sequence[Record], silent: bool = False) -> Folded:
        folded = super().apply(records, silent)
        folded.answered["report_to_answer_seconds", 1_000] = 3 * len(records)
        return folded


def test_what_was_answered_counts_when_it_is_acknowledged_and_not_in_silence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lanes, "time", lambda: 4.5)

    async def run() -> None:
        broker, observed = Broker(), Observed()
        store = PartitionStore.open(tmp_path / "s", 1 << 20, 1 << 20)
        port = replace(broker.port(tmp_path), metrics=observed)
        lane = Lane(port, "log", 0, Answering(store), store, 10)
        lane.start(0, 2)
        lane.submit(batch(0, 4))
        await turn()
        assert observed.answers == []
        for value in (b"alert2", b"alert3"):
            broker.acknowledge(value)
        await turn()
        assert observed.answers == []
        for value in (b"file2", b"file3"):
            broker.acknowledge(value)
        await turn()
        assert observed.answers == [(3.5, 6)]
        assert await lane.drain(1.0)
        lane.close()

    asyncio.run(run())


def test_a_missing_acknowledgement_stops_the_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    codes: list[int] = []

    def stopped(code: int, event: str, **_: object) -> None:
        codes.append(int(code))
        raise SystemExit

    async def run() -> None:
        broker = Broker()
        store = PartitionStore.open(tmp_path / "s", 1 << 20, 1 << 20)
        port = broker.port(tmp_path, acknowledge_timeout_s=0.05)
        lane = Lane(port, "log", 0, Alerting(store), store, 10)
        lane.start(0, 0)
        lane.submit(batch(0, 1))
        await asyncio.sleep(1)

    monkeypatch.setattr(lanes, "stop_process", stopped)
    with pytest.raises(SystemExit):
        asyncio.run(run())
    assert codes == [72]


def test_the_groups_offset_only_goes_forward() -> None:
    committer = Committer()
    committer.begin(("t", 0), 5, 9)  # folding silently up to 9
    committer.begin(("t", 1), 0, None)
    assert committer.due({("t", 0), ("t", 1)}) == {("t", 1): 0}
    committer.settled(("t", 0), 12)
    assert committer.due({("t", 0)}) == {("t", 0): 12}
    committer.committed({("t", 0): 12})
    assert committer.due({("t", 0)}) == {}
    committer.forget(("t", 1))
    committer.settled(("t", 1), 3)
    assert committer.due({("t", 1)}) == {}
