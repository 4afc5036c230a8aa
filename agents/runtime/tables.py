"""A store's tables: marks in files beside RocksDB's, mapped into memory.

What a killed process marked is with the kernel already, so its table is whole; a host that crashes
may lose some of it. So each table has a seal, which names the store and the boot of the kernel
under which it is marked, or says that it was closed in order. Any other is made anew.
"""

from __future__ import annotations

import mmap
import os
from pathlib import Path
from typing import Final

_BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")
_CLOSED: Final = "closed"
_UNKNOWN: Final = "unknown"
"""Where the kernel does not tell its boots apart: there only tables closed in order are kept."""


class MappedTable:
    """A `pipeline.state.Table` in a file."""

    def __init__(self, path: Path, size: int, store: str) -> None:
        """Open the table at ``path``, or begin it with no marks.

        ``store`` names the store and its format. Raises `OSError`, also when the disk has no room
        for all of it: later there would be nobody to tell.
        """
        self._path, self._seal_path = path, path.with_suffix(".seal")
        self._store = store
        self.whole = self._is_sealed(path, size)
        if not self.whole:
            self._seal_path.unlink(missing_ok=True)
            path.unlink(missing_ok=True)
        with path.open("r+b" if self.whole else "w+b") as file:
            if not self.whole:
                file.write(bytes(size))
                file.flush()
            self.marks = mmap.mmap(file.fileno(), size)
        if self.whole:
            self._seal(_boot())

    def _is_sealed(self, path: Path, size: int) -> bool:
        try:
            store, _, until = self._seal_path.read_text(encoding="ascii").rpartition(" ")
            fits = path.stat().st_size == size
        except FileNotFoundError:
            return False
        known = until == _CLOSED or until == _boot() != _UNKNOWN
        return fits and known and store == self._store

    def _seal(self, until: str) -> None:
        """Write the seal, so that even a crash of the host leaves this one or the one before."""
        new = self._seal_path.with_suffix(".new")
        with new.open("w", encoding="ascii") as file:
            file.write(f"{self._store} {until}")
            file.flush()
            os.fsync(file.fileno())
        new.replace(self._seal_path)
        folder = os.open(new.parent, os.O_RDONLY)
        os.fsync(folder)
        os.close(folder)

    def filled(self) -> None:
        """See `pipeline.state.Table.filled`. Raises `OSError`."""
        if not self.whole:
            self.whole = True
            self._seal(_boot())

    def close(self) -> None:
        """Write all marks to the disk. Raises `OSError`."""
        if self._seal_path.exists():
            self.marks.flush()
            self._seal(_CLOSED)
        self.marks.close()

    def forget(self) -> None:
        """Take the table off the disk, to be made anew at the next opening; it is used until then.

        Raises `OSError`.
        """
        self._seal_path.unlink(missing_ok=True)
        self._path.unlink(missing_ok=True)


def _boot() -> str:
    try:
        return _BOOT_ID.read_text(encoding="ascii").strip()
    except OSError:
        return _UNKNOWN
