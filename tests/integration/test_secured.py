"""The main job with TLS, passwords and certificates, through every client that there is."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from agents.failures import ExitCode
from agents.kafka.access import ONE_A_ROLE, OPERATOR, ROLES, Kind, Principals
from agents.kafka.access_rules import apply_access, check_access
from agents.kafka.reading import TopicReader
from agents.kafka.sending import PREPARE, connected_producer, outgoing, publish_records
from agents.local.cluster import LocalCluster
from agents.upkeep.rewriting import KEPT_FOR_GOOD
from agents.worker import WorkerName
from pipeline.topics import (
    AGENTS,
    HOLD_UPDATES,
    PARTIES,
    REPORTS,
    TRANSACTIONS,
    load_topics,
)
from tests.agents.kafka_records import wait_for
from tests.integration.attempts import administrable, joinable, readable, writable
from tests.integration.secured import (
    PASSWORD,
    kafka_with_certificates,
    kafka_with_passwords,
    letting_write_but_not_cut,
)
from tests.integration.stage import (
    events_of,
    free_ports,
    outcome,
    records_of,
    replayed,
    settle,
    small_scenario,
)

pytestmark = pytest.mark.timeout(400)

KAFKAS = {"passwords": kafka_with_passwords, "certificates": kafka_with_certificates}
REFUSED = {
    "passwords": [{"FREEZELINE_SASL_PASSWORD": "a wrong one"}],
    "certificates": [{"FREEZELINE_SSL_CERTFILE": None, "FREEZELINE_SSL_KEYFILE": None}],
}
FOR_BOTH = [{"FREEZELINE_SSL_CAFILE": None}, {"FREEZELINE_SECURITY_PROTOCOL": "PLAINTEXT"}]
ACCOUNTS_LAG_LIMIT = 3
ANSWER = {
    "source": "bank-014",
    "update_id": "got-1",
    "account": {"bank": "014", "account": "9000000001"},
    "status": "received",
    "occurred_at": "2026-11-20T10:00:00+07:00",
}


def begin(*arguments, **environment):
    """Start one command; a variable that is None is taken out of its environment."""
    changed = {k: v for k, v in {**os.environ, **environment}.items() if v is not None}
    return subprocess.Popen(
        [sys.executable, "-m", "agents.cli", *arguments],
        env=changed,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ran(process):
    """Wait for a command; return its exit code and what it said."""
    out, err = process.communicate(timeout=120)
    return process.returncode, out, err


@pytest.fixture(scope="module", params=KAFKAS)
def secured(request, tmp_path_factory):
    """A Kafka with every role's user and rights; this process is the operator meanwhile."""
    folder = tmp_path_factory.mktemp("secured")
    with KAFKAS[request.param](folder) as secured, pytest.MonkeyPatch.context() as env:
        apply_access(secured.superuser, load_topics(), ONE_A_ROLE)
        wait_for(lambda: not check_access(secured.superuser, load_topics(), ONE_A_ROLE))
        for name, value in secured.environments[OPERATOR].items():
            env.setenv(name, value)
        env.setenv("FREEZELINE_ACCOUNTS_LAG_LIMIT", str(ACCOUNTS_LAG_LIMIT))
        yield request.param, secured, folder


@pytest.fixture(scope="module")
def turned_away(secured):
    """Commands with wrong settings, and last a worker: they wait long for Kafka, side by side."""
    name, _, folder = secured
    event = {"source": "scb", "transaction_id": "1", "amount_satang": 1}
    event["occurred_at"] = "2026-11-20T10:00:00+07:00"
    event["payer"] = {"bank": "014", "account": "5556667778"}
    event["payee"] = {"bank": "014", "account": "4041234567"}
    events = folder / "events.jsonl"
    events.write_text(json.dumps(event) + "\n")
    commands = [("topics", "check"), ("alerts",), ("publish", "transactions", str(events))]
    wrongs = [*REFUSED[name], *FOR_BOTH]
    processes = [begin(*command, **wrong) for command in commands for wrong in wrongs]
    state = str(folder / "refused-state")
    processes.append(begin("worker", "intake", FREEZELINE_STATE_DIR=state, **REFUSED[name][0]))
    yield processes
    for process in processes:
        if process.poll() is None:
            process.kill()
        process.communicate()


@pytest.fixture(scope="module")
def played(secured, turned_away):
    """A scenario, halfway through which the accounts worker is away and loses its disk."""
    _, kafka, folder = secured
    scenario = small_scenario(seed=21, payments=1500)
    cluster = LocalCluster.start(
        folder / "cluster", bootstrap=kafka.kafka.bootstrap, http_port=free_ports(3), names=()
    )
    try:
        start_workers(cluster, kafka)
        records = records_of(scenario, cluster.settings.national_id_key())
        half = len(records) // 2
        publish_as_partners(kafka, records[:half])
        settle(cluster)
        workers = {worker.name: worker for worker in cluster.workers}
        accounts, intake = workers[WorkerName.ACCOUNTS], workers[WorkerName.INTAKE]
        assert accounts.stop() == 0
        shutil.rmtree(Path(accounts.environment["FREEZELINE_STATE_DIR"]) / "accounts")
        paused_at = wait_until_paused(intake)
        publish_as_partners(kafka, records[half:])
        accounts.start()
        cluster.wait_until_ready()
        settle(cluster)
        yield cluster, scenario, events_in(intake)[paused_at:]
    finally:
        cluster.stop()


def start_workers(cluster, kafka):
    """Start every worker as its own user."""
    first = free_ports(len(WorkerName))
    for place, name in enumerate(WorkerName):
        with pytest.MonkeyPatch.context() as env:
            for variable, value in kafka.environments[name.value].items():
                env.setenv(variable, value)
            worker = cluster.add_worker(name, first + place)
        worker.environment.update(kafka.environments[name.value])
    cluster.wait_until_ready()


def publish_as_partners(kafka, records):
    """Publish reports as an agency and payments as a bank: in which order does not matter."""
    for role, topic in (("agencies", REPORTS), ("banks", TRANSACTIONS)):
        with connected_producer(kafka.settings(role)) as producer:
            publish_records(producer, [record for record in records if record.topic == topic])


def wait_until_paused(intake):
    """Wait until intake waits for accounts, which is away: from now on it stays so.

    Returns how many events it has logged until then.
    """
    deadline = time.monotonic() + 60
    while True:
        logged = events_in(intake)
        if [event for event in logged if event.startswith("intake_")][-1:] == ["intake_paused"]:
            return len(logged)
        assert time.monotonic() < deadline, f"intake has not paused; see {intake.log_file}"
        time.sleep(0.2)


def events_in(worker):
    """The events that a worker has logged."""
    return [json.loads(line)["event"] for line in worker.log_file.read_text().splitlines()]


def test_what_comes_out_is_what_replay_says(secured, played):
    cluster, scenario, _ = played
    expected = replayed(scenario)
    assert expected.alerts
    reading = replace(cluster, settings=secured[1].settings("operations"))
    assert outcome(reading).differences(expected) == []


def test_a_lost_disk_is_rebuilt_and_intake_waits_meanwhile(played):
    cluster, _, after_the_pause = played
    accounts = next(w for w in cluster.workers if w.name is WorkerName.ACCOUNTS)
    assert "state_restored" in events_in(accounts)
    assert "intake_resumed" in after_the_pause


def test_every_command_does_its_job_with_the_rights_of_its_role(secured, played, tmp_path):
    cluster, scenario, _ = played
    environments = secured[1].environments
    transactions = tmp_path / "transactions.jsonl"
    sent = [told.event for told in events_of(scenario) if told.topic == TRANSACTIONS][:5]
    transactions.write_text("".join(json.dumps(event) + "\n" for event in sent))
    checked, listed, published, letters = (
        begin("topics", "check"),
        begin("alerts", "--json", **environments["operations"]),
        begin("publish", "transactions", str(transactions), **environments["banks"]),
        begin("dead-letters", "list", **environments["replay"]),
    )
    assert ran(checked) == (0, "Every topic is as declared.\n", "")
    code, out, err = ran(listed)
    assert (code, err) == (0, "")
    alert = json.loads(out.splitlines()[0])
    code, out, err = ran(published)
    assert (code, err) == (0, "")
    assert out.startswith("Published 5 events to transactions")
    code, out, err = ran(letters)
    assert (code, err) == (0, "")
    workers = [f"--worker=127.0.0.1:{worker.http_port}" for worker in cluster.workers]
    explained, rules, examined = (
        begin("explain", alert["alert_id"], **environments["analyst"]),
        begin("topics", "check", "--acls"),
        begin("doctor", "--acls", *workers),
    )
    code, out, err = ran(explained)
    assert (code, err) == (0, "")
    assert ran(rules) == (0, "Every topic and every access rule is as declared.\n", "")
    code, out, err = ran(examined)
    assert (code, err) == (0, ""), out
    assert "Every user may do what its roles need, and no more." in out
    assert out.count(" is ready.") == len(workers)


def ends_of(kafka):
    """How far the topics that are kept for good go."""
    with TopicReader(kafka.superuser) as reader:
        return {topic: reader.ends(topic) for topic in KEPT_FOR_GOOD}


def test_an_erasure_is_finished_by_who_may_cut_and_others_change_nothing(secured, played):
    _, kafka, _ = secured
    cluster, scenario, _ = played
    account = min(a["account"] for a in replayed(scenario).alerts.values() if a["kind"] == "hold")
    why = ["--reason", "the person asked", "--operator", "dpo-2", "--although-held"]
    request = begin("erasures", "request", account, *why, **kafka.environments["operations"])
    code, out, err = ran(request)
    assert (code, err) == (0, ""), out
    settle(cluster)
    answer = outgoing(HOLD_UPDATES, PREPARE[HOLD_UPDATES](ANSWER, b""))
    with connected_producer(kafka.settings("banks")) as producer:
        publish_records(producer, [answer])  # a topic that holds nothing cannot be tried
    settle(cluster)
    before = ends_of(kafka)
    with letting_write_but_not_cut(kafka, "telcos"):
        roles = [OPERATOR, "operations", "telcos"]
        tries = [begin("erasures", "finish", **kafka.environments[role]) for role in roles]
        for code, out, err in map(ran, tries):
            assert (code, out) == (2, "")
            assert "Failed" in err
            assert err.count("\n") == 1
    assert ends_of(kafka) == before
    superuser = dict.fromkeys(kafka.environments[OPERATOR]) | {
        "FREEZELINE_BOOTSTRAP": kafka.superuser.bootstrap
    }
    code, out, err = ran(begin("erasures", "finish", **superuser))
    assert (code, err) == (0, ""), out
    assert "freeze-alerts: " in out
    settle(cluster)
    with TopicReader(kafka.superuser) as reader:
        for topic in KEPT_FOR_GOOD:
            number = account.rpartition(":")[2].encode()
            assert not [r for r in reader.forward(topic) if number in (r.value or b"")]
    assert all(worker.process.poll() is None for worker in cluster.workers)


def test_plain_passwords_are_taken_where_kafka_takes_them(secured):
    name, _, _ = secured
    if name != "passwords":
        pytest.skip("this Kafka asks for no password")
    code, out, err = ran(begin("topics", "apply", FREEZELINE_SASL_MECHANISM="PLAIN"))
    assert (code, err) == (0, "")
    assert out


def test_whoever_is_not_let_in_reads_one_sentence(secured, turned_away):
    bootstrap = secured[1].kafka.bootstrap
    said = [ran(process) for process in turned_away[:-1]]
    for code, out, err in said:
        assert (code, out) == (2, "")
        assert err.startswith(f"Kafka does not answer at {bootstrap}")
        assert err.count("\n") == 1
    # Whoever speaks TLS is told where else to look; whoever does not cannot have got it wrong.
    assert {"FREEZELINE_SSL_*" in err for _, _, err in said} == {True, False}


def test_a_worker_that_is_not_let_in_says_so_and_ends_with_its_code(turned_away):
    code, _, err = ran(turned_away[-1])
    assert code == ExitCode.BROKER_UNREACHABLE
    last = json.loads(err.splitlines()[-1])
    assert (last["level"], last["event"]) == ("critical", "kafka_not_ready")
    assert "Traceback" not in err
    assert PASSWORD not in err


@pytest.fixture(scope="module")
def quiet(secured, played):
    """The Kafka after the main job: the workers are stopped, and every topic holds a record."""
    played[0].stop()
    _, kafka, _ = secured
    wrote = writable(kafka.superuser, load_topics())
    assert wrote == set(load_topics())
    return kafka


def tried(name):
    """The roles that are tried: all by their passwords, two by certificates that name them."""
    return ROLES if name == "passwords" else ("banks", OPERATOR)


def at_once(attempt, roles):
    """What each role can do, by role: they wait for Kafka's answers side by side."""
    with ThreadPoolExecutor(max_workers=6) as pool:
        return dict(zip(roles, pool.map(attempt, roles), strict=True))


def test_each_role_writes_reads_and_joins_what_is_its_own_and_nothing_else(secured, quiet):
    topics, groups = load_topics(), [*sorted(AGENTS), *(f"{other}.console" for other in ROLES)]

    def attempted(role):
        settings = quiet.settings(role)
        return {
            "writes": writable(settings, topics),
            "reads": readable(settings, topics),
            "joins": joinable(settings, groups),
        }

    def expected(role):
        owned = [r for r in ONE_A_ROLE.rights(topics)[role] if r.kind is Kind.TOPIC]
        own = {role} if role in AGENTS else {f"{role}.console"} if role in PARTIES else set()
        return {
            "writes": {right.name for right in owned if right.operation == "Write"},
            "reads": {right.name for right in owned if right.operation == "Read"},
            "joins": own,
        }

    roles = tried(secured[0])
    assert at_once(attempted, roles) == {role: expected(role) for role in roles}


def test_only_the_operator_sets_topics_and_nobody_empties_or_deletes_them(secured, quiet):
    sets = {"create it", "widen it", "set it", "see access rules"}
    found = at_once(lambda role: administrable(quiet.settings(role), REPORTS), tried(secured[0]))
    assert found == {role: sets if role == OPERATOR else set() for role in found}


def test_rules_that_give_less_or_more_than_the_roles_are_named(quiet):
    topics = load_topics()
    generous = Principals({"banks": ["banks", "scb"], **{r: [r] for r in ROLES if r != "banks"}})
    one_more = set(generous.rights(topics)["scb"])
    missing = check_access(quiet.superuser, topics, generous)
    assert len(missing) == len(one_more)
    assert {d.sentence.split(" the ")[0] for d in missing if d.topic in topics} == {
        "User:scb may not Read",
        "User:scb may not Write",
    }
    apply_access(quiet.superuser, topics, generous)
    wait_for(lambda: not check_access(quiet.superuser, topics, generous))
    # A bank that has left: its rules stay until they are taken away, and are named until then.
    assert {d.sentence for d in check_access(quiet.superuser, topics, ONE_A_ROLE)} == {
        f"User:scb may {right.operation} the topic {right.name}, which no role gives"
        for right in one_more
        if right.kind is Kind.TOPIC
    }
