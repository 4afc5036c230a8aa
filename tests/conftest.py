"""What all tests share: one real Kafka a session, with the declared topics, and a hash key."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from agents.local_kafka import LocalKafka

HASH_KEY = "a key that only the tests know, 32 bytes and more"


@pytest.fixture(scope="session", autouse=True)
def hash_key() -> Iterator[str]:
    """The key that hashes national IDs, in the environment of all processes of the tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FREEZELINE_HASH_KEY", HASH_KEY)
        patch.delenv("FREEZELINE_HASH_KEY_FILE", raising=False)
        yield HASH_KEY


@pytest.fixture(scope="session")
def bootstrap(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a real Kafka: FREEZELINE_BOOTSTRAP, or one started for this session."""
    given = os.environ.get("FREEZELINE_BOOTSTRAP")
    if given:
        yield given
        return
    with LocalKafka(tmp_path_factory.mktemp("kafka")) as kafka:
        yield kafka.bootstrap
