"""The plan of a cluster: more load never needs less, and the page is what the command says."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.sizing import LOG_HOURS, LOOK_BACK_HOURS, Load, plan
from pipeline.policy.policy import HOUR_MS, load_policy
from pipeline.topics import ACCOUNT_LOG, load_topics
from tests.agents_cli.running import freezeline

PAGE = Path(__file__).parents[2] / "deploy" / "sizing.md"
SHOWN = re.findall(r"\$ freezeline (size .*)\n((?:.*\n)*?)```", PAGE.read_text(encoding="utf-8"))

LOADS = st.builds(
    Load,
    tps=st.floats(0.1, 1e6),
    watched=st.integers(0, 10**9),
    reports_a_day=st.integers(0, 10**6),
    retention_days=st.floats(0.1, 365),
    mean_share=st.floats(0.01, 1.0),
    replicas=st.integers(1, 5),
)


def _values(load: Load) -> dict[str, float]:
    return {figure.name: figure.value for figure in plan(load)}


@given(LOADS, st.floats(1.0, 100.0))
def test_more_of_anything_never_needs_less_in_all(load: Load, times: float) -> None:
    before = _values(load)
    for change in (
        {"tps": load.tps * times},
        {"watched": int(load.watched * times)},
        {"reports_a_day": int(load.reports_a_day * times)},
        {"retention_days": load.retention_days * times},
        {"replicas": load.replicas + 1},
    ):
        after = _values(dataclasses.replace(load, **change))
        shared = {"disk of an accounts worker", "memory of an accounts worker"}
        assert all(after[name] >= before[name] for name in before.keys() - shared), change


@given(LOADS)
def test_one_worker_may_fail_and_partitions_suffice_for_all(load: Load) -> None:
    values = _values(load)
    partitions = next(value for name, value in values.items() if name.startswith("partitions"))
    for agent in ("intake", "accounts"):
        assert 2 <= values[f"{agent} workers"] <= partitions
    assert values["clustering workers"] == 2


def test_the_hours_are_those_of_the_policy_and_of_the_topic() -> None:
    assert load_policy().look_back_hours == LOOK_BACK_HOURS
    assert load_topics()[ACCOUNT_LOG].retention_ms == LOG_HOURS * HOUR_MS


@pytest.mark.parametrize(("command", "shown"), SHOWN)
def test_the_page_shows_what_the_command_says(command: str, shown: str) -> None:
    assert freezeline(*command.split()).out == shown


def test_the_page_goes_up_to_a_country_and_ten_times_that() -> None:
    assert any("--tps 20000 " in command for command, _ in SHOWN)
    assert any("--tps 200000 --watched 100000000 " in command for command, _ in SHOWN)
