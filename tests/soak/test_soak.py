"""The soak's harness works, and would see a leak: a short run, and made-up figures."""

from __future__ import annotations

import random

import pytest

from pipeline.topics import REPORTS
from tests.soak.picture import draw
from tests.soak.run import EVENTS_A_SECOND, WORLD_SECONDS, constant_load, growing, soak_run
from tests.soak.slopes import Series, slope_of

HALF_AN_HOUR = 1800.0


def figures(unit, an_hour, noise, seed=3, start=150.0):
    """Half an hour of a figure that grows so much an hour, with noise and a few wild outliers."""
    chance, series = random.Random(seed), Series(unit)
    for at in range(0, int(HALF_AN_HOUR), 6):
        wild = chance.random() < 0.05
        value = start + an_hour * at / 3600 + chance.gauss(0, noise) + (start * 5 if wild else 0)
        series.add(float(at), value)
    return series


@pytest.mark.parametrize(
    ("name", "unit", "leak"),
    [
        ("memory/accounts-0", "MiB", 120.0),
        ("handles/intake-0", "handles", 20.0),
        ("disk/stores", "bytes an event", 90.0),
        ("latency/", "ms", 150.0),
    ],
)
def test_a_leak_is_seen_through_noise_and_noise_is_no_leak(name, unit, leak):
    leaking = slope_of(figures(unit, leak, noise=3.0), HALF_AN_HOUR)
    assert leaking.low < leak < leaking.high
    assert len(growing({name: leaking})) == 1
    still = slope_of(figures(unit, 0.0, noise=3.0), HALF_AN_HOUR)
    assert growing({name: still}) == []


def test_workers_that_are_restarted_and_the_broker_are_only_shown():
    leaking = slope_of(figures("MiB", 500.0, noise=1.0), HALF_AN_HOUR)
    assert growing({"memory/accounts-1": leaking, "memory/broker": leaking}) == []


def test_the_load_is_the_same_at_the_end_as_at_the_beginning():
    events = constant_load(4 * WORLD_SECONDS, seed=5)
    assert len(events) >= 4 * WORLD_SECONDS * EVENTS_A_SECOND
    quarter = len(events) // 4
    shares = [
        sum(told.topic == REPORTS for told in events[n * quarter : (n + 1) * quarter])
        for n in range(4)
    ]
    assert max(shares) < 1.5 * min(shares)
    reports = [told.event for told in events if told.topic == REPORTS]
    words = {(r["source"], r["report_id"], r["revision"], r["kind"]) for r in reports}
    assert len(words) > 0.8 * len(reports)


def test_too_few_points_have_no_slope():
    series = Series("MiB")
    for at in range(7):
        series.add(1_000.0 + at, 5.0)
    assert slope_of(series, HALF_AN_HOUR) is None


@pytest.mark.timeout(300)
def test_a_short_soak_gives_all_slopes_a_picture_and_the_right_result(tmp_path):
    soak = soak_run(tmp_path / "site", 12.0, seed=5, tell=print)
    result = soak.result
    assert (result["lost"], result["differing"], result["ended_by_themselves"]) == (0, 0, [])
    assert result["published"] > 100
    assert result["reports_alerted"] > 0
    assert sum(result["disturbances"].values()) > 0
    kinds = ("intake", "clustering", "accounts")
    wanted = {f"{what}/{kind}-0" for what in ("memory", "handles") for kind in kinds}
    assert wanted | {"disk/stores", "disk/kafka"} <= soak.slopes.keys()
    assert all(slope.low <= slope.an_hour <= slope.high for slope in soak.slopes.values())
    picture = tmp_path / "soak.png"
    draw(picture, soak.series, soak.slopes, soak.faults_at, soak.seconds)
    assert picture.read_bytes().startswith(b"\x89PNG")
