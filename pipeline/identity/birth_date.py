"""Dates of birth as people write them: ``birth:YYYYMMDD``, in the common era.

They join nothing by themselves; two accounts whose holders are born on one day have one thing more
in common.
"""

from __future__ import annotations

import datetime
import re
from typing import Final, Literal

from rapidfuzz.distance import OSA

from pipeline.identity.characters import ascii_digits
from pipeline.identity.normalised import MAX_IDENTIFIER_CHARS, Normalised, distinct, refused

BUDDHIST_ERA: Final = 543
"""Years that Thai calendars are ahead of the common era."""
_FIRST_YEAR, _LAST_YEAR = 1880, 2200
_PARTS: Final = re.compile(r"\d+")
_PLAIN: Final = re.compile(r"\d{8}")

Agreement = Literal["same", "near", "other"]


def normalise_birth_date(text: str) -> Normalised:
    """Return the key of a date: year first or day first, with or without separators in between.

    Problems: empty, too_long, not_a_date.
    """
    if len(text) > MAX_IDENTIFIER_CHARS:
        return refused("too_long")
    changes: list[str] = []
    digits = ascii_digits(text, changes).strip()
    if not digits:
        return refused("empty")
    parts = _PARTS.findall(digits)
    if len(parts) == 1 and _PLAIN.fullmatch(parts[0]):
        whole = parts[0]
        found = _date(whole[:4], whole[4:6], whole[6:], changes)
        found = found or _date(whole[4:], whole[2:4], whole[:2], changes)
    elif len(parts) == 3:
        year_first = len(parts[0]) == 4
        day, month, year = reversed(parts) if year_first else parts
        found = _date(year, month, day, changes)
    else:
        found = None
    return Normalised(f"birth:{found}", distinct(changes)) if found else refused("not_a_date")


def _date(year: str, month: str, day: str, changes: list[str]) -> str | None:
    number = int(year)
    if number > _LAST_YEAR:
        changes.append("buddhist_era")
        number -= BUDDHIST_ERA
    if not _FIRST_YEAR <= number <= _LAST_YEAR:
        return None
    try:
        return datetime.date(number, int(month), int(day)).strftime("%Y%m%d")
    except ValueError:
        return None


def birth_dates_agree(a: str, b: str) -> Agreement:
    """Say how far two keys agree; "near": one digit differs, two are swapped, or day and month."""
    if a == b:
        return "same"
    day, month, year = a[-2:], a[-4:-2], a[-8:-4]
    if b.endswith(year + day + month) or OSA.distance(a, b, score_cutoff=1) <= 1:
        return "near"
    return "other"
