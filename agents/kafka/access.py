"""Who may do what in Kafka: the rights of every role, derived from ``topics.yaml``.

A role is an agent, a party, or one of three that no topic names: whoever explains cases, operates
the topics, or sends dead letters back. A user (a Kafka principal) has one role or several. What no
role gives, nobody may do: Kafka refuses what no access rule allows.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import Any

import yaml

from agents.runtime.growing import GROWTH_JOURNAL
from pipeline.declarations import parse_yaml
from pipeline.topics import AGENTS, PARTIES, Topics

ANALYST = "analyst"
"""Whoever runs `freezeline explain`, `trace`, `account show` and `account-log`: reads all that the
agents write but dead letters, in which strangers' records stand as they came."""
OPERATOR = "operator"
"""Whoever runs `freezeline topics` and `freezeline doctor`: sees and sets topics, reads none."""
REPLAY = "replay"
"""Whoever runs `freezeline dead-letters`: reads dead letters, writes where they came from."""
ROLES: tuple[str, ...] = (*sorted(AGENTS), *sorted(PARTIES), ANALYST, OPERATOR, REPLAY)
"""Every role, in the order in which they are listed."""
WAITS_FOR: Mapping[str, str] = MappingProxyType({"intake": "accounts"})
"""Agents that look how far another agent's group is behind, and wait for it."""

_USER = re.compile(r"[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?")


class Kind(StrEnum):
    """What a right is about."""

    TOPIC = "topic"
    GROUP = "group"
    CLUSTER = "cluster"


CLUSTER_NAME = "kafka-cluster"
"""What Kafka calls the cluster in its access rules."""


@dataclass(frozen=True, slots=True, order=True)
class Right:
    """One operation on one topic, group or the cluster."""

    kind: Kind
    name: str
    """The resource's name, or what its name begins with."""
    is_prefix: bool
    """Whether all names that begin with ``name`` are meant."""
    operation: str
    """Kafka's word for it: Read, Write, Create, Alter, Describe, AlterConfigs, DescribeConfigs."""


class PrincipalsError(ValueError):
    """The file that gives users their roles is not valid; the message is one sentence."""


@dataclass(frozen=True, slots=True)
class Principals:
    """Which users act in which role, and how Kafka writes their names."""

    users: Mapping[str, Sequence[str]]
    """The users of each role."""
    name_pattern: str = "{user}"
    """How Kafka writes a user: with mutual TLS often ``CN={user}``."""

    def principal(self, user: str) -> str:
        """Return the user as Kafka's access rules name it."""
        return "User:" + self.name_pattern.replace("{user}", user)

    def roles(self) -> Mapping[str, tuple[str, ...]]:
        """Return each user's roles, in the order of `ROLES`."""
        found: dict[str, list[str]] = {}
        for role in ROLES:
            for user in self.users.get(role, ()):
                found.setdefault(user, []).append(role)
        return {user: tuple(roles) for user, roles in found.items()}

    def rights(self, topics: Topics) -> Mapping[str, tuple[Right, ...]]:
        """Return what each user may do, sorted."""
        return {
            user: tuple(sorted({right for role in roles for right in rights(role, user, topics)}))
            for user, roles in self.roles().items()
        }


ONE_A_ROLE = Principals(MappingProxyType({role: (role,) for role in ROLES}))
"""One user for each role, called like it."""


def load_principals(path: Path) -> Principals:
    """Return the users of ``path``: a YAML mapping ``users`` of roles to lists of names.

    Optionally ``name_pattern``. Raises PrincipalsError with one sentence.
    """
    try:
        document = parse_yaml(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise PrincipalsError(f"{path} cannot be read: {error.strerror}") from error
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        where, what = getattr(error, "problem_mark", None), getattr(error, "problem", None)
        place = f", line {where.line + 1}" if where is not None else ""
        raise PrincipalsError(f"{path}{place}: {what or 'this is not YAML'}") from error
    if not isinstance(document, dict) or not isinstance(document.get("users"), dict):
        raise PrincipalsError(f"{path}: a mapping `users` of roles to lists of names is expected")
    if unknown := set(document) - {"users", "name_pattern"}:
        raise PrincipalsError(f"{path}: unknown: {', '.join(sorted(map(str, unknown)))}")
    pattern = document.get("name_pattern", "{user}")
    if (
        not isinstance(pattern, str)
        or pattern.count("{user}") != 1
        or set("{}") & set(pattern.replace("{user}", ""))
    ):
        raise PrincipalsError(f"{path}: name_pattern is a text with {{user}} in it")
    users = {str(role): _names(path, str(role), n) for role, n in document["users"].items()}
    principals = Principals(users, pattern)
    _check(path, principals)
    return principals


def rights(role: str, user: str, topics: Topics) -> Iterator[Right]:
    """Yield what ``user`` may do in ``role``; raises KeyError for a role that does not exist.

    Read, Write, Delete and Alter include Describe, AlterConfigs includes DescribeConfigs, and a
    producer that may write a topic may also be idempotent: Kafka needs no more for them.
    """
    if role not in ROLES:
        raise KeyError(role)
    if role == OPERATOR:
        yield from _operator(topics)
    elif role == ANALYST:
        yield from _analyst(topics)
    elif role == REPLAY:
        yield from _replay(topics)
    else:
        yield from _flow(role, user, topics)


def _flow(role: str, user: str, topics: Topics) -> Iterator[Right]:
    """What an agent or a party reads and writes, and the groups in which it does."""
    written, read = topics.written_by(role), topics.read_by(role)
    yield from (Right(Kind.TOPIC, topic.name, False, "Write") for topic in written)
    yield from (Right(Kind.TOPIC, topic.name, False, "Read") for topic in read)
    if role not in AGENTS:
        # A user's groups are those that begin with its name and a dot; no name has a dot, so
        # nobody can take another's partitions or move its offsets.
        yield Right(Kind.GROUP, user, False, "Read")
        yield Right(Kind.GROUP, f"{user}.", True, "Read")
        return
    looked_up = (topic for topic in topics.values() if role in topic.looked_up_by)
    yield from (Right(Kind.TOPIC, topic.name, False, "Read") for topic in looked_up)
    # What a former owner overwrote late is found by reading one's own compacted topics back.
    yield from (Right(Kind.TOPIC, t.name, False, "Read") for t in written if t.compact)
    yield Right(Kind.GROUP, role, False, "Read")
    # To see that it is there, and wait with starting until it is gone.
    yield Right(Kind.TOPIC, GROWTH_JOURNAL, False, "Describe")
    if role in WAITS_FOR:
        yield Right(Kind.GROUP, WAITS_FOR[role], False, "Describe")


def _analyst(topics: Topics) -> Iterator[Right]:
    for topic in topics.values():
        if AGENTS.issuperset(topic.producers) and topic.name not in topics.dead_letter_topics:
            yield Right(Kind.TOPIC, topic.name, False, "Read")


def _operator(topics: Topics) -> Iterator[Right]:
    for topic in topics.values():
        for operation in ("Create", "Alter", "AlterConfigs", "Describe", "DescribeConfigs"):
            yield Right(Kind.TOPIC, topic.name, False, operation)
    yield Right(Kind.TOPIC, GROWTH_JOURNAL, False, "Describe")
    yield from (Right(Kind.GROUP, agent, False, "Describe") for agent in sorted(AGENTS))
    # The access rules themselves, and the brokers' disks. Not Alter: who may change access rules
    # may give themselves all others, and that is for a superuser of the cluster.
    yield Right(Kind.CLUSTER, CLUSTER_NAME, False, "Describe")


def _replay(topics: Topics) -> Iterator[Right]:
    for topic in topics.values():
        if topic.dead_letters is not None:
            yield Right(Kind.TOPIC, topic.dead_letters, False, "Read")
            yield Right(Kind.TOPIC, topic.name, False, "Write")


def _names(path: Path, role: str, names: Any) -> tuple[str, ...]:
    if role not in ROLES:
        raise PrincipalsError(f"{path}: {role} is no role: the roles are {', '.join(ROLES)}")
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise PrincipalsError(f"{path}: {role}: a list of names is expected")
    for name in names:
        if not _USER.fullmatch(name):
            raise PrincipalsError(
                f"{path}: {role}: a name has lower-case letters, digits and dashes, at most 64: "
                f"{name!r}"
            )
    return tuple(names)


def _check(path: Path, principals: Principals) -> None:
    """A user that is called like an agent would share the agent's consumer group."""
    for user, roles in principals.roles().items():
        others = [role for role in roles if role != user]
        if user in AGENTS and others:
            raise PrincipalsError(
                f"{path}: {user} is the name of a worker's group and may not be a user of "
                f"{', '.join(others)}"
            )
