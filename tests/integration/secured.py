"""A Kafka that lets in only who proves who they are, and lets each do what its role does."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import trustme
from cryptography.hazmat.primitives import serialization
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
    ScramMechanism,
    UserScramCredentialUpsertion,
)
from kafka.errors import KafkaError

from agents.kafka.access import ROLES
from agents.kafka.client_settings import kafka_python_settings
from agents.kafka.topic_admin import admin_client
from agents.local.kafka import LocalKafka
from agents.settings import ENV_PREFIX, Settings
from agents.upkeep.rewriting import KEPT_FOR_GOOD
from pipeline.topics import REPORTS
from tests.agents.kafka_records import wait_for
from tests.integration.attempts import readable

PASSWORD = "a password of letters, spaces = signs"
LET_IN_SECONDS = 60.0
# Whoever comes through the listener for setting up, and the broker itself, may do everything.
AUTHORIZER = {
    "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
    "super.users": "User:ANONYMOUS",
}
_CLIENTS = "listener.name.clients."


class SecuredKafka(NamedTuple):
    """A Kafka with access rules, and how its users reach it."""

    kafka: LocalKafka
    environments: Mapping[str, Mapping[str, str]]
    """What the environment of a client says, by the role of its user."""

    def settings(self, role: str) -> Settings:
        """The settings of a client in ``role``."""
        return _settings(self.environments[role])

    @property
    def superuser(self) -> Settings:
        """The settings of a client that may do everything."""
        return Settings(bootstrap=self.kafka.internal_bootstrap, security_protocol="PLAINTEXT")


@contextmanager
def kafka_with_passwords(folder: Path) -> Iterator[SecuredKafka]:
    """A Kafka whose clients need TLS and a password, by SCRAM-SHA-512 or PLAIN."""
    authority = trustme.CA()
    users = " ".join(f'user_{role}="{_password(role)}"' for role in ROLES)
    plain = f"org.apache.kafka.common.security.plain.PlainLoginModule required {users};"
    scram = "org.apache.kafka.common.security.scram.ScramLoginModule required;"
    properties = {
        **AUTHORIZER,
        **_tls(folder, authority, "SASL_SSL"),
        f"{_CLIENTS}sasl.enabled.mechanisms": "SCRAM-SHA-512,PLAIN",
        f"{_CLIENTS}plain.sasl.jaas.config": plain,
        f"{_CLIENTS}scram-sha-512.sasl.jaas.config": scram,
    }
    with LocalKafka(folder / "kafka", properties=properties) as kafka:
        admin = KafkaAdminClient(bootstrap_servers=kafka.internal_bootstrap)
        mechanism = ScramMechanism.SCRAM_SHA_512
        for role in ROLES:
            user = UserScramCredentialUpsertion(role, mechanism, _password(role))
            admin.alter_user_scram_credentials([user])
        admin.close()
        environments = {
            role: {
                "FREEZELINE_BOOTSTRAP": kafka.bootstrap,
                "FREEZELINE_SECURITY_PROTOCOL": "SASL_SSL",
                "FREEZELINE_SSL_CAFILE": str(folder / "ca.pem"),
                "FREEZELINE_SASL_USERNAME": role,
                "FREEZELINE_SASL_PASSWORD": _password(role),
            }
            for role in ROLES
        }
        _wait_until_let_in(environments[ROLES[-1]])
        yield SecuredKafka(kafka, environments)


@contextmanager
def kafka_with_certificates(folder: Path) -> Iterator[SecuredKafka]:
    """A Kafka whose clients need a certificate of their own (mutual TLS), whose key has a password.

    The user is called as the certificate's common name says.
    """
    authority = trustme.CA()
    properties = {
        **AUTHORIZER,
        **_tls(folder, authority, "SSL"),
        f"{_CLIENTS}ssl.client.auth": "required",
        f"{_CLIENTS}ssl.truststore.type": "PEM",
        f"{_CLIENTS}ssl.truststore.location": str(folder / "ca.pem"),
        f"{_CLIENTS}ssl.principal.mapping.rules": "RULE:^.*CN=([^,]+).*$/$1/",
    }
    for role in ROLES:
        client = authority.issue_cert(f"{role}@freezeline.test", common_name=role)
        _write_chain(folder / f"{role}.pem", client)
        (folder / f"{role}.key").write_bytes(
            _private_key(client, serialization.BestAvailableEncryption(PASSWORD.encode()))
        )
    with LocalKafka(folder / "kafka", properties=properties) as kafka:
        environments = {
            role: {
                "FREEZELINE_BOOTSTRAP": kafka.bootstrap,
                "FREEZELINE_SECURITY_PROTOCOL": "SSL",
                "FREEZELINE_SSL_CAFILE": str(folder / "ca.pem"),
                "FREEZELINE_SSL_CERTFILE": str(folder / f"{role}.pem"),
                "FREEZELINE_SSL_KEYFILE": str(folder / f"{role}.key"),
                "FREEZELINE_SSL_PASSWORD": PASSWORD,
            }
            for role in ROLES
        }
        _wait_until_let_in(environments[ROLES[-1]])
        yield SecuredKafka(kafka, environments)


@contextmanager
def letting_write_but_not_cut(kafka: SecuredKafka, role: str) -> Iterator[None]:
    """Let a role read and write the topics that are kept for good, and take it back."""
    new = [
        (operation, topic)
        for operation in (ACLOperation.READ, ACLOperation.WRITE)
        for topic in KEPT_FOR_GOOD
        if (operation, topic) != (ACLOperation.WRITE, REPORTS)  # an agency's already
    ]
    who, literal = (f"User:{role}", "*"), ACLResourcePatternType.LITERAL
    with admin_client(kafka.superuser) as admin:
        rules = [(o, ACLPermissionType.ALLOW, ResourceType.TOPIC, topic) for o, topic in new]
        admin.create_acls([ACL(*who, o, p, ResourcePattern(t, n)) for o, p, t, n in rules])
        try:
            wait_for(lambda: readable(kafka.settings(role), KEPT_FOR_GOOD) == set(KEPT_FOR_GOOD))
            yield
        finally:
            admin.delete_acls(
                [
                    ACLFilter(*who, o, p, ResourcePatternFilter(t, n, literal))
                    for o, p, t, n in rules
                ]
            )


def _password(role: str) -> str:
    return f"{PASSWORD} of {role}"


def _settings(environment: Mapping[str, str]) -> Settings:
    given = {name.removeprefix(ENV_PREFIX).lower(): said for name, said in environment.items()}
    return Settings(**given)


def _wait_until_let_in(environment: Mapping[str, str]) -> None:
    """Wait until Kafka knows the new user, and has done its first, slow, handshake."""
    connection = kafka_python_settings(_settings(environment))
    deadline = time.monotonic() + LET_IN_SECONDS
    while True:
        try:
            KafkaAdminClient(**connection, bootstrap_timeout_ms=20_000).close()
        except KafkaError:
            if time.monotonic() > deadline:
                raise
        else:
            return


def _tls(folder: Path, authority: trustme.CA, protocol: str) -> Mapping[str, str]:
    """Write the authority's and Kafka's certificates; return what makes Kafka use them."""
    authority.cert_pem.write_to_path(folder / "ca.pem")
    kafka = authority.issue_cert("127.0.0.1")
    _write_chain(folder / "kafka.pem", kafka)
    with (folder / "kafka.pem").open("ab") as store:
        store.write(_private_key(kafka, serialization.NoEncryption()))
    return {
        "listener.security.protocol.map": (
            f"CLIENTS:{protocol},INTERNAL:PLAINTEXT,CONTROLLER:PLAINTEXT"
        ),
        f"{_CLIENTS}ssl.keystore.type": "PEM",
        f"{_CLIENTS}ssl.keystore.location": str(folder / "kafka.pem"),
    }


def _write_chain(path: Path, certificate: trustme.LeafCert) -> None:
    path.write_bytes(b"".join(part.bytes() for part in certificate.cert_chain_pems))


def _private_key(
    certificate: trustme.LeafCert, encryption: serialization.KeySerializationEncryption
) -> bytes:
    """Return the key as PKCS #8, the only form that Kafka reads (trustme writes another)."""
    key = serialization.load_pem_private_key(certificate.private_key_pem.bytes(), None)
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption
    )
