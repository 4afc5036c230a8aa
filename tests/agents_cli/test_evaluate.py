"""`freezeline evaluate` on what `simulate` and `replay` write."""

import datetime

import orjson
import pytest
from typer.testing import CliRunner

from agents.cli import app, register_commands
from agents.cli.simulate import write_scenario
from pipeline.simulation.scenario import simulate

START = datetime.datetime.fromisoformat("2026-11-02T08:00:00+07:00")


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    folder = tmp_path_factory.mktemp("world")
    write_scenario(simulate(5, rings=4, reports=60, payments=600, start=START), folder)
    names = {n: str(folder / f"{n}.jsonl") for n in ("reports", "transactions", "timeline")}
    options = [part for name, path in names.items() for part in (f"--{name}", path)]
    assert _run("replay", *options, "--out", str(folder / "out")).exit_code == 0
    return folder


def _run(*arguments):
    register_commands(app, arguments)
    return CliRunner().invoke(app, arguments)


def _evaluate(world, *more, truth=None):
    return _run(
        "evaluate",
        "--truth",
        str(truth or world / "truth.json"),
        "--clusters",
        str(world / "out" / "clusters.jsonl"),
        "--alerts",
        str(world / "out" / "freeze-alerts.jsonl"),
        *more,
    )


def test_the_figures_come_as_one_line_of_json(world):
    shown = _evaluate(world, "--json")
    assert shown.exit_code == 0
    (line,) = shown.output.splitlines()
    answer = orjson.loads(line)
    assert 0.5 < answer["figures"]["clusters"]["pairwise_f1"]["value"] <= 1
    assert answer["figures"]["reports"] > 50
    assert answer["lost_by_difficulty"]["any"][0] > 40


def test_people_see_figures_causes_and_cases(world):
    shown = _evaluate(world)
    assert shown.exit_code == 0
    for word in ("clusters pairwise f1", "innocent hold rate", "mule recall", "difficulty"):
        assert word in shown.output


def test_a_truth_of_reports_and_groups_alone_is_enough(world, tmp_path):
    whole = orjson.loads((world / "truth.json").read_bytes())
    bare = [{"report": r["report"], "group": r["group"]} for r in whole["reports"]]
    (tmp_path / "bare.json").write_bytes(orjson.dumps({"reports": bare}))
    shown = _evaluate(world, "--json", truth=tmp_path / "bare.json")
    assert shown.exit_code == 0
    assert orjson.loads(shown.output)["figures"]["clusters"]["pairwise_f1"]["value"] > 0.5


def test_what_is_no_truth_is_refused_in_one_sentence(world, tmp_path):
    (tmp_path / "bad.json").write_bytes(b'{"reports": [{"group": 1}]}')
    shown = _evaluate(world, truth=tmp_path / "bad.json")
    assert shown.exit_code != 0
    assert "is no truth" in str(shown.exception)


def test_with_the_payments_there_are_figures_about_money(world):
    shown = _evaluate(world, "--transactions", str(world / "transactions.jsonl"), "--json")
    money = orjson.loads(shown.output)["figures"]["money"]
    assert 0 < money["reachable_at_alert_satang"] <= money["stolen_satang"]
    assert money["money_covered"] > 0.99
    assert money["over_hold_satang"] == 0
    for_people = _evaluate(world, "--transactions", str(world / "transactions.jsonl")).output
    for word in ("money covered", "innocent satang share", "report to last hold median s"):
        assert word in for_people
