"""The state of one partition in RocksDB, together with the position up to which it is folded.

One column family, one atomic write for a batch's changes and its position: so the state is always
a prefix of the log, and knows which. After a crash of the host it may be some batches behind (the
write-ahead log is not synced at each write), which is safe for the same reason. What is folded
silently is not logged at all: it reaches the files in order, and all of it before anything logged.
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rocksdict import (
    BlockBasedOptions,
    BottommostLevelCompaction,
    Cache,
    CompactOptions,
    DBCompressionType,
    Options,
    Rdict,
    ReadOptions,
    WriteBatch,
    WriteOptions,
)
from sortedcontainers import SortedList

from agents.failures import StoreUnusable
from agents.runtime.tables import MappedTable
from pipeline.state import Table, prefix_end

log = logging.getLogger("freezeline")

FORMAT = b"21"
"""The format of what the folds and the runtime keep. A change of either changes it, and every store
is then rebuilt from Kafka. So does a change of rules that kept rows are verdicts of, as the 14th of
those that tell rings apart by scams. With the 16th two contacts are a pair only while one may be
the other's slip, and whether a number passes by hangs on what lies one step further away too."""
_RESERVED = b"\x00\x00runtime/"
_RESERVED_END = prefix_end(_RESERVED)
_FORMAT_KEY = _RESERVED + b"format"
POSITION_KEY = _RESERVED + b"next-offset"
_LOG_KEY = _RESERVED + b"log"
_SCRUBBED_KEY = _RESERVED + b"scrubbed"

_MANIFEST_BYTES = 1
_ZSTD_LEVEL = -1
"""Of the lowest level of files, where most bytes are: a remembered posting takes 52 bytes for 60 at
two million, 58 for 61 at ten, and is read as fast. Level 1 packs better, and writing costs more."""
_FAMILY = "default"
_ZLIB_WINDOW_BITS = -14
"""RocksDB's default, of no meaning to zstd."""
_REWRITTEN_AFTER_S = 7 * 86_400
"""Every file is rewritten at least so often: then what was deleted in it is gone from the disk."""

Changes = dict[bytes, bytes | None]
"""What one batch changed: key to value, None where it was deleted."""


class PartitionStore:
    """A `pipeline.state.State` on disk whose changes wait in memory until they are persisted.

    Reads see every change that was made, persisted or not. ``next_offset`` is the position that is
    on disk, or None while a rebuild has not come to its end.
    """

    def __init__(self, path: Path, cache_bytes: int, write_buffer_bytes: int) -> None:
        self.path = path
        self._db = _open(path, cache_bytes, write_buffer_bytes)
        self._overlay: Changes = {}
        # The overlay's keys in order, but for those that came since the last scan: most batches
        # scan seldom, and then nothing is ever sorted.
        self._in_order: SortedList[bytes] = SortedList()
        self._unsorted: set[bytes] = set()
        self._pending: Changes = {}
        self._taken: list[Changes] = []
        self._tables: list[MappedTable] = []
        self._unlogged = False
        """Whether something was written without the write-ahead log, and is perhaps in no file."""
        position = self._stored(POSITION_KEY)
        self.next_offset: int | None = None if position is None else int(position)

    @classmethod
    def open(
        cls, path: Path, cache_bytes: int, write_buffer_bytes: int, folded_from: str = ""
    ) -> PartitionStore:
        """Open the store at ``path``; one that is of no use, or half rebuilt, begins anew.

        It is of no use when its format is another, or the log that it was folded from:
        ``folded_from`` names that one. Raises `StoreUnusable` when it is damaged or in use by
        another process.
        """
        existed = path.exists()
        store = cls(path, cache_bytes, write_buffer_bytes)
        reason = store._why_not(folded_from.encode()) if existed else None
        if reason is not None:
            log.warning("store_rebuild", extra={"store": path.name, "reason": reason})
            store.destroy()
            store = cls(path, cache_bytes, write_buffer_bytes)
        store._write({_FORMAT_KEY: FORMAT, _LOG_KEY: folded_from.encode()}, None)
        return store

    def _why_not(self, folded_from: bytes) -> str | None:
        """Return why an existing store cannot be gone on with, None when it can."""
        if self._stored(_FORMAT_KEY) not in (FORMAT, None):
            return "format"
        if self.next_offset is None:
            return "half_built"
        return "other_log" if self._stored(_LOG_KEY) not in (folded_from, None) else None

    def get(self, key: bytes) -> bytes | None:
        """See `pipeline.state.State.get`."""
        if key in self._overlay:
            return self._overlay[key]
        return self._stored(key)

    def _change(self, key: bytes, value: bytes | None) -> None:
        if key not in self._overlay:
            self._unsorted.add(key)
        self._overlay[key] = self._pending[key] = value

    def put(self, key: bytes, value: bytes) -> None:
        """See `pipeline.state.State.put`; keys of the runtime's own are refused."""
        if key.startswith(_RESERVED):
            raise ValueError("this key belongs to the runtime")
        # As `_change`, without the call: five times a report.
        if key not in self._overlay:
            self._unsorted.add(key)
        self._overlay[key] = self._pending[key] = value

    def delete(self, key: bytes) -> None:
        """See `pipeline.state.State.delete`."""
        self._change(key, None)

    def scan(self, start: bytes, stop: bytes) -> Iterator[tuple[bytes, bytes]]:
        """See `pipeline.state.State.scan`."""
        if self._unsorted:
            self._in_order.update(self._unsorted)
            self._unsorted.clear()
        changed = list(self._in_order.irange(start, stop, inclusive=(True, False)))
        stored = self._stored_range(start, stop)
        return self._with_changes(stored, changed) if changed else stored

    def _with_changes(
        self, stored: Iterator[tuple[bytes, bytes]], keys: list[bytes]
    ) -> Iterator[tuple[bytes, bytes]]:
        """Yield what is stored of a range, with the changes under these keys of it."""
        overlay = self._overlay
        waiting = iter(keys)
        pending = next(waiting, None)
        for key, value in stored:
            while pending is not None and pending < key:
                if (changed := overlay[pending]) is not None:
                    yield pending, changed
                pending = next(waiting, None)
            if pending == key:
                if (changed := overlay[key]) is not None:
                    yield key, changed
                pending = next(waiting, None)
            else:
                yield key, value
        while pending is not None:
            if (changed := overlay[pending]) is not None:
                yield pending, changed
            pending = next(waiting, None)

    def table(self, name: str, size: int) -> Table:
        """See `pipeline.state.State.table`; it is kept for the next opening.

        Raises `StoreUnusable`.
        """
        try:
            store = (self.path / "IDENTITY").read_text(encoding="ascii").strip()
            table = MappedTable(self.path / f"{name}.table", size, f"{store} {FORMAT.decode()}")
        except OSError as error:
            raise unusable(self.path, error) from error
        self._tables.append(table)
        return table

    def take_changes(self) -> Changes:
        """Return the changes made since the last call; they stay readable until persisted."""
        changes, self._pending = self._pending, {}
        self._taken.append(changes)
        return changes

    def persist(self, changes: Changes, next_offset: int | None, *, logged: bool = True) -> None:
        """Write the oldest changes taken and the position after them, in one atomic write.

        ``next_offset`` None leaves the position alone (rebuilding). What is not ``logged`` costs
        half as much, and a process that is killed may lose it together with its position: for what
        can be folded again, as while rebuilding. Raises `StoreUnusable`.
        """
        if not self._taken or self._taken[0] is not changes:
            raise ValueError("changes are persisted in the order in which they were taken")
        self._write(changes, next_offset, logged)
        del self._taken[0]
        self._uncover(changes)
        if next_offset is not None:
            self.next_offset = next_offset

    def _uncover(self, changes: Changes) -> None:
        """Let what was written be read from the disk, where nothing newer waits."""
        later = [newer for newer in (*self._taken, self._pending) if newer]
        if not later:
            self._overlay.clear()
            self._in_order.clear()
            self._unsorted.clear()
            return
        for key in changes:
            if any(key in newer for newer in later):
                continue
            del self._overlay[key]
            if key in self._unsorted:
                self._unsorted.remove(key)
            else:
                self._in_order.remove(key)

    def read_back_to(self, topic: str, partition: int) -> int | None:
        """Return from where an own topic is to be compared with this state; None: all of it."""
        position = self._stored(_read_back_key(topic, partition))
        return None if position is None else int(position)

    def note_read_back(self, topic: str, partition: int, position: int) -> None:
        """Keep the position for `read_back_to`. Raises `StoreUnusable`."""
        self._write({_read_back_key(topic, partition): b"%d" % position}, None)

    def sizes(self) -> tuple[int, int]:
        """Return RocksDB's estimates of the number of entries and of the bytes on disk."""
        entries = self._db.property_int_value("rocksdb.estimate-num-keys") or 0
        on_disk = self._db.property_int_value("rocksdb.total-sst-files-size") or 0
        in_memory = self._db.property_int_value("rocksdb.cur-size-all-mem-tables") or 0
        return entries, on_disk + in_memory

    def scrub(self) -> None:
        """Let nothing of what was deleted or replaced stay in the files: all of them are rewritten.

        Takes about as long as reading and writing the whole store once; it may be used meanwhile,
        from another thread. Raises `StoreUnusable`.
        """
        options = CompactOptions()
        # Files that are already at the bottom too: a deleted key can stand there as deleted.
        options.set_bottommost_level_compaction(BottommostLevelCompaction.force())
        try:
            self._db.flush()
            self._db.compact_range(None, None, options)
            # One change of the files more: with it the manifest knows nothing of the former ones.
            self._db.put(_SCRUBBED_KEY, b"")
            self._db.flush()
            for table in self._tables:
                table.forget()
        except Exception as error:
            raise unusable(self.path, error) from error

    def close(self) -> None:
        """Flush and close; what was not persisted is forgotten. Raises `StoreUnusable`."""
        self._db.close()
        try:
            for table in self._tables:
                table.close()
        except OSError as error:
            raise unusable(self.path, error) from error

    def destroy(self) -> None:
        """Close the store and remove it from the disk."""
        self._db.close()
        shutil.rmtree(self.path)

    def _stored(self, key: bytes) -> bytes | None:
        try:
            value: bytes | None = self._db.get(key)
        except Exception as error:
            raise unusable(self.path, error) from error
        return value

    def _stored_range(self, start: bytes, stop: bytes) -> Iterator[tuple[bytes, bytes]]:
        until = ReadOptions()
        until.set_iterate_upper_bound(stop)
        try:
            entries: Any = self._db.items(from_key=start, read_opt=until)  # raw mode: bytes
            if start < _RESERVED_END and stop > _RESERVED:
                entries = (entry for entry in entries if not entry[0].startswith(_RESERVED))
            yield from entries
        except Exception as error:
            raise unusable(self.path, error) from error

    def _write(self, changes: Changes, next_offset: int | None, logged: bool = True) -> None:
        batch = WriteBatch(raw_mode=True)
        for key, value in changes.items():
            if value is None:
                batch.delete(key)
            else:
                batch.put(key, value)
        if next_offset is not None:
            batch.put(POSITION_KEY, b"%d" % next_offset)
        try:
            if logged:
                if self._unlogged:
                    # The log must not come back without what was written before it.
                    self._db.flush()
                    self._unlogged = False
                self._db.write(batch)
            else:
                self._unlogged = True
                self._db.write(batch, _unlogged())
        except Exception as error:
            raise unusable(self.path, error) from error


def _unlogged() -> WriteOptions:
    options: Any = WriteOptions()  # its stub has a method where there is a property
    options.disable_wal = True
    written: WriteOptions = options
    return written


def _read_back_key(topic: str, partition: int) -> bytes:
    return _RESERVED + f"read-back/{topic}/{partition}".encode()


def _open(path: Path, cache_bytes: int, write_buffer_bytes: int) -> Rdict:
    table = BlockBasedOptions()
    table.set_block_cache(Cache(cache_bytes))
    table.set_bloom_filter(10, False)
    options = Options(raw_mode=True)
    options.create_if_missing(True)
    options.set_block_based_table_factory(table)
    options.set_write_buffer_size(write_buffer_bytes)
    options.set_max_write_buffer_number(2)
    # The first level's few files are soon merged into the next: packing them cost the accounts
    # worker half a microsecond a payment, a twelfth of what it spends on one.
    options.set_compression_per_level([DBCompressionType.none(), DBCompressionType.lz4()])
    options.set_bottommost_compression_type(DBCompressionType.zstd())
    options.set_bottommost_compression_options(_ZLIB_WINDOW_BITS, _ZSTD_LEVEL, 0, 0, True)
    options.set_keep_log_file_num(2)
    # The manifest names the first and the last key of every file that there ever was: it is begun
    # anew with each change of the files, so that none of an erased identifier's keys stays in it.
    options.set_max_manifest_file_size(_MANIFEST_BYTES)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Named as a column family too: else one that exists is opened without filters and cache,
        # with what its last options file says, which cannot say these.
        db = Rdict(str(path), options, column_families={_FAMILY: options})
        db.set_options({"periodic_compaction_seconds": str(_REWRITTEN_AFTER_S)})
        return db
    except Exception as error:
        raise unusable(path, error) from error


def unusable(path: Path, error: Exception) -> StoreUnusable:
    """Return the error to raise; RocksDB's messages name files, never keys or values."""
    said = str(error).lower()
    if "no space left" in said or "file too large" in said or "quota" in said:
        hint = "make room on its disk and start the worker again: nothing is lost"
    elif "lock" in said:
        hint = "another process has it open"
    else:
        hint = "delete this folder to rebuild the state from Kafka"
    return StoreUnusable(f"the state store {path} cannot be used: {error} ({hint})")
