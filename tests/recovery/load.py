"""A steady load: a scenario's events in their order, at a fixed rate, for as long as it is asked.

Every event is acknowledged before it counts as published. What a lost broker leaves in doubt is
sent again: a partner does the same, and an event counts once.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Sequence
from typing import Any

from kafka.errors import KafkaError

from agents.kafka.client_settings import BrokerUnreachableError
from agents.kafka.sending import connected_producer
from agents.settings import Settings
from pipeline.fold import Output

_PAUSE_SECONDS = 0.1
_AT_ONCE = 500
"""Most events that are in doubt at any time."""
_ACKNOWLEDGED_SECONDS = 40.0
_ABANDON_SECONDS = 5.0


class Load:
    """Publishes ``records`` at ``rate`` a second from `start` to `stop`, in its own thread."""

    def __init__(self, settings: Settings, records: Sequence[Output], rate: float) -> None:
        self.published = 0
        """So many of the records, from the first on, are acknowledged."""
        self.sent_again = 0
        """Records that were sent again because nobody knew whether Kafka had them."""
        self._settings = settings
        self._records = records
        self._rate = rate
        self._failed: Exception | None = None
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="load", daemon=True)

    @property
    def exhausted(self) -> bool:
        """Whether nothing is left to publish."""
        return self.published >= len(self._records)

    def start(self) -> None:
        """Begin to publish."""
        self._thread.start()

    def stop(self, seconds: float = 120.0) -> int:
        """Publish no more; return how many were published, once that is certain.

        Raises TimeoutError when Kafka does not take what is in doubt.
        """
        self._stopping.set()
        self._thread.join(seconds)
        if self._thread.is_alive():
            raise TimeoutError(f"Kafka has not taken what was published for {seconds:.0f} s")
        if self._failed is not None:
            raise RuntimeError("what was published is not known") from self._failed
        return self.published

    def abandon(self) -> None:
        """Publish no more, and leave it open what Kafka has: for a run that is broken off."""
        self._stopping.set()
        self._thread.join(_ABANDON_SECONDS)

    def _run(self) -> None:
        try:
            self._publish()
        except Exception as error:
            self._failed = error

    def _publish(self) -> None:
        began, doubtful = time.monotonic(), list[Output]()
        while doubtful or not (self._stopping.is_set() or self.exhausted):
            with (
                contextlib.suppress(KafkaError, BrokerUnreachableError, OSError),
                connected_producer(self._settings) as producer,
            ):
                if doubtful:
                    self.sent_again += len(doubtful)
                    self._send(producer, doubtful)
                while not (self._stopping.is_set() or self.exhausted):
                    due = min(int((time.monotonic() - began) * self._rate), len(self._records))
                    upto = min(due, self.published + _AT_ONCE)
                    doubtful += self._records[self.published : upto]
                    self._send(producer, doubtful)
                    time.sleep(_PAUSE_SECONDS)

    def _send(self, producer: Any, doubtful: list[Output]) -> None:
        sent = [
            producer.send(
                record.topic,
                value=record.value,
                key=record.key,
                headers=list(record.headers),
                partition=record.partition,
            )
            for record in doubtful
        ]
        for acknowledgement in sent:
            acknowledgement.get(timeout=_ACKNOWLEDGED_SECONDS)
        self.published += len(doubtful)
        doubtful.clear()
