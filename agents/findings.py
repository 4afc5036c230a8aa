"""What the doctor found: one answer each, and how it is to be taken."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """How a finding is to be taken."""

    OK = "ok"
    NOTE = "note"
    """Worth a look; nobody is harmed by it alone."""
    WRONG = "wrong"


@dataclass(frozen=True, slots=True)
class Finding:
    """One answer."""

    about: str
    """What was looked at: kafka, topics, access, groups, dead letters, clocks, disk, worker."""
    state: State
    sentence: str
    """What was found."""
    advice: str = ""
    """What to do about it."""
