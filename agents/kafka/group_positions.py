"""Sets the positions of a group that nobody is in: what is below has been answered."""

from __future__ import annotations

import time
from collections.abc import Mapping

from kafka import KafkaAdminClient, TopicPartition
from kafka.errors import RetriableError
from kafka.structs import OffsetAndMetadata

from agents.kafka.client_settings import BrokerUnreachableError

PATIENCE_SECONDS = 30.0
"""How long is asked again: a Kafka that has never had a group makes room for positions first."""
_ASK_AGAIN_SECONDS = 0.5


def set_positions(
    admin: KafkaAdminClient, group: str, positions: Mapping[TopicPartition, int]
) -> None:
    """Set where ``group`` goes on. Raises BrokerUnreachableError when Kafka refuses."""
    wanted = {place: OffsetAndMetadata(offset, "", None) for place, offset in positions.items()}
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            said = admin.alter_group_offsets(group, wanted)
        except RetriableError:
            if time.monotonic() > deadline:
                raise
            time.sleep(_ASK_AGAIN_SECONDS)
        else:
            break
    for place, error in said.items():
        if getattr(error, "errno", 0) != 0:
            raise BrokerUnreachableError(
                f"Kafka refused the position of {group} in {place.topic}-{place.partition}: "
                f"{getattr(error, '__name__', error)}."
            )
