"""Withdrawals, corrections, late hubs: afterwards all is as if it had been known from the start."""

from __future__ import annotations

from typing import Any, NamedTuple

import orjson

from evaluation.runs import World, lines, outcome_of_run
from pipeline.contracts.codec import parse_rfc3339
from pipeline.policy.policy import load_policy
from pipeline.replay import Event, Replay
from pipeline.simulation.scenario import Scenario
from pipeline.topics import REPORTS, TRANSACTIONS


class Changes(NamedTuple):
    """What differs from knowing all from the start: clusters and levels, alerts; and how much came.

    ``hub_differs`` compares the couriers' reports coming last with their coming first.
    """

    corrected: int
    withdrawn: int
    clusters_differ: int
    alerts_differ: int
    hub_differs: int


def measure(world: World) -> Changes:
    """Run a world as it went, and with every report's newest word only; compare the results."""
    scenario = world.scenario()
    newest: dict[str, dict[str, Any]] = {}
    for event in scenario.reports:
        key = f"{event['source']}/{event['report_id']}"
        before = newest.get(key)
        if before is None or before["revision"] <= event["revision"]:
            newest[key] = event
    known = [event for event in newest.values() if event["kind"] != "withdrawn"]
    as_it_went = outcome_of_run(_run(scenario, scenario.reports))
    from_the_start = outcome_of_run(_run(scenario, known))
    differing = as_it_went.differences(from_the_start)
    hubs = tuple(phone.removeprefix("phone:+66") for phone in scenario.truth["couriers"])

    def names_hub(event: dict[str, Any]) -> bool:
        told = "".join(c for c in orjson.dumps(event).decode() if c.isdigit())
        return any(hub in told for hub in hubs)

    late = sorted(known, key=names_hub)
    early = sorted(known, key=lambda event: not names_hub(event))
    hub_last, hub_first = (outcome_of_run(_run(scenario, each, True)) for each in (late, early))
    kinds = [event["kind"] for event in newest.values()]
    alerts = [each for each in differing if each.startswith("alert")]
    return Changes(
        corrected=kinds.count("corrected"),
        withdrawn=kinds.count("withdrawn"),
        clusters_differ=len(differing) - len(alerts),
        alerts_differ=len(alerts),
        hub_differs=len(hub_last.differences(hub_first)),
    )


def _run(scenario: Scenario, reports: list[dict[str, Any]], at_the_end: bool = False) -> Replay:
    """Run payments and these reports, in order of time or (as given) after all payments."""
    payments = lines(scenario.transactions)
    events = [
        Event(at, TRANSACTIONS, payments[index])
        for at, stream, index in scenario.timeline
        if stream == "transaction"
    ]
    last = max(at for at, _, _ in scenario.timeline)
    for event in reports:
        at = last if at_the_end else parse_rfc3339(event["received_at"])
        events.append(Event(at, REPORTS, orjson.dumps(event)))
    events.sort(key=lambda event: event.at)
    run = Replay(load_policy())
    run.run(events)
    run.tick(last)
    return run
