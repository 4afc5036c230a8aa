"""Golden cases: each input gives exactly these alerts, version by version, and nothing else.

``FREEZELINE_GOLDEN=write`` writes the expected files anew; read the difference before committing.
"""

from __future__ import annotations

import os
from pathlib import Path

import orjson
import pytest

from agents.cli.replay import events_in_order
from pipeline.contracts.asyncapi import load_examples
from pipeline.policy.policy import load_policy
from pipeline.replay import Replay
from pipeline.topics import FREEZE_ALERTS

CASES = Path(__file__).parent / "cases"
EXPECTED = "freeze-alerts.jsonl"
SAID = (
    "kind",
    "bank",
    "account",
    "origin",
    "amount_satang",
    "disputed_satang",
    "level",
    "holds_until",
    "version",
    "release_reason",
    "reason_en",
)


def lines(path: Path) -> list[bytes]:
    return [line for line in path.read_bytes().splitlines() if line] if path.exists() else []


def alerts_of(files: dict[str, list[bytes]]) -> list[dict]:
    replay = Replay(load_policy())
    replay.run(events_in_order(files, None))
    told = [orjson.loads(value) for value in replay.values(FREEZE_ALERTS)]
    for alert in told:
        # Sentences are for people: a level is two words there, not a name for programs.
        assert "_" not in alert["reason_en"] + alert["reason_th"]
    return [{name: alert[name] for name in SAID} for alert in told]


def compare(told: list[dict], expected: Path) -> None:
    if os.environ.get("FREEZELINE_GOLDEN") == "write":
        expected.write_bytes(b"".join(orjson.dumps(alert) + b"\n" for alert in told))
    assert told == [orjson.loads(line) for line in lines(expected)]


@pytest.mark.parametrize("case", sorted(path.name for path in CASES.iterdir()))
def test_a_case_gives_exactly_these_alerts(case):
    folder = CASES / case
    files = {name: lines(folder / f"{name}.jsonl") for name in ("reports", "transactions")}
    compare(alerts_of(files), folder / EXPECTED)


def test_the_examples_of_the_contracts_give_exactly_these_alerts():
    files = {
        "reports": [orjson.dumps(event) for event in load_examples("report").values()],
        "transactions": [orjson.dumps(event) for event in load_examples("transaction").values()],
    }
    compare(alerts_of(files), Path(__file__).parent / "contract-examples.jsonl")
