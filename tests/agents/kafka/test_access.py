"""The rights of every role follow from topics.yaml, and reach other tools unchanged."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import yaml

from agents.kafka.access import (
    ANALYST,
    ONE_A_ROLE,
    ROLES,
    WAITS_FOR,
    Kind,
    Principals,
    PrincipalsError,
    Right,
    load_principals,
    rights,
)
from agents.kafka.access_export import acl_commands, strimzi_resources
from agents.settings import Settings
from agents.worker import WorkerName, worker_spec
from pipeline.topics import (
    ACCOUNT_FILES,
    ACCOUNT_LOG,
    AGENTS,
    CLUSTERS,
    FILED_REPORTS,
    FREEZE_ALERTS,
    PARTIES,
    WATCHLIST,
    load_topics,
)

TOPICS = load_topics()
OPERATIONS = {
    Kind.TOPIC: {"Read", "Write", "Create", "Alter", "Describe", "AlterConfigs", "DescribeConfigs"},
    Kind.GROUP: {"Read", "Describe"},
    Kind.CLUSTER: {"Describe"},
}


def _owned(role: str, operation: str) -> set[str]:
    found = rights(role, role, TOPICS)
    return {r.name for r in found if r.kind is Kind.TOPIC and r.operation == operation}


@pytest.mark.parametrize("role", sorted(AGENTS | PARTIES))
def test_who_writes_and_reads_is_what_the_declaration_says(role: str) -> None:
    assert _owned(role, "Write") == {topic.name for topic in TOPICS.written_by(role)}
    read = {topic.name for topic in TOPICS.read_by(role)}
    again = {topic.name for topic in TOPICS.written_by(role) if topic.compact and role in AGENTS}
    looked_up = {topic.name for topic in TOPICS.values() if role in topic.looked_up_by}
    assert _owned(role, "Read") == read | again | looked_up


@pytest.mark.parametrize("name", WorkerName)
def test_a_worker_may_read_all_that_it_is_made_to_read(name: WorkerName) -> None:
    spec = worker_spec(name, Settings())
    restored = {spec.restore_topic} if spec.restore_topic else set()
    pointed = {spec.pointed_topic} if spec.pointed_topic else set()
    assert {*spec.topics, *spec.own_topics, *restored, *pointed} <= _owned(name, "Read")
    waits_for = spec.throttle.group if spec.throttle else None
    assert WAITS_FOR.get(name) == waits_for


def test_no_partner_sees_what_is_internal_and_the_operator_reads_nothing() -> None:
    internal = {t.name for t in TOPICS.values() if t.internal and t.contract != "dead_letter"}
    for party in PARTIES:
        assert not internal & (_owned(party, "Read") | _owned(party, "Write"))
    assert _owned("operator", "Read") == _owned("operator", "Write") == set()


def test_an_analyst_reads_what_its_commands_read_and_nothing_as_strangers_sent_it() -> None:
    read = _owned(ANALYST, "Read")
    commands = {ACCOUNT_FILES, ACCOUNT_LOG, CLUSTERS, FILED_REPORTS, FREEZE_ALERTS, WATCHLIST}
    assert commands <= read
    assert not {name for name in read if TOPICS[name].contract == "dead_letter"}
    assert {t for t in read if not AGENTS.issuperset(TOPICS[t].producers)} == set()
    assert _owned(ANALYST, "Write") == set()


def test_nobody_may_delete_or_change_access_rules() -> None:
    for role in ROLES:
        for right in rights(role, role, TOPICS):
            assert right.operation in OPERATIONS[right.kind], (role, right)


def test_groups_of_two_users_never_meet() -> None:
    principals = Principals({"banks": ["bank", "bank-2"], "operations": ["bank2"]})
    owned = {
        user: [right for right in found if right.kind is Kind.GROUP]
        for user, found in principals.rights(TOPICS).items()
    }
    for user in owned:
        for group in (user, f"{user}.", f"{user}.a"):
            may = {u for u, found in owned.items() for r in found if _matches(r, group)}
            assert may == {user}


def _matches(right: Right, name: str) -> bool:
    return name.startswith(right.name) if right.is_prefix else name == right.name


def test_the_strimzi_resources_say_every_topic_and_every_right_once() -> None:
    resources = strimzi_resources(
        TOPICS, ONE_A_ROLE, cluster="kafka", replicas=3, authentication="tls"
    )
    assert {one["apiVersion"] for one in resources} == {"kafka.strimzi.io/v1"}
    topics = {one["metadata"]["name"]: one["spec"] for one in resources if "Topic" in one["kind"]}
    assert topics.keys() == TOPICS.keys()
    for name, spec in topics.items():
        assert spec["partitions"] == TOPICS[name].partitions
        assert spec["config"]["min.insync.replicas"] == 2
        for value in spec["config"].values():
            assert isinstance(value, int) or not value.lstrip("-").isdigit()
    users = {one["metadata"]["name"]: one["spec"] for one in resources if "User" in one["kind"]}
    assert users.keys() == set(ROLES)
    for user, spec in users.items():
        assert spec["authentication"] == {"type": "tls"}
        said = {
            Right(
                Kind(rule["resource"]["type"]),
                rule["resource"].get("name", "kafka-cluster"),
                rule["resource"].get("patternType") == "prefix",
                operation,
            )
            for rule in spec["authorization"]["acls"]
            for operation in rule["operations"]
        }
        assert said == set(ONE_A_ROLE.rights(TOPICS)[user])


def test_the_acl_commands_say_every_right_once() -> None:
    principals = Principals(ONE_A_ROLE.users, "CN={user},O=it's")
    said: list[tuple[str, Right]] = []
    for line in acl_commands(TOPICS, principals).splitlines():
        if not line.startswith("add --"):
            continue
        words = shlex.split(line)[1:]
        given = [(words[n], words[n + 1]) for n in range(0, len(words) - 1) if words[n][:2] == "--"]
        values = {name: [v for n, v in given if n == name] for name, _ in given}
        is_prefix = values.get("--resource-pattern-type") == ["prefixed"]
        names = [(Kind(k), v) for k in ("topic", "group") for v in values.get(f"--{k}", [])]
        names += [(Kind.CLUSTER, "kafka-cluster")] * ("--cluster" in words)
        (principal,) = values["--allow-principal"]
        said += [
            (principal, Right(kind, name, is_prefix, operation))
            for kind, name in names
            for operation in values["--operation"]
        ]
    assert len(said) == len(set(said))
    assert set(said) == {
        (principals.principal(user), right)
        for user, owned in principals.rights(TOPICS).items()
        for right in owned
    }


def test_a_user_of_two_roles_has_the_rights_of_both(tmp_path: Path) -> None:
    file = tmp_path / "principals.yaml"
    file.write_text(yaml.safe_dump({"users": {"banks": ["one"], "telcos": ["one"]}}))
    principals = load_principals(file)
    assert principals.roles() == {"one": ("banks", "telcos")}
    both = {*rights("banks", "one", TOPICS), *rights("telcos", "one", TOPICS)}
    assert set(principals.rights(TOPICS)["one"]) == both


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("users: {bankers: [one]}", "bankers is no role"),
        ("users: {banks: one}", "a list of names"),
        ("users: {banks: [One]}", "lower-case"),
        ("users: {banks: [a.b]}", "lower-case"),
        ("users: {banks: [intake]}", "the name of a worker's group"),
        ("users: {banks: [a]}\nmore: 1", "unknown: more"),
        ("users: {banks: [a]}\nname_pattern: CN=", "name_pattern"),
        ("users: {banks: [a]}\nname_pattern: '{user}{role}'", "name_pattern"),
        ("users: {banks: [a]}\nname_pattern: 'CN={user}}'", "name_pattern"),
        ("users: {banks: [a], banks: [b]}", "given twice"),
        ("banks: [a]", "a mapping `users`"),
    ],
)
def test_a_wrong_file_of_users_is_one_sentence(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "principals.yaml"
    file.write_text(text)
    with pytest.raises(PrincipalsError, match=re.escape(message)):
        load_principals(file)
