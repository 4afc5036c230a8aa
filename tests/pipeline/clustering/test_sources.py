"""Reports are counted by source, and no stranger's text becomes a label."""

from __future__ import annotations

from tests.pipeline.clustering.scenarios import Run, account, report


def test_reports_are_counted_by_sources_that_are_known() -> None:
    told = {"aoc-1441": 2, "bank-scb": 1, "bank-kbank": 1, "telco-ais": 1, "a stranger/x": 1}
    sources = [source for source, count in told.items() for _ in range(count)]
    events = [report(f"r{n}", [account("0123456789")], source=s) for n, s in enumerate(sources)]
    counts = Run().feed([*events, b"not json"]).counts
    by_source = {key[1]: n for key, n in counts.items() if key[0] == "reports_by_source"}
    assert by_source == {"aoc-1441": 2, "banks": 2, "telcos": 1, "other": 1}
