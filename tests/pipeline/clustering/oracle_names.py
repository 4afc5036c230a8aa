"""Whose names are rare, on the whole set of accounts: a part of the oracle."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from pipeline.clustering.holder_blocks import PERSONS_A_BLOCK
from pipeline.clustering.personas import Persona
from pipeline.identity.account import bank_of
from pipeline.identity.name import whole_names_agree, whole_words


def bear_one_rare_name(who: Mapping[str, Persona], a: str, b: str) -> bool:
    """Say whether two accounts' holders bear one whole name with no word that many bear.

    Of an account without its bank nobody can say it.
    """
    if "?" in (bank_of(a), bank_of(b)):
        return False
    bearers: dict[str, set[str]] = defaultdict(set)
    for account, persona in who.items():
        for name in persona.names if bank_of(account) != "?" else ():
            for word in whole_words(name):
                bearers[word].add(account)
    return any(
        whole_names_agree(x, y)
        and max(len(bearers[word]) for word in f"{x} {y}".split()) <= PERSONS_A_BLOCK
        for x in who[a].names
        for y in who[b].names
    )
