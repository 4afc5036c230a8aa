import pytest

from agents.kafka.client_settings import unreachable
from agents.settings import Settings


@pytest.mark.parametrize(
    ("protocol", "asked"),
    [
        ("PLAINTEXT", "is FREEZELINE_BOOTSTRAP right?"),
        ("SSL", "are FREEZELINE_BOOTSTRAP and FREEZELINE_SSL_* right?"),
        (
            "SASL_SSL",
            "are FREEZELINE_BOOTSTRAP, FREEZELINE_SASL_* and FREEZELINE_SSL_* right?",
        ),
    ],
)
def test_the_sentence_names_every_setting_that_may_be_wrong(protocol: str, asked: str) -> None:
    settings = Settings(
        bootstrap="kafka-1:9093",
        security_protocol=protocol,
        sasl_username="u",
        sasl_password="p",
    )
    said = str(unreachable(settings, ConnectionError("x")))
    assert (
        said
        == f"Kafka does not answer at kafka-1:9093 (ConnectionError): is it running, and {asked}"
    )
