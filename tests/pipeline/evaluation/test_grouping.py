"""The scores against their definitions, pair by pair and report by report."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.evaluation.bootstrap import intervals
from pipeline.evaluation.grouping import parts_of, scores_of

GROUPINGS = st.dictionaries(st.integers(0, 12).map(str), st.sampled_from("abcd"), max_size=13)


def _group(grouping, report):
    return grouping.get(report, f"alone {report}")


def _pairs(grouping, reports):
    return {
        (a, b)
        for a, b in itertools.combinations(sorted(reports), 2)
        if _group(grouping, a) == _group(grouping, b)
    }


@given(GROUPINGS, GROUPINGS)
def test_pairwise_is_what_counting_pairs_gives(truth, found):
    reports = truth.keys() | found.keys()
    true, seen = _pairs(truth, reports), _pairs(found, reports)
    score = scores_of(parts_of(truth, found)).pairwise
    assert score.precision == pytest.approx(len(true & seen) / len(seen) if seen else 1)
    assert score.recall == pytest.approx(len(true & seen) / len(true) if true else 1)


@given(GROUPINGS, GROUPINGS)
def test_b_cubed_is_the_mean_over_reports(truth, found):
    reports = sorted(truth.keys() | found.keys())
    score = scores_of(parts_of(truth, found)).b_cubed
    if not reports:
        assert (score.precision, score.recall) == (1, 1)
        return
    precise = recalled = 0.0
    for report in reports:
        true = {r for r in reports if _group(truth, r) == _group(truth, report)}
        seen = {r for r in reports if _group(found, r) == _group(found, report)}
        precise += len(true & seen) / len(seen)
        recalled += len(true & seen) / len(true)
    assert score.precision == pytest.approx(precise / len(reports))
    assert score.recall == pytest.approx(recalled / len(reports))


@given(GROUPINGS)
def test_the_truth_itself_scores_one(truth):
    for score in scores_of(parts_of(truth, truth)):
        assert (score.precision, score.recall, score.f1) == (1, 1, 1)


def test_an_interval_holds_its_figure_and_is_the_same_each_time():
    cases = [0.0] * 30 + [1.0] * 70

    def mean(drawn):
        return (sum(drawn) / len(drawn),)

    low, high = intervals(cases, mean)[0]
    assert low < 0.7 < high
    # Of 100 cases the binomial's 95 % interval is about 0.61 to 0.79.
    assert high - low == pytest.approx(0.18, abs=0.04)
    assert intervals(cases, mean) == [(low, high)]


def test_more_cases_make_a_narrower_interval():
    def mean(drawn):
        return (sum(drawn) / len(drawn),)

    few = intervals([0, 1] * 10, mean)[0]
    many = intervals([0, 1] * 500, mean)[0]
    assert many[1] - many[0] < few[1] - few[0]
