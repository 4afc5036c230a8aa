"""The committed figures of small worlds hold: a change that makes the signals worse fails here."""

import json
from pathlib import Path

import pytest

from evaluation.small import (
    COUNTED_ROUGHLY,
    HIGHER_IS_BETTER,
    LOWER_IS_BETTER,
    small_figures,
    worse,
)

COMMITTED = Path(__file__).parents[2] / "evaluation" / "small.json"


@pytest.fixture(scope="module")
def committed():
    return json.loads(COMMITTED.read_text(encoding="utf-8"))


@pytest.mark.timeout(300)
def test_no_figure_of_the_small_worlds_is_worse_than_the_committed_one(committed):
    now = small_figures()
    assert now["orders_equal"]
    assert worse(committed, now) == [], "if it is meant: python -m evaluation --small"


def _harm(name, before):
    return 2 + before // 20 if name in COUNTED_ROUGHLY else 1


def test_a_figure_that_falls_or_a_harm_that_grows_is_named(committed):
    world = next(iter(committed))
    assert worse(committed, committed) == []
    for name in committed[world]:
        now = {part: dict(v) if isinstance(v, dict) else v for part, v in committed.items()}
        now[world][name] += (
            -0.1 if name in HIGHER_IS_BETTER else _harm(name, committed[world][name])
        )
        assert len(worse(committed, now)) == 1, name
    assert set(committed[world]) <= {*HIGHER_IS_BETTER, *LOWER_IS_BETTER}
