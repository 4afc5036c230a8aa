"""Accounts that one person holds: what reports say of their holders, whatever the numbers are.

Which accounts the evidence joins stands in their documents, and is worked out anew only where the
holder is told of otherwise or a block passes its limit.

Rows: ``t account, trait`` count the reports that give a date of birth or an address, of an account
that many reports name. Accounts are compared only inside a block (`holder_blocks`): one bank and a
name's consonants within one edit; a date of birth and a name's consonants; a date of birth, or a
name, and a number of the address; a word of a whole name. A block of more than `PERSONS_A_BLOCK`
accounts says nothing of anybody and is passed over, so a name that is everybody's joins nobody.
Which accounts a block holds is a function of the reports, so what follows from it is too.

Of holders of whom only a name is told, fewer blocks are kept, as a name alone seldom joins: it has
to be one whose words are all rare, at one bank, or the numbers have to be nearly the same.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from functools import lru_cache

from pipeline.clustering.evidence import Model
from pipeline.clustering.holder_blocks import PERSONS_A_BLOCK, HolderBlocks, block_key
from pipeline.clustering.nodes import NO_PERSONS, Node, Nodes
from pipeline.clustering.pairs import RARE_NAME, GraphEdge, person_edge
from pipeline.clustering.personas import Persona
from pipeline.identity.account import bank_of
from pipeline.identity.address import numbers_in
from pipeline.identity.banks import UNKNOWN_BANK
from pipeline.identity.name import (
    name_skeletons,
    whole_names_agree,
    whole_words,
    within_one_edit,
)
from pipeline.state import State

ADDRESS_NUMBERS = 3
"""Numbers of an address that make blocks, the first by their characters."""

_SAME_PERSON = "same_person"
_WORD = block_key("w").rstrip(b"\x00")


@lru_cache(maxsize=8_192)
def blocks_of(bank: str, persona: Persona) -> frozenset[bytes]:
    """Return the blocks that an account with such a holder stands in."""
    blocks = _blocks_of_whole_names(bank, persona)
    if not persona.births and not persona.addresses:
        return blocks
    return blocks | _blocks_of_traits(bank, persona)


def _blocks_of_whole_names(bank: str, persona: Persona) -> frozenset[bytes]:
    """Return a block for each word, and one for the name at its bank; none without a bank."""
    if bank == UNKNOWN_BANK:
        return frozenset()
    blocks: list[bytes] = []
    for name in persona.names:
        words = whole_words(name)
        if words:
            blocks += map(_word_block, words)
            blocks.append(block_key(_at_bank(bank, name_skeletons(name))))
    return frozenset(blocks)


def _word_block(word: str) -> bytes:
    return block_key(f"w{word}")


def _at_bank(bank: str, skeletons: Iterable[str]) -> str:
    return f"n{bank}|{'+'.join(skeletons)}"


def _blocks_of_traits(bank: str, persona: Persona) -> frozenset[bytes]:
    skeletons = [name_skeletons(name) for name in persona.names]
    words = {word for found in skeletons for word in found}
    blocks = {f"n{bank}|{k}" for found in skeletons for k in within_one_edit("+".join(found))}
    numbers = [numbers_in(address)[:ADDRESS_NUMBERS] for address in persona.addresses]
    for birth in persona.births:
        blocks.update(f"b{birth}|{word}" for word in words)
        blocks.update(f"b{birth}|{number}" for found in numbers for number in found)
    blocks.update(f"a{word}|{number}" for word in words for found in numbers for number in found)
    return frozenset(map(block_key, blocks))


class Persons:
    """Finds the accounts that evidence about their holders joins, and moves the blocks' rows."""

    def __init__(
        self, state: State, nodes: Nodes, model: Model, hits: Counter[tuple[str, ...]]
    ) -> None:
        self._nodes = nodes
        self._model = model
        self._hits = hits
        self._blocks = HolderBlocks(state)
        self._joins_by_name_anywhere = model.rare_names_join_anywhere

    def _look(self, account: Node, blocks: Iterable[bytes]) -> dict[str, GraphEdge]:
        """Return the edges to accounts that the same person holds, each by its other end.

        ``blocks`` are those by which it is compared.
        """
        persona = account.persona()
        of_traits = bool(persona.births or persona.addresses)
        # A name alone joins at one bank only: nobody elsewhere needs to be looked at.
        anywhere = of_traits or self._joins_by_name_anywhere
        within = "" if anywhere else f"account:{bank_of(account.key)}:"
        others: set[str] = set()
        for block in blocks:
            others.update(self._blocks.members(block))
        if not others:
            return {}
        others.discard(account.key)
        whole = filter(None, map(whole_words, persona.names))
        if not (of_traits or any(all(map(self._rare, words)) for words in whole)):
            # Common names alone: without reading what is told of the others' holders.
            may_join = self._model.names_may_join
            others = {o for o in others if o.startswith(within) and may_join(account.key, o)}
        edges: dict[str, GraphEdge] = {}
        for other in sorted(others):
            if other.startswith(within):
                edge = self._edge(account, self._nodes.of(other))
                if edge is not None:
                    edges[other] = edge
        return edges

    def _edge(self, account: Node, other: Node) -> GraphEdge | None:
        weights = self._model.person
        of_numbers, said = self._model.accounts_bits(account.key, other.key)
        bits, reasons = self._model.person_bits(account.persona(), other.persona())
        bits, reasons = bits + of_numbers, (*reasons, *said)
        # Looked up only where it decides.
        lacking = bits < weights.join_bits <= bits + weights.rare_name
        if lacking and self._rare_name(account, other):
            bits, reasons = bits + weights.rare_name, (*reasons, RARE_NAME)
        if bits < weights.join_bits:
            return None
        return person_edge(account.key, other.key, round(bits, 3), (_SAME_PERSON, *reasons))

    def _rare_name(self, a: Node, b: Node) -> bool:
        """Say whether both bear one whole name, none of whose words many accounts' holders bear.

        Not without a bank: such an account stands in no word's block, so nobody would look at it
        again when the word becomes a common one.
        """
        if UNKNOWN_BANK in (bank_of(a.key), bank_of(b.key)):
            return False
        return any(
            whole_names_agree(one, other) and all(map(self._rare, {*one.split(), *other.split()}))
            for one in a.persona().names
            for other in b.persona().names
        )

    def _rare(self, word: str) -> bool:
        return self._blocks.size(_word_block(word)) <= PERSONS_A_BLOCK

    def move(self, account: Node, before: Persona) -> set[str]:
        """Let an account's holder be told of as now; return both ends of each edge that changed.

        ``before`` is what was told of the holder so far.
        """
        bank, key = bank_of(account.key), account.key
        old, new = blocks_of(bank, before), blocks_of(bank, account.persona())
        # Who is compared by a block, and which words are rare, hangs on the blocks' sizes. Where
        # a block opens, anybody in it may be joined now; where one closes, only who was joined
        # may be so no longer. A word's bearers stand for those too whose names are slips of theirs.
        again: set[str] = set()
        for block in old - new:
            self._blocks.remove(block, key)
            if self._blocks.size(block) == PERSONS_A_BLOCK:
                again.update(self._blocks.members(block))
        crowded = False
        compared = self._compared(old & new) if old else []
        for block in new - old:
            size = self._blocks.add(block, key)
            if 0 < size < PERSONS_A_BLOCK:
                compared.append(block)
            elif size:
                crowded = crowded or not block.startswith(_WORD)
                if size == PERSONS_A_BLOCK:
                    again.update(filter(self._nodes.has_persons, self._blocks.members(block)))
        self._hits["limit_hits", "persons_a_block"] += crowded
        again.discard(key)
        touched = self._look_anew(account, compared)
        for key in sorted(again):
            other = self._nodes.of(key)
            compared = self._compared(blocks_of(bank_of(key), other.persona()))
            touched |= self._look_anew(other, compared)
        return touched

    def _compared(self, blocks: Iterable[bytes]) -> list[bytes]:
        """Return those of an account's blocks by which it is compared with others."""
        return [b for b in blocks if 0 < self._blocks.size(b) <= PERSONS_A_BLOCK]

    def _look_anew(self, account: Node, blocks: Collection[bytes]) -> set[str]:
        """Let the accounts that the holder joins be those of now; return the ends that changed."""
        before = account.persons
        if not (blocks or before):
            # So it is with most.
            return set()
        now = self._look(account, blocks)
        if before == now:
            return set()
        changed = {o for o in (*before, *now) if before.get(o) != now.get(o)}
        for key in changed:
            self._join(self._nodes.of(key), account.key, now.get(key))
        account.persons = now or NO_PERSONS
        self._nodes.change(account)
        return {account.key, *changed}

    def _join(self, account: Node, other: str, edge: GraphEdge | None) -> None:
        joined = {key: each for key, each in account.persons.items() if key != other}
        if edge is not None:
            joined[other] = edge
        account.persons = joined or NO_PERSONS
        self._nodes.change(account)
