"""Analysts' decisions among a scenario's events, some of them taken back again."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

from pipeline.contracts.codec import rfc3339
from pipeline.simulation.scenario import Scenario
from pipeline.topics import ANALYST_DECISIONS
from tests.integration.stage import Told, events_of

EVENTS_A_DECISION = 250


def events_with_decisions(scenario: Scenario, seed: int) -> list[Told]:
    """Return the scenario's events in their order, and a decision after so many of them."""
    decisions = _decisions(scenario, random.Random(seed))
    told = []
    for place, each in enumerate(events_of(scenario), 1):
        told.append(each)
        if place % EVENTS_A_DECISION == 0:
            made = next(decisions) | {"decided_at": rfc3339(each.at)}
            told.append(Told(each.at, ANALYST_DECISIONS, made))
    return told


def _decisions(scenario: Scenario, chance: random.Random) -> Iterator[dict[str, Any]]:
    rings = scenario.truth["rings"]
    number = 0
    while True:
        number += 1
        ring, other = chance.sample(rings, 2)
        decision = {
            "source": "aoc-1441",
            "decision_id": f"D-{number}",
            "kind": "made",
            "analyst": "shift-a",
            "reason": "the bank confirms it",
        }
        match chance.choice(("not_same", "same", "public_number")):
            case "not_same":
                two = chance.sample(ring["identifiers"], 2)
                made = decision | {"verdict": "not_same", "identifiers": two}
            case "same":
                two = [chance.choice(each["identifiers"]) for each in (ring, other)]
                if two[0] == two[1]:  # a SIM that both rings had
                    continue
                made = decision | {"verdict": "same", "identifiers": two}
            case _:
                one = [chance.choice(ring["phones"] or ring["identifiers"])]
                made = decision | {"verdict": "public_number", "identifiers": one}
        yield made
        if chance.random() < 0.5:
            yield decision | {"kind": "withdrawn", "revision": 2}
