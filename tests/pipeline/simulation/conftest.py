"""One scenario of the default size, made once."""

import datetime

import pytest

from pipeline.simulation.scenario import Scenario, simulate

START = datetime.datetime.fromisoformat("2026-11-02T08:00:00+07:00")


@pytest.fixture(scope="session")
def start() -> datetime.datetime:
    return START


@pytest.fixture(scope="session")
def scenario() -> Scenario:
    return simulate(7, start=START)
