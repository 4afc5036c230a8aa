"""What all tests share: one real Kafka a session, with the declared topics, and a hash key."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import hypothesis
import pytest

from agents.local.kafka import LocalKafka

# A busy machine is slow, and no test is about time. What a change makes of the tests depends on
# the change alone; `make search` looks for what no test has met yet. To explain a failure it would
# trace each line, which takes ten gigabytes and more where a fold fails.
PHASES = [phase for phase in hypothesis.Phase if phase is not hypothesis.Phase.explain]
hypothesis.settings.register_profile("repeatable", deadline=None, derandomize=True, phases=PHASES)
hypothesis.settings.register_profile("search", deadline=None, database=None, phases=PHASES)
hypothesis.settings.load_profile("repeatable")
# A job in a shell's background is started with SIGINT ignored, and so would be what it starts.
signal.signal(signal.SIGINT, signal.default_int_handler)

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
