"""Faults: killed workers, a lost disk, a broker that goes away; the outcome stays the same."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from agents.worker import WorkerName
from tests.integration.stage import (
    outcome,
    publish,
    records_of,
    replayed,
    settle,
    small_scenario,
    stage,
)

pytestmark = pytest.mark.timeout(400)


def parts(records, count):
    size = len(records) // count + 1
    return [records[start : start + size] for start in range(0, len(records), size)]


def test_killed_workers_a_second_worker_and_a_lost_disk_leave_the_same_outcome(tmp_path):
    scenario = small_scenario(seed=11)
    with stage(tmp_path) as cluster:
        records = records_of(scenario, cluster.settings.national_id_key())
        second = cluster.add_worker(WorkerName.ACCOUNTS, cluster.workers[-1].http_port + 1, tag="1")
        cluster.wait_until_ready()
        workers = {worker.name: worker for worker in cluster.workers if worker is not second}
        portions = parts(records, 5)
        publish(cluster, portions[0])
        for name, portion in zip(WorkerName, portions[1:4], strict=True):
            workers[name].kill()
            publish(cluster, portion)
            workers[name].start()
        second.kill()
        shutil.rmtree(Path(second.environment["FREEZELINE_STATE_DIR"]))
        publish(cluster, portions[4])
        second.start()
        cluster.wait_until_ready()
        settle(cluster)
        assert outcome(cluster).differences(replayed(scenario)) == []


def test_a_lost_disk_of_every_worker_says_nothing_new_and_goes_on(tmp_path):
    scenario = small_scenario(seed=12, payments=1500)
    with stage(tmp_path) as cluster:
        records = records_of(scenario, cluster.settings.national_id_key())
        half = len(records) // 2
        publish(cluster, records[:half])
        settle(cluster)
        assert [worker.stop() for worker in cluster.workers] == [0, 0, 0]
        for worker in cluster.workers:
            shutil.rmtree(Path(worker.environment["FREEZELINE_STATE_DIR"]), ignore_errors=True)
        for worker in cluster.workers:
            worker.start()
        cluster.wait_until_ready()
        settle(cluster)
        publish(cluster, records[half:])
        settle(cluster)
        assert outcome(cluster).differences(replayed(scenario)) == []


def test_a_broker_that_goes_away_and_comes_back_loses_nothing(tmp_path):
    scenario = small_scenario(seed=13, payments=1500)
    with stage(tmp_path) as cluster:
        assert cluster.kafka is not None
        records = records_of(scenario, cluster.settings.national_id_key())
        first, rest = records[: len(records) // 2], records[len(records) // 2 :]
        publish(cluster, first)
        cluster.kafka.stop()
        cluster.kafka.start()
        publish(cluster, rest)
        for worker in cluster.workers:
            if worker.process is not None and worker.process.poll() is not None:
                worker.start()
        settle(cluster)
        assert outcome(cluster).differences(replayed(scenario)) == []
