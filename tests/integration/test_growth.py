"""The account-log gets more partitions: whatever cuts that short, no alert is lost or repeated."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections import Counter

import orjson
import pytest

from agents.doctor import examine
from agents.findings import State
from agents.kafka.reading import TopicReader
from agents.kafka.topic_admin import check_topics
from agents.upkeep.growth import GrowthRefused, grow, hindrances, prospect, wait_for_standstill
from agents.upkeep.record_copy import record_copier
from agents.worker import WorkerName
from pipeline.accounts.file import AccountFile, encode_file
from pipeline.accounts.moving import head_version, owner_of_part
from pipeline.accounts.parts import is_block
from pipeline.contracts.account_log import partition_of
from pipeline.topics import ACCOUNT_FILES, ACCOUNT_LOG, FREEZE_ALERTS, load_topics
from tests.integration.stage import (
    outcome,
    publish,
    records_in,
    records_of,
    replayed,
    settle,
    small_scenario,
    stage,
)

pytestmark = pytest.mark.timeout(400)


class Cut(Exception):
    """The end of an attempt, at a moment that the test has chosen."""


def cut_at(steps):
    """Tell nothing, and end the attempt at its so manieth step."""
    said = iter(range(steps - 1))

    def tell(_):
        if next(said, None) is None:
            raise Cut

    return tell


def killed_behind(cluster, lines, to):
    """Run the command, and kill -9 it while it does what follows so many lines; return its code."""
    command = [sys.executable, "-m", "agents.cli", "topics", "grow", "--to", str(to)]
    with subprocess.Popen(
        [*command, "--bootstrap", cluster.settings.bootstrap], stdout=subprocess.PIPE
    ) as process:
        told = [process.stdout.readline().decode() for _ in range(lines)]
        process.kill()
        print(f"killed behind: {''.join(told)}")
        return process.wait()


def doctor(cluster):
    """What `freezeline doctor` says is wrong."""
    found = examine(cluster.settings, load_topics(), workers=[], principals=None)
    return " ".join(each.sentence for each in found if each.state is State.WRONG)


def partitions(cluster):
    with TopicReader(cluster.settings) as reader:
        return [len(reader.partitions(topic)) for topic in (ACCOUNT_LOG, ACCOUNT_FILES)]


def said(cluster):
    """Every alert on the wire, by id and version, and how often."""
    alerts = (orjson.loads(record.value) for record in records_in(cluster, FREEZE_ALERTS))
    return Counter((alert["alert_id"], alert["version"]) for alert in alerts)


def test_from_four_to_eight_partitions_whatever_cuts_it_short(tmp_path):
    scenario = small_scenario(seed=21, payments=1500)
    with stage(tmp_path) as cluster:
        records = records_of(scenario, cluster.settings.national_id_key())
        half = len(records) // 2
        publish(cluster, records[:half])
        workers = {worker.name: worker for worker in cluster.workers}

        # Not while anything runs or is behind, and not to any number.
        assert len(hindrances(cluster.settings)) == 3
        with pytest.raises(GrowthRefused, match="workers are running"):
            grow(cluster.settings, 8, print)
        with pytest.raises(GrowthRefused, match="not to 6"):
            prospect(cluster.settings, 6)
        settle(cluster)
        for name in (WorkerName.INTAKE, WorkerName.CLUSTERING, WorkerName.ACCOUNTS):
            assert workers[name].stop() == 0
        wait_for_standstill(cluster.settings, 30.0, print)
        found = prospect(cluster.settings, 8)
        assert (found.before, found.after, found.hindrances) == (4, 8, [])
        assert partitions(cluster) == [4, 4]
        before = said(cluster)
        assigned = workers[WorkerName.INTAKE].log_file.read_text().count("assigned")

        ended = a_file_that_has_ended(cluster)
        # Cut short by kill -9 while it copies, and at the end of each of its first steps.
        for lines in (1, 2):
            assert killed_behind(cluster, lines, 8) == -signal.SIGKILL
        assert "no worker starts meanwhile" in doctor(cluster)
        with pytest.raises(GrowthRefused, match="end it first"):
            prospect(cluster.settings, 16)
        # A worker that is started meanwhile waits for its end.
        workers[WorkerName.INTAKE].start()
        for steps in (1, 2):
            with pytest.raises(Cut):
                grow(cluster.settings, 8, cut_at(steps))
        assert workers[WorkerName.INTAKE].log_file.read_text().count("assigned") == assigned
        grow(cluster.settings, 8, print)
        assert partitions(cluster) == [8, 8]
        assert check_topics(cluster.settings, load_topics()) == []
        assert "no worker starts" not in doctor(cluster)
        assert_every_file_is_with_its_owner(cluster)
        assert {r.partition for r in records_in(cluster, ACCOUNT_FILES) if r.key == ended} < {
            *range(4)
        }

        workers[WorkerName.CLUSTERING].start()
        workers[WorkerName.ACCOUNTS].start()
        cluster.wait_until_ready()
        settle(cluster)
        assert said(cluster) == before
        publish(cluster, records[half:])
        settle(cluster)
        assert outcome(cluster).differences(replayed(scenario)) == []
        after = said(cluster)
        assert set(after.values()) == {1}
        assert len(after) > len(before)
        rebuilt = workers[WorkerName.ACCOUNTS].log_file.read_text()
        assert rebuilt.count('"reason":"other_log"') == 4


def a_file_that_has_ended(cluster):
    """The key of a file that an erasure has ended, and that Kafka has not compacted away yet."""
    key = next(
        key for number in range(100) if partition_of(key := f"account:004:{number:010}", 8) >= 4
    )
    file = encode_file(AccountFile(account=key, version=1))
    with record_copier(cluster.settings) as copier:
        for value in (file, None):
            copier.send(ACCOUNT_FILES, partition_of(key, 4), key.encode(), value)
        copier.flush()
    return key.encode()


def assert_every_file_is_with_its_owner(cluster):
    """No file is left where its account was, and none claims to know more than its log has."""
    with TopicReader(cluster.settings) as reader:
        newest = [reader.newest_by_key(ACCOUNT_FILES, partitions=[p]) for p in range(8)]
        ends = [len(list(reader.forward(ACCOUNT_LOG, [p]))) for p in range(8)]
    assert any(newest[4:])
    for partition, files in enumerate(newest):
        for key, record in files.items():
            assert owner_of_part(key, 8) == partition
            if not is_block(key) and partition >= 4:
                assert 1 <= head_version(record.value) <= ends[partition] + record.offset + 1
