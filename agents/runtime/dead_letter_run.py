"""Counts dead letters in a row: when everything is refused, more is wrong than the records."""

from __future__ import annotations

from collections.abc import Collection

from pipeline.fold import Folded


class DeadLetterRun:
    """The run of one partition. Slices count whole: one that has a good record ends the run."""

    def __init__(self, limit: int, topics: Collection[str]) -> None:
        self._limit = limit
        self._topics = topics
        self._run = 0

    def over_limit(self, records: int, folded: Folded) -> list[str] | None:
        """Count a folded slice; return the reasons in it at the limit, and None below."""
        dead = sum(1 for output in folded.outputs if output.topic in self._topics)
        self._run = self._run + dead if 0 < records <= dead else 0
        if self._run < self._limit:
            return None
        return sorted({key[-1] for key in folded.counts if key[0] == "dead_letters"})
