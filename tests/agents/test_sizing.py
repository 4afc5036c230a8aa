"""The plan of a cluster: more load never needs less, and the page is what the command says."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.runtime.worker_spec import RuntimeSettings
from agents.sizing import (
    FILES_MEMORY_MIB,
    LOG_HOURS,
    LOOK_BACK_HOURS,
    OPEN_ENTRY_BYTES,
    OPEN_FILE_BYTES,
    PARTITION_MEMORY_MIB,
    REPORT_YEARS,
    STORE_MEMORY_MIB,
    WAITING_POSTING_BYTES,
    Load,
    plan,
)
from pipeline.accounts.fold import FILES_IN_MEMORY, POSTINGS_IN_MEMORY
from pipeline.accounts.lookback import BLOCK_POSTINGS
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


def test_a_partitions_memory_is_planned_for_all_that_its_limits_let_it_keep() -> None:
    store = RuntimeSettings(bootstrap="", state_dir=Path())
    stores = store.store_cache_bytes + 2 * store.store_write_buffer_bytes
    files = FILES_IN_MEMORY * OPEN_FILE_BYTES + POSTINGS_IN_MEMORY * OPEN_ENTRY_BYTES
    waiting = BLOCK_POSTINGS * WAITING_POSTING_BYTES
    assert stores == STORE_MEMORY_MIB * 2**20
    assert 0 <= FILES_MEMORY_MIB * 2**20 - files - waiting < 2**20
    assert PARTITION_MEMORY_MIB == STORE_MEMORY_MIB + FILES_MEMORY_MIB


@pytest.mark.parametrize(
    ("reports", "measured"), [(10_000, 0.58), (50_000, 0.64), (1_000_000, 1.10)]
)
def test_clustering_has_the_memory_that_was_measured(reports: int, measured: float) -> None:
    load = Load(tps=1, watched=0, reports_a_day=0, retention_days=1)
    years = dataclasses.replace(load, reports_a_day=round(reports / REPORT_YEARS / 365))
    planned = _values(years)["memory of a clustering worker"]
    assert planned == pytest.approx(measured, abs=0.05)
    assert planned >= measured - 0.005


@pytest.mark.parametrize(("command", "shown"), SHOWN)
def test_the_page_shows_what_the_command_says(command: str, shown: str) -> None:
    assert freezeline(*command.split()).out == shown


def test_the_page_goes_up_to_a_country_and_ten_times_that() -> None:
    assert any("--tps 20000 " in command for command, _ in SHOWN)
    assert any("--tps 200000 --watched 100000000 " in command for command, _ in SHOWN)
