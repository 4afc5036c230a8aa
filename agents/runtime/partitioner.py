"""Which partition a key's records go to, as Kafka's own clients find it."""

from __future__ import annotations

import struct

_SEED, _FACTOR, _32_BITS = 0x9747B28C, 0x5BD1E995, 0xFFFFFFFF


def partition_of_key(key: bytes, partitions: int) -> int:
    """Return where Kafka's default partitioner puts a key: murmur2 of its bytes.

    `aiokafka.partitioner` finds the same byte by byte, which is a third of what sending an alert
    costs.
    """
    mixed, left = _SEED ^ len(key), len(key) & 3
    for word in struct.unpack_from(f"<{len(key) >> 2}I", key):
        word = word * _FACTOR & _32_BITS
        mixed = (mixed * _FACTOR ^ (word ^ word >> 24) * _FACTOR) & _32_BITS
    if left:
        mixed = (mixed ^ int.from_bytes(key[-left:], "little")) * _FACTOR & _32_BITS
    mixed = (mixed ^ mixed >> 13) * _FACTOR & _32_BITS
    return ((mixed ^ mixed >> 15) & 0x7FFFFFFF) % partitions
