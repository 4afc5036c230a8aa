"""A key's partition is the one that Kafka's other clients choose."""

from __future__ import annotations

from aiokafka.partitioner import DefaultPartitioner
from hypothesis import given
from hypothesis import strategies as st

from agents.runtime.partitioner import partition_of_key


@given(key=st.binary(max_size=40), partitions=st.integers(1, 64))
def test_a_key_goes_where_the_default_partitioner_puts_it(key: bytes, partitions: int) -> None:
    every = list(range(partitions))
    assert partition_of_key(key, partitions) == DefaultPartitioner()(key, every, every)
