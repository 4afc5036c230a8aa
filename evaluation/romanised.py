"""``python -m evaluation.romanised``: how many romanised names are known again from their Thai.

The simulation's people write each name romanised, by its table and by ear; seeds below 100.
Counted: the share of whole names that agree with the register's Thai spelling, and how many of
strangers' names do.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterable
from typing import Any

from pipeline.identity.characters import has_thai
from pipeline.identity.name import names_agree, normalise_name, whole_words
from pipeline.simulation.people import Person, some_person, written_name

SEEDS = (1, 2, 3)
PEOPLE, STRANGERS = 1_500, 20_000
FREE = {"by the table": 0.0, "a quarter by ear": 0.25, "half by ear": 0.5}
"""Shares of names that are spelt as they sound."""
_COMMON_NAMES = 0.2
_TRIES = 20


def written_romanised(rng: random.Random, person: Person, free: float) -> str | None:
    """Return a person's whole name as somebody romanises it; None where nobody does so soon."""
    for _ in range(_TRIES):
        text = written_name(rng, person, free)
        form = (normalise_name(text).key or "").removeprefix("name:")
        if not has_thai(text) and whole_words(form):
            return text
    return None


def figures(seeds: Iterable[int], free: float) -> dict[str, Any]:
    """Return how many names agree with their own Thai spelling, and with a stranger's."""
    known = names = alike = pairs = 0
    for seed in seeds:
        rng = random.Random(seed)
        people = [some_person(rng, _COMMON_NAMES) for _ in range(PEOPLE)]
        told = [(p, text) for p in people if (text := written_romanised(rng, p, free))]
        names += len(told)
        known += sum(names_agree(person.thai, text) == "full" for person, text in told)
        for _ in range(STRANGERS):
            (one, _), (other, text) = rng.sample(told, 2)
            if one.thai != other.thai:
                pairs += 1
                alike += names_agree(one.thai, text) == "full"
    return {
        "names": names,
        "known again": round(known / names, 4),
        "strangers": pairs,
        "strangers alike": alike,
    }


if __name__ == "__main__":
    for name, share in FREE.items():
        print(json.dumps({"spelt": name, **figures(SEEDS, share)}))
