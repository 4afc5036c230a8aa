"""A second clustering worker follows warm, and takes over with a state that is nearly there."""

from __future__ import annotations

import urllib.request
from pathlib import Path

import pytest

from agents.worker import WorkerName
from tests.agents.kafka_records import wait_for
from tests.integration.stage import (
    free_port,
    outcome,
    publish,
    records_of,
    replayed,
    settle,
    small_scenario,
    stage,
)


def figure(port: int, metric: str) -> float | None:
    """The sum over a metric's labels at a worker; None while it has none."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
        lines = answer.read().decode().splitlines()
    found = [float(line.rpartition(" ")[2]) for line in lines if line.startswith(metric + "{")]
    return sum(found) if found else None


@pytest.mark.timeout(180)
def test_a_standby_folds_what_was_answered_and_takes_over(tmp_path: Path) -> None:
    scenario = small_scenario()
    with stage(tmp_path) as cluster:
        standby = cluster.add_worker(WorkerName.CLUSTERING, free_port(), "1")
        cluster.wait_until_ready()
        records = records_of(scenario, cluster.settings.national_id_key())
        half = len(records) // 2
        publish(cluster, records[:half])
        settle(cluster)
        owner = next(worker for worker in cluster.workers if worker.name is WorkerName.CLUSTERING)
        if figure(owner.http_port, "freezeline_consumer_lag_records") is None:
            owner, standby = standby, owner
        wait_for(lambda: figure(standby.http_port, "freezeline_standby_lag_records") == 0)
        wait_for(lambda: figure(standby.http_port, "freezeline_records_in_total"))
        assert not figure(standby.http_port, "freezeline_records_out_total")

        owner.kill()
        publish(cluster, records[half:])
        settle(cluster)
        assert "standby_takes_over" in standby.log_file.read_text()
        assert outcome(cluster).differences(replayed(scenario)) == []
