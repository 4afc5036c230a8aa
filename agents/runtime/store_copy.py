"""A copy of a store, also of one that a worker has in use."""

from __future__ import annotations

import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

from rocksdict import AccessType, Options, Rdict, WriteBatch

from agents.runtime.store import POSITION_KEY, unusable

_COPY_ATTEMPTS = 5
_COPY_PAUSE_SECONDS = 0.2
_COPIED_AT_ONCE = 1_000


def copy_store(path: Path, to: Path) -> tuple[int, int] | None:
    """Copy the store at ``path``, which a worker may have in use, to a new one at ``to``.

    The copy is the state as it was at one moment, so a prefix of the log that knows its position.
    Returns that position and the number of entries, or None (and an empty copy) when the store is
    being rebuilt. Raises `StoreUnusable`.
    """
    for attempt in range(_COPY_ATTEMPTS):
        try:
            return _copy_once(path, to)
        except Exception as error:
            # RocksDB may delete a file of the list that was just read: the next list is newer.
            shutil.rmtree(to, ignore_errors=True)
            if attempt == _COPY_ATTEMPTS - 1:
                raise unusable(path, error) from error
            time.sleep(_COPY_PAUSE_SECONDS)
    raise AssertionError("the last attempt returns or raises")


def _copy_once(path: Path, to: Path) -> tuple[int, int] | None:
    options = Options(raw_mode=True)
    # All files stay open, so that what is read is not deleted under the reader.
    options.set_max_open_files(-1)
    to.parent.mkdir(parents=True, exist_ok=True)
    fresh = Options(raw_mode=True)
    fresh.create_if_missing(True)
    with tempfile.TemporaryDirectory(prefix="freezeline-copy-") as own:
        source = Rdict(str(path), options, access_type=AccessType.secondary(own))
        copy = Rdict(str(to), fresh)
        try:
            position: bytes | None = source.get(POSITION_KEY)
            if position is None:
                return None
            return int(position), _copy_entries(source, copy)
        finally:
            copy.close()
            source.close()


def _copy_entries(source: Rdict, copy: Rdict) -> int:
    entries: Any = source.items()  # raw mode: bytes
    count, batch = 0, WriteBatch(raw_mode=True)
    for key, value in entries:
        batch.put(key, value)
        count += 1
        if count % _COPIED_AT_ONCE == 0:
            copy.write(batch)
            batch = WriteBatch(raw_mode=True)
    copy.write(batch)
    copy.flush()
    return count
