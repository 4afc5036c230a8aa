"""How many pairs each way of looking for candidates makes on given reports.

Counted before anyone enables a rule: what makes a thousand times as many pairs as another one
costs a thousand times as much, however rare its matches are.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

from pipeline.clustering.holder_blocks import PERSONS_A_BLOCK
from pipeline.clustering.normalised import StoredReport
from pipeline.clustering.numbers import KnownNumbers
from pipeline.clustering.personas import NOBODY, persona_of
from pipeline.clustering.persons import blocks_of
from pipeline.identity.account import bank_of, number_of
from pipeline.identity.banks import UNKNOWN_BANK

_PERSON_RULES = {
    "n": "holder's name within one edit of its consonants, one bank",
    "b": "holder's date of birth, and a name or a number of the address",
    "a": "a word of the holder's name, and a number of the address",
    "w": "a word of the holder's whole name",
}


class RuleCount(NamedTuple):
    """What one blocking rule makes: blocks of at least two, the largest, and pairs.

    ``passed_over`` are pairs of blocks above a limit, which are not compared; ``what`` is compared.
    """

    rule: str
    what: str
    blocks: int
    largest: int
    pairs: int
    passed_over: int


def count_pairs(reports: Iterable[StoredReport]) -> list[RuleCount]:
    """Count the candidate pairs of every rule over live reports (the newest word of each)."""
    live = list(reports)
    named = Counter(key for report in live for key in report.identifiers)
    kinds: dict[str, list[int]] = {}
    for key, count in named.items():
        kinds.setdefault(key[: key.index(":")], []).append(count)
    found = [
        _count(f"the same {kind}", "reports", sizes, limit=max(sizes))
        for kind, sizes in sorted(kinds.items())
    ]
    accounts = sorted(key for key in named if key.startswith("account:"))
    return [*found, *_by_number(accounts), *_by_holder(live, accounts)]


def _by_number(accounts: list[str]) -> list[RuleCount]:
    numbers = KnownNumbers()
    for key in accounts:
        numbers.add(bank_of(key), number_of(key))
    near: list[int] = []
    bankless: list[int] = []
    near_bankless: list[int] = []
    elsewhere: list[int] = []
    for key in accounts:
        bank, number = bank_of(key), number_of(key)
        banks = [other for other in numbers.banks_of(number) if other not in (bank, UNKNOWN_BANK)]
        if bank == UNKNOWN_BANK:
            bankless.append(len(banks))
            known = [other for other in numbers.banks() if other != UNKNOWN_BANK]
            found = [sum(1 for _ in numbers.one_edit_from(other, number)) for other in known]
            near_bankless.append(sum(found))
        else:
            elsewhere.append(len(banks))
        near.append(sum(1 for _ in numbers.one_edit_from(bank, number)))
    return [
        _neighbours("account numbers of one bank within one edit", near, share=2),
        _neighbours("an account number once without its bank", bankless, share=1),
        _neighbours("one within one edit, once without its bank", near_bankless, share=1),
        _neighbours("an account number at two banks", elsewhere, share=2),
    ]


def _by_holder(live: list[StoredReport], accounts: list[str]) -> list[RuleCount]:
    names: dict[str, set[str]] = {}
    traits: dict[str, set[str]] = {}
    for report in live:
        for account, name in report.names:
            names.setdefault(account, set()).add(name)
        for account, trait in report.traits:
            traits.setdefault(account, set()).add(trait)
    sizes: Counter[bytes] = Counter()
    for key in accounts:
        told = sorted(names.get(key, ()))
        persona = persona_of(told, sorted(traits.get(key, ()))) if told else NOBODY
        sizes.update(blocks_of(bank_of(key), persona))
    return [
        _count(
            name,
            "accounts",
            [n for b, n in sizes.items() if b[1:2] == rule.encode()],
            PERSONS_A_BLOCK,
        )
        for rule, name in _PERSON_RULES.items()
    ]


def _count(rule: str, what: str, sizes: list[int], limit: int) -> RuleCount:
    several = [size for size in sizes if size > 1]
    pairs = sum(size * (size - 1) // 2 for size in several if size <= limit)
    over = sum(size * (size - 1) // 2 for size in several if size > limit)
    return RuleCount(rule, what, len(several), max(several, default=0), pairs, over)


def _neighbours(rule: str, counts: list[int], share: int) -> RuleCount:
    """Count pairs from the neighbours of each; ``share`` is how often a pair was counted."""
    several = [count for count in counts if count]
    largest = max(several, default=-1) + 1
    return RuleCount(rule, "accounts", len(several), largest, sum(several) // share, 0)
