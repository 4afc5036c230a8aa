"""The chain in Quix Streams: one application, re-keyed by `group_by`, run in two processes.

``python -m benchmarks.peers.quix BOOTSTRAP FOLDER CASES NUMBER``
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from quixstreams import Application, State
from quixstreams.models import Deserializer, SerializationContext, Serializer

from benchmarks.peers.work import (
    LOOK_BACK,
    Posting,
    accounts_with_a_case,
    alert_of,
    decode_posting,
    encode,
    postings_of,
)
from pipeline.topics import FREEZE_ALERTS, TRANSACTIONS


class _PostingSerializer(Serializer):
    def __call__(self, value: Posting, ctx: SerializationContext) -> bytes:
        return encode(value)


class _PostingDeserializer(Deserializer):
    def __call__(self, value: bytes, ctx: SerializationContext) -> Posting:
        return decode_posting(value)


def main() -> None:
    """Run one process of the application until it is ended."""
    bootstrap, folder, cases_file, number = sys.argv[1:]
    application = Application(
        broker_address=bootstrap,
        consumer_group="quix",
        auto_offset_reset="earliest",
        processing_guarantee="exactly-once",
        commit_interval=1.0,
        state_dir=Path(folder) / f"quix-{number}",
        producer_extra_config={"linger.ms": 50, "batch.size": 256 * 1024},
        loglevel="WARNING",
    )
    cases = accounts_with_a_case(cases_file)

    def keep(posting: Posting, state: State) -> bytes | None:
        entry = f"{posting.at} {posting.origin} {posting.amount}"
        state.set_bytes(entry, encode(posting), ttl=LOOK_BACK)
        return alert_of(posting) if posting.account in cases else None

    payments: Any = application.topic(TRANSACTIONS, value_deserializer="bytes")
    alerts: Any = application.topic(FREEZE_ALERTS, value_serializer="bytes")
    frame = application.dataframe(payments).apply(_postings, expand=True)
    frame = frame.group_by(
        lambda posting: posting.account,
        name="account",
        key_serializer="str",
        key_deserializer="str",
        value_serializer=_PostingSerializer(),
        value_deserializer=_PostingDeserializer(),
    )
    frame = frame.apply(keep, stateful=True).filter(lambda alert: alert is not None)
    frame.to_topic(alerts)
    application.run()


def _postings(value: bytes) -> Iterable[Posting]:
    return postings_of(value)


if __name__ == "__main__":
    main()
