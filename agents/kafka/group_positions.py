"""Sets the positions of a group that nobody is in: what is below has been answered."""

from __future__ import annotations

import time
from collections.abc import Mapping

from kafka import KafkaAdminClient, TopicPartition
from kafka.errors import KafkaError, RetriableError
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
    while (refused := _refused(admin, group, wanted)) is not None:
        if not issubclass(refused, RetriableError) or time.monotonic() > deadline:
            places = ", ".join(f"{place.topic}-{place.partition}" for place in sorted(positions))
            raise BrokerUnreachableError(
                f"Kafka refused the positions of {group} in {places}: {refused.__name__}."
            )
        time.sleep(_ASK_AGAIN_SECONDS)


def _refused(
    admin: KafkaAdminClient, group: str, wanted: Mapping[TopicPartition, OffsetAndMetadata]
) -> type[KafkaError] | None:
    """Try to set the positions; return why Kafka refused one, None when all are set.

    It says so of the whole request or of a single partition, also while it makes room.
    """
    try:
        said = admin.alter_group_offsets(group, wanted)
    except RetriableError as error:
        return type(error)
    return next((error for error in said.values() if error.errno != 0), None)
