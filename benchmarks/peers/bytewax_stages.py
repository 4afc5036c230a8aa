"""The chain in Bytewax: two dataflows with Kafka between them, each with its recovery store.

``BOOTSTRAP=… CASES=… python -m bytewax.run benchmarks/peers/bytewax_stages.py:post() -r FOLDER …``
and the same with ``keep()``.
"""

from __future__ import annotations

import os
from typing import Any

import bytewax.operators as op
from bytewax.connectors.kafka import KafkaSinkMessage, KafkaSource
from bytewax.connectors.kafka import operators as kop
from bytewax.dataflow import Dataflow

from benchmarks.peers.work import (
    POSTINGS,
    Posting,
    accounts_with_a_case,
    alert_of,
    decode_posting,
    encode,
    postings_of,
    remembered,
)
from pipeline.topics import FREEZE_ALERTS, TRANSACTIONS

_BATCH_RECORDS = 5_000
_SINK = {"enable.idempotence": "true", "batch.size": str(256 * 1024)}

Message = KafkaSinkMessage[bytes, bytes]


def post() -> Dataflow:
    """Make the first stage: payments to postings, keyed by account."""
    flow = Dataflow("post")
    payments = op.input("payments", flow, _source(TRANSACTIONS))
    postings = op.flat_map("postings", payments, _posted)
    kop.output("out", postings, brokers=_brokers(), topic=POSTINGS, add_config=_SINK)
    return flow


def keep() -> Dataflow:
    """Make the second stage: postings to keyed state, and alerts out."""
    cases = accounts_with_a_case(os.environ["CASES"])

    def kept(before: bytes | None, posting: Posting) -> tuple[bytes, list[Message]]:
        alerts = []
        if posting.account in cases:
            alerts.append(KafkaSinkMessage(posting.account.encode(), alert_of(posting)))
        return remembered(before, posting), alerts

    flow = Dataflow("keep")
    records = op.input("postings", flow, _source(POSTINGS))
    keyed = op.map("keyed", records, _keyed)
    alerts = op.key_rm("alerts", op.stateful_flat_map("look-back", keyed, kept))
    kop.output("out", alerts, brokers=_brokers(), topic=FREEZE_ALERTS, add_config=_SINK)
    return flow


def _posted(record: Any) -> list[Message]:
    return [
        KafkaSinkMessage(posting.account.encode(), encode(posting))
        for posting in postings_of(record.value)
    ]


def _keyed(record: Any) -> tuple[str, Posting]:
    posting = decode_posting(record.value)
    return posting.account, posting


def _source(topic: str) -> KafkaSource:
    return KafkaSource(_brokers(), [topic], batch_size=_BATCH_RECORDS)


def _brokers() -> list[str]:
    return [os.environ["BOOTSTRAP"]]
