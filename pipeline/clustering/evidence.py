"""What evidence is worth, in bits, by the versioned model file."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from functools import cache, lru_cache
from importlib import resources

import yaml
from pydantic import BaseModel, ConfigDict, Field

from pipeline.clustering.personas import Persona
from pipeline.identity import name
from pipeline.identity.account import bank_of, is_two_edits, is_without_zeros, number_of
from pipeline.identity.address import addresses_agree
from pipeline.identity.banks import UNKNOWN_BANK
from pipeline.identity.birth_date import birth_dates_agree

DEFAULT_MODEL = "model-3"
WEB = "web"
"""The platform of a page that belongs to no platform that the model knows."""

_KEPT_NAMES = 65_536
"""Pairs of names of which the bits are kept, some 15 MB."""
SATANG_A_HUNDRED_BAHT = 10_000
SATANG_A_THOUSAND_BAHT = 100_000


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Together(_Part):
    """Bits of two identifiers named in one report."""

    kind_bits: dict[str, float]
    per_doubling_of_voices: float = Field(ge=0)
    per_doubling_of_reports: float = Field(ge=0)


class OneEdit(_Part):
    """Bits that another field adds to two look-alike accounts."""

    same_voice: float
    shared_identifier: dict[str, float]
    same_amount: float
    same_amount_hundreds_of_baht: float
    same_amount_thousands_of_baht: float
    same_number_bank_missing: float
    same_number_other_bank: float = 0.0
    near_number_bank_missing: float = Field(default=0.0, le=0)
    lost_zeros: float = 0.0
    lone_slip: float = 0.0
    lone_contact: float = 0.0


class Person(_Part):
    """Bits that make one person of the holders of two accounts, and how many are enough."""

    join_bits: float = Field(ge=20.0)
    one_name: float
    other_name: float
    same_birth: float
    near_birth: float
    other_birth: float
    same_address: float
    same_address_share: float = Field(gt=0.5, le=1)
    near_address: float
    near_address_share: float = Field(gt=0, le=1)
    other_address: float
    same_bank: float
    near_number: float = 0.0
    rare_name: float = 0.0


class Names(_Part):
    """Frequency classes of names, as bits."""

    given_bits: float
    family_bits: float
    given_only_at_most: float = Field(lt=10.0)
    common_given_bits: float
    common_given: frozenset[str]
    common_family_bits: float
    common_family: frozenset[str]
    common_sounds: dict[float, tuple[str, ...]] = Field(default_factory=dict)
    """By bits, the words (`name.name_sound`) that many bear, in whichever place they stand."""


class Model(_Part):
    """One version of the matcher's weights."""

    version: str
    together: Together
    one_edit: OneEdit
    names: Names
    person: Person
    without_at: float = 0.0
    platforms: dict[str, tuple[str, ...]]

    def together_bits(self, a: str, b: str, reports: int, voices: int) -> float:
        """Return the bits of a T0 edge, a function of its ends' kinds and the counts."""
        weights = self.together
        base = min(weights.kind_bits[a], weights.kind_bits[b])
        heard = weights.per_doubling_of_voices * math.log2(max(voices, 1))
        told = weights.per_doubling_of_reports * math.log2(max(reports, 1))
        return round(base + heard + told, 3)

    def amount_bits(self, amount: int) -> float:
        """Return the bits of two equal amounts (satang) within an hour."""
        if amount % SATANG_A_THOUSAND_BAHT == 0:
            return self.one_edit.same_amount_thousands_of_baht
        if amount % SATANG_A_HUNDRED_BAHT == 0:
            return self.one_edit.same_amount_hundreds_of_baht
        return self.one_edit.same_amount

    def number_bits(self, a: str, b: str) -> tuple[float, str]:
        """Return bits and reason of two look-alike accounts' banks; (0, "") for one edit alone."""
        weights, missing = self.one_edit, UNKNOWN_BANK in (bank_of(a), bank_of(b))
        if number_of(a) == number_of(b):
            if missing:
                return weights.same_number_bank_missing, "same_number_bank_missing"
            return weights.same_number_other_bank, "same_number_other_bank"
        if weights.lost_zeros and is_without_zeros(a, b):
            return weights.lost_zeros, "lost_zeros"
        return (weights.near_number_bank_missing, "bank_missing") if missing else (0.0, "")

    def name_bits(self, a: str, b: str) -> tuple[float, str]:
        """Return bits and reason of two holders' names; (0, "") when they do not agree."""
        return _name_bits(self, a, b)

    def worked_out_name_bits(self, a: str, b: str) -> tuple[float, str]:
        """Work out `name_bits`; the same pairs are asked for with every report of a ring."""
        agreement = name.names_agree(a, b)
        if agreement == "none":
            return 0.0, ""
        given = min(self._given_bits(a), self._given_bits(b))
        if agreement == "given":
            return min(given, self.names.given_only_at_most), "same_given_name"
        return given + min(self._family_bits(a), self._family_bits(b)), "same_holder_name"

    def best_name_bits(self, left: Collection[str], right: Collection[str]) -> tuple[float, str]:
        """Return the best of `name_bits` over two accounts' names."""
        best = (0.0, "")
        for a in left:
            for b in right:
                best = max(best, self.name_bits(a, b))
        return best

    def person_bits(self, a: Persona, b: Persona) -> tuple[float, tuple[str, ...]]:
        """Return the bits for one person behind both, and the reasons; what differs counts too.

        Of several names, dates or addresses the pair counts that agrees best.
        """
        found = [self._holder_bits(a.names, b.names), *self.trait_bits(a, b)]
        return _added_up(found)

    def names_may_join(self, a: str, b: str) -> bool:
        """Say whether names alone, none of them rare, may be enough for two accounts."""
        most = self.names.given_bits + self.names.family_bits + self.accounts_bits(a, b)[0]
        return most >= self.person.join_bits

    @property
    def rare_names_join_anywhere(self) -> bool:
        """Whether rare names alone are enough for two accounts at different banks."""
        most = self.names.given_bits + self.names.family_bits + self.person.rare_name
        return most >= self.person.join_bits

    def accounts_bits(self, a: str, b: str) -> tuple[float, tuple[str, ...]]:
        """Return what two accounts' numbers add to the evidence that one person holds both."""
        if bank_of(a) != bank_of(b) or bank_of(a) == UNKNOWN_BANK:
            return 0.0, ()
        found = [(self.person.same_bank, "same_bank")]
        if self.person.near_number and is_two_edits(number_of(a), number_of(b)):
            found.append((self.person.near_number, "near_number"))
        return _added_up(found)

    def _holder_bits(self, a: Collection[str], b: Collection[str]) -> tuple[float, str]:
        best = self.best_name_bits(a, b)
        if best[0]:
            return best
        if any(name.one_word_agrees(x, y) for x in a for y in b):
            return self.person.one_name, "one_name"
        return self.person.other_name, "other_name"

    def trait_bits(self, a: Persona, b: Persona) -> list[tuple[float, str]]:
        """Return bits and reasons of the dates of birth and addresses, the best pair of each."""
        found = []
        if a.births and b.births:
            found.append(max(self._birth_bits(x, y) for x in a.births for y in b.births))
        if a.addresses and b.addresses:
            found.append(max(self._address_bits(x, y) for x in a.addresses for y in b.addresses))
        return found

    def _birth_bits(self, a: str, b: str) -> tuple[float, str]:
        weights = self.person
        worth = {
            "same": (weights.same_birth, "same_birth_date"),
            "near": (weights.near_birth, "near_birth_date"),
            "other": (weights.other_birth, "other_birth_date"),
        }
        return worth[birth_dates_agree(a, b)]

    def _address_bits(self, a: str, b: str) -> tuple[float, str]:
        weights, share = self.person, addresses_agree(a, b)
        if share >= weights.same_address_share:
            return weights.same_address, "same_address"
        if share >= weights.near_address_share:
            return weights.near_address, "near_address"
        return weights.other_address, "other_address"

    def _given_bits(self, full: str) -> float:
        given = full.split()[0]
        common = given in self.names.common_given
        bits = self.names.common_given_bits if common else self.names.given_bits
        return min(bits, self._sound_bits(given))

    def _family_bits(self, full: str) -> float:
        family = full.split()[-1]
        common = family in self.names.common_family
        bits = self.names.common_family_bits if common else self.names.family_bits
        return min(bits, self._sound_bits(family))

    def _sound_bits(self, word: str) -> float:
        found = _sounds(self)
        return found.get(name.name_sound(word), math.inf) if found else math.inf

    def platform_of(self, identifier: str) -> str | None:
        """Return the platform of a handle or page, None for any other identifier."""
        if identifier.startswith("handle:"):
            return identifier.split(":", 2)[1]
        if not identifier.startswith("url:"):
            return None
        host = identifier.removeprefix("url:").split("/", 1)[0].split("?", 1)[0]
        return _hosts(self).get(host) or self._parent_platform(host)

    def _parent_platform(self, host: str) -> str:
        known = _hosts(self)
        while "." in host:
            host = host.split(".", 1)[1]
            if host in known:
                return known[host]
        return WEB

    def __hash__(self) -> int:
        return hash(self.version)


def _added_up(found: list[tuple[float, str]]) -> tuple[float, tuple[str, ...]]:
    total = sum(bits for bits, _ in found)
    return total, tuple(f"{reason}:{bits:+.1f}" for bits, reason in found)


@lru_cache(maxsize=_KEPT_NAMES)
def _name_bits(model: Model, a: str, b: str) -> tuple[float, str]:
    return model.worked_out_name_bits(a, b)


@cache
def _sounds(model: Model) -> Mapping[str, float]:
    return {sound: bits for bits, sounds in model.names.common_sounds.items() for sound in sounds}


@cache
def _hosts(model: Model) -> Mapping[str, str]:
    return {host: platform for platform, hosts in model.platforms.items() for host in hosts}


@cache
def load_model(version: str = DEFAULT_MODEL) -> Model:
    """Load the weights that ship with the package by their version."""
    source = resources.files("pipeline.clustering") / f"{version}.yaml"
    return Model.model_validate(yaml.safe_load(source.read_text(encoding="utf-8")))


def kind_of(identifier: str) -> str:
    """Return an identifier key's kind (what stands before the first colon)."""
    return identifier[: identifier.index(":")]
