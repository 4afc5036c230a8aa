"""The chain in stock faust-streaming: two applications, and a table in RocksDB with a changelog.

``python -m benchmarks.peers.stock_faust BOOTSTRAP FOLDER CASES post|keep``
"""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import Any

import faust

from benchmarks.peers.work import (
    POSTINGS,
    accounts_with_a_case,
    alert_of,
    decode_posting,
    encode,
    postings_of,
    remembered,
)
from pipeline.topics import FREEZE_ALERTS, TRANSACTIONS, load_topics


def main() -> None:
    """Run one stage until it is ended."""
    bootstrap, folder, cases, stage = sys.argv[1:]
    app = faust.App(
        f"faust-{stage}",
        broker=f"kafka://{bootstrap}",
        store="rocksdb://",
        datadir=str(Path(folder) / f"faust-{stage}"),
        topic_partitions=load_topics()[TRANSACTIONS].partitions,
        topic_replication_factor=1,
        topic_allow_declare=True,
        topic_disable_leader=True,
        stream_wait_empty=False,
        broker_max_poll_records=2_000,
        producer_linger=0.05,
        producer_max_batch_size=256 * 1024,
        consumer_auto_offset_reset="earliest",
        web_enabled=False,
    )
    if stage == "post":
        _post(app)
    else:
        _keep(app, cases)
    # Faust leaves aiokafka's debug log on, which would cost it a tenth of its time.
    logging.disable(logging.INFO)
    faust.Worker(app, loglevel="WARN", redirect_stdouts=False).execute_from_commandline()


def _post(app: Any) -> None:
    payments = app.topic(TRANSACTIONS, value_type=bytes, value_serializer="raw")
    postings = _topic(app, POSTINGS)

    @app.agent(payments)
    async def post(stream: Any) -> None:
        async for value in stream:
            for posting in postings_of(value):
                await postings.send(key=posting.account.encode(), value=encode(posting))


def _keep(app: Any, cases_file: str) -> None:
    cases = accounts_with_a_case(cases_file)
    postings, alerts = _topic(app, POSTINGS), _topic(app, FREEZE_ALERTS)
    look_back = app.Table(
        "look-back",
        key_type=bytes,
        value_type=bytes,
        options={"driver": "rocksdict", "block_cache_size": 64 * 1024**2},
    )

    @app.agent(postings)
    async def keep(stream: Any) -> None:
        async for key, value in stream.items():
            posting = decode_posting(value)
            look_back[key] = remembered(look_back.get(key), posting)
            if posting.account in cases:
                await alerts.send(key=key, value=alert_of(posting))


def _topic(app: Any, name: str) -> Any:
    return app.topic(
        name,
        key_type=bytes,
        value_type=bytes,
        key_serializer="raw",
        value_serializer="raw",
        partitions=load_topics()[TRANSACTIONS].partitions,
    )


if __name__ == "__main__":
    main()
