"""What reports say of an account's holder, put together."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

_BIRTH, _ADDRESS = "birth:", "address:"


class Persona(NamedTuple):
    """What reports say of an account's holder: names, dates of birth and addresses, sorted."""

    names: tuple[str, ...]
    births: tuple[str, ...]
    addresses: tuple[str, ...]


NOBODY = Persona((), (), ())


def persona_of(names: Iterable[str], traits: Iterable[str]) -> Persona:
    """Put names and traits (keys of dates and addresses, in order) together."""
    told = tuple(traits)
    return Persona(
        tuple(names),
        tuple(trait for trait in told if trait.startswith(_BIRTH)),
        tuple(trait for trait in told if trait.startswith(_ADDRESS)),
    )
