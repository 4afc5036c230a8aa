"""Where each report is filed, and clusters with all of their reports put together from it."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

import orjson
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.clustering.nodes import LISTED_REPORTS
from pipeline.clustering.normalised import StoredReport
from pipeline.contracts.clusters import cluster_id
from pipeline.filing import with_all_reports
from pipeline.topics import CLUSTERS, FILED_REPORTS
from tests.pipeline.clustering.oracle_words import newest_words
from tests.pipeline.clustering.scenarios import Run, account, line, newest, phone, report, stored
from tests.pipeline.clustering.test_any_order import BRIDGED, events

A = "account:004:1234567890"


def filed(run: Run) -> list[dict[str, Any]]:
    """Return every record of the topic, in order."""
    outputs = [o for folded in run.folded for o in folded.outputs if o.topic == FILED_REPORTS]
    values = [orjson.loads(o.value or b"") for o in outputs]
    assert [o.key for o in outputs] == [value["report"].encode() for value in values]
    return values


def test_a_report_is_filed_under_its_home_in_the_cluster_of_the_moment() -> None:
    run = Run()
    run.feed([report("1", [phone("0811111111"), account("1234567890")])])
    run.feed([report("2", [phone("0811111111")])])
    one, two = filed(run)
    assert (one["report"], one["identifier"], one["cluster_id"]) == (
        "aoc1441/1",
        A,
        cluster_id(A),
    )
    assert (two["identifier"], two["cluster_id"]) == ("phone:+66811111111", cluster_id(A))
    assert (one["cluster_version"], two["cluster_version"]) == (1, 2)
    assert one["received_at"] == "2026-11-20T03:00:00.000Z"


def test_of_several_of_a_kind_the_one_that_is_told_first_is_a_reports_home() -> None:
    run = Run()
    run.feed([report("1", [phone("0899999999"), phone("0811111111"), line("@x"), line("@a")])])
    run.feed([report("2", [phone("0899999999"), phone("0811111111")])])
    one, two = filed(run)
    assert (one["identifier"], two["identifier"]) == ("handle:line:@x", "phone:+66899999999")


def test_corrections_and_withdrawals_are_said_with_a_higher_version_and_repeats_are_not() -> None:
    run = Run()
    first = report("1", [account("1234567890")])
    run.feed([first, first])
    run.feed([report("1", [line("@x")], kind="corrected", revision=2)])
    run.feed([report("1", kind="withdrawn", revision=3), first])
    said = filed(run)
    assert [entry["identifier"] for entry in said] == [A, "handle:line:@x", None]
    assert said[2]["cluster_id"] is None
    assert said[2]["cluster_version"] == 0
    versions = [entry["version"] for entry in said]
    assert versions == sorted(set(versions))


def test_headers_say_nothing_of_the_report() -> None:
    run = Run()
    folded = run.feed([report("0812345678", [account("1234567890")])])
    (output,) = (o for o in folded.outputs if o.topic == FILED_REPORTS)
    assert not [content for _, content in output.headers if b"0812345678" in content]


def test_a_cluster_lists_the_first_reports_and_the_filed_reports_say_the_rest() -> None:
    run = Run()
    keys = [f"{place:04d}" for place in range(LISTED_REPORTS + 20)]
    told = [report(key, [account("1234567890")], minute=0) for key in keys]
    random.Random(1).shuffle(told)
    run.feed(told)
    cluster = run.cluster_of(A)
    assert cluster["reports"] == [f"aoc1441/{key}" for key in keys[:LISTED_REPORTS]]
    assert cluster["report_count"] == len(keys)
    (whole,) = with_all_reports(newest(run, CLUSTERS), newest(run, FILED_REPORTS))
    assert orjson.loads(whole) == cluster | {"reports": [f"aoc1441/{key}" for key in keys]}


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(told=st.lists(events, max_size=22))
def test_every_living_report_is_said_with_all_that_it_names_and_filed_in_one_cluster(
    told: list[dict[str, Any]],
) -> None:
    run = Run(BRIDGED)
    run.feed(told)
    living: list[StoredReport] = newest_words([stored(event, BRIDGED) for event in told])
    said = {r["report"]: r for r in map(orjson.loads, newest(run, FILED_REPORTS))}
    found = {key: r for key, r in said.items() if r["identifier"] is not None}
    assert {key: tuple(r["identifiers"]) for key, r in found.items()} == {
        r.key: r.identifiers for r in living
    }
    assert {key: (r["identifier"], r["scam_type"]) for key, r in found.items()} == {
        r.key: (r.home, r.scam_type) for r in living
    }
    clusters = [c for c in map(orjson.loads, newest(run, CLUSTERS)) if c["members"]]
    for cluster in clusters:
        filed_here = [r for r in living if r.home in cluster["members"]]
        assert cluster["report_count"] == len(filed_here)
        assert sorted(cluster["reports"]) == sorted(r.key for r in filed_here)
        told_of = Counter(
            r.scam_type for r in living for m in cluster["members"] if m in r.identifiers
        )
        assert cluster["scam_tellings"] == told_of
    assert sum(cluster["report_count"] for cluster in clusters) == len(living)
