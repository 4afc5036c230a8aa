"""The simulated people: who bears which name, and how others write it."""

from __future__ import annotations

import random
from dataclasses import dataclass

from pipeline.simulation.names import FAMILIES, FIRST_ELEMENTS, LAST_ELEMENTS, MEN, WOMEN

_MEN_TITLES = ("นาย", "นาย ", "คุณ", "Mr. ", "MR ", "Mr ")
_WOMEN_TITLES = ("น.ส.", "นางสาว", "นาง ", "น.ส. ", "Ms. ", "MISS ", "Mrs. ")
_COMMONNESS = 4.0
"""How much commoner the first name of a table is than one further down: weights 1/(place + it)."""

_SOUNDS = (
    ("ee", "i"), ("i", "ee"), ("oo", "u"), ("u", "oo"), ("ph", "p"), ("th", "t"), ("kh", "k"),
    ("w", "v"), ("v", "w"), ("ch", "j"), ("j", "ch"), ("k", "g"), ("a", "ar"), ("ai", "ay"),
    ("ae", "a"), ("on", "orn"), ("ue", "u"), ("d", "t"), ("l", "n"), ("ck", "k"), ("y", "i"),
)  # fmt: skip
"""What a writer hears for what another one wrote, in Latin script."""
_THAI_SOUNDS = (
    ("ณ", "น"), ("น", "ณ"), ("ศ", "ส"), ("ษ", "ส"), ("ส", "ศ"), ("ฑ", "ท"), ("ธ", "ท"), ("ท", "ธ"),
    ("ฐ", "ถ"), ("ภ", "พ"), ("ญ", "ย"), ("ร", "ล"), ("ใ", "ไ"), ("ไ", "ใ"), ("์", ""), ("่", ""),
    ("้", ""), ("ฎ", "ด"), ("ฏ", "ต"), ("ี", "ิ"), ("ู", "ุ"),
)  # fmt: skip
"""The same in Thai: letters of one sound, marks left out."""


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with a name: each name is a row of its Thai form and its romanisations."""

    given: tuple[str, ...]
    family: tuple[str, ...]
    woman: bool

    @property
    def thai(self) -> str:
        """The name as the bank's register writes it."""
        return f"{self.given[0]} {self.family[0]}"


def _weights(count: int) -> list[float]:
    return [1 / (place + _COMMONNESS) for place in range(count)]


_MEN_WEIGHTS, _WOMEN_WEIGHTS = _weights(len(MEN)), _weights(len(WOMEN))
_FAMILY_WEIGHTS = _weights(len(FAMILIES))


def some_person(rng: random.Random, common: float = 1.0) -> Person:
    """Return a person with a random name; ``common`` is the chance of a common family name."""
    woman = rng.random() < 0.5
    names, weights = (WOMEN, _WOMEN_WEIGHTS) if woman else (MEN, _MEN_WEIGHTS)
    given = rng.choices(names, weights)[0]
    if rng.random() < common:
        return Person(given, rng.choices(FAMILIES, _FAMILY_WEIGHTS)[0], woman)
    # A family's own name, as the law of 2456 asks for.
    first, last = rng.choice(FIRST_ELEMENTS), rng.choice(LAST_ELEMENTS)
    return Person(given, tuple(a + b for a, b in zip(first, last, strict=True)), woman)


def written_name(rng: random.Random, person: Person, free: float = 0.0) -> str:
    """Write a name as a reporter would: Thai or romanised, titled, shortened or turned round.

    ``free`` is the chance that it is spelt as it sounds.
    """
    titles = _WOMEN_TITLES if person.woman else _MEN_TITLES
    style = rng.random()
    sounds = rng.random() < free
    if style < 0.45:
        title = rng.choice(titles[:3]) if rng.random() < 0.5 else ""
        given, family = person.given[0], person.family[0]
        if sounds:
            family = spelt_by_ear(rng, family, _THAI_SOUNDS)
            if rng.random() < 0.3:
                given = spelt_by_ear(rng, given, _THAI_SOUNDS)
        if rng.random() < 0.04:
            return f"{family} {given}"
        return f"{title}{given} {family}"
    if style < 0.52:
        # Bank apps mask the family name on the slip.
        return f"{person.given[0]} {person.family[0][0]}***"
    given = rng.choice(person.given[1:])
    family = rng.choice(person.family[1:])
    if sounds:
        given = spelt_by_ear(rng, given, _SOUNDS)
        family = spelt_by_ear(rng, family, _SOUNDS)
    if style < 0.72:
        title = rng.choice(titles[3:]) if rng.random() < 0.4 else ""
        plain = f"{title}{given} {family}"
        return plain.upper() if rng.random() < 0.35 else plain
    if style < 0.84:
        return f"{given.upper()} {family[0].upper()}."
    if style < 0.87:
        return f"{given[0]}. {family}"
    return f"{family} {given}" if style < 0.94 else given


def spelt_by_ear(rng: random.Random, word: str, sounds: tuple[tuple[str, str], ...]) -> str:
    """Write one sound of a word in another way, or let a letter slip."""
    heard = [(old, new) for old, new in sounds if old in word.lower()]
    if heard and rng.random() < 0.8:
        old, new = rng.choice(heard)
        places = [at for at in range(len(word)) if word.lower().startswith(old, at)]
        at = rng.choice(places)
        changed = word[:at] + new + word[at + len(old) :]
        return changed[0].upper() + changed[1:] if word[0].isupper() else changed
    at = rng.randrange(1, len(word))
    return (
        word[:at] + word[at - 1].lower() + word[at:]
        if rng.random() < 0.5
        else (word[:at] + word[at + 1 :])
    )
