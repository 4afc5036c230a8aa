"""Dashboards and alerts, seen: a real Prometheus watches the workers through a day with faults."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import pytest

from agents.worker import WorkerName
from pipeline.fold import Output
from pipeline.topics import REPORTS
from tests.deploy.prometheus_tools import prometheus_tool
from tests.integration.observing import panel_queries, prometheus
from tests.integration.stage import (
    free_port,
    publish,
    records_of,
    settle,
    small_scenario,
    stage,
)

pytestmark = pytest.mark.timeout(400)

EXPECTED = {
    # The accounts worker was away, and what it answers came late.
    "FreezelineAgentDown": {"accounts"},
    "FreezelineReportsLate": {""},
    "FreezelinePaymentsLate": {""},
    # A third of what came into reports were no reports.
    "FreezelineDeadLetters": {"reports"},
    # The scenario's day was yesterday.
    "FreezelineEventsComeLate": {"clustering", "intake"},
}
QUIET_SECONDS = 5.0
# Of payments one delay a batch is counted, and a quick machine makes few batches.
PERHAPS = "intake"
SPOILT = [Output(REPORTS, None, value, ()) for value in (b"{", b"no", b'{"source": 1}') * 9]


@pytest.fixture(scope="module")
def watched(tmp_path_factory):
    """A Prometheus that has seen a quiet time, then faults; and what had fired by then."""
    prometheus_tool("prometheus")
    folder = tmp_path_factory.mktemp("observed")
    with pytest.MonkeyPatch.context() as env, stage(folder / "cluster") as cluster:
        env.setenv("FREEZELINE_ACCOUNTS_LAG_LIMIT", "20")
        workers = {worker.name: worker for worker in cluster.workers}
        workers[WorkerName.INTAKE].stop()
        workers[WorkerName.INTAKE].start()
        cluster.add_worker(WorkerName.CLUSTERING, free_port(), "1")
        cluster.wait_until_ready()
        with prometheus(folder / "prometheus", cluster.workers) as watching:
            watching.wait_for('count(up{job="freezeline"} == 1)', lambda up: up == 4)
            # Rules whose patience the test took away complain of the first seconds.
            watching.wait_for("sum(rate(freezeline_records_in_total[1m]))")
            watching.wait_for('absent(ALERTS{alertstate="firing"})')
            began = time.time()
            time.sleep(QUIET_SECONDS)
            quiet = watching.has_fired(began)
            records = records_of(
                small_scenario(seed=11, payments=1200), cluster.settings.national_id_key()
            )
            half = len(records) // 2
            publish(cluster, [*records[:half], *SPOILT])
            settle(cluster)
            accounts = workers[WorkerName.ACCOUNTS]
            accounts.kill()
            shutil.rmtree(Path(accounts.environment["FREEZELINE_STATE_DIR"]) / "accounts")
            publish(cluster, records[half:])
            watching.wait_for('ALERTS{alertname="FreezelineAgentDown", alertstate="firing"}')
            watching.wait_for('freezeline_limit_hits_total{limit="accounts_lag"}')
            accounts.start()
            cluster.wait_until_ready()
            settle(cluster)
            # A counter's first value is no increase: it must have been seen once before.
            for _ in range(2):
                publish(cluster, [record for record in records[:half] if record.topic == REPORTS])
                settle(cluster)
                watching.wait_for("freezeline_duplicates_total")
            watching.wait_for("sum(increase(freezeline_duplicates_total[1m]))")
            late = 'alertname="FreezelineEventsComeLate", worker="clustering"'
            watching.wait_for(f'ALERTS{{{late}, alertstate="firing"}}')
            yield watching, quiet, began


def test_nothing_fires_while_all_is_well(watched):
    assert watched[1] == {}


def test_the_alerts_of_the_faults_fire_and_none_other(watched):
    fired = watched[0].has_fired(watched[2])
    assert fired.get("FreezelineEventsComeLate")
    fired["FreezelineEventsComeLate"].add(PERHAPS)
    assert fired == EXPECTED


def test_who_is_woken_is_woken_for_people_who_wait(watched):
    woken = watched[0].has_fired(watched[2], "page")
    assert set(woken) == set(EXPECTED) - {"FreezelineEventsComeLate"}


def test_every_query_of_every_panel_has_an_answer(watched):
    unanswered = {
        where: query for where, query in panel_queries().items() if not watched[0].ask(query)
    }
    assert unanswered == {}
