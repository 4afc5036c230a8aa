"""Prometheus' rules: each alert fires when it should and not when it should not, and has a page."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline.metrics import load_metrics
from pipeline.topics import AGENTS, PARTIES, load_topics
from tests.deploy.prometheus_tools import prometheus_tool

pytestmark = pytest.mark.timeout(400)

DEPLOY = Path(__file__).parents[2] / "deploy"
FOLDER = DEPLOY / "prometheus"
RULE_FILES = sorted((FOLDER / "rules").glob("*.yml"))
RULE_TESTS = sorted(FOLDER.glob("*.test.yml"))
RUNBOOKS = DEPLOY / "runbooks"
SECTIONS = ["What it means for people", "How to see it", "What to do", "What not to do"]
SUFFIXES = ("_bucket", "_count", "_sum")


def _rules() -> list[dict[str, Any]]:
    groups = [g for path in RULE_FILES for g in yaml.safe_load(path.read_text())["groups"]]
    assert len({group["name"] for group in groups}) == len(groups)
    return [rule for group in groups for rule in group["rules"]]


ALERTS = sorted({rule["alert"] for rule in _rules() if "alert" in rule})


def metrics_in(expression: str) -> set[str]:
    """The names of our metrics in an expression, without what Prometheus adds to a histogram's."""
    found = set()
    for name in re.findall(r"\bfreezeline_[a-z_]+\b(?!:)", expression):
        for suffix in SUFFIXES:
            name = name.removesuffix(suffix)
        found.add(name)
    return found


def test_only_metrics_and_recordings_that_exist_are_used() -> None:
    exposed = {metric.exposed_name for metric in load_metrics().values()}
    recorded = {rule["record"] for rule in _rules() if "record" in rule}
    for rule in _rules():
        without_recorded = re.sub(r"\b[a-z_]+:[a-z_:0-9]+\b", "", rule["expr"])
        assert metrics_in(without_recorded) <= exposed, rule
        used = set(re.findall(r"\b[a-z_]+:[a-z_]+:[a-z_0-9]+\b", rule["expr"]))
        assert used <= recorded | {rule.get("record")}, rule


def test_labels_in_rules_have_values_that_exist() -> None:
    known = {"topic": set(load_topics()), "worker": AGENTS, "agent": AGENTS}
    for rule in _rules():
        for label, values in re.findall(r'\b(topic|worker|agent)=~?"([^"]+)"', rule["expr"]):
            assert set(values.split("|")) <= known[label], rule
    assert not AGENTS & PARTIES


def test_every_late_answer_is_counted_at_the_second_that_is_promised() -> None:
    for metric in ("report_to_answer_seconds", "payment_to_screening_seconds"):
        assert 1 in load_metrics()[metric].buckets


@pytest.mark.parametrize("alert", ALERTS)
def test_an_alert_says_who_is_woken_and_has_a_page_that_says_what_to_do(alert: str) -> None:
    for rule in (rule for rule in _rules() if rule.get("alert") == alert):
        assert rule["labels"]["severity"] in {"page", "ticket"}
        assert rule["annotations"].keys() == {"summary", "description", "runbook"}
        assert rule["annotations"]["runbook"] == f"deploy/runbooks/{alert}.md"
    text = (RUNBOOKS / f"{alert}.md").read_text(encoding="utf-8")
    title, *parts = re.split(r"^## ", text, flags=re.MULTILINE)
    assert title.startswith(f"# {alert}: ")
    assert [part.splitlines()[0] for part in parts] == SECTIONS
    assert all(len(part.split()) > 12 for part in parts), "a section says too little"


def test_no_page_is_without_its_alert_and_what_pages_name_exists() -> None:
    pages = {path.stem: path.read_text(encoding="utf-8") for path in RUNBOOKS.glob("*.md")}
    assert sorted(pages) == ALERTS
    for text in pages.values():
        assert set(re.findall(r"\bFreezeline[A-Z]\w+", text)) <= set(ALERTS)


def _tried(fires: bool) -> set[str]:
    return {
        test["alertname"]
        for path in RULE_TESTS
        for group in yaml.safe_load(path.read_text())["tests"]
        for test in group["alert_rule_test"]
        if bool(test.get("exp_alerts")) == fires
    }


def test_every_alert_is_tried_where_it_fires_and_where_it_does_not() -> None:
    assert _tried(fires=True) == _tried(fires=False) == set(ALERTS)


def test_the_rules_and_the_configuration_are_what_prometheus_takes() -> None:
    _promtool("check", "rules", "--lint=all", "--lint-fatal", *map(str, RULE_FILES))
    for name in ("prometheus.yml", "local.yml"):
        _promtool("check", "config", "--lint=all", str(FOLDER / name))


@pytest.mark.parametrize("path", RULE_TESTS, ids=lambda path: path.name)
def test_alerts_fire_when_they_should_and_not_otherwise(path: Path) -> None:
    _promtool("test", "rules", path.name)


def _promtool(*arguments: str) -> None:
    command = [str(prometheus_tool("promtool")), *arguments]
    done = subprocess.run(command, cwd=FOLDER, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
