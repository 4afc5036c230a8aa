"""An account file in use: events are added, alerts decided, and what changed is written."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

import msgspec

from pipeline.accounts.decision import Decision
from pipeline.accounts.differences import Cause, Differences
from pipeline.accounts.file import (
    AccountFile,
    add_event_at,
    add_posting,
    contradictions,
    contradicts,
    decode_file,
    merged,
    passed_key,
    place_of,
    posting_id,
    step_key,
)
from pipeline.accounts.first_step import decide_first_step
from pipeline.accounts.parts import (
    BLOCK_ROWS,
    HEAD_ROWS,
    MAPS,
    Tail,
    block_keys,
    drop_first_block,
    list_keys,
    whole_file,
)
from pipeline.accounts.review import Review
from pipeline.accounts.versions import bank_behind, bank_named, differ
from pipeline.contracts.account_log import AccountEvent, Claim, Posting
from pipeline.identity.voices import lifted_voice
from pipeline.policy.policy import Policy
from pipeline.state import State

MAX_POSTINGS_A_FILE = 200_000
"""Limit on postings in a file. Beyond it a sixteenth is left out, those that came first, but none
that a decision rests on: that a claim means, or without which the balance would be another."""


def lifted_claim(claim: Claim, keys: Sequence[bytes]) -> Claim:
    """Return a claim with its voice in the generation of the newest key (`identity.voices`)."""
    voice = lifted_voice(claim.voice, keys)
    return claim if voice == claim.voice else msgspec.structs.replace(claim, voice=voice)


@dataclass(slots=True)
class Settled:
    """What came of the changes of one record: the decision, what leaves, postings left out."""

    decision: Decision
    differences: Differences
    left_out: int


class OpenFile:
    """One account's file and what is known about it while it is open.

    Its parts are rows of the state (`pipeline.accounts.parts`).
    """

    def __init__(self, file: AccountFile, tail: Tail, policy: Policy, state: State) -> None:
        self.file = file
        self.counted = 0
        """Postings and claims for which this file was counted by who keeps it in memory."""
        self.contradicted = 0
        """Postings that contradict another of the same id, and were not counted yet."""
        self._tail = tail
        self._policy = policy
        self._state = state
        self._review: Review | None = None
        """Made at the first decision that needs it, from all that the file has by then."""
        self._behind = bank_behind(file)
        self._unwritten: list[tuple[bytes, bytes]] = []
        self._obsolete: list[bytes] = []
        self._anew = False
        """Whether it took another one's place, and no decision was made since."""

    @classmethod
    def begun(
        cls, account: str, remembered: Collection[Posting] | None, policy: Policy, state: State
    ) -> OpenFile:
        """Return the file of an account whose case begins, with its postings (None: not yet)."""
        file = AccountFile(account=account, remembered=remembered is not None)
        postings = remembered or ()
        for posting in postings:
            add_posting(file, posting)
        begun = cls(file, Tail(file, ("postings",)), policy, state)
        if len(file.postings) < len(postings):
            begun.contradicted = contradictions(postings)
        return begun

    @classmethod
    def read(
        cls, account: str, policy: Policy, state: State, keys: Sequence[bytes] = ()
    ) -> OpenFile:
        """Return the file of an account as it is in the state, voices in the newest generation.

        Raises:
            LookupError: it is not there, or not whole.
        """
        value = state.get(HEAD_ROWS + account.encode())
        if value is None:
            raise LookupError("an account in the index has no file")
        head = decode_file(value)
        whole = whole_file(head, lambda key: state.get(BLOCK_ROWS + key))
        tail = Tail(head)
        if len(keys) > 1:
            claims = {name: lifted_claim(claim, keys) for name, claim in whole.claims.items()}
            whole = msgspec.structs.replace(whole, claims=claims)
        return cls(whole, tail, policy, state)

    def in_place_of(self, left: AccountFile) -> OpenFile:
        """Return the file that takes this one's place; all of it is written anew."""
        opened = OpenFile(left, Tail(left), self._policy, self._state)
        opened._anew = True
        opened._obsolete = [*self._obsolete, *self.parts()[1:]]
        for key in opened._obsolete:
            self._state.delete(BLOCK_ROWS + key)
        return opened

    def _sent_before(self) -> Iterable[str]:
        """Return the keys of steps that stand no more, unless the next decision has them.

        Those with payments that were left out of the file (it is limited) stand.
        """
        sent, postings = self.file.sent, self.file.postings
        limited = self.file.limited
        return [k for k, step in sent.items() if not limited or step.transaction + "-" in postings]

    def parts(self) -> list[bytes]:
        """Return the Kafka keys of all its parts, its head's first."""
        file = self.file
        return [file.account.encode(), *block_keys(file), *list_keys(file)]

    def add_posting(self, posting: Posting) -> bool:
        """Add a posting; return whether the file changed."""
        key, postings = posting_id(posting), self.file.postings
        known = postings.get(key)
        if known is not None:
            self.contradicted += contradicts(known, posting)
            posting = merged(known, posting)
            if posting == known:
                return False
        elif posting.at < self.file.left_out_before and not self._reviewed().is_meant(posting):
            return False
        postings[key] = posting
        self._tail.add("postings", key)
        if self._review is not None:
            self._review.posting_added(key, known, posting)
        if not self.file.account.startswith("account:"):
            bank = bank_named(posting)
            if bank is not None and (self._behind is None or key <= self._behind[0]):
                self._behind = (key, bank)
        return True

    def add_event(self, event: AccountEvent) -> bool:
        """Add a claim, level, answer, notice or step; return whether the file changed."""
        name, key = place_of(event)
        before = getattr(self.file, name).get(key) if name in MAPS else None
        if not add_event_at(self.file, key, event):
            return False
        if name in MAPS:
            self._tail.add(name, key)
        if self._review is not None:
            self._review.event_added(key, event, before)
        return True

    def settle(self, now: int, offset: int, cause: Cause) -> Settled:
        """Decide and differ once, after the changes of the record at ``offset``.

        ``now`` is the newest tick (ms). Brings the file's version, its ``due`` and what was said
        up to date.
        """
        file = self.file
        file.version = max(file.version + 1, offset + 1)
        left_out = self._leave_out()
        behind = self._behind[1] if self._behind is not None else None
        decision = decide_first_step(file, now, self._policy) if self._review is None else None
        if decision is None:
            decision = self._reviewed().decide(now, behind)
        if self._anew:
            self._anew = False
            decision.steps = {**dict.fromkeys(self._sent_before(), None), **decision.steps}
        differences = differ(file, decision, behind, self._policy, cause)
        for alert in differences.alerts:
            self._tail.add("said", alert.alert_id)
            if alert.version == 1 and self._review is not None:
                self._review.alert_said(alert.alert_id)
        for notice in differences.notices:
            self._tail.add("told", notice.transaction)
        for step in differences.steps:
            self._tail.add("sent", step_key(step))
        for claim in differences.passed:
            self._tail.add("passed", passed_key(claim.claim_id, claim.account))
        file.due = decision.due
        self._seal()
        return Settled(decision, differences, left_out)

    def _reviewed(self) -> Review:
        """Return the review of the file."""
        if self._review is None:
            self._review = Review(self.file, self._policy)
        return self._review

    def written(self) -> list[tuple[bytes, bytes | None]]:
        """Write what changed to the state; return (key, value) of the parts for their topic.

        The head comes after its blocks, and after it the keys of blocks that it no longer has.
        """
        key, head = self.file.account.encode(), self._tail.head(self.file)
        self._state.put(HEAD_ROWS + key, head)
        parts = [*self._unwritten, (key, head), *((old, None) for old in self._obsolete)]
        self._unwritten, self._obsolete = [], []
        return parts

    def _seal(self) -> None:
        for key, value in self._tail.seal(self.file):
            self._state.put(BLOCK_ROWS + key, value)
            self._unwritten.append((key, value))

    def _leave_out(self) -> int:
        """Bring the file back below its limit; return how many postings were left out."""
        file, postings = self.file, self.file.postings
        if len(postings) <= MAX_POSTINGS_A_FILE:
            return 0
        self._seal()
        before, least = len(postings), MAX_POSTINGS_A_FILE - MAX_POSTINGS_A_FILE // 16
        needed = self._reviewed().rests_on()
        for key in block_keys(file):
            if len(postings) <= least:
                break
            self._dissolve(key, needed)
        file.limited = True
        self._review = None
        self._behind = bank_behind(file)
        return before - len(postings)

    def _dissolve(self, key: bytes, needed: set[str]) -> None:
        """Take the oldest block out of the file: what is still needed of it becomes the newest."""
        value = self._state.get(BLOCK_ROWS + key)
        assert value is not None
        block = decode_file(value)
        for name in MAPS:
            entries = getattr(self.file, name)
            for entry, content in getattr(block, name).items():
                if entries.get(entry) != content:
                    continue  # a later part has it, newer
                gone = entry not in needed if name == "postings" else self._is_past(name, entry)
                if gone:
                    del entries[entry]
                    if name == "postings":
                        self.file.left_out_before = max(self.file.left_out_before, content.at + 1)
                else:
                    self._tail.add(name, entry)
        for part in drop_first_block(self.file):
            self._state.delete(BLOCK_ROWS + part)
            self._obsolete.append(part)

    def _is_past(self, name: str, entry: str) -> bool:
        """Whether this is a notice, long taken back, about a payment that was left out."""
        told = self.file.told.get(entry) if name == "told" else None
        return told is not None and not told.active and entry + "+" not in self.file.postings
