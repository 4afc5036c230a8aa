"""Copies a worker's state stores, also of one that runs, and puts copies back.

Kafka is the truth and a lost store is rebuilt by itself: a copy only saves that time. A store knows
its position, so an old copy is as good as a new one, as long as the log still has what came since.
"""

from __future__ import annotations

import fcntl
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from agents.runtime.store_copy import copy_store
from agents.upkeep.backup_format import BackupError, empty_folder


class CopiedStore(NamedTuple):
    """One copied store: its worker and folder, and up to where of its log it is folded."""

    name: str
    next_offset: int
    entries: int


def back_up_stores(state_dir: Path, folder: Path) -> Iterator[CopiedStore]:
    """Copy every store below ``state_dir`` to ``folder``, which must be empty or new.

    Each copy is the state at one moment with its position. Stores that are being rebuilt are left
    out. Raises BackupError and StoreUnusable.
    """
    stores = stores_in(state_dir)
    if not stores:
        raise BackupError(f"There are no state stores in {state_dir}.")
    empty_folder(folder)
    for path in stores:
        name = path.relative_to(state_dir)
        draft = folder / name.parent / f".{name.name}"
        copied = copy_store(path, draft)
        if copied is None:
            shutil.rmtree(draft)
            continue
        draft.rename(folder / name)
        yield CopiedStore(str(name), *copied)


def restore_stores(folder: Path, state_dir: Path, *, replace: bool) -> Iterator[str]:
    """Put copies where a worker looks for its stores; yield their names.

    Raises BackupError when a store is there already, unless ``replace``, and when a worker has it
    open.
    """
    stores = stores_in(folder)
    if not stores:
        raise BackupError(f"There are no state stores in {folder}.")
    targets = {path: state_dir / path.relative_to(folder) for path in stores}
    taken = [target for target in targets.values() if target.exists()]
    if taken and not replace:
        raise BackupError(f"{taken[0]} is there already: --replace takes the copy in its place.")
    if used := [target for target in taken if _in_use(target)]:
        raise BackupError(f"{used[0]} is in use: stop its worker first.")
    for path, target in targets.items():
        draft = target.with_name(f".{target.name}")
        shutil.rmtree(draft, ignore_errors=True)
        shutil.copytree(path, draft)
        if target.exists():
            shutil.rmtree(target)
        draft.rename(target)
        yield str(target.relative_to(state_dir))


def _in_use(store: Path) -> bool:
    """Whether a process holds RocksDB's lock of a store."""
    with (store / "LOCK").open("ab") as lock:
        try:
            fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return True
    return False


def stores_in(folder: Path) -> list[Path]:
    """Return the folders of stores below a state folder: those with RocksDB's CURRENT file."""
    return sorted(path.parent for path in folder.glob("*/*/CURRENT") if path.parent.name[0] != ".")
