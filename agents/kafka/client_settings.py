"""The connection to Kafka, once for kafka-python and once for aiokafka: the same TLS and SASL."""

from __future__ import annotations

import ssl
from typing import Any

from agents.settings import ENV_PREFIX, Settings, SettingsError

CONNECT_TIMEOUT_MS = 10_000
"""How long a command waits for a first answer, and for each answer after it. One broker of three
that hangs takes a part of it."""


class BrokerUnreachableError(Exception):
    """Kafka does not answer, or refuses us; the message is one sentence."""


def unreachable(settings: Settings, error: Exception) -> BrokerUnreachableError:
    """Return the error that says that nothing answers at the address of the settings.

    Kafka closes the connection of whom it does not let in, without a word: so with TLS or SASL
    their settings may be what is wrong.
    """
    names = [f"{ENV_PREFIX}BOOTSTRAP"]
    if "SASL" in settings.security_protocol:
        names.append(f"{ENV_PREFIX}SASL_*")
    if "SSL" in settings.security_protocol:
        names.append(f"{ENV_PREFIX}SSL_*")
    suspected = " and ".join([", ".join(names[:-1]), names[-1]] if names[1:] else names)
    verb = "are" if names[1:] else "is"
    return BrokerUnreachableError(
        f"Kafka does not answer at {settings.bootstrap} ({type(error).__name__}): "
        f"is it running, and {verb} {suspected} right?"
    )


def kafka_python_settings(settings: Settings) -> dict[str, Any]:
    """Return what KafkaProducer, KafkaConsumer and KafkaAdminClient need to connect."""
    return _connection(settings)


def aiokafka_settings(settings: Settings) -> dict[str, Any]:
    """Return what AIOKafkaProducer and AIOKafkaConsumer need to connect."""
    return _connection(settings)


def ssl_context(settings: Settings) -> ssl.SSLContext | None:
    """Return the TLS context, or None for a protocol without TLS.

    Raises SettingsError when a certificate or key cannot be used.
    """
    if settings.security_protocol not in ("SSL", "SASL_SSL"):
        return None
    try:
        context = ssl.create_default_context(cafile=settings.ssl_cafile)
    except (OSError, ssl.SSLError) as error:
        raise SettingsError(
            f"{ENV_PREFIX}SSL_CAFILE cannot be used: {error.strerror or error}."
        ) from error
    context.check_hostname = settings.ssl_check_hostname
    if settings.ssl_certfile is not None:
        password = settings.ssl_password
        try:
            context.load_cert_chain(
                settings.ssl_certfile,
                settings.ssl_keyfile,
                # An empty answer makes OpenSSL fail where it would otherwise ask the terminal.
                password.get_secret_value() if password else "",
            )
        except (OSError, ssl.SSLError) as error:
            raise SettingsError(
                f"{ENV_PREFIX}SSL_CERTFILE and {ENV_PREFIX}SSL_KEYFILE cannot be used together: "
                f"{error.strerror or error}."
            ) from error
    return context


def _connection(settings: Settings) -> dict[str, Any]:
    """Both libraries take the same names for what is used here."""
    connection: dict[str, Any] = {
        "bootstrap_servers": settings.bootstrap.split(","),
        "security_protocol": settings.security_protocol,
    }
    context = ssl_context(settings)
    if context is not None:
        connection["ssl_context"] = context
    if settings.security_protocol.startswith("SASL"):
        connection["sasl_mechanism"] = settings.sasl_mechanism
        connection["sasl_plain_username"] = settings.sasl_username
        connection["sasl_plain_password"] = settings.sasl_secret()
    return connection
