"""What of the account-log and of account files goes along when accounts move to other partitions.

With M partitions instead of N (M a multiple of N) an account of partition p goes to one of p,
p + N, p + 2N …: crc32 modulo M, taken modulo N, is still p. So each new partition has one source,
and the order in which an account's events stand there is kept.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Sequence

import msgspec

from pipeline.accounts.erased import ERASURE_KEY, erasure_with_version
from pipeline.accounts.file import decode_file, encode_file
from pipeline.accounts.parts import account_of
from pipeline.contracts.account_log import (
    AccountEvent,
    AccountEvents,
    Erasure,
    Posting,
    Postings,
    Tick,
    decode_log_entry,
    encode_log_entry,
    partition_of,
)
from pipeline.contracts.invalid import InvalidEvent


def owner_of_part(key: bytes, partitions: int) -> int:
    """Return the partition that owns a part of a file, by the key of its record."""
    return partition_of(account_of(key).decode(errors="replace"), partitions)


def is_for(key: bytes, partition: int, partitions: int) -> bool:
    """Say whether a record of account-files is a partition's; an erasure's is everybody's."""
    return key.startswith(ERASURE_KEY) or owner_of_part(key, partitions) == partition


def shares_of_entry(
    value: bytes | None, partitions: int, wanted: Collection[int]
) -> dict[int, bytes]:
    """Return what of one account-log record goes to each of the ``wanted`` partitions.

    The order within the record stays. A tick is for everybody, and
    so is an erasure. What is no record of the
    account-log was set aside when it was folded, and goes nowhere.
    """
    try:
        entry = decode_log_entry(value)
    except InvalidEvent:
        return {}
    if isinstance(entry, Tick | Erasure):
        return dict.fromkeys(wanted, value or b"")
    shares: dict[int, Postings | AccountEvents] = {}
    for part in entry.postings if isinstance(entry, Postings) else entry.events:
        partition = partition_of(part.account, partitions)
        if partition in wanted:
            _add(shares, partition, part)
    return {partition: encode_log_entry(share) for partition, share in shares.items()}


def _add(
    shares: dict[int, Postings | AccountEvents], partition: int, part: Posting | AccountEvent
) -> None:
    if isinstance(part, Posting):
        share = shares.setdefault(partition, Postings([]))
        assert isinstance(share, Postings), "a record has postings or events"
        share.postings.append(part)
    else:
        events = shares.setdefault(partition, AccountEvents([]))
        assert isinstance(events, AccountEvents), "a record has postings or events"
        events.events.append(part)


class _Version(msgspec.Struct):
    version: int = 0


_VERSION = msgspec.json.Decoder(_Version)


def head_version(value: bytes) -> int:
    """Return the version of a file's head; raises msgspec.DecodeError when it is none."""
    return _VERSION.decode(value).version


def moved_version(version: int, taken_from: Sequence[int], first_offset: int) -> int:
    """Return a file's version as a position of the log to which its account has moved.

    ``taken_from`` are the offsets in the old log, ascending, of the records that stand in the new
    one from ``first_offset`` on. A version says that all records below it are known, and so does
    the new one of their copies.
    """
    return first_offset + bisect_left(taken_from, version)


def with_version(key: bytes, value: bytes, version: int) -> bytes:
    """Return a file's head, or an erasure, with another version; what it says stays the same."""
    if key.startswith(ERASURE_KEY):
        return erasure_with_version(value, version)
    return encode_file(msgspec.structs.replace(decode_file(value), version=version))
