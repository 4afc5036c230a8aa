"""Whose word a report is, across a change of the key that hashes national IDs.

A key's successor does not hash the number anew but the hash that there was: generation 2 of a
person is HMAC(second key, generation 1), and so on. So whoever has the later keys can lift an older
hash to the newest generation without knowing the number, nobody who knows the first key alone can
tell whose hash the newest is, and old and new hashes of one person meet. Generations are lifted by
every worker at its own reading; senders may change over one by one.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from pipeline.identity.national_id import hash_national_id

_HASH: Final = re.compile("[0-9a-f]{64}")
_KEPT = 65_536


def newest_hash(digits: str, keys: Sequence[bytes]) -> str:
    """Return the hash of a national ID in the generation of the last of ``keys`` (oldest first)."""
    return _lifted(hash_national_id(digits, keys[0]), tuple(keys[1:]))


def voice_of(person: str, generation: int) -> str:
    """Return the voice of a person whose hash is of a generation (from 1)."""
    return person if generation == 1 else f"{generation}.{person}"


def is_beyond(voice: str, keys: Sequence[bytes]) -> bool:
    """Say whether a voice was made with a key that is not there (yet)."""
    return bool(keys) and _parts(voice)[0] > len(keys)


def lifted_voice(voice: str, keys: Sequence[bytes]) -> str:
    """Return a voice in the newest generation; that of a report without a person stays as it is."""
    if len(keys) < 2:
        return voice
    generation, person = _parts(voice)
    if not 0 < generation < len(keys):
        return voice
    return f"{len(keys)}.{_lifted(person, tuple(keys[generation:]))}"


def _parts(voice: str) -> tuple[int, str]:
    """Return the generation and hash of a voice; generation 0 is no person's."""
    before, dot, person = voice.rpartition(".")
    if not _HASH.fullmatch(person) or (dot and not (before.isascii() and before.isdecimal())):
        return 0, voice
    return int(before) if dot else 1, person


@lru_cache(maxsize=_KEPT)
def _lifted(person: str, keys: tuple[bytes, ...]) -> str:
    for key in keys:
        person = hmac.new(key, person.encode(), hashlib.sha256).hexdigest()
    return person
