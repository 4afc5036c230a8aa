"""Writes Grafana's dashboards: what is asked, and in which order a person looks.

`make deploy-files` runs it. A test compares the files with this code, the queries with
pipeline/metrics.yaml, and asks a real Prometheus every one of them during a run with faults.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "dashboards"
SOURCE = {"type": "prometheus", "uid": "prometheus"}
WIDTH = 24
RATE = "$__rate_interval"
LATE = [(None, "green"), (0.001, "orange"), (0.0144, "red")]
ANY = [(None, "green"), (1, "red")]


@dataclass(frozen=True)
class Panel:
    """One panel: its title, its queries with their legends, and how they are drawn."""

    title: str
    queries: dict[str, str]
    """PromQL by legend."""
    unit: str = "short"
    """Grafana's name of the unit."""
    kind: str = "timeseries"
    """timeseries, or stat for one figure now."""
    width: int = 8
    note: str = ""
    """What the figure means, shown on hovering over the title."""
    steps: list[tuple[float | None, str]] = field(default_factory=list)
    """From which value on which colour."""


@dataclass(frozen=True)
class Row:
    """Panels under one heading; later rows are for those who look further."""

    title: str
    panels: list[Panel]


def quantile(q: float, metric: str, by: str = "") -> str:
    """PromQL for a quantile of a histogram."""
    labels = f"{by}, le" if by else "le"
    return f"histogram_quantile({q}, sum by ({labels}) (rate({metric}_bucket[{RATE}])))"


def rate(metric: str, by: str, selector: str = "") -> str:
    """PromQL for a counter's growth a second."""
    return f"sum by ({by}) (rate({metric}{selector}[{RATE}]))"


def increase(metric: str, by: str) -> str:
    """PromQL for a counter's growth in a day."""
    return f"sum by ({by}) (increase({metric}[24h]))"


def mean(metric: str, by: str) -> str:
    """PromQL for the mean of a histogram."""
    return f"{rate(f'{metric}_sum', by)} / {rate(f'{metric}_count', by)}"


PAGES = 'sum(ALERTS{alertname=~"Freezeline.*", alertstate="firing", severity="page"}) or vector(0)'
REPORTS = '{worker="clustering", topic="reports"}'
TICKETS = PAGES.replace("page", "ticket")

THROUGHPUT = [
    Row(
        "Is anyone harmed now?",
        [
            Panel("Pages", {"firing": PAGES}, kind="stat", width=4, steps=ANY),
            Panel("Tickets", {"open": TICKETS}, kind="stat", width=4),
            Panel(
                "Reports answered late",
                {"in 1 h": "freezeline:reports_late:ratio_rate1h"},
                "percentunit",
                "stat",
                4,
                "Later than 1 s, with an alert or without. Promised: at most 0.1 %.",
                LATE,
            ),
            Panel(
                "Payments screened late",
                {"in 1 h": "freezeline:payments_late:ratio_rate1h"},
                "percentunit",
                "stat",
                4,
                "Postings that an account's owner had later than 1 s. Promised: at most 0.1 %.",
                LATE,
            ),
            Panel(
                "Payments wait",
                {"now": "freezeline:payments_wait:seconds"},
                "s",
                "stat",
                4,
                "How long one that comes now will wait, by what waits and how fast it goes.",
                steps=[(None, "green"), (0.5, "orange"), (1, "red")],
            ),
            Panel(
                "Workers up",
                {"{{agent}}": 'sum by (agent) (up{job="freezeline"})'},
                kind="stat",
                width=4,
                steps=[(None, "red"), (1, "green")],
            ),
        ],
    ),
    Row(
        "How fast",
        [
            Panel(
                "From a report to its alert",
                {
                    "half within": quantile(0.5, "freezeline_report_to_alert_seconds"),
                    "99 % within": quantile(0.99, "freezeline_report_to_alert_seconds"),
                },
                "s",
                note="From a report's entry into Kafka until an alert was acknowledged.",
            ),
            Panel(
                "From a report to its answer",
                {
                    "half within": quantile(0.5, "freezeline_report_to_answer_seconds"),
                    "99.9 % within": quantile(0.999, "freezeline_report_to_answer_seconds"),
                },
                "s",
                note="The same for every report, also for one that gives no alert.",
            ),
            Panel(
                "From a payment to its screening",
                {
                    "half within": quantile(0.5, "freezeline_payment_to_screening_seconds"),
                    "99.9 % within": quantile(0.999, "freezeline_payment_to_screening_seconds"),
                },
                "s",
                note="From a payment's entry into Kafka until its account's owner had screened it.",
            ),
            Panel(
                "Records read",
                {"{{worker}} {{topic}}": "worker_topic:freezeline_records_in:rate1m"},
                "ops",
            ),
            Panel(
                "Outputs sent",
                {"{{worker}} {{topic}}": rate("freezeline_records_out_total", "worker, topic")},
                "ops",
            ),
            Panel(
                "Where a batch's time goes",
                {"{{worker}} {{stage}}": mean("freezeline_stage_seconds", "worker, stage")},
                "s",
                note="fold is our work, acknowledge is Kafka, write is the worker's disk.",
            ),
            Panel("Records in a batch", {"{{worker}}": mean("freezeline_batch_records", "worker")}),
            Panel(
                "Records that wait",
                {"{{worker}} {{topic}}": "worker_topic:freezeline_lag_records:sum"},
            ),
        ],
    ),
    Row(
        "Partitions",
        [
            Panel(
                "Records that wait, by partition",
                {"{{topic}} {{partition}}": "freezeline_consumer_lag_records"},
            ),
            Panel("State on disk", {"{{worker}} {{partition}}": "freezeline_state_bytes"}, "bytes"),
            Panel(
                "Free on the disk",
                {"{{worker}}": "freezeline_disk_free_bytes / freezeline_disk_bytes"},
                "percentunit",
            ),
            Panel(
                "The accounts' clock is slow by",
                {"{{partition}}": "time() - freezeline_newest_tick_seconds"},
                "s",
            ),
            Panel("Entries in state", {"{{worker}} {{partition}}": "freezeline_state_entries"}),
            Panel(
                "Standby behind",
                {"{{worker}} {{partition}}": "freezeline_standby_lag_records"},
                note="Records that the standby has not folded and the owner has answered.",
            ),
        ],
    ),
    Row(
        "Trouble",
        [
            Panel(
                "Refused",
                {"{{topic}} {{reason}}": rate("freezeline_dead_letters_total", "topic, reason")},
                "ops",
            ),
            Panel("Limits hit", {"{{limit}}": rate("freezeline_limit_hits_total", "limit")}),
            Panel(
                "Rebalances in 10 min",
                {"{{worker}}": "sum by (worker) (increase(freezeline_rebalances_total[10m]))"},
            ),
            Panel(
                "Known already",
                {"{{worker}}": rate("freezeline_duplicates_total", "worker")},
                "ops",
                note="Events that said again what was known, by id.",
            ),
            Panel(
                "Payments that contradict another of their id, in 1 h",
                {"payments": "sum(increase(freezeline_contradicted_payments_total[1h]))"},
                note="Banks that use a number again: of two payments one is lost.",
            ),
            Panel(
                "Taken over into an empty store",
                {"{{topic}}": rate("freezeline_restored_records_total", "topic")},
                "ops",
            ),
            Panel(
                "Said again after an overwriting",
                {"records": f"sum(rate(freezeline_said_again_total[{RATE}])) or vector(0)"},
                "ops",
            ),
            Panel(
                "Versions", {"{{version}}": "count by (version) (freezeline_build_info)"}, width=24
            ),
        ],
    ),
]

OPERATIONS = [
    Row(
        "Today",
        [
            Panel(
                "Holds asked for",
                {"24 h": 'sum(increase(freezeline_alerts_total{kind="hold"}[24h]))'},
                kind="stat",
                width=4,
                note="Every version counts: a hold whose amount changes is asked for again.",
            ),
            Panel(
                "Releases",
                {"24 h": 'sum(increase(freezeline_alerts_total{kind="release"}[24h]))'},
                kind="stat",
                width=4,
            ),
            Panel(
                "Victims warned",
                {"24 h": 'sum(increase(freezeline_alerts_total{kind="victim_still_paying"}[24h]))'},
                kind="stat",
                width=4,
            ),
            Panel("Reports", {"all": "sum(freezeline_reports)"}, kind="stat", width=4),
            Panel("Clusters", {"all": "sum(freezeline_clusters)"}, kind="stat", width=4),
            Panel(
                "Accounts with a case",
                {"all": "sum(freezeline_account_files)"},
                kind="stat",
                width=4,
            ),
        ],
    ),
    Row(
        "What was asked",
        [
            Panel(
                "Alerts a minute, by what is asked",
                {"{{kind}}": f"60 * {rate('freezeline_alerts_total', 'kind')}"},
                width=12,
            ),
            Panel(
                "Alerts a minute, by the account's level",
                {"{{level}}": f"60 * {rate('freezeline_alerts_total', 'level')}"},
                width=12,
                note="Only black, dark grey and light grey accounts are held.",
            ),
            Panel(
                "Reports an hour, by source",
                {"{{source}}": f"3600 * {rate('freezeline_reports_by_source_total', 'source')}"},
                width=24,
                note="A hotline that falls silent has victims that nobody hears.",
            ),
            Panel(
                "Releases for each hold",
                {
                    "24 h": 'sum(increase(freezeline_alerts_total{kind="release"}[24h])) / '
                    'sum(increase(freezeline_alerts_total{kind="hold"}[24h]))'
                },
                "percentunit",
                width=12,
                note="Many releases: reports that are withdrawn, or money that is gone too soon.",
            ),
            Panel(
                "From a report to its alert",
                {"99 % within": quantile(0.99, "freezeline_report_to_alert_seconds")},
                "s",
                width=12,
            ),
        ],
    ),
    Row(
        "Money",
        [
            Panel(
                "Baht asked to be held in 24 h, by what it rests on",
                {"{{grounds}}": f"{increase('freezeline_asked_satang_total', 'grounds')} / 100"},
                width=12,
                note="Of a hold whose amount is raised, only what is more.",
            ),
            Panel(
                "Baht let go in 24 h, by reason",
                {"{{reason}}": f"{increase('freezeline_let_go_satang_total', 'reason')} / 100"},
                width=12,
                note="superseded: another hold asks for the same money. money_gone: it moved on, "
                "and is followed. lowered: the hold stands for less. passed_on: it is for the "
                "account behind a proxy.",
            ),
        ],
    ),
    Row(
        "What comes in",
        [
            Panel(
                "Reports a minute",
                {"reports": f"60 * {rate('freezeline_records_in_total', 'topic', REPORTS)}"},
                width=12,
            ),
            Panel(
                "Refused, of all that came in",
                {"{{topic}}": "topic:freezeline_dead_letters:ratio_increase10m"},
                "percentunit",
                width=12,
            ),
        ],
    ),
]

PARTNER = [
    Row(
        "What we take and what we refuse",
        [
            Panel(
                "Events a second",
                {"{{topic}}": rate("freezeline_records_in_total", "topic", '{topic=~"$topic"}')},
                "ops",
                width=12,
            ),
            Panel(
                "Refused, by reason",
                {
                    "{{topic}} {{reason}}": rate(
                        "freezeline_dead_letters_total", "topic, reason", '{topic=~"$topic"}'
                    )
                },
                "ops",
                width=12,
                note="The dead letter itself has the original bytes, its offset and the reason.",
            ),
            Panel(
                "Refused, of what came in",
                {"{{topic}}": 'topic:freezeline_dead_letters:ratio_increase10m{topic=~"$topic"}'},
                "percentunit",
                width=12,
            ),
            Panel(
                "How old events are when they come",
                {
                    "{{worker}} half": quantile(0.5, "freezeline_event_delay_seconds", "worker"),
                    "{{worker}} 95 %": quantile(0.95, "freezeline_event_delay_seconds", "worker"),
                },
                "s",
                width=12,
                note="clustering: reports. intake: payments and answers.",
            ),
        ],
    ),
]

DASHBOARDS = {
    "throughput": ("Freezeline: throughput", THROUGHPUT, []),
    "operations": ("Freezeline: signal", OPERATIONS, []),
    "partner": ("Freezeline: one partner", PARTNER, ["reports", "transactions", "hold-updates"]),
}


def dashboards() -> dict[str, str]:
    """Return the content of each file by its name."""
    return {
        f"{name}.json": json.dumps(
            _dashboard(name, title, rows, topics), indent=1, ensure_ascii=False
        )
        + "\n"
        for name, (title, rows, topics) in DASHBOARDS.items()
    }


def _dashboard(name: str, title: str, rows: list[Row], topics: list[str]) -> dict[str, Any]:
    return {
        "uid": f"freezeline-{name}",
        "title": title,
        "tags": ["freezeline"],
        "schemaVersion": 41,
        "editable": False,
        "refresh": "10s",
        "time": {"from": "now-1h", "to": "now"},
        "timezone": "browser",
        "templating": {"list": [_topic_variable(topics)] if topics else []},
        "panels": list(_panels(rows)),
    }


def _topic_variable(topics: list[str]) -> dict[str, Any]:
    return {
        "name": "topic",
        "label": "Topic",
        "type": "custom",
        "query": ",".join(topics),
        "multi": True,
        "includeAll": True,
        "allValue": "|".join(topics),
        "current": {"text": "All", "value": "$__all"},
        "options": [],
    }


def _panels(rows: list[Row]) -> Iterator[dict[str, Any]]:
    number, top = 0, 0
    for row in rows:
        number += 1
        yield {
            "id": number,
            "type": "row",
            "title": row.title,
            "collapsed": False,
            "panels": [],
            "gridPos": {"h": 1, "w": WIDTH, "x": 0, "y": top},
        }
        top += 1
        left, height = 0, 0
        for panel in row.panels:
            number += 1
            if left + panel.width > WIDTH:
                left, top = 0, top + height
            height = 4 if panel.kind == "stat" else 8
            yield _panel(number, panel, {"h": height, "w": panel.width, "x": left, "y": top})
            left += panel.width
        top += height


def _panel(number: int, panel: Panel, place: dict[str, int]) -> dict[str, Any]:
    steps = [{"value": value, "color": colour} for value, colour in panel.steps]
    defaults: dict[str, Any] = {"unit": panel.unit}
    if steps:
        defaults["thresholds"] = {"mode": "absolute", "steps": steps}
    shown: dict[str, Any] = {"legend": {"displayMode": "list", "placement": "bottom"}}
    if panel.kind == "stat":
        shown = {"reduceOptions": {"calcs": ["lastNotNull"]}, "colorMode": "value"}
    return {
        "id": number,
        "type": panel.kind,
        "title": panel.title,
        "description": panel.note,
        "datasource": SOURCE,
        "gridPos": place,
        "fieldConfig": {"defaults": defaults, "overrides": []},
        "options": shown,
        "targets": [
            {
                "refId": chr(ord("A") + place),
                "datasource": SOURCE,
                "expr": query,
                "legendFormat": legend,
                "instant": panel.kind == "stat",
                "range": panel.kind != "stat",
            }
            for place, (legend, query) in enumerate(panel.queries.items())
        ],
    }


if __name__ == "__main__":
    for file, content in dashboards().items():
        (FOLDER / file).write_text(content, encoding="utf-8")
