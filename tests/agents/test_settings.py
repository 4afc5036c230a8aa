"""Settings: a wrong one is one sentence that names its variable, and secrets stay secret."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest

from agents.kafka.client_settings import aiokafka_settings, kafka_python_settings
from agents.settings import SettingsError, load_settings, unknown_variables

KEY = "k" * 32


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("HASH_KEY", "HASH_KEY_FILE", "BOOTSTRAP"):
        monkeypatch.delenv(f"FREEZELINE_{variable}", raising=False)


def test_without_a_key_for_national_ids_nothing_starts() -> None:
    with pytest.raises(SettingsError, match="set FREEZELINE_HASH_KEY_FILE"):
        load_settings()
    assert load_settings(needs_hash_key=False).bootstrap == "127.0.0.1:9092"


def test_the_key_comes_from_a_variable_or_a_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "key"
    file.write_bytes(b"\x00" * 31 + b"\x01\n")
    assert load_settings(hash_key_file=file).national_id_key() == b"\x00" * 31 + b"\x01"
    monkeypatch.setenv("FREEZELINE_HASH_KEY", KEY)
    assert load_settings().national_id_key() == KEY.encode()
    with pytest.raises(SettingsError, match="not both"):
        load_settings(hash_key_file=file)


def test_an_empty_variable_is_one_that_is_not_given(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HASH_KEY_FILE", "SSL_CAFILE", "SASL_USERNAME", "INSTANCE_ID"):
        monkeypatch.setenv(f"FREEZELINE_{name}", "")
    monkeypatch.setenv("FREEZELINE_HASH_KEY", KEY)
    assert load_settings().national_id_key() == KEY.encode()
    monkeypatch.setenv("FREEZELINE_BOOTSTRAP", "")
    with pytest.raises(SettingsError, match="FREEZELINE_BOOTSTRAP is wrong"):
        load_settings()


def test_a_variable_that_is_no_setting_is_named_unless_kubernetes_made_it() -> None:
    asked = ("BOOTSTRAP", "BOOTSTRP", "HTTP_PORT", "SERVICE_HOST", "PORT_8080_TCP_ADDR", "PORT")
    names = [*(f"FREEZELINE_{name}" for name in asked), "PATH"]
    assert unknown_variables(names) == ["FREEZELINE_BOOTSTRP"]


def test_a_short_key_is_refused_without_showing_it() -> None:
    with pytest.raises(SettingsError) as refused:
        load_settings(hash_key="only-short")
    message = str(refused.value)
    assert message == "FREEZELINE_HASH_KEY is wrong: the key has 10 bytes, and needs at least 32."


def test_no_secret_is_shown_when_settings_are_printed() -> None:
    settings = load_settings(
        hash_key=KEY,
        security_protocol="SASL_PLAINTEXT",
        sasl_username="worker",
        sasl_password="open sesame",
    )
    assert KEY not in repr(settings)
    assert "open sesame" not in repr(settings)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("bootstrap", "kafka", "host:port"),
        ("http_port", 70_000, "less than or equal to 65535"),
        ("replication", 0, "greater than or equal to 1"),
        ("dead_letter_run_limit", 0, "greater than or equal to 1"),
        ("security_protocol", "TLS", "'SASL_SSL'"),
        ("log_level", "LOUD", "'INFO'"),
    ],
)
def test_a_wrong_value_is_named(name: str, value: object, words: str) -> None:
    with pytest.raises(SettingsError, match=f"^FREEZELINE_{name.upper()} is wrong: .*{words}"):
        load_settings(hash_key=KEY, **{name: value})


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="FREEZELINE_SSL_CAFILE names a file that does not"):
        load_settings(hash_key=KEY, ssl_cafile=tmp_path / "ca.pem")


@pytest.mark.parametrize(
    ("bootstrap", "replicas"),
    [("127.0.0.1:9092", 1), ("localhost:9092,[::1]:9093", 1), ("kafka-0.bank.example:9092", 3)],
)
def test_replicas_follow_from_where_kafka_is(bootstrap: str, replicas: int) -> None:
    assert load_settings(hash_key=KEY, bootstrap=bootstrap).replication_factor == replicas
    settings = load_settings(hash_key=KEY, bootstrap=bootstrap, replication=2)
    assert settings.replication_factor == 2


def test_tls_and_sasl_pass_through_to_both_clients() -> None:
    settings = load_settings(
        hash_key=KEY,
        bootstrap="a:1,b:2",
        security_protocol="SASL_SSL",
        sasl_username="worker",
        sasl_password="open sesame",
    )
    for connection in (kafka_python_settings(settings), aiokafka_settings(settings)):
        context = connection.pop("ssl_context")
        assert isinstance(context, ssl.SSLContext)
        assert context.verify_mode is ssl.CERT_REQUIRED
        assert connection == {
            "bootstrap_servers": ["a:1", "b:2"],
            "security_protocol": "SASL_SSL",
            "sasl_mechanism": "SCRAM-SHA-512",
            "sasl_plain_username": "worker",
            "sasl_plain_password": "open sesame",
        }


def test_a_plain_connection_has_no_credentials() -> None:
    connection = kafka_python_settings(load_settings(hash_key=KEY))
    assert set(connection) == {"bootstrap_servers", "security_protocol"}


def test_a_certificate_that_cannot_be_used_is_one_sentence(tmp_path: Path) -> None:
    file = tmp_path / "cert.pem"
    file.write_text("not a certificate")
    with pytest.raises(SettingsError, match="FREEZELINE_SSL_CAFILE cannot be used"):
        kafka_python_settings(load_settings(hash_key=KEY, security_protocol="SSL", ssl_cafile=file))
    with pytest.raises(SettingsError, match="FREEZELINE_SSL_CERTFILE and FREEZELINE_SSL_KEYFILE"):
        kafka_python_settings(
            load_settings(hash_key=KEY, security_protocol="SSL", ssl_certfile=file)
        )


def test_a_sasl_password_may_stand_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("open sesame\n")
    given = {"hash_key": KEY, "security_protocol": "SASL_PLAINTEXT", "sasl_username": "worker"}
    settings = load_settings(**given, sasl_password_file=file)
    for connection in (kafka_python_settings(settings), aiokafka_settings(settings)):
        assert connection["sasl_plain_password"] == "open sesame"
    with pytest.raises(SettingsError, match="SASL_PASSWORD or FREEZELINE_SASL_PASSWORD_FILE, not"):
        load_settings(**given, sasl_password_file=file, sasl_password="another")
    with pytest.raises(SettingsError, match="or FREEZELINE_SASL_PASSWORD_FILE"):
        load_settings(**given)


def test_a_file_of_keys_has_a_line_for_each_generation(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    file.write_text("first key, 32 bytes long or more.\nsecond key, 32 bytes long or more\n")
    keys = load_settings(hash_key_file=file).national_id_keys()
    assert [key[:6] for key in keys] == [b"first ", b"second"]
    assert load_settings(hash_key_file=file).national_id_key() == keys[0]
    file.write_text("first key, 32 bytes long or more.\nshort\n")
    with pytest.raises(SettingsError, match="has 5 bytes"):
        load_settings(hash_key_file=file)
