"""How a backup of topics lies on a disk: one packed file a partition, and a manifest.

A file is gzip around frames: four bytes of length (big-endian), then a record in MessagePack with
its offset, time, key, value and headers. The manifest is written last, so a folder without one is
no backup.
"""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

MANIFEST = "manifest.json"
FORMAT = 1
_LENGTH_BYTES = 4
_CHUNK_BYTES = 1 << 20
# Records are mostly JSON: the lowest level halves them for a third of the time.
_LEVEL = 1


class BackupError(Exception):
    """A backup cannot be made, or is not one, or is damaged; the message is one sentence."""


class BackedUp(msgspec.Struct, frozen=True, array_like=True):
    """One record as it stood in its partition; ``timestamp`` in milliseconds since 1970."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes]]


class PartitionFile(msgspec.Struct, frozen=True):
    """One partition of a backup."""

    topic: str
    partition: int
    name: str
    """The file's name in the folder of the backup."""
    records: int
    begin: int
    """The first offset that Kafka still had."""
    end: int
    """The offset after the last record."""
    sha256: str


class Manifest(msgspec.Struct, frozen=True):
    """What a backup of topics holds."""

    format: int
    taken_at: str
    version: str
    """The release that took it."""
    cluster_id: str
    groups: dict[str, dict[str, dict[int, int]]]
    """Each group's position by topic and partition, from before the first record was read."""
    partitions: list[PartitionFile]

    def counts(self) -> dict[str, int]:
        """Return how many partitions each topic has."""
        found: dict[str, int] = {}
        for each in self.partitions:
            found[each.topic] = max(found.get(each.topic, 0), each.partition + 1)
        return found


_RECORD = msgspec.msgpack.Decoder(BackedUp)
_ENCODER = msgspec.msgpack.Encoder()


def write_records(path: Path, records: Iterable[BackedUp]) -> int:
    """Write a partition's file; return how many records it has."""
    count = 0
    with gzip.open(path, "wb", _LEVEL) as file:
        for record in records:
            packed = _ENCODER.encode(record)
            file.write(len(packed).to_bytes(_LENGTH_BYTES, "big"))
            file.write(packed)
            count += 1
    return count


def read_records(path: Path) -> Iterator[BackedUp]:
    """Yield the records of a partition's file. Raises BackupError when it is damaged."""
    try:
        with gzip.open(path, "rb") as file:
            while length := file.read(_LENGTH_BYTES):
                yield _RECORD.decode(file.read(int.from_bytes(length, "big")))
    except (OSError, EOFError, msgspec.MsgspecError) as error:
        raise BackupError(f"{path} is damaged ({type(error).__name__}).") from error


def digest(path: Path) -> str:
    """Return the SHA-256 of a file. Raises BackupError when it cannot be read."""
    found = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK_BYTES):
                found.update(chunk)
    except OSError as error:
        raise BackupError(f"{path} cannot be read: {error.strerror}.") from error
    return found.hexdigest()


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Say that the backup is complete."""
    path = folder / MANIFEST
    draft = path.with_suffix(".draft")
    draft.write_bytes(msgspec.json.format(msgspec.json.encode(manifest)))
    draft.replace(path)


def read_manifest(folder: Path) -> Manifest:
    """Return the manifest of a complete and undamaged backup. Raises BackupError otherwise."""
    path = folder / MANIFEST
    try:
        manifest = msgspec.json.decode(path.read_bytes(), type=Manifest)
    except (OSError, msgspec.MsgspecError) as error:
        raise BackupError(f"{path} is no manifest of a backup ({type(error).__name__}).") from error
    if manifest.format != FORMAT:
        raise BackupError(f"{path} has format {manifest.format}, this release reads {FORMAT}.")
    for each in manifest.partitions:
        if digest(folder / each.name) != each.sha256:
            raise BackupError(f"{folder / each.name} is not what was written: it is damaged.")
    return manifest


def empty_folder(folder: Path) -> None:
    """Make a folder for a backup. Raises BackupError when there is something in it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise BackupError(f"{folder} is not empty: a backup needs a folder of its own.")
    except OSError as error:
        raise BackupError(f"{folder} cannot be used: {error.strerror}.") from error
