"""The last release and this one, side by side in one group: the result of an undisturbed run."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from rocksdict import AccessType, Options, Rdict

from agents.local.cluster import LocalCluster
from agents.worker import WorkerName
from tests.integration.stage import (
    events_of,
    free_port,
    free_ports,
    publish,
    records_of,
    settle,
    small_scenario,
)
from tests.recovery.verdict import judge
from tests.upgrade.released import TOP, last_released, state_format

pytestmark = pytest.mark.timeout(500)


@pytest.fixture(scope="module")
def released(tmp_path_factory):
    """The last release, laid out."""
    found = last_released(tmp_path_factory.mktemp("released") / "tree")
    print(f"the last release is {found.name}")
    return found


def roll(cluster, workers, records, environment):
    """Stop workers in order and start them with other code, while records are published."""
    flow = threading.Thread(target=publish, args=(cluster, records))
    flow.start()
    for worker in workers:
        assert worker.stop() == 0
        for name in ("PYTHONPATH", "PYTHONSAFEPATH"):
            worker.environment.pop(name, None)
        worker.environment.update(environment)
        worker.start()
    cluster.wait_until_ready()
    flow.join()


def formats_of(worker):
    """The formats of the states that a stopped worker has written."""
    state = Path(worker.environment["FREEZELINE_STATE_DIR"]) / worker.name
    found = set()
    for store in sorted(state.glob("*/CURRENT")):
        options = Options(raw_mode=True)
        db = Rdict(str(store.parent), options, access_type=AccessType.read_only())
        found.add(db.get(b"\x00\x00runtime/format").decode())
        db.close()
    return found


def said_why(worker, since):
    """Why a worker has begun states anew, since so many characters of its log."""
    lines = worker.log_file.read_text()[since:].splitlines()
    return [line for line in lines if '"event":"store_rebuild"' in line]


def test_a_rolling_upgrade_and_a_roll_back_change_nothing(tmp_path, released):
    ours = state_format(TOP)
    scenario = small_scenario(seed=41, payments=1500)
    events = events_of(scenario)
    cluster = LocalCluster.start(tmp_path, port=free_port(), http_port=free_ports(8), names=())
    try:
        records = records_of(scenario, cluster.settings.national_id_key())
        part = len(records) // 5
        ports = iter(range(first := free_ports(6), first + 6))
        for tag in "01":
            for name in WorkerName:
                cluster.add_worker(name, next(ports), tag, released.environment())
        cluster.wait_until_ready()
        publish(cluster, records[:part])
        lower, upper = cluster.workers[:3], cluster.workers[3:]

        # Half of each kind is new; then all are; then half are old again.
        before = [len(worker.log_file.read_text()) for worker in upper]
        roll(cluster, upper, records[part : 2 * part], {})
        if ours != released.state_format:
            (line, *_) = said_why(upper[-1], before[-1])
            assert '"reason":"format"' in line
        publish(cluster, records[2 * part : 3 * part])
        roll(cluster, lower, records[3 * part : 4 * part], {})
        before = [len(worker.log_file.read_text()) for worker in upper]
        roll(cluster, upper, records[4 * part :], released.environment())
        if ours != released.state_format:
            (line, *_) = said_why(upper[-1], before[-1])
            assert '"reason":"format"' in line
        settle(cluster)

        verdict = judge(cluster, events)
        assert (verdict.lost, verdict.differing, verdict.unequal_repeats) == ([], [], [])
        assert verdict.alerts > 0
        for worker in cluster.workers:
            assert worker.stop() == 0
        # Each code has written its own; partitions that have moved away keep what they had.
        assert ours in formats_of(lower[-1])
        assert released.state_format in formats_of(upper[-1])
    finally:
        cluster.stop()


def test_without_a_tag_this_tree_stands_in_with_another_format(tmp_path, monkeypatch):
    monkeypatch.setattr("tests.upgrade.released._newest_tag", lambda: None)
    stand_in = last_released(tmp_path / "tree")
    assert stand_in.state_format != state_format(TOP)
    assert (stand_in.tree / "topics.yaml").is_file()
    assert not list(stand_in.tree.rglob("__pycache__"))
