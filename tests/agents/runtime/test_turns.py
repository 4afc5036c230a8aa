"""The turns of a worker's lanes: what one sends leaves before the next one folds."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from agents.runtime import turns
from agents.runtime.lanes import Lane, LanePort
from agents.runtime.worker_spec import NoMetrics, RuntimeSettings
from pipeline.fold import Folded, Output
from tests.agents.runtime.test_lanes import batch, turn

ROUNDS_OF_A_PRODUCER = 7


class Sender:
    """A producer that goes round the event loop several times before anything leaves."""

    def __init__(self, said: list[str]) -> None:
        self._said = said
        self._leaving: set[asyncio.Task[None]] = set()

    async def send(self, output: Output) -> asyncio.Task[None]:
        leaving = asyncio.create_task(self._leave(output.key))
        self._leaving.add(leaving)
        return leaving

    async def _leave(self, key: bytes) -> None:
        for _ in range(ROUNDS_OF_A_PRODUCER):
            await asyncio.sleep(0)
        self._said.append(f"{key.decode()} leaves")


class Saying:
    """A fold that says when it folds, and sends something."""

    def __init__(self, name: str, said: list[str]) -> None:
        self._name = name
        self._said = said

    def apply(self, records, silent=False):
        self._said.append(f"{self._name} folds")
        return Folded([Output("alerts", self._name.encode(), b"x")])


@pytest.mark.parametrize(
    ("long", "expected"),
    [
        (0.0, ["a folds", "a leaves", "b folds", "b leaves"]),
        (1e9, ["a folds", "b folds", "a leaves", "b leaves"]),
    ],
)
def test_what_a_long_fold_sends_leaves_before_the_next_lane_folds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, long: float, expected: list[str]
) -> None:
    monkeypatch.setattr(turns, "LONG_FOLD_SECONDS", long)

    async def run() -> list[str]:
        said: list[str] = []
        port = LanePort(
            worker="w",
            settings=RuntimeSettings(bootstrap="", state_dir=tmp_path),
            metrics=NoMetrics(),
            send=Sender(said).send,
            gate=asyncio.Event(),
            settled=lambda topic, partition, offset: None,
            room=asyncio.Event(),
        )
        port.gate.set()
        lanes = [Lane(port, "log", 0, Saying(name, said), None, 1) for name in "ab"]
        for lane in lanes:
            lane.start(0, 0)
            lane.submit(batch(0, 1))
        await turn()
        for lane in lanes:
            assert await lane.drain(1.0)
        return said

    assert asyncio.run(run()) == expected
