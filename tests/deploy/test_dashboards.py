"""The dashboards are what their code says, and ask only for what there is."""

from __future__ import annotations

import importlib.util
import json
import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

from pipeline.metrics import load_metrics
from pipeline.topics import PARTIES, load_topics
from tests.deploy.test_rules import RULE_FILES, metrics_in
from tests.integration.observing import panel_queries

GRAFANA = Path(__file__).parents[2] / "deploy" / "grafana"
FILES = sorted((GRAFANA / "dashboards").glob("*.json"))


@pytest.fixture(scope="module")
def build() -> ModuleType:
    spec = importlib.util.spec_from_file_location("grafana_build", GRAFANA / "build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # Its dataclasses look for their module by name.
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def _dashboards() -> dict[str, dict[str, Any]]:
    return {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in FILES}


def test_the_files_are_what_the_code_writes(build: ModuleType) -> None:
    written = {path.name: path.read_text(encoding="utf-8") for path in FILES}
    assert written == build.dashboards(), "make deploy-files writes them anew"


def test_panels_ask_for_metrics_and_recordings_that_exist() -> None:
    exposed = {metric.exposed_name for metric in load_metrics().values()}
    groups = [g for path in RULE_FILES for g in yaml.safe_load(path.read_text())["groups"]]
    recorded = {rule.get("record") for group in groups for rule in group["rules"]}
    for where, query in panel_queries().items():
        assert set(re.findall(r"\b[a-z_]+:[a-z_]+:[a-z_0-9]+\b", query)) <= recorded, where
        assert metrics_in(re.sub(r"\b[a-z_]+:[a-z_:0-9]+\b", "", query)) <= exposed, where
        assert "$" not in query, where


def test_every_declared_metric_is_on_a_dashboard_or_in_a_rule() -> None:
    rules = "".join(path.read_text() for path in RULE_FILES)
    used = metrics_in(" ".join(panel_queries().values())) | metrics_in(rules)
    assert {metric.exposed_name for metric in load_metrics().values()} <= used


def test_no_two_panels_overlap_and_none_is_wider_than_the_screen() -> None:
    for name, dashboard in _dashboards().items():
        taken: set[tuple[int, int]] = set()
        for panel in dashboard["panels"]:
            place = panel["gridPos"]
            cells = {
                (place["x"] + x, place["y"] + y)
                for x in range(place["w"])
                for y in range(place["h"])
            }
            assert not cells & taken, (name, panel["title"])
            assert place["x"] + place["w"] <= 24, (name, panel["title"])
            taken |= cells


def test_a_partner_sees_every_topic_that_partners_write() -> None:
    (variable,) = _dashboards()["partner"]["templating"]["list"]
    partners = PARTIES - {"operations"}
    written = {name for name, topic in load_topics().items() if partners & set(topic.producers)}
    assert set(variable["query"].split(",")) == written


def test_grafana_finds_the_source_that_the_panels_name() -> None:
    text = (GRAFANA / "provisioning" / "datasources" / "prometheus.yml").read_text()
    (source,) = yaml.safe_load(text)["datasources"]
    used = {
        target["datasource"]["uid"]
        for dashboard in _dashboards().values()
        for panel in dashboard["panels"]
        for target in panel.get("targets", [])
    }
    assert used == {source["uid"]}
    assert len({dashboard["uid"] for dashboard in _dashboards().values()}) == len(FILES)
