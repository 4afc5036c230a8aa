"""The chain in two plain confluent-kafka loops, read-process-write in Kafka transactions.

``python -m benchmarks.peers.plain_confluent BOOTSTRAP FOLDER CASES post|keep``

One transaction for each batch that `consume` gives. The look-back store is RocksDB, one entry a
posting with a time to live; a batch is written to it before its transaction is committed, under
keys that make a repeat harmless.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from confluent_kafka import Consumer, Message, Producer
from rocksdict import AccessType, Options, Rdict, WriteBatch

from benchmarks.peers.work import (
    LOOK_BACK,
    POSTINGS,
    accounts_with_a_case,
    alert_of,
    decode_posting,
    encode,
    postings_of,
)
from pipeline.topics import FREEZE_ALERTS, TRANSACTIONS

BATCH_RECORDS = 5_000
Handle = Callable[[list[Message], Producer], None]


def main() -> None:
    """Run one stage until it is ended."""
    bootstrap, folder, cases, stage = sys.argv[1:]
    if stage == "post":
        _run(bootstrap, TRANSACTIONS, stage, _post)
    else:
        _run(bootstrap, POSTINGS, stage, _keeper(Path(folder) / "look-back", cases))


def _run(bootstrap: str, topic: str, stage: str, handle: Handle) -> None:
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": f"plain-{stage}",
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
            "isolation.level": "read_committed",
        }
    )
    producer = Producer(
        {
            "bootstrap.servers": bootstrap,
            "transactional.id": f"plain-{stage}",
            "linger.ms": 50,
            "batch.size": 256 * 1024,
        }
    )
    producer.init_transactions(30)
    consumer.subscribe([topic])
    while True:
        messages = consumer.consume(BATCH_RECORDS, 0.1)
        if not messages:
            continue
        for message in messages:
            if message.error():
                raise SystemExit(str(message.error()))
        producer.begin_transaction()
        handle(messages, producer)
        producer.send_offsets_to_transaction(
            consumer.position(consumer.assignment()), consumer.consumer_group_metadata()
        )
        producer.commit_transaction()


def _post(messages: list[Message], producer: Producer) -> None:
    for message in messages:
        for posting in postings_of(message.value()):
            producer.produce(POSTINGS, encode(posting), posting.account)
        producer.poll(0)


def _keeper(path: Path, cases_file: str) -> Handle:
    cases = accounts_with_a_case(cases_file)
    options = Options(raw_mode=True)
    options.create_if_missing(True)
    expiring = AccessType.with_ttl(int(LOOK_BACK.total_seconds()))
    store = Rdict(str(path), options, access_type=expiring)

    def keep(messages: list[Message], producer: Producer) -> None:
        changes = WriteBatch(raw_mode=True)
        for message in messages:
            value = message.value()
            posting = decode_posting(value)
            key = f"{posting.account} {posting.at} {posting.origin} {posting.amount}"
            changes.put(key.encode(), value)
            if posting.account in cases:
                producer.produce(FREEZE_ALERTS, alert_of(posting), posting.account)
        store.write(changes)

    return keep


if __name__ == "__main__":
    main()
