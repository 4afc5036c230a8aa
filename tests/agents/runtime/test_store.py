"""The store behaves as the state in memory, whatever is persisted when; it knows its position."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agents.failures import StoreUnusable
from agents.runtime.store import FORMAT, PartitionStore
from pipeline.state import MemoryState

SMALL = 1 << 20
KEYS = st.sampled_from([b"a", b"ab", b"b", b"ba", b"c", b"d\xff"])
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("put"), KEYS, st.binary(max_size=3)),
        st.tuples(st.just("delete"), KEYS),
        st.tuples(st.just("take")),
        st.tuples(st.just("persist")),
        st.tuples(st.just("scan"), KEYS, KEYS),
    ),
    max_size=40,
)


def open_store(path: Path) -> PartitionStore:
    return PartitionStore.open(path, SMALL, SMALL)


@given(STEPS)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_reads_as_the_state_in_memory(steps: list[tuple]) -> None:
    model = MemoryState()
    with tempfile.TemporaryDirectory() as folder:
        store = open_store(Path(folder) / "s")
        taken: list[dict] = []
        for name, *arguments in steps:
            if name == "take":
                taken.append(store.take_changes())
            elif name == "persist":
                if taken:
                    store.persist(taken.pop(0), 1)
            elif name == "scan":
                assert list(store.scan(*arguments)) == list(model.scan(*arguments))
            else:
                getattr(store, name)(*arguments)
                getattr(model, name)(*arguments)
            for key in (b"a", b"ab", b"b", b"ba", b"c", b"d\xff"):
                assert store.get(key) == model.get(key)
        assert list(store.scan(b"", b"\xff")) == list(model.scan(b"", b"\xff"))
        store.close()


def test_only_what_was_persisted_comes_back(tmp_path: Path) -> None:
    store = open_store(tmp_path / "s")
    store.put(b"k", b"1")
    store.persist(store.take_changes(), 7)
    store.put(b"k", b"2")
    store.take_changes()
    assert store.get(b"k") == b"2"
    store.close()
    again = open_store(tmp_path / "s")
    assert (again.get(b"k"), again.next_offset) == (b"1", 7)
    again.close()


def test_a_store_that_is_opened_again_has_its_filters_and_its_cache(tmp_path: Path) -> None:
    for _ in range(2):
        store = open_store(tmp_path / "s")
        store.persist(store.take_changes(), 1)
        store.close()
        begun = (tmp_path / "s" / "LOG").read_text(encoding="utf-8")
        assert "filter_policy: bloomfilter" in begun
        assert f"capacity : {SMALL}\n" in begun


def test_changes_are_persisted_in_order(tmp_path: Path) -> None:
    store = open_store(tmp_path / "s")
    store.put(b"k", b"1")
    store.take_changes()
    store.put(b"k", b"2")
    with pytest.raises(ValueError, match="order"):
        store.persist(store.take_changes(), 2)
    store.close()


KILLED = """
import os, sys
from pathlib import Path
from agents.runtime.store import PartitionStore
store = PartitionStore.open(Path(sys.argv[1]), 1 << 20, 1 << 20)
store.put(b"first", b"1")
store.persist(store.take_changes(), 1)
store.put(b"silent", b"2")
store.persist(store.take_changes(), 2, logged=False)
if sys.argv[2] == "spoke":
    store.put(b"spoken", b"3")
    store.persist(store.take_changes(), 3)
os._exit(9)
"""


@pytest.mark.parametrize(("end", "position"), [("silent", 1), ("spoke", 3)])
def test_what_a_killed_process_did_not_log_is_lost_with_its_position_or_not_at_all(
    tmp_path: Path, end: str, position: int
) -> None:
    command = [sys.executable, "-c", KILLED, str(tmp_path / "s"), end]
    assert subprocess.run(command, check=False).returncode == 9
    store = open_store(tmp_path / "s")
    assert store.next_offset == position
    assert store.get(b"first") == b"1"
    assert (store.get(b"silent") is not None) is (position >= 2)
    assert (store.get(b"spoken") is not None) is (position >= 3)
    store.close()


def test_what_was_not_logged_comes_back_from_a_store_that_was_closed(tmp_path: Path) -> None:
    store = open_store(tmp_path / "s")
    store.put(b"silent", b"2")
    store.persist(store.take_changes(), 2, logged=False)
    store.close()
    store = open_store(tmp_path / "s")
    assert (store.next_offset, store.get(b"silent")) == (2, b"2")
    store.close()


def test_a_half_rebuilt_store_begins_anew(tmp_path: Path) -> None:
    store = open_store(tmp_path / "s")
    store.put(b"k", b"1")
    store.persist(store.take_changes(), None)
    store.close()
    again = open_store(tmp_path / "s")
    assert (again.get(b"k"), again.next_offset) == (None, None)
    again.close()


def test_another_format_begins_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = open_store(tmp_path / "s")
    store.put(b"k", b"1")
    store.persist(store.take_changes(), 7)
    store.close()
    monkeypatch.setattr("agents.runtime.store.FORMAT", b"other")
    again = open_store(tmp_path / "s")
    assert again.next_offset is None
    again.close()


def test_a_damaged_store_is_one_clear_sentence(tmp_path: Path) -> None:
    store = open_store(tmp_path / "s")
    store.put(b"k", b"1")
    store.persist(store.take_changes(), 7)
    store.close()
    (tmp_path / "s" / "CURRENT").write_text("nonsense\n")
    with pytest.raises(StoreUnusable, match="delete this folder"):
        open_store(tmp_path / "s")


def test_keys_of_the_runtime_are_refused(tmp_path: Path) -> None:
    store = open_store(tmp_path / "s")
    with pytest.raises(ValueError, match="runtime"):
        store.put(b"\x00\x00runtime/next-offset", b"0")
    assert list(store.scan(b"", b"\xff")) == []
    store.close()


def test_a_scrubbed_store_has_no_byte_of_what_was_deleted(tmp_path: Path) -> None:
    store = PartitionStore.open(tmp_path / "state", 1 << 20, 1 << 20)
    for number in range(20_000):
        store.put(b"n%08d" % number, b"content " * 8)
    # The first key and the last of a file stand in RocksDB's manifest too.
    erased = {b"a-0123456789-first": b"x", b"n00010000-0123456789": b"y", b"z-0123456789": b"z"}
    for key, value in erased.items():
        store.put(key, value)
    store.persist(store.take_changes(), 1)
    store.scrub()
    assert _files_with(tmp_path, b"0123456789")
    for key in erased:
        store.delete(key)
    store.persist(store.take_changes(), 2)
    assert _files_with(tmp_path, b"0123456789")
    store.scrub()
    assert _files_with(tmp_path, b"0123456789") == []
    assert store.get(b"n00010000") is not None
    store.close()


def _files_with(folder: Path, needle: bytes) -> list[str]:
    files = [path for path in folder.rglob("*") if path.is_file()]
    return [path.name for path in files if needle in path.read_bytes()]


def test_a_store_of_another_log_or_format_begins_anew_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def opened(folded_from: str) -> PartitionStore:
        return PartitionStore.open(tmp_path / "s", SMALL, SMALL, folded_from)

    store = opened("one/4")
    store.put(b"k", b"1")
    store.persist(store.take_changes(), 7)
    store.close()
    again = opened("one/4")
    assert (again.get(b"k"), again.next_offset) == (b"1", 7)
    again.close()
    assert not caplog.records
    for folded_from, form, reason in (
        ("one/8", FORMAT, "other_log"),
        ("one/8", FORMAT + b"x", "format"),
    ):
        monkeypatch.setattr("agents.runtime.store.FORMAT", form)
        begun = opened(folded_from)
        assert (begun.get(b"k"), begun.next_offset) == (None, None)
        assert [r.reason for r in caplog.records if r.message == "store_rebuild"] == [reason]
        caplog.clear()
        begun.put(b"k", b"2")
        begun.persist(begun.take_changes(), 9)
        begun.close()
