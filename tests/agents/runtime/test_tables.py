"""A store's tables are kept by whoever could not lose a mark of them, and made anew otherwise."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from agents.runtime import tables
from agents.runtime.store import PartitionStore

SIZE = 1 << 16
MARKED = """
import os, sys
from pathlib import Path
from agents.runtime.store import PartitionStore
store = PartitionStore.open(Path(sys.argv[1]), 1 << 20, 1 << 20)
store.persist(store.take_changes(), 1)
table = store.table("seen", 1 << 16)
table.marks[7] = 3
if sys.argv[2] != "half":
    table.filled()
table.marks[8] |= 4
if sys.argv[2] == "closed":
    store.close()
os._exit(9)
"""


def mark(path: Path, end: str) -> None:
    """Let another process mark a table, and be gone without a chance to write anything."""
    command = [sys.executable, "-c", MARKED, str(path), end]
    assert subprocess.run(command, check=False).returncode == 9


def opened(path: Path) -> tuple[bool, int, int]:
    """Return whether the table is whole, and the two marks; the store is closed again."""
    store = PartitionStore.open(path, 1 << 20, 1 << 20)
    assert store.next_offset == 1
    table = store.table("seen", SIZE)
    assert len(table.marks) == SIZE
    found = table.whole, table.marks[7], table.marks[8]
    store.close()
    return found


@pytest.fixture
def other_boot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str | None], None]:
    """Make the host appear to have been started anew, or to not tell its starts apart (None)."""

    def restart(boot: str | None) -> None:
        told = tmp_path / "boot_id"
        if boot is not None:
            told.write_text(boot)
        monkeypatch.setattr(tables, "_BOOT_ID", told)

    return restart


def test_what_a_killed_process_marked_is_there_as_long_as_the_host_runs(tmp_path: Path) -> None:
    mark(tmp_path / "s", "killed")
    assert opened(tmp_path / "s") == (True, 3, 4)
    assert opened(tmp_path / "s") == (True, 3, 4)


def test_after_a_crash_of_the_host_a_table_that_was_in_use_is_begun_anew(
    tmp_path: Path, other_boot: Callable[[str | None], None]
) -> None:
    mark(tmp_path / "s", "killed")
    other_boot("another")
    assert opened(tmp_path / "s") == (False, 0, 0)


@pytest.mark.parametrize("boot", ["another", None])
def test_a_table_that_was_closed_is_kept_whenever_the_host_was_started(
    tmp_path: Path, other_boot: Callable[[str | None], None], boot: str | None
) -> None:
    mark(tmp_path / "s", "closed")
    other_boot(boot)
    assert opened(tmp_path / "s") == (True, 3, 4)


def test_where_the_host_does_not_tell_its_starts_apart_a_table_in_use_is_begun_anew(
    tmp_path: Path, other_boot: Callable[[str | None], None]
) -> None:
    other_boot(None)
    store = PartitionStore.open(tmp_path / "s", 1 << 20, 1 << 20)
    store.persist(store.take_changes(), 1)
    store.table("seen", SIZE).filled()
    # As after a kill: the store is closed, its table never was.
    store._tables.clear()
    store.close()
    assert opened(tmp_path / "s") == (False, 0, 0)


def test_a_table_that_was_never_filled_is_begun_anew(tmp_path: Path) -> None:
    mark(tmp_path / "s", "half")
    assert opened(tmp_path / "s") == (False, 0, 0)


def test_a_table_of_another_size_or_store_is_begun_anew(tmp_path: Path) -> None:
    mark(tmp_path / "s", "closed")
    mark(tmp_path / "other", "closed")
    for name in ("seen.table", "seen.seal"):
        (tmp_path / "other" / name).write_bytes((tmp_path / "s" / name).read_bytes())
    assert opened(tmp_path / "other") == (False, 0, 0)
    (tmp_path / "s" / "seen.table").write_bytes(bytes(SIZE - 1))
    assert opened(tmp_path / "s") == (False, 0, 0)


def test_a_scrubbed_stores_tables_are_gone_from_the_disk_and_used_until_it_is_closed(
    tmp_path: Path,
) -> None:
    mark(tmp_path / "s", "closed")
    store = PartitionStore.open(tmp_path / "s", 1 << 20, 1 << 20)
    table = store.table("seen", SIZE)
    store.scrub()
    assert not list((tmp_path / "s").glob("seen.*"))
    assert table.marks[7] == 3
    store.close()
    assert opened(tmp_path / "s") == (False, 0, 0)


FULL = """
import resource, signal, sys
from pathlib import Path
from agents.failures import StoreUnusable
from agents.runtime.store import PartitionStore
store = PartitionStore.open(Path(sys.argv[1]), 1 << 20, 1 << 20)
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 15, 1 << 15))
try:
    store.table("seen", 1 << 16)
except StoreUnusable as error:
    print(error)
"""


def test_a_disk_without_room_for_a_table_is_told_of_at_the_opening(tmp_path: Path) -> None:
    command = [sys.executable, "-c", FULL, str(tmp_path / "s")]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert "make room on its disk" in said
