"""Topics as a Faust application reads them here: the batch as it is, without Faust's decoding."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import faust

from agents.runtime.transport import WorkerApp


class PassThrough(faust.Schema[Any, Any]):
    """A schema that leaves the batch as it is: decoding is the fold's job."""

    def compile(self, app: Any, **_: Any) -> Any:
        """Return the decoder that Faust calls for each event."""
        create_event = app.create_event

        async def decode(message: Any, *, propagate: bool = False) -> Any:
            return create_event(None, message.value, {}, message)

        return decode


def topics_of(app: WorkerApp, names: Iterable[str]) -> Any:
    """Declare what the app reads, without creating topics."""
    return app.topic(*names, schema=PassThrough(), value_serializer="raw", internal=False)
