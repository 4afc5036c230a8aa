"""Under which of its identifiers a report is filed: for the cluster of that one it counts."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from pipeline.identity.page_name import is_everybodys_name
from pipeline.identity.promptpay import BILLER

HOME_ORDER: Final = ("account", "promptpay", "wallet", "nid", "url", "handle", "phone")
"""A report counts for the cluster of its first identifier in this order of kinds; of several of a
kind, of the one that it names first: a courier's phone is told after the swindler's. What is handed
on from one owner to the next more often comes later, and what is everybody's from the first report
on last."""

_PLACE: Final = {kind: place for place, kind in enumerate(HOME_ORDER)}


def place_of(key: str) -> int:
    """Return the place of an identifier in `HOME_ORDER`, behind it for what is everybody's."""
    if key.startswith(BILLER) or is_everybodys_name(key):
        return len(_PLACE)
    return _PLACE[key[: key.index(":")]]


def home_first(told: Collection[str], keys: Collection[str]) -> list[str]:
    """Return all keys of a report by kind, its home first.

    ``told`` are those that it names itself, as it names them; ``keys`` also those that follow.
    """
    places = {key: place_of(key) for key in keys}
    found = sorted(sorted(places), key=places.__getitem__)
    home = min(told, key=places.__getitem__, default=None)
    if home is not None and home != found[0]:
        found.remove(home)
        found.insert(0, home)
    return found
