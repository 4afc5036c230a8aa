"""Settings of a process, from environment variables that begin with ``FREEZELINE_``."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from agents.runtime.fail_points import Moment

ENV_PREFIX = "FREEZELINE_"
HASH_KEY_BYTES = 32
"""The least length of the key that hashes national IDs: 256 bits, as HMAC-SHA-256 can use."""

_LINK = re.compile(r"_SERVICE_(HOST|PORT)|_PORT(_\d+_(TCP|UDP|SCTP).*)?$")

SecurityProtocol = Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"]
SaslMechanism = Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"]


class SettingsError(Exception):
    """A setting is wrong or missing; the message is one sentence that names its variable."""


class Settings(BaseSettings):
    """What a process is told from outside; each field is ``FREEZELINE_<NAME>``."""

    model_config = SettingsConfigDict(env_prefix=ENV_PREFIX, frozen=True, extra="forbid")

    bootstrap: str = "127.0.0.1:9092"
    """Kafka's addresses, ``host:port``, separated by commas."""
    security_protocol: SecurityProtocol = "PLAINTEXT"
    """How to talk to Kafka."""
    sasl_mechanism: SaslMechanism = "SCRAM-SHA-512"
    """How to prove who we are, with a SASL protocol."""
    sasl_username: str | None = None
    """Who we are to Kafka."""
    sasl_password: SecretStr | None = None
    """The password of ``sasl_username``; or use ``sasl_password_file``."""
    sasl_password_file: Path | None = None
    """A file with that password; a line break at its end does not count."""
    ssl_cafile: Path | None = None
    """Certificates of the authorities that sign Kafka's; None trusts the system's."""
    ssl_certfile: Path | None = None
    """Our own certificate, for mutual TLS."""
    ssl_keyfile: Path | None = None
    """The private key of ``ssl_certfile``."""
    ssl_password: SecretStr | None = None
    """The password of ``ssl_keyfile``."""
    ssl_check_hostname: bool = True
    """Whether the name in Kafka's certificate must be the one that we connect to."""

    state_dir: Path = Path("freezeline-state")
    """The folder of a worker's own state; losing it costs time, never data."""
    http_host: str = "127.0.0.1"
    """Where metrics and health answer."""
    http_port: int = Field(default=8080, ge=0, le=65_535)
    """The port of metrics and health; 0 takes a free one."""
    instance_id: str | None = Field(default=None, pattern=r"^[A-Za-z0-9._-]{1,200}$")
    """A worker's lasting name in its group, so that a restart keeps its partitions."""
    replication: int | None = Field(default=None, ge=1, le=15)
    """Replicas of each topic; None means 1 for a broker on this machine, else 3."""
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    """The least level that is logged."""

    hash_key: SecretStr | None = None
    """The key that hashes national IDs, shared with the partners; or use ``hash_key_file``."""
    hash_key_file: Path | None = None
    """A file with that key. After a change of keys it has a line for each, the oldest first."""

    dead_letter_run_limit: int = Field(default=1_000, ge=1)
    """How many bad records in a row stop a worker: then something is wrong with more than them."""
    accounts_lag_limit: int = Field(default=2_000, ge=1)
    """How many account-log records the accounts agent may lag before intake waits."""
    rebuild_processes: int = Field(default=2, ge=0, le=64)
    """How many partitions a worker rebuilds at once, each in a process of its own; 0: none is."""
    session_timeout_ms: int = Field(default=6_000, ge=1_000, le=300_000)
    """After how much silence Kafka takes a worker for dead."""
    fail_point: str | None = Field(default=None, pattern=rf"^({'|'.join(Moment)}):[1-9]\d{{0,8}}$")
    """For tests of recovery: end as kill -9 does at a moment's n-th time, as ``answered:12``."""
    acknowledge_timeout_s: float = Field(default=30.0, ge=1.0, le=600.0)
    """How long an output may wait for its acknowledgement before the worker stops."""

    @field_validator(
        "ssl_cafile",
        "ssl_certfile",
        "ssl_keyfile",
        "hash_key_file",
        "sasl_password_file",
        "hash_key",
        "sasl_password",
        "ssl_password",
        "sasl_username",
        "instance_id",
        mode="before",
    )
    @classmethod
    def _empty_is_not_given(cls, value: object) -> object:
        """An empty variable is how many a deployment says that it has none."""
        return None if value == "" else value

    @field_validator("bootstrap")
    @classmethod
    def _has_addresses(cls, bootstrap: str) -> str:
        if not re.fullmatch(r"[^\s,]+:\d{1,5}(,[^\s,]+:\d{1,5})*", bootstrap):
            raise ValueError("host:port is expected, or several separated by commas")
        return bootstrap

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        if self.security_protocol.startswith("SASL") and not (
            self.sasl_username and (self.sasl_password or self.sasl_password_file)
        ):
            raise ValueError(
                f"{ENV_PREFIX}SASL_USERNAME and {ENV_PREFIX}SASL_PASSWORD (or "
                f"{ENV_PREFIX}SASL_PASSWORD_FILE) are needed with "
                f"{ENV_PREFIX}SECURITY_PROTOCOL={self.security_protocol}"
            )
        if self.sasl_password is not None and self.sasl_password_file is not None:
            raise ValueError(
                f"give {ENV_PREFIX}SASL_PASSWORD or {ENV_PREFIX}SASL_PASSWORD_FILE, not both"
            )
        if self.ssl_keyfile is not None and self.ssl_certfile is None:
            raise ValueError(f"{ENV_PREFIX}SSL_CERTFILE is needed with {ENV_PREFIX}SSL_KEYFILE")
        for name in (
            "ssl_cafile",
            "ssl_certfile",
            "ssl_keyfile",
            "hash_key_file",
            "sasl_password_file",
        ):
            path = getattr(self, name)
            if path is not None and not path.is_file():
                raise ValueError(f"{_variable(name)} names a file that does not exist: {path}")
        if self.hash_key is not None and self.hash_key_file is not None:
            raise ValueError(f"give {ENV_PREFIX}HASH_KEY or {ENV_PREFIX}HASH_KEY_FILE, not both")
        return self

    @property
    def replication_factor(self) -> int:
        """How many replicas each topic has."""
        if self.replication is not None:
            return self.replication
        return 1 if all(_is_local(address) for address in self.bootstrap.split(",")) else 3

    def sasl_secret(self) -> str:
        """Return the password of ``sasl_username``, read anew from its file; "" when there is none.

        Raises SettingsError when the file cannot be read.
        """
        if self.sasl_password_file is not None:
            return _read_secret("sasl_password_file", self.sasl_password_file).decode()
        return self.sasl_password.get_secret_value() if self.sasl_password is not None else ""

    def national_id_key(self) -> bytes:
        """Return the oldest of `national_id_keys`; raises as that does."""
        return self.national_id_keys()[0]

    def national_id_keys(self) -> tuple[bytes, ...]:
        """Return the keys that hash national IDs, each at least HASH_KEY_BYTES long, oldest first.

        Raises SettingsError when there is none, or when one is too short.
        """
        if self.hash_key is not None:
            name, text = "hash_key", self.hash_key.get_secret_value().encode()
        elif self.hash_key_file is not None:
            name, text = "hash_key_file", _read_secret("hash_key_file", self.hash_key_file)
        else:
            raise SettingsError(
                f"The key that hashes national IDs is missing: set {ENV_PREFIX}HASH_KEY_FILE to a "
                f"file with it, or {ENV_PREFIX}HASH_KEY."
            )
        keys = tuple(line.rstrip(b"\r") for line in text.split(b"\n"))
        shortest = min(map(len, keys))
        if shortest < HASH_KEY_BYTES:
            raise SettingsError(
                f"{_variable(name)} is wrong: the key has {shortest} bytes, "
                f"and needs at least {HASH_KEY_BYTES}."
            )
        return keys


def load_settings(*, needs_hash_key: bool = True, **overrides: Any) -> Settings:
    """Return the settings of this process: ``overrides`` first, then the environment.

    Without a good key for national IDs nothing starts that ``needs_hash_key``. Raises
    SettingsError with one sentence that names the variable; no value of a secret is in it.
    """
    try:
        settings = Settings(**overrides)
    except ValidationError as error:
        raise SettingsError(_sentence(error)) from None
    if needs_hash_key or settings.hash_key is not None or settings.hash_key_file is not None:
        settings.national_id_key()
    return settings


def unknown_variables(environment: Iterable[str]) -> list[str]:
    """Return the names that look like a setting of ours and are none: misspelt, or of another
    release. What Kubernetes says of services called freezeline is not looked at."""
    known = {_variable(field) for field in Settings.model_fields}
    ours = {name for name in environment if name.upper().startswith(ENV_PREFIX)}
    return sorted(name for name in ours if name.upper() not in known and not _LINK.search(name))


def _sentence(error: ValidationError) -> str:
    first = error.errors(include_input=False, include_url=False)[0]
    message = first["msg"].removeprefix("Value error, ")
    if not first["loc"]:
        return f"{message[0].upper()}{message[1:]}."
    name = str(first["loc"][0]).removeprefix(ENV_PREFIX.lower())
    return f"{_variable(name)} is wrong: {message[0].lower()}{message[1:]}."


def _variable(field: str) -> str:
    return f"{ENV_PREFIX}{field.upper()}"


def _read_secret(name: str, path: Path) -> bytes:
    try:
        return path.read_bytes().rstrip(b"\r\n")
    except OSError as error:
        raise SettingsError(f"{_variable(name)} cannot be read: {error.strerror}.") from error


def _is_local(address: str) -> bool:
    host = address.rsplit(":", 1)[0].strip("[]")
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
