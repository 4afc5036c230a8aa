"""Who shares out the partitions of a group among its workers."""

from __future__ import annotations

from typing import Any

from aiokafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
from aiokafka.coordinator.assignors.sticky.sticky_assignor import StickyPartitionAssignor


def partition_assignor(stateful: bool) -> Any:
    """Return the assignor of a worker with a state, whose partitions should stay, or without.

    A sticky assignor looks at the number of partitions alone, and may give all of one topic to one
    worker and all of another to the other: without a state there is no reason to bear that.
    """
    return StickyPartitionAssignor if stateful else RoundRobinPartitionAssignor
