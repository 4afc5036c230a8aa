"""A real Prometheus that watches a local cluster with the rules of ``deploy/``, only faster."""

from __future__ import annotations

import json
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from agents.local.cluster import LocalWorker
from agents.local.parent_death import end_with_parent
from tests.deploy.prometheus_tools import prometheus_tool
from tests.integration.stage import free_port

DEPLOY = Path(__file__).parents[2] / "deploy"
WAIT_SECONDS = 60.0
OF_THE_DISK = {"FreezelineStateNearLimit", "FreezelineDiskFilling"}
"""Alerts about this machine's disk, whatever fills it; `deploy/prometheus/*.test.yml` test them."""


@dataclass(frozen=True)
class Prometheus:
    """A running Prometheus; ask it."""

    address: str

    def ask(self, query: str) -> list[dict[str, Any]]:
        """The result of a query now: a list of series, each with its labels and its value."""
        parameters = urllib.parse.urlencode({"query": query})
        url = f"{self.address}/api/v1/query?{parameters}"
        with urllib.request.urlopen(url, timeout=10) as answer:
            body = json.loads(answer.read())
        assert body["status"] == "success", body
        result = body["data"]["result"]
        return (
            [{"metric": {}, "value": result}] if body["data"]["resultType"] == "scalar" else result
        )

    def has_fired(self, since: float, severity: str = ".*") -> dict[str, set[str]]:
        """The alerts that were firing at any time ``since``, each with what it fired about."""
        seconds = int(time.time() - since)
        query = f'max_over_time(ALERTS{{alertstate="firing", severity=~"{severity}"}}[{seconds}s])'
        fired: dict[str, set[str]] = {}
        for series in self.ask(query):
            labels = series["metric"]
            about = labels.get("agent") or labels.get("topic") or labels.get("worker") or ""
            fired.setdefault(labels["alertname"], set()).add(about)
        return fired

    def wait_for(self, query: str, enough: Callable[[float], bool] = bool) -> None:
        """Wait until a query has a value that is enough."""
        deadline = time.monotonic() + WAIT_SECONDS
        while not any(enough(float(series["value"][1])) for series in self.ask(query)):
            assert time.monotonic() < deadline, f"Prometheus never said {query}"
            time.sleep(0.5)


@contextmanager
def prometheus(folder: Path, workers: list[LocalWorker]) -> Iterator[Prometheus]:
    """Watch ``workers`` with the rules as they are, but each alert fires at its first sight.

    Alerts `OF_THE_DISK` are left out.
    """
    (folder / "rules").mkdir(parents=True)
    for path in (DEPLOY / "prometheus" / "rules").glob("*.yml"):
        rules = yaml.safe_load(path.read_text())
        for group in rules["groups"]:
            group["rules"] = [r for r in group["rules"] if r.get("alert") not in OF_THE_DISK]
            for rule in group["rules"]:
                if "for" in rule:
                    rule["for"] = "1s"
        (folder / "rules" / path.name).write_text(yaml.safe_dump(rules))
    config = yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yml").read_text())
    config["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    for target in config["scrape_configs"][0]["static_configs"]:
        ports = [w.http_port for w in workers if w.name == target["labels"]["agent"]]
        target["targets"] = [f"127.0.0.1:{port}" for port in ports]
    (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
    address = f"127.0.0.1:{free_port()}"
    with (folder / "prometheus.log").open("wb") as log:
        process = subprocess.Popen(
            [
                str(prometheus_tool("prometheus")),
                f"--config.file={folder / 'prometheus.yml'}",
                f"--storage.tsdb.path={folder / 'data'}",
                f"--web.listen-address={address}",
            ],
            stdout=log,
            stderr=log,
            preexec_fn=end_with_parent,
        )
    try:
        _wait_until_ready(process, address, folder)
        yield Prometheus(f"http://{address}")
    finally:
        process.terminate()
        process.wait(20)


def _wait_until_ready(process: subprocess.Popen[bytes], address: str, folder: Path) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while True:
        try:
            urllib.request.urlopen(f"http://{address}/-/ready", timeout=2).close()
        except (urllib.error.URLError, OSError):
            log = (folder / "prometheus.log").read_text()
            assert process.poll() is None, log
            assert time.monotonic() < deadline, log
            time.sleep(0.2)
        else:
            return


def panel_queries() -> dict[str, str]:
    """Every query of every dashboard, by dashboard, panel and legend, with its variables set."""
    queries = {}
    for path in sorted((DEPLOY / "grafana" / "dashboards").glob("*.json")):
        dashboard = json.loads(path.read_text(encoding="utf-8"))
        variables = {v["name"]: v["allValue"] for v in dashboard["templating"]["list"]}
        for panel in dashboard["panels"]:
            for target in panel.get("targets", []):
                query = target["expr"].replace("$__rate_interval", "1m")
                for name, value in variables.items():
                    query = query.replace(f"${name}", value)
                where = f"{path.stem}: {panel['title']}: {target['legendFormat']}"
                queries[where] = query
    return queries
