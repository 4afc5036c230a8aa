"""A Kafka that lets in only who proves who they are, and the settings of a client that can."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import trustme
from cryptography.hazmat.primitives import serialization
from kafka import KafkaAdminClient
from kafka.admin import ScramMechanism, UserScramCredentialUpsertion
from kafka.errors import KafkaError

from agents.kafka_settings import kafka_python_settings
from agents.local_kafka import LocalKafka
from agents.settings import ENV_PREFIX, Settings

USER = "freezeline"
PASSWORD = "a password of letters, spaces = signs"
LET_IN_SECONDS = 60.0
_CLIENTS = "listener.name.clients."


@contextmanager
def kafka_with_passwords(folder: Path) -> Iterator[tuple[LocalKafka, dict[str, str]]]:
    """A Kafka whose clients need TLS and a password, by SCRAM-SHA-512 or PLAIN.

    With it, what a client's environment must say.
    """
    authority = trustme.CA()
    plain = (
        "org.apache.kafka.common.security.plain.PlainLoginModule required "
        f'user_{USER}="{PASSWORD}";'
    )
    scram = "org.apache.kafka.common.security.scram.ScramLoginModule required;"
    properties = {
        **_tls(folder, authority, "SASL_SSL"),
        f"{_CLIENTS}sasl.enabled.mechanisms": "SCRAM-SHA-512,PLAIN",
        f"{_CLIENTS}plain.sasl.jaas.config": plain,
        f"{_CLIENTS}scram-sha-512.sasl.jaas.config": scram,
    }
    with LocalKafka(folder / "kafka", properties=properties) as kafka:
        admin = KafkaAdminClient(bootstrap_servers=kafka.internal_bootstrap)
        user = UserScramCredentialUpsertion(USER, ScramMechanism.SCRAM_SHA_512, PASSWORD)
        admin.alter_user_scram_credentials([user])
        admin.close()
        environment = {
            "FREEZELINE_BOOTSTRAP": kafka.bootstrap,
            "FREEZELINE_SECURITY_PROTOCOL": "SASL_SSL",
            "FREEZELINE_SSL_CAFILE": str(folder / "ca.pem"),
            "FREEZELINE_SASL_USERNAME": USER,
            "FREEZELINE_SASL_PASSWORD": PASSWORD,
        }
        _wait_until_let_in(environment)
        yield kafka, environment


@contextmanager
def kafka_with_certificates(folder: Path) -> Iterator[tuple[LocalKafka, dict[str, str]]]:
    """A Kafka whose clients need a certificate of their own (mutual TLS), whose key has a password.

    With it, what a client's environment must say.
    """
    authority = trustme.CA()
    properties = {
        **_tls(folder, authority, "SSL"),
        f"{_CLIENTS}ssl.client.auth": "required",
        f"{_CLIENTS}ssl.truststore.type": "PEM",
        f"{_CLIENTS}ssl.truststore.location": str(folder / "ca.pem"),
    }
    client = authority.issue_cert("client@freezeline.test")
    _write_chain(folder / "client.pem", client)
    (folder / "client.key").write_bytes(
        _private_key(client, serialization.BestAvailableEncryption(PASSWORD.encode()))
    )
    with LocalKafka(folder / "kafka", properties=properties) as kafka:
        environment = {
            "FREEZELINE_BOOTSTRAP": kafka.bootstrap,
            "FREEZELINE_SECURITY_PROTOCOL": "SSL",
            "FREEZELINE_SSL_CAFILE": str(folder / "ca.pem"),
            "FREEZELINE_SSL_CERTFILE": str(folder / "client.pem"),
            "FREEZELINE_SSL_KEYFILE": str(folder / "client.key"),
            "FREEZELINE_SSL_PASSWORD": PASSWORD,
        }
        _wait_until_let_in(environment)
        yield kafka, environment


def _wait_until_let_in(environment: Mapping[str, str]) -> None:
    """Wait until Kafka knows the new user, and has done its first, slow, handshake."""
    given = {name.removeprefix(ENV_PREFIX).lower(): said for name, said in environment.items()}
    connection = kafka_python_settings(Settings(**given))
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
