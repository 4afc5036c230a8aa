"""A new key for the hashes of reporters: every report's voice in its newest generation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from pipeline.clustering.normalised import StoredReport, decode_stored, encode_stored
from pipeline.contracts.codec import digest
from pipeline.identity.voices import lifted_voice
from pipeline.state import State, scan_prefix

_ROW = b"u"
_AT_A_TIME = 500
_DIGITS = len(digest(b""))


def lifted(report: StoredReport, keys: Sequence[bytes]) -> StoredReport:
    """Return a report, its voice in the newest generation; the same where it is that already."""
    voice = lifted_voice(report.voice, keys)
    if voice == report.voice:
        return report
    left = msgspec.structs.replace(report, voice=voice, content="", published_at=0)
    # What stands before the digest ranks the report above those from which nothing was erased.
    before = report.content[:-_DIGITS]
    content = before + digest(encode_stored(left))
    return msgspec.structs.replace(left, content=content, published_at=report.published_at)


class Generation:
    """In which generation the voices of a state are; row ``u``. ``keys``: the oldest first."""

    def __init__(self, state: State, keys: Sequence[bytes]) -> None:
        self._state = state
        self._keys = keys
        found = state.get(_ROW)
        self._generation = int(found) if found else 1

    @property
    def is_old(self) -> bool:
        """Whether a key came since the state was folded."""
        return self._generation < len(self._keys)

    def reports(self) -> Iterator[list[tuple[StoredReport, StoredReport]]]:
        """Yield reports whose voices are lifted, before and after, some at a time.

        They may be changed in the state before the next ones are asked for.
        """
        keys = [key for key, _ in scan_prefix(self._state, b"r")]
        for start in range(0, len(keys), _AT_A_TIME):
            rows = (self._state.get(key) for key in keys[start : start + _AT_A_TIME])
            reports = [decode_stored(row) for row in rows if row is not None]
            pairs = [(report, lifted(report, self._keys)) for report in reports]
            yield [(before, now) for before, now in pairs if now is not before]

    def done(self) -> None:
        """Take note that all voices are in the newest generation."""
        self._generation = len(self._keys)
        self._state.put(_ROW, b"%d" % self._generation)
