"""A long account file in parts: sealed blocks, and the head with all that is newer.

Each change of a file is an entry (a posting, a claim, what was said of an alert ...). The newest
entries are in the head, which is written again at each change. As soon as there are
`BLOCK_ENTRIES` of them they are sealed into a block, which is written once and never again.
So one more posting costs the same in a short file and in a very long one, and most files are a
head and nothing else. To read a file, lay its blocks over one another in order, and the head's own
entries over them: where one entry stands twice, the later one is the newer.

A very long file has thousands of blocks, and their versions alone would make the head long. So the
versions of the older blocks are in lists of `LISTED_BLOCKS`, written once like a block, and the
head names the lists.

A block's key names the account, the block's number and the version of the file that sealed it, and
the head names its blocks by number and version. So a block that a former owner wrote, or one whose
head never came because the worker died, belongs to no head and does no harm; and as the head is
written after its blocks, in the same partition, its blocks are there wherever it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import msgspec

from pipeline.accounts.file import AccountFile, decode_file, encode_file

BLOCK_ENTRIES = 32
"""Entries in a block (the last of several that are sealed at once has more, but less than twice as
many). A head has fewer, so that writing it again and again stays cheap."""

LISTED_BLOCKS = 64
"""Blocks in a list. A head names fewer than twice as many by itself."""

HEAD_ROWS = b"f"
BLOCK_ROWS = b"p"
"""Prefixes of the rows of a state in which heads, and blocks with their lists, are kept, by their
Kafka keys."""

MAPS = ("postings", "claims", "answers", "notices", "said", "told", "steps", "sent", "passed")
_MARK = "\x1f"

ReadBlock = Callable[[bytes], bytes | None]
"""Returns the value of a block, or of a list of blocks, by its key."""


class Mark(msgspec.Struct):
    """The version and clock of a head, or of a block, and nothing else."""

    version: int = 0
    due: int | None = None


read_mark = msgspec.json.Decoder(Mark).decode
"""Reads a `Mark` off a part of a file, as `encode_file` wrote it."""


def block_key(account: str, number: int, version: int) -> bytes:
    """Return the Kafka key of a block: account, number and version, parted by 0x1F."""
    return f"{account}{_MARK}{number}{_MARK}{version}".encode()


def list_key(account: str, number: int, version: int) -> bytes:
    """Return the Kafka key of a list of blocks; see `block_key`."""
    return f"{account}{_MARK}list{number}{_MARK}{version}".encode()


def is_block(key: bytes) -> bool:
    """Whether a key of the account-files topic is a block's or a list's (else it is a head's)."""
    return b"\x1f" in key


def account_of(key: bytes) -> bytes:
    """Return the account of a part's key."""
    return key.partition(b"\x1f")[0]


def block_keys(file: AccountFile) -> list[bytes]:
    """Return the keys of a whole file's blocks, oldest first."""
    return [
        block_key(file.account, number, version)
        for number, version in enumerate(file.blocks, file.first_block)
    ]


def list_keys(head: AccountFile) -> list[bytes]:
    """Return the keys of the lists that a head, or a whole file, names, oldest first."""
    return [
        list_key(head.account, number, version)
        for number, version in enumerate(head.lists, head.first_list)
    ]


def whole_file(head: AccountFile, read: ReadBlock) -> AccountFile:
    """Return the file of which this is the head.

    Raises:
        LookupError: a block or list is not there.
    """
    if not head.blocks and not head.lists:
        return head
    listed: list[int] = []
    for key in list_keys(head):
        listed += _read(read, key).blocks
    # The oldest list may name blocks that have left the file.
    blocks = listed[max(0, head.first_block - head.first_list * LISTED_BLOCKS) :] + head.blocks
    file = msgspec.structs.replace(head, blocks=blocks)
    maps: dict[str, dict[str, Any]] = {name: {} for name in MAPS}
    for key in block_keys(file):
        _lay_over(maps, _read(read, key))
    _lay_over(maps, head)
    return msgspec.structs.replace(file, **maps)


def _read(read: ReadBlock, key: bytes) -> AccountFile:
    value = read(key)
    if value is None:
        raise LookupError("a block of an account file is not there")
    return decode_file(value)


def newest_files(parts: Iterable[tuple[bytes | None, bytes | None]]) -> dict[str, AccountFile]:
    """Return the newest file of each account, out of records (key, value) of account-files.

    A head of a higher version may stand before a lower one, which a former owner wrote late. What
    is no part of a file is left out.

    Raises:
        LookupError: a block is not there.
    """
    heads: dict[str, AccountFile] = {}
    blocks: dict[bytes, bytes] = {}
    for key, value in parts:
        if key is None or not value:
            continue
        if is_block(key):
            blocks[key] = value
            continue
        try:
            head = decode_file(value)
        except msgspec.MsgspecError:
            continue
        known = heads.get(head.account)
        if known is None or head.version >= known.version:
            heads[head.account] = head
    return {account: whole_file(head, blocks.get) for account, head in heads.items()}


def _lay_over(maps: dict[str, dict[str, Any]], part: AccountFile) -> None:
    for name, entries in maps.items():
        entries.update(getattr(part, name))


class Tail:
    """The entries of one open file that are in no block yet.

    What is sealed when is a function of the log: not of how it was fetched, and not of whether the
    file was read anew in between. So the same key is the same block, whoever wrote it.
    """

    def __init__(self, head: AccountFile, maps: Sequence[str] = MAPS) -> None:
        """Begin with the entries of a head, which are all in these ``maps``."""
        self._entries = {(name, key) for name in maps for key in getattr(head, name)}

    def add(self, name: str, key: str) -> None:
        """Take an entry that was changed: its map and its key there."""
        self._entries.add((name, key))

    def seal(self, file: AccountFile) -> Iterator[tuple[bytes, bytes]]:
        """Move the entries into blocks when they are enough for one; yield (key, value).

        Call when the file's version is that of the change.
        """
        blocks = len(self._entries) // BLOCK_ENTRIES
        if not blocks:
            return
        # In order of time, because blocks leave a file that has reached its limit in their order.
        entries = sorted(self._entries, key=lambda entry: (_time(file, *entry), entry))
        self._entries = set()
        for number in range(blocks):
            start = number * BLOCK_ENTRIES
            stop = start + BLOCK_ENTRIES if number < blocks - 1 else len(entries)
            block = AccountFile(
                account=file.account,
                version=file.version,
                block=file.first_block + len(file.blocks),
                **_maps(file, entries[start:stop]),
            )
            key = block_key(file.account, file.first_block + len(file.blocks), file.version)
            file.blocks.append(file.version)
            yield key, encode_file(block)
        yield from _list_blocks(file)

    def head(self, file: AccountFile) -> bytes:
        """Return the head as it is written."""
        if not file.blocks:
            return encode_file(file)
        blocks = file.blocks[max(0, _listed(file) - file.first_block) :]
        maps = _maps(file, self._entries)
        return encode_file(msgspec.structs.replace(file, blocks=blocks, **maps))


def _listed(file: AccountFile) -> int:
    """Return the number of the first block that is in no list."""
    return (file.first_list + len(file.lists)) * LISTED_BLOCKS


def _list_blocks(file: AccountFile) -> Iterator[tuple[bytes, bytes]]:
    """Put the older blocks into lists, as soon as there are enough of them; yield (key, value)."""
    while file.first_block + len(file.blocks) >= _listed(file) + 2 * LISTED_BLOCKS:
        first = _listed(file) - file.first_block
        gone = max(0, -first)
        versions = [0] * min(gone, LISTED_BLOCKS)
        versions += file.blocks[max(0, first) : first + LISTED_BLOCKS]
        number = file.first_list + len(file.lists)
        listed = AccountFile(
            account=file.account, version=file.version, block=number, blocks=versions
        )
        file.lists.append(file.version)
        yield list_key(file.account, number, file.version), encode_file(listed)


def drop_first_block(file: AccountFile) -> Iterator[bytes]:
    """Take the oldest block out of a file; yield the keys of the parts that it needs no more."""
    yield block_key(file.account, file.first_block, file.blocks.pop(0))
    file.first_block += 1
    while file.lists and (file.first_list + 1) * LISTED_BLOCKS <= file.first_block:
        yield list_key(file.account, file.first_list, file.lists.pop(0))
        file.first_list += 1
    if not file.lists:
        file.first_list = max(file.first_list, file.first_block // LISTED_BLOCKS)


def _time(file: AccountFile, name: str, key: str) -> int:
    posting = file.postings.get(key) if name == "postings" else None
    return posting.at if posting is not None else 0


def _maps(file: AccountFile, entries: Iterable[tuple[str, str]]) -> dict[str, Any]:
    maps: dict[str, dict[str, Any]] = {name: {} for name in MAPS}
    whole = {name: getattr(file, name) for name in MAPS}
    for name, key in entries:
        if key in whole[name]:
            maps[name][key] = whole[name][key]
    return maps
