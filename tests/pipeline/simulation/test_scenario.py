"""The scenario as a whole: repeatable, valid by the contracts, in order of time."""

import ast
import datetime
import hashlib
import os
import subprocess
import sys
from pathlib import Path

import orjson
import pytest

import pipeline.simulation
from pipeline.contracts.codec import milliseconds
from pipeline.contracts.reports import Report, decode_report
from pipeline.contracts.transactions import decode_transaction
from pipeline.simulation.scenario import Scenario, simulate

_FINGERPRINT = """
import datetime, hashlib, orjson
from pipeline.simulation.scenario import simulate
start = datetime.datetime.fromisoformat("2026-11-02T08:00:00+07:00")
s = simulate(3, payments=800, reports=40, start=start)
whole = orjson.dumps([s.reports, s.transactions, s.timeline, s.truth])
print(hashlib.sha256(whole).hexdigest())
"""


def _bytes(scenario: Scenario) -> bytes:
    return orjson.dumps(
        [scenario.reports, scenario.transactions, scenario.timeline, scenario.truth]
    )


def test_the_same_seed_gives_the_same_bytes(start):
    small = {"payments": 800, "reports": 40, "start": start}
    assert _bytes(simulate(3, **small)) == _bytes(simulate(3, **small))
    assert _bytes(simulate(3, **small)) != _bytes(simulate(4, **small))


def test_the_order_of_hashes_changes_nothing(start):
    here = hashlib.sha256(_bytes(simulate(3, payments=800, reports=40, start=start))).hexdigest()
    for hash_seed in ("1", "2"):
        ran = subprocess.run(
            [sys.executable, "-c", _FINGERPRINT],
            env={**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": _root()},
            capture_output=True,
            text=True,
            check=True,
        )
        assert ran.stdout.strip() == here


def _root() -> str:
    return str(Path(pipeline.simulation.__file__).parents[2])


def test_more_payments_do_not_change_the_rings(start):
    few = simulate(5, payments=2_000, start=start)
    many = simulate(5, payments=2_400, start=start)
    assert [r["scam_type"] for r in few.truth["rings"]] == [
        r["scam_type"] for r in many.truth["rings"]
    ]
    assert len(few.truth["reports"]) == len(many.truth["reports"])


def test_every_event_is_valid_by_its_contract(scenario):
    for event in scenario.reports:
        decode_report(orjson.dumps(event))
    for event in scenario.transactions:
        decode_transaction(orjson.dumps(event))


def test_the_counts_are_what_was_asked_for(scenario):
    assert len(scenario.truth["reports"]) == 120
    assert len(scenario.truth["rings"]) == 6
    events = [orjson.dumps(event) for event in scenario.transactions]
    assert len({decode_transaction(event).key for event in events}) == 20_000


def test_the_timeline_is_every_event_once_in_order_of_time(scenario):
    times = [at for at, _, _ in scenario.timeline]
    assert times == sorted(times)
    places = [(stream, index) for _, stream, index in scenario.timeline]
    assert len(set(places)) == len(places)
    assert len(places) == len(scenario.reports) + len(scenario.transactions)
    for stream in ("report", "transaction"):
        indexes = [index for name, index in places if name == stream]
        assert indexes == list(range(len(indexes)))


def test_times_lie_around_the_start(scenario, start):
    begin = milliseconds(start)
    assert scenario.timeline[0][0] >= begin
    assert scenario.timeline[-1][0] < begin + 72 * 3_600_000


def test_revisions_follow_their_submission(scenario):
    seen: dict[str, Report] = {}
    for event in scenario.reports:
        report = decode_report(orjson.dumps(event))
        if report.revision > 1:
            before = seen[report.key]
            assert report.kind != "submitted"
            assert before.received_at < report.received_at or before == report
        else:
            assert report.kind == "submitted"
        if report.key not in seen or report.revision > seen[report.key].revision:
            seen[report.key] = report


def test_small_and_empty_scenarios(start):
    none = simulate(1, rings=1, reports=0, payments=0, start=start)
    assert none.reports == []
    tiny = simulate(1, rings=2, reports=3, payments=10, start=start)
    assert len(tiny.truth["reports"]) == 3


def test_what_cannot_be_simulated(start):
    with pytest.raises(ValueError, match="ring"):
        simulate(1, rings=0, start=start)
    with pytest.raises(ValueError, match="offset"):
        simulate(1, start=datetime.datetime(2026, 11, 2))  # noqa: DTZ001 - without an offset


def test_it_imports_nothing_of_the_matcher():
    for path in Path(pipeline.simulation.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [each.name for each in node.names] if isinstance(node, ast.Import) else []
            for name in names:
                allowed = ("pipeline.simulation", "pipeline.contracts")
                assert not name.startswith(("pipeline", "agents")) or name.startswith(allowed)


def test_money_goes_through_as_many_accounts_as_asked_for_and_not_more(start):
    truth = simulate(9, rings=12, reports=150, payments=0, hops=7, start=start).truth
    longest = dict.fromkeys((ring["id"] for ring in truth["rings"]), 1)
    for transfer in truth["transfers"]:
        longest[transfer["ring"]] = max(longest[transfer["ring"]], transfer["hop"])
    # Without it no way is longer than 5. A ring with a wallet makes one more payment, out of it.
    assert 5 < max(longest.values()) <= 8
    assert min(longest.values()) == 2
    with pytest.raises(ValueError, match="two accounts"):
        simulate(9, hops=1, start=start)
