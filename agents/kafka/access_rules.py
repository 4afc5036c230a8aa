"""Kafka's own access rules (ACLs) beside the rights that `agents.kafka.access` derives."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from kafka import KafkaAdminClient
from kafka.admin import (
    ACL,
    ACLFilter,
    ACLOperation,
    ACLPermissionType,
    ACLResourcePatternType,
    ResourcePattern,
    ResourcePatternFilter,
    ResourceType,
)
from kafka.errors import KafkaError, SecurityDisabledError

from agents.kafka.access import Kind, Principals, Right
from agents.kafka.topic_admin import Difference, admin_client
from agents.settings import Settings
from pipeline.topics import AGENTS, Topics

_IMPLIED = {
    "Describe": frozenset({"Read", "Write", "Delete", "Alter"}),
    "DescribeConfigs": frozenset({"AlterConfigs"}),
}
# What reads, writes or changes; looking at names and settings harms nobody.
_HARMFUL = frozenset(
    {"All", "Read", "Write", "Create", "Delete", "Alter", "AlterConfigs", "ClusterAction"}
)
_ANYONE = "User:*"
_ANY_NAME = "*"


class NoAuthorizerError(Exception):
    """The cluster checks nobody's rights; the message is one sentence."""


@dataclass(frozen=True, slots=True, order=True)
class _Rule:
    """One access rule of the cluster."""

    principal: str
    right: Right
    allows: bool


def check_access(settings: Settings, topics: Topics, principals: Principals) -> list[Difference]:
    """Return where the cluster's access rules give less or more than the rights of the users.

    More is a right to read, write or change one of ``topics``, a worker's group or the cluster,
    for whom no role gives it; also by a rule for many (``*``). Superusers need no rules and are
    not seen. Raises BrokerUnreachableError, and NoAuthorizerError where there are no rules at all.
    """
    with admin_client(settings) as admin:
        rules = _rules(admin)
    wanted = {
        principals.principal(user): owned for user, owned in principals.rights(topics).items()
    }
    return [*_too_little(wanted, rules), *_too_much(wanted, rules, topics)]


def apply_access(settings: Settings, topics: Topics, principals: Principals) -> list[str]:
    """Add the rules that are missing, and return what was added, in sentences.

    No rule is ever taken away: `check_access` names those that give more. Only a superuser, or who
    may alter the cluster, can do this. Raises BrokerUnreachableError and NoAuthorizerError.
    """
    with admin_client(settings) as admin:
        rules = _rules(admin)
        missing = [
            (principals.principal(user), right)
            for user, owned in principals.rights(topics).items()
            for right in owned
            if not _given(principals.principal(user), right, rules)
        ]
        if missing:
            result = admin.create_acls([_acl(principal, right) for principal, right in missing])
            if result["failed"]:
                refused = result["failed"][0]
                raise KafkaError(f"access rules were refused: {refused.__name__}")
    return [f"{principal}: may now {_words(right)}" for principal, right in missing]


def _too_little(
    wanted: Mapping[str, Iterable[Right]], rules: frozenset[_Rule]
) -> Iterator[Difference]:
    for principal, owned in wanted.items():
        for right in owned:
            if not _given(principal, right, rules):
                yield Difference(right.name, f"{principal} may not {_words(right)}")
            elif _denied(principal, right, rules):
                yield Difference(right.name, f"{principal} is denied to {_words(right)}")


def _too_much(
    wanted: Mapping[str, Iterable[Right]], rules: frozenset[_Rule], topics: Topics
) -> Iterator[Difference]:
    for rule in sorted(rules):
        right = rule.right
        if not rule.allows or right.operation not in _HARMFUL or not _is_ours(right, topics):
            continue
        if right not in wanted.get(rule.principal, ()):
            yield Difference(
                right.name, f"{rule.principal} may {_words(right)}, which no role gives"
            )


def _is_ours(right: Right, topics: Topics) -> bool:
    names = {Kind.TOPIC: set(topics), Kind.GROUP: set(AGENTS)}.get(right.kind)
    return names is None or any(_covers(right, name, is_prefix=False) for name in names)


def _given(principal: str, right: Right, rules: frozenset[_Rule]) -> bool:
    enough = {right.operation, "All"} | _IMPLIED.get(right.operation, frozenset())
    return any(rule.allows and _applies(rule, principal, right, enough) for rule in rules)


def _denied(principal: str, right: Right, rules: frozenset[_Rule]) -> bool:
    fatal = {right.operation, "All"}
    return any(not rule.allows and _applies(rule, principal, right, fatal) for rule in rules)


def _applies(rule: _Rule, principal: str, right: Right, operations: set[str]) -> bool:
    return (
        rule.principal in (principal, _ANYONE)
        and rule.right.kind == right.kind
        and rule.right.operation in operations
        and _covers(rule.right, right.name, is_prefix=right.is_prefix)
    )


def _covers(rule: Right, name: str, *, is_prefix: bool) -> bool:
    if rule.is_prefix:
        return name.startswith(rule.name)
    return rule.name == _ANY_NAME or (rule.name == name and not is_prefix)


def _words(right: Right) -> str:
    """Say a right: ``Read the topic reports``."""
    if right.kind is Kind.CLUSTER:
        return f"{right.operation} the cluster"
    many = f"every {right.kind} that begins with {right.name}"
    if right.name == _ANY_NAME:
        many = f"every {right.kind}"
    whole = right.is_prefix or right.name == _ANY_NAME
    return f"{right.operation} {many if whole else f'the {right.kind} {right.name}'}"


def _rules(admin: KafkaAdminClient) -> frozenset[_Rule]:
    everything = ACLFilter(
        principal=None,
        host=None,
        operation=ACLOperation.ANY,
        permission_type=ACLPermissionType.ANY,
        resource_pattern=ResourcePatternFilter(ResourceType.ANY, None, ACLResourcePatternType.ANY),
    )
    try:
        found, _ = admin.describe_acls(everything)
    except SecurityDisabledError as error:
        raise NoAuthorizerError(
            "This Kafka checks nobody's rights: set authorizer.class.name on its brokers and "
            "controllers."
        ) from error
    kinds = {_resource_type(kind): kind for kind in Kind}
    return frozenset(
        _Rule(
            acl.principal,
            Right(
                kinds[acl.resource_pattern.resource_type],
                acl.resource_pattern.resource_name,
                acl.resource_pattern.pattern_type == ACLResourcePatternType.PREFIXED,
                acl.operation.name.title().replace("_", ""),
            ),
            acl.permission_type == ACLPermissionType.ALLOW,
        )
        for acl in found
        if acl.resource_pattern.resource_type in kinds
    )


def _acl(principal: str, right: Right) -> ACL:
    pattern = ACLResourcePatternType.LITERAL
    if right.is_prefix:
        pattern = ACLResourcePatternType.PREFIXED
    return ACL(
        principal=principal,
        host="*",
        operation=_operation(right.operation),
        permission_type=ACLPermissionType.ALLOW,
        resource_pattern=ResourcePattern(_resource_type(right.kind), right.name, pattern),
    )


def _resource_type(kind: Kind) -> ResourceType:
    return ResourceType[kind.value.upper()]


def _operation(word: str) -> ACLOperation:
    return next(one for one in ACLOperation if one.name.title().replace("_", "") == word)
