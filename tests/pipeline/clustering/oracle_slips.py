"""The definition of what look-alike numbers' voices and digits say, written naively."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from itertools import permutations

from rapidfuzz.distance import OSA

from pipeline.clustering.normalised import StoredReport
from pipeline.identity.account import bank_of, number_of
from pipeline.identity.banks import USUAL_LENGTHS
from tests.pipeline.clustering.oracle_words import are_vouched_for


def differ_before_the_end(slip: str, known: str) -> bool:
    """Say whether two numbers differ before their last four digits, or one is no number."""
    a, b = number_of(slip), number_of(known)
    if len(a) != len(b):
        return not is_usual(slip) and is_usual(known)
    return a != b and a[-4:] == b[-4:]


def is_usual(account: str) -> bool:
    """Say whether a number has as many digits as its bank's, or any bank's, have."""
    bank = bank_of(account)
    every = {length for lengths in USUAL_LENGTHS.values() for length in lengths}
    lengths = every if bank == "?" else USUAL_LENGTHS.get(bank)
    return not lengths or len(number_of(account)) in lengths


def stands_alone(
    account: str,
    of: Mapping[str, Sequence[StoredReport]],
    loose: Collection[frozenset[str]],
    heard: Callable[[str], int],
) -> bool:
    """Say whether nothing joins an account to what another report names.

    ``loose`` are the pairs of which one is public or passes by.
    """
    mine = of[account]
    keys = {report.key for reports in of.values() for report in reports}
    for other in {n for report in mine for n in report.identifiers} - {account}:
        voices = {report.voice for report in mine if other in report.identifiers}
        known = other.startswith("phone:") and heard(other) > 1
        nameless = known and len(voices) == 1 and voices <= keys and not are_vouched_for(mine)
        if nameless or frozenset((account, other)) in loose:
            continue
        if other.startswith(("account:", "handle:line:")):
            return False
        if any(account not in report.identifiers for report in of[other]):
            return False
    return True


def contact_slips(
    others: Mapping[str, Collection[str]],
    loose: Collection[frozenset[str]],
    spoke: Callable[[str], Collection[str]],
    heard: Callable[[str], int],
) -> dict[str, set[str]]:
    """Return the phones and handles that stand alone, with those that each may be a slip of.

    ``others`` are those that each contact is named with, those of them not public; ``loose`` are
    the pairs of which one is public or passes by.
    """
    found: dict[str, set[str]] = {}
    for slip, known in permutations(sorted(others), 2):
        tied = [other for other in others[slip] if frozenset((slip, other)) not in loose]
        if len(spoke(slip)) < 2 <= heard(known) and not tied and are_one_misspelt(slip, known):
            found.setdefault(slip, set()).add(known)
    return found


def are_one_misspelt(one: str, other: str) -> bool:
    """Say whether two mobile numbers, or two long names on one platform, are one edit apart."""
    mobile = re.compile(r"phone:\+66([689]\d{8}|14\d{7})")
    typed = [key for key in (one, other) if key.startswith("phone:0")]
    if typed:
        national = [key.replace("phone:+66", "phone:0") for key in (one, other)]
        given_out = any(mobile.fullmatch(key) for key in (one, other))
        return given_out and OSA.distance(*(key[7:] for key in national)) == 1
    if OSA.distance(one, other) != 1:
        return False
    if mobile.fullmatch(one) and mobile.fullmatch(other):
        return True
    name = re.compile(r"(handle:\w+:@?)([a-z0-9._-]{7,40})")
    a, b = name.fullmatch(one), name.fullmatch(other)
    return bool(a and b and a[1] == b[1] and re.findall(r"\d", a[2]) == re.findall(r"\d", b[2]))
