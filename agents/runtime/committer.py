"""The group's offsets: they follow the lanes' positions, and never run ahead of them."""

from __future__ import annotations

from collections.abc import Collection

Partition = tuple[str, int]


class Committer:
    """Knows what each partition has settled and what the group's offset says."""

    def __init__(self) -> None:
        self._settled: dict[Partition, int] = {}
        self._committed: dict[Partition, int] = {}

    def begin(self, partition: Partition, position: int, committed: int | None) -> None:
        """Start following a partition at ``position``; the group's offset is ``committed``."""
        self._settled[partition] = position
        # Without any commit the lag of a quiet partition would stay unknown for ever.
        self._committed[partition] = -1 if committed is None else committed

    def forget(self, partition: Partition) -> None:
        """Stop following a partition that is no longer ours."""
        self._settled.pop(partition, None)
        self._committed.pop(partition, None)

    def settled(self, partition: Partition, position: int) -> None:
        """Note that everything below ``position`` is answered."""
        if partition in self._settled:
            self._settled[partition] = position

    def due(self, assigned: Collection[Partition]) -> dict[Partition, int]:
        """Return the offsets to commit: of assigned partitions, forward only."""
        return {
            partition: position
            for partition, position in self._settled.items()
            if partition in assigned and position > self._committed[partition]
        }

    def committed(self, offsets: dict[Partition, int]) -> None:
        """Note offsets that the broker has taken."""
        for partition, offset in offsets.items():
            if partition in self._committed:
                self._committed[partition] = offset
